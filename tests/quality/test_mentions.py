"""Tests of content words, of groups of texts and of the words that no learned text has."""

from tests.quality.mentions import (
    AGAIN,
    FIRST,
    FRAMES,
    LATER,
    OTHERS,
    UNMET,
    find_group,
    find_mentions,
    find_unmet_words,
    split_scenes,
)
from training.data.texts import Text

TALK = """INT. BARN - DAY

OSWALD
There is a wombat. The wombat isn't well.

Oswald's wombat
and another cat.

IDA
A wombat?

OSWALD
Here.

IDA
The Wombat, Oswald."""


def test_a_word_is_said_first_again_within_two_elements_or_later():
    found = [(mention.word, mention.when, mention.number) for mention in find_mentions(TALK)]
    assert found == [
        ("barn", FIRST, 1),
        ("oswald", FIRST, 1),
        ("wombat", FIRST, 1),
        ("wombat", AGAIN, 2),
        ("oswald's", FIRST, 1),
        ("wombat", AGAIN, 3),
        ("wombat", AGAIN, 4),
        ("oswald", LATER, 2),
        ("wombat", AGAIN, 5),
        ("oswald", AGAIN, 3),
    ]


def test_a_mention_is_where_the_word_stands_and_knows_the_cue():
    for mention in find_mentions(TALK):
        assert TALK[mention.begin : mention.end].lower() == mention.word
    assert [mention.number for mention in find_mentions(TALK) if mention.in_cue] == [1, 2]


def test_volumes_of_scenes_are_cut_at_headings_and_other_texts_are_whole():
    scenes = ["INT. BARN - DAY\n\nIDA\nYes.", ".THE GARDEN\n\nNobody.", "EXT. SEA\n\nA boat."]
    volume = "\n\n".join(scenes)
    for name, group in (("frames-film", FRAMES), ("unmet-words", UNMET)):
        assert find_group(name) == group
        assert split_scenes(Text(name, volume)) == scenes
    assert find_group("the-frames-of-unmet-words") == OTHERS
    assert split_scenes(Text("barn", volume)) == [volume]


def test_unmet_words_are_held_out_and_in_no_other_list_and_in_nothing_learned():
    lists = (
        "# Words (held out): of a remark.\n"
        "animal: swan | goat (some)\n"
        "animal (held out): wombat | lemur (some) | swan | tapir\n"
        "outdoors: football field\n"
        "outdoors (held out): lava field | bay\n"
    )
    assert find_unmet_words(lists, []) == {"wombat", "lemur", "tapir", "lava"}
    learned = [Text("zoo", "IDA\nTwo Lemurs and a TAPIR.")]
    assert find_unmet_words(lists, learned) == {"wombat", "lemur", "lava"}
