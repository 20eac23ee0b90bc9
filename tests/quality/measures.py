"""Count how lines read: sums over places, so that each share has an error.

No measure says that a line is good, but a line far from people's own lines on a measure is not.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from spellchecker import SpellChecker

from bot.screenplay.elements import Element

GRAM = 8
"""Characters of a sequence that is looked for again."""

NEAR = 500
"""Characters within which a repeated sequence counts as a loop."""

COPIED = 60
"""The most characters of a piece of the training text that is not a copy."""

BLOCK = (COPIED + 1) // 2
"""Characters of a block: each piece longer than `COPIED` has a whole block in it."""

COMMON = 300
"""The number of the commonest words of English, which are not content words."""

OLD = {
    *("thou", "thee", "thy", "thine", "thyself", "hath", "doth", "hast", "dost", "art", "shalt"),
    *("wilt", "tis", "twas", "ere", "nay", "aye", "shall", "sir", "lord"),
}
"""Common words of older plays."""

SHORTEST = 3
"""The fewest letters of a content word."""

WORD = re.compile(r"[a-z]+(?:['\u2019][a-z]+)*")
ENDING = re.compile(r"(?:'s|s'|(?<=[^aeiou])(?:es|ed|ing|s)|(?<=[aeo])s)$")

Pairs = NDArray[np.float64]
"""float64 [n, 2]: the count at each place, and the number that it is a share of."""

DRAWS = 1_000
"""Bootstrap samples of places for an error."""


@dataclass(frozen=True)
class Counts:
    """Counts at the same places, by measure; a measure is the ratio of two sums."""

    pairs: dict[str, Pairs]
    distinct: float = float("nan")
    """Share of the lines that say something no earlier line says."""

    def value(self, name: str) -> float:
        """Return a measure of all places together; nan if nothing was counted."""
        if name == "distinct":
            return self.distinct
        return _ratio(self.pairs[name].sum(axis=0)[None])[0]

    def over(self, other: Counts, name: str) -> tuple[float, float]:
        """Return the ratio of a measure to another's at the same places, and its standard error.

        The error comes from redrawn places (Efron 1979, "Bootstrap methods"); nan for `distinct`.
        """
        share = self.value(name) / other.value(name) if other.value(name) else float("nan")
        if name == "distinct":
            return share, float("nan")
        own, theirs = self.pairs[name], other.pairs[name]
        drawn = np.random.default_rng(1).integers(len(own), size=(DRAWS, len(own)))
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = _ratio(own[drawn].sum(axis=1)) / _ratio(theirs[drawn].sum(axis=1))
        finite = shares[np.isfinite(shares)]
        return share, float(finite.std()) if len(finite) > 1 else float("nan")


def _ratio(sums: Pairs) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums[:, 0] / sums[:, 1]


@cache
def dictionary() -> Mapping[str, int]:
    """Return the words of a dictionary, with how common they are."""
    return SpellChecker(language="en").word_frequency.dictionary


class English:
    """The words of a dictionary and those of the training text."""

    def __init__(self, learned: Iterable[str]) -> None:
        known = dictionary()
        self.common = OLD | set(sorted(known, key=known.__getitem__)[-COMMON:])
        self._known: Container[str] = frozenset(known).union(*map(words, learned))

    def real(self, text: str) -> tuple[int, int]:
        """Return how many words of a text are known, and how many it has."""
        every = words(text)
        return sum(word in self._known for word in every), len(every)

    def content(self, text: str) -> set[str]:
        """Return the stems of the words of a text that carry its content."""
        return {
            ENDING.sub("", word)
            for word in words(text)
            if len(word) >= SHORTEST and word not in self.common
        }

    def taken_up(self, before: str, line: str) -> tuple[int, int]:
        """Return how many content words of ``before`` a line takes up, and how many there are."""
        said = self.content(before)
        return len(said & self.content(line)), len(said)


def words(text: str) -> list[str]:
    """Return the words of a text, in lower case and with a straight apostrophe."""
    return [word.replace("\u2019", "'") for word in WORD.findall(text.lower())]


def loops(before: str, line: str) -> tuple[int, int]:
    """Return how many sequences that end in a line stood shortly before, and how many end there."""
    found = repeated(f"{before[-NEAR:]}\n{line}")[-len(line) :] if line else []
    return sum(found), len(found)


def repeated(text: str) -> list[bool]:
    """Return for each sequence of `GRAM` characters whether the `NEAR` before it also have it."""
    last: dict[str, int] = {}
    found = []
    for at in range(len(text) - GRAM + 1):
        gram = text[at : at + GRAM]
        found.append(at - last.get(gram, -NEAR - 1) <= NEAR)
        last[gram] = at
    return found


def distinct(lines: Sequence[Element]) -> float:
    """Return the share of lines, from 0 to 1, that repeat no earlier line."""
    return len({" ".join(words(line.body)) for line in lines}) / len(lines)


def longest_copies(texts: Sequence[str], learned: Iterable[str]) -> list[int]:
    """Return the length of the longest piece that each text shares with the learned texts.

    A piece shorter than twice `BLOCK` may be missed, and then counts as 0.
    """
    blocks: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, text in enumerate(texts):
        for at in range(len(text) - BLOCK + 1):
            blocks[text[at : at + BLOCK]].append((number, at))
    longest = [0] * len(texts)
    for source in learned:
        for at in range(0, len(source) - BLOCK + 1, BLOCK):
            for number, own in blocks.get(source[at : at + BLOCK], ()):
                shared = _shared(texts[number], own, source, at)
                longest[number] = max(longest[number], shared)
    return longest


def _shared(text: str, own: int, source: str, at: int) -> int:
    """Return how many characters agree around two places that agree."""
    begin = 0
    while begin < min(own, at) and text[own - begin - 1] == source[at - begin - 1]:
        begin += 1
    end, most = 0, min(len(text) - own, len(source) - at)
    while end < most and text[own + end] == source[at + end]:
        end += 1
    return begin + end
