"""People who talk to each other, from the `chitchat_dataset` package, as plain dialogue.

Students typed it to strangers, as one types: without capitals and end marks, with abbreviations,
and often about the chat itself. `passages` keeps the stretches in which message after message is,
or by small repairs becomes, whole sentences that people in a film could say. A message is left out
for one word that it should not have, and a stretch ends where nothing of a turn is left.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import dropwhile, groupby
from pathlib import Path
from typing import NamedTuple

WRITERS = 5
"""A word that fewer people wrote is a name, a misspelling, or too rare to be learned."""

CAPITALS = 0.4
"""A word that is written with a capital in this share of the middles of sentences is a name."""

SPEECHES = 4
"""The fewest speeches of a passage."""
CHARACTERS = 200
"""The fewest characters that are said in it."""
LONGEST_SENTENCE = 30
"""Words of the longest sentence that is believed to be one, and not several without their marks."""
LONGEST_UNMARKED = 12
"""The same for a sentence whose end mark is missing."""

WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*")
INSIDE = re.compile(r"(?<=[a-z,] )[A-Za-z]+(?:'[A-Za-z]+)*")
PLAIN = re.compile(r"[A-Za-z ,.!?'-]+")

LISTS = tomllib.loads((Path(__file__).parent / "lists.toml").read_text(encoding="utf-8"))
AS_WRITTEN: list[str] = LISTS["contracted"].split() + LISTS["names"].split()
UNSAID = frozenset(LISTS["unsaid"].split() + LISTS["about_the_chat"].split())

# Forms that can mean nothing else, and what is meant.
MEANT = {word.replace("'", "").lower(): word for word in AS_WRITTEN} | {
    "i": "I",
    "i'm": "I'm",
    "i've": "I've",
    "i'll": "I'll",
    "i'd": "I'd",
    "ill": "I'll",
    "id": "I'd",
    "alot": "a lot",
    "alright": "all right",
    "cause": "because",
    "cuz": "because",
    "dunno": "don't know",
    "k": "okay",
    "ok": "okay",
    "tho": "though",
    "tv": "TV",
    "woah": "whoa",
    "ya": "yeah",
    "yah": "yeah",
    "yea": "yeah",
}

AFTER_IT_IS = (
    "an?|the|not|so|just|really|very|pretty|all|like|hard|good|been|too|also|my|nice|cool|okay|fine"
    "|still|kind|kinda|super|always|easy|fun|worth|never|about|more|going|great|only"
)

# In this order.
REPAIRS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"[\u2018\u2019`]", "'"),
        # Faces, and laughter.
        (r"\s*(?:[:;=]'?-?[)(DPp/]+|<3|\b[xX]D\b|\^_?\^)(?=\s|$)", ""),
        (r"(?i)\b(?:a?ha+h+a*\w*|(?:h[ae]\s?){2,}h?|lo+l+|lmf?ao+|rofl|hah|hehe\w*)\b[,.!]*", ""),
        (r"\s+", " "),
        (r"^[ ,.-]+|[ ,-]+$", ""),
        (r" +(?=[,.!?])", ""),
        (r"[!?]*\?[!?]*", "?"),
        (r"!+", "!"),
        (r"\.{2,}", "..."),
        (r"(?<=[a-z])([,?!]|(?<!\.)\.)(?=[A-Za-z])", r"\1 "),
        (r"(?<![\w'])'|'(?![\w'])", ""),
        # Where it can only be short for "it is".
        (r"(?:^|(?<=[.!?] ))[Ii]ts\b", "It's"),
        (rf"\bits (?=(?:{AFTER_IT_IS})\b)", "it's "),
    )
)
LOWER_AT_START = re.compile(r"(?:^|(?<=[!?] )|(?<=[a-z]\. ))[a-z]")
QUESTION = re.compile(
    r"(?:(?:and|but|so|oh|then|well|wait|okay),? )*"
    r"(?:(?:what|who|why|how|where|when|which|whose)\b(?! (?:a|an|I|you (?:said|mean|do))\b)"
    r"|(?:do|does|did|are|is|was|were|can|could|would|will|should|have|has|am|don't|didn't|doesn't"
    r"|isn't|aren't) "
    r"(?:you|it|he|she|they|we|I|that|this|there|your|the|any)\b)",
    re.IGNORECASE,
)
# "Yeah I do": what is said before the sentence itself.
BEFORE = re.compile(
    r"\b(Yeah|Yes|Yep|Nope|Oh|Well|Wow|Okay|Whoa|True|Thanks|Sorry|Sure|Hmm|Ah|Oh (?:no|wow|yeah))"
    r" (?=(?:I|I'm|I've|I'd|I'll|you|you're|we|we're|they|they're|he|she|it|it's|that|that's|what"
    r"|there's|how|why|where|who|do|did|are|is|was|so|but|and|then|okay|nice|cool|really|yeah|no"
    r"|well|maybe|my|me|same|not|thanks|the|there|these|those|this|if|when)\b)"
)
NO = re.compile(r"\bNo (?=(?:I|I'm|I've|you|we|they|he|she|it|it's|that's|but|not)\b)")

# Of the chat itself, of who one is, and of where one is from.
PHRASES = re.compile(
    r"\b(?:(?:my|your) name|still there|you there|any(?:one|body) t?here|any(?:one|body) home"
    r"|hello|hi|hey|goodbye|bye|good (?:morning|afternoon|evening)|nice to meet|meeting you"
    r"|how are you|how(?:'s| is) it going|what's up|to talk (?:about|to)|we talk"
    r"|(?:nice|good|great|fun|pleasure) (?:talking|speaking)"
    r"|(?:talk|talked|talking|speak|speaking) (?:to|with) (?:you|me|people|someone|him|anyone|a)"
    r"|you from|what year|how old|years old|real person|phone number|how many people"
    r"|(?:are you|you're|I'm|you are|I am) an? (?:girl|guy|boy|man|male|female|woman|real|computer"
    r"|machine|person|student)|(?:boy|girl|male|guy) or|are you (?:still|even|real)"
    r"|(?:the|my|your|good|great|next|a) questions?|answer (?:my|the|your)|asked me|this thing"
    r"|(?:are|be|was|you) studying|do you study|on here|in here|people here|time is up|minutes left"
    r"|(?:last|other) person|this is (?:weird|strange|over)|what should we|run into you"
    r"|(?:first|second|third|last) place|else (?:to|should|could|can) we|time limit|talk later"
    r"|leave it open|still open|nice to talk|we are talking|this is all about|how does this work"
    r"|(?:are you|I'm|is) (?:here|there|back))\b",
    re.IGNORECASE,
)
# What goes on from something that is no longer there.
GOES_ON = re.compile(
    r"(?:and|but|or|because|to|in|with|for|like|is|are|am|was|which|than|of)\b", re.IGNORECASE
)
REPLY = re.compile(rf"{GOES_ON.pattern}|(?:\S+ ?){{1,3}}$", re.IGNORECASE)
TWICE = re.compile(r"\b(\w+) \1\b|(\w)\2\2", re.IGNORECASE)


class TalkError(Exception):
    """The conversations are not there; the message is one sentence that says what to do."""


class Speech(NamedTuple):
    """What one of two people said before the other spoke."""

    speaker: int
    """0 for whoever speaks first in the passage, else 1."""
    words: str


@dataclass(frozen=True)
class Message:
    """What one person sent at once."""

    writer: str
    text: str


def passages(conversations: Sequence[Sequence[Message]]) -> Iterator[list[list[Speech]]]:
    """Of each conversation that has any, the stretches that are plain dialogue of two people."""
    allowed = _words(message for one in conversations for message in one)
    for conversation in conversations:
        found = [one for one in _stretches(conversation, allowed) if _is_passage(one)]
        if found:
            yield found


def read() -> list[list[Message]]:
    """The conversations of the package, which is read without importing it.

    Raises `TalkError` when it is not installed.
    """
    try:
        files = metadata.files("chitchat_dataset") or []
    except metadata.PackageNotFoundError:
        files = []
    found = [Path(str(f.locate())) for f in files if f.match("chitchat_dataset/dataset.json")]
    if not found or not found[0].is_file():
        raise TalkError(
            "The conversations come with the chitchat_dataset package, which is not installed: "
            "run `pip install --no-deps chitchat_dataset`."
        )
    document = json.loads(found[0].read_text(encoding="utf-8"))
    return [
        [Message(m["sender"], m["text"]) for turn in one["messages"] for m in turn]
        for one in document.values()
    ]


def sentences(text: str, allowed: frozenset[str]) -> str | None:
    """A message as whole sentences; `` if nothing but a laugh, None if it cannot be said.

    ``allowed``: the words that may occur, as they are written within a sentence.
    """
    for pattern, replacement in REPAIRS:
        text = pattern.sub(replacement, text)
    text = WORD.sub(lambda word: MEANT.get(word[0].lower(), word[0]), text)
    if not any(map(str.isalpha, text)):
        return "" if len(text) < 2 else None
    text = LOWER_AT_START.sub(lambda letter: letter[0].upper(), text)
    text = NO.sub("No, ", BEFORE.sub(r"\1, ", text))
    if text[-1] not in ".!?":
        if len(WORD.findall(re.split(r"[.!?] ", text)[-1])) > LONGEST_UNMARKED:
            return None
        text += "?" if QUESTION.match(re.split(r"[.!?] ", text)[-1]) else "."
    return text if _can_be_said(text, allowed) else None


def _is_passage(speeches: Sequence[Speech]) -> bool:
    return (
        len(speeches) >= SPEECHES
        and sum(len(speech.words) for speech in speeches) >= CHARACTERS
        and {speech.speaker for speech in speeches} == {0, 1}
    )


def _can_be_said(text: str, allowed: frozenset[str]) -> bool:
    if not PLAIN.fullmatch(text) or PHRASES.search(text) or TWICE.search(text):
        return False
    for sentence in re.split(r"(?<=[.!?]) ", text):
        words = WORD.findall(sentence)
        if not 0 < len(words) <= LONGEST_SENTENCE or not sentence[0].isupper():
            return False
        first, *others = words
        if not {first, first[0].lower() + first[1:]} & allowed or not allowed.issuperset(others):
            return False
    return True


def _words(messages: Iterable[Message]) -> frozenset[str]:
    """The words that may be said: those of many people, without names and what is unsaid."""
    writers: dict[str, set[str]] = defaultdict(set)
    inside, capitals = Counter[str](), Counter[str]()
    for message in messages:
        for word in WORD.findall(message.text):
            writers[word.lower()].add(message.writer)
        for word in INSIDE.findall(message.text):
            inside[word.lower()] += 1
            capitals[word.lower()] += word[0].isupper()
    known = {
        word
        for word, people in writers.items()
        if len(people) >= WRITERS and (len(word) > 1 or word == "a")
    }
    names = {word for word in known if capitals[word] > CAPITALS * inside[word]}
    return frozenset(known - names - UNSAID - MEANT.keys()) | {
        word for form in MEANT.values() for word in form.split()
    }


def _stretches(conversation: Sequence[Message], allowed: frozenset[str]) -> Iterator[list[Speech]]:
    """Runs of speeches that can be said; of one that is several messages, what is left."""
    said: list[Message] = []
    for writer, turn in groupby(conversation, key=lambda message: message.writer):
        texts = [message.text for message in turn]
        kept = list(_kept(texts, allowed))
        if any(kept):
            said.append(Message(writer, " ".join(filter(None, kept))))
        elif None in kept:
            yield _speeches(said)
            said = []
    yield _speeches(said)


def _kept(texts: Sequence[str], allowed: frozenset[str]) -> Iterator[str | None]:
    """Messages of one turn as `sentences` has them, but for those that hang on a lost one."""
    before: str | None = ""
    for text in texts:
        now = sentences(text, allowed)
        hangs_on_it = before is None and now and (text[0].islower() or GOES_ON.match(now))
        if not hangs_on_it and now != before:
            yield now
            before = now


def _speeches(said: Sequence[Message]) -> list[Speech]:
    """The speeches of a run, from the first that does not only reply."""
    said = list(dropwhile(lambda one: REPLY.match(one.text), said))
    speakers: dict[str, int] = {}
    return [
        Speech(speakers.setdefault(writer, len(speakers)), " ".join(one.text for one in run))
        for writer, run in groupby(said, key=lambda message: message.writer)
    ]
