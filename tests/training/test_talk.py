"""Talk: what is mended, what is not said in a film, and where a passage begins and ends."""

from __future__ import annotations

import re

import pytest

from training.talk import Message, TalkError, passages, read, sentences

WORDS = """
    yeah oh well no a i the it it's that that's i'm is are you do don't like cats dogs so what why
    how really and but mine they think never had one of them here there was for in to not very all
    night I I'm I'd May Paris Christmas because okay my name hello cool rain
"""
ALLOWED = frozenset(WORDS.split())


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("i dont like cats", "I don't like cats."),
        ("yeah i think so!!!", "Yeah, I think so!"),
        ("why do you like dogs", "Why do you like dogs?"),
        ("so do you like them??", "So do you like them?"),
        ("haha im in paris :)", "I'm in Paris."),
        ("its not cool, but its okay", "It's not cool, but it's okay."),
        ("No it's rain . and rain", "No, it's rain. And rain."),
        ("lol", ""),
        ("no, what I had was cats", "No, what I had was cats."),
    ],
)
def test_what_is_typed_becomes_what_is_said(typed: str, said: str):
    assert sentences(typed, ALLOWED) == said


@pytest.mark.parametrize(
    "typed",
    [
        "my name is Paris",
        "I'm Kevin.",
        "hello!",
        "Are you there?",
        "I had 12 of them.",
        "It's www.cats.it!",
        "I I think so.",
        "Nooooo!",
        "I Like Dogs.",
        "so i like cats and i like dogs and i like rain and it is all okay",
        "(cats)",
    ],
)
def test_what_is_no_plain_sentence_is_left_out(typed: str):
    assert sentences(typed, ALLOWED) is None


def conversation(*lines: str) -> list[Message]:
    """Lines such as `a: Hello.`"""
    return [Message(*line.split(": ", 1)) for line in lines]


# Whoever wrote these used the words that the others may use.
PEOPLE = [[Message(f"writer {i}", " ".join(sorted(ALLOWED)))] for i in range(5)]
PLAIN = conversation(
    "a: I never had cats and dogs in Paris.",
    "b: Why not?",
    "b: They are okay.",
    "a: I think they are cool, but they like rain.",
    "b: I never had one of them that really like the rain.",
    "a: I think they like the rain very well.",
    "b: Never in the night, all night.",
    "a: Why not in the night?",
    "b: There was one that never had rain.",
)


def said(*messages: Message) -> list[list[str]]:
    """The passages of one conversation, the speaker's number before each speech."""
    found = [one for one in passages([*PEOPLE, messages]) for one in one]
    return [[f"{speech.speaker} {speech.words}" for speech in passage] for passage in found]


def test_messages_of_one_person_are_one_speech():
    [passage] = said(*PLAIN)
    assert passage[:3] == [
        "0 I never had cats and dogs in Paris.",
        "1 Why not? They are okay.",
        "0 I think they are cool, but they like rain.",
    ]


def test_a_passage_ends_where_nothing_of_a_turn_can_be_said():
    banned = conversation("a: My name is Kevin.", "b: hello")
    assert len(said(*PLAIN, *PLAIN)) == 1
    assert len(said(*PLAIN, *banned, *PLAIN)) == 2
    assert said(*PLAIN[:4], *banned, *PLAIN[:4]) == []


def test_what_hangs_on_a_lost_message_is_lost_too():
    lost = conversation("b: It is Kevin!", "b: and not dogs", "b: I like cats.")
    [passage] = said(*PLAIN[:4], *lost, *PLAIN[5:])
    assert passage[3] == "1 I like cats."
    assert passage[:3] == said(*PLAIN)[0][:3]


def test_a_passage_does_not_begin_with_a_reply():
    [passage] = said(*conversation("a: And I like cats and dogs.", "b: Oh, really?"), *PLAIN)
    assert passage[0] == "0 I never had cats and dogs in Paris."


def test_neither_one_alone_nor_three_have_a_passage():
    third = conversation("c: I like the rain, and I like cats and dogs.")
    assert said(*PLAIN, *third, *PLAIN) == []
    assert said(*conversation(*["a: I never had cats and dogs here in Paris."] * 9)) == []


def test_words_of_few_are_not_said():
    rare = conversation("b: I like zebras very well in the night, all of them.")
    [passage] = said(*PLAIN[:1], *rare, *PLAIN[3:])
    assert passage[0] == "0 I think they are cool, but they like rain."


def test_the_conversations_of_the_package_are_read():
    conversations = read()
    assert len(conversations) == 7168
    found = [one for one in passages(conversations[:400]) for one in one]
    assert len(found) > 30
    for passage in found:
        for speech in passage:
            assert re.fullmatch(r"[A-Z][A-Za-z ,.!?'-]*[.!?]", speech.words), speech
    numbers = [[speech.speaker for speech in passage] for passage in found]
    assert all(one == [i % 2 for i in range(len(one))] for one in numbers)


def test_without_the_package_it_says_which_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.metadata.Distribution.discover", lambda **_: iter(()))
    with pytest.raises(TalkError, match="pip install --no-deps chitchat_dataset"):
        read()
