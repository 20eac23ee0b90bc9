"""Find the content words of a text: where each is said first, and where it is said again."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bot.generation.reranking import COMMON_WORDS
from bot.screenplay.fountain import is_cue, is_heading, split_fountain
from training.data.texts import Text

LEAST = 4
"""The fewest letters of a content word."""

NEAR = 2
"""Elements within which a word is said again; beyond these, it is said later."""

FIRST, AGAIN, LATER = WHEN = ("first", "again", "later")

FRAMES, UNMET, OTHERS = GROUPS = ("frames", "unmet words", "others")
"""The groups of texts: held-out frames, scenes with words from no learned scene, all others."""

WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")

HELD_OUT = re.compile(r"^[^:\n#]*\(held out\)[^:\n]*: (.*)$", re.MULTILINE)
"""A list whose words are drawn only into held-out scenes."""

DRAWN = re.compile(r"^(?!.*\(held out\).*: )[^:\n#]*: (.*)$", re.MULTILINE)
"""A list whose words are also drawn into learned scenes."""


class Mention(NamedTuple):
    """A content word in a text."""

    word: str
    begin: int
    end: int
    when: str
    """One of `WHEN`."""
    number: int
    """1 for the first mention of the word, 2 for the second."""
    in_cue: bool
    """True if the word stands in a cue, which only says who speaks."""


def find_mentions(text: str) -> Iterator[Mention]:
    """Yield the content words of a text.

    A content word has at least `LEAST` letters, and is not one of the bot's common words. A word is
    said again if its last mention is in the same element or at most `NEAR` elements before.
    """
    last: dict[str, Mention] = {}
    elements: dict[str, int] = {}
    begin = 0
    for number, element in enumerate(text.split("\n\n")):
        first, newline, _ = element.partition("\n")
        cue = len(first) if newline and is_cue(first) else 0
        for match in WORD.finditer(element):
            word = match[0].lower().replace("\u2019", "'")
            if sum(map(str.isalpha, word)) < LEAST or word in COMMON_WORDS:
                continue
            when, mentions = FIRST, 1
            if word in last:
                when = AGAIN if number - elements[word] <= NEAR else LATER
                mentions += last[word].number
            span = (begin + match.start(), begin + match.end())
            last[word] = Mention(word, *span, when, mentions, match.start() < cue)
            elements[word] = number
            yield last[word]
        begin += len(element) + 2


def find_group(name: str) -> str:
    """Return the group of a text by its name: the corpus of scenes has volumes of the first two."""
    if name.startswith("frames-"):
        return FRAMES
    return UNMET if name == "unmet-words" else OTHERS


def split_scenes(text: Text) -> list[str]:
    """Return the scenes of a volume, each from its heading on, or any other text whole."""
    if find_group(text.name) == OTHERS:
        return [text.content.strip("\n")]
    scenes: list[list[str]] = []
    for block in split_fountain(text.content):
        if not scenes or ("\n" not in block and is_heading(block)):
            scenes.append([])
        scenes[-1].append(block)
    return ["\n\n".join(scene) for scene in scenes]


def find_unmet_words(lists: str, learned: Iterable[Text]) -> set[str]:
    """Return the content words of held-out lists that no other list and no learned text has.

    Args:
        lists: The lists of words that frames draw, in which ``name (held out): a | b`` marks some.
        learned: The texts from which the voice learned.
    """
    found, drawn = (
        {mention.word for mention in find_mentions("\n\n".join(kind.findall(lists)))}
        for kind in (HELD_OUT, DRAWN)
    )
    found -= drawn
    for text in learned:
        found.difference_update(WORD.findall(text.content.lower()))
    return found
