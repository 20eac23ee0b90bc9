"""What can be counted about how a text reads. No measure says that it is good, but where one is far
from people's own text, it is not."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.script import Kind

from .passages import Passage

GRAM = 8
"""Characters of what is looked for again."""

NEAR = 500
"""Characters in which it counts as a loop."""

COPIED = 60
"""Characters of the training text in one piece from which on an element is a copy."""

LONGEST_RUN = 2_000
"""Characters up to which copies are measured."""

WORD = re.compile(r"[a-z]+(?:['\u2019][a-z]+)*")

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Measures:
    """What was counted in some passages. Shares are from 0 to 1."""

    passages: int
    words: float
    """Share of words that the training text or a dictionary has."""
    valid: float
    """Share of elements that were valid Fountain without any constraint."""
    loops: float
    """Share of the sequences of `GRAM` characters that stood in the `NEAR` characters before."""
    copies: float
    """Share of elements with more than `COPIED` characters of the training text in one piece."""
    longest_copy: int
    """Characters of the longest such piece."""
    company: float
    """Share of a scene's speeches after its first whose speaker has spoken in it before."""
    cues: float
    """Distinct speakers in a passage, on average."""
    length: float
    """Characters of an element, on average."""


class Original:
    """The training text, for what was taken from it."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.words = frozenset(words("\n".join(texts)))
        self._codes = _codes(texts)
        self._of_length: dict[int, Hashes] = {}

    def has(self, texts: Sequence[str], length: int) -> list[bool]:
        """Which of the texts have so many characters of it in one piece."""
        if length not in self._of_length:
            self._of_length[length] = np.unique(_rolled(self._codes, length))
        known = self._of_length[length]
        return [bool(_among(_rolled(_codes([text]), length), known).any()) for text in texts]

    def longest(self, texts: Sequence[str]) -> int:
        """Characters of the longest piece of it in any of the texts, up to `LONGEST_RUN`."""
        least, most = 0, LONGEST_RUN
        while least < most:
            middle = (least + most + 1) // 2
            if any(self.has(texts, middle)):
                least = middle
            else:
                most = middle - 1
        return least


def measure(
    passages: Sequence[Passage], original: Original, dictionary: Container[str]
) -> Measures:
    """Counts; raises ValueError for no passages."""
    elements = [element for passage in passages for element in passage.elements]
    if not elements:
        raise ValueError("there is nothing to measure")
    texts = [element.text for element in elements]
    bodies = ["\n".join(element.body for element in passage.elements) for passage in passages]
    return Measures(
        passages=len(passages),
        words=real_words(bodies, original, dictionary),
        valid=sum(passage.valid for passage in passages) / len(elements),
        loops=share(again for body in bodies for again in repeated(body)),
        copies=share(original.has(texts, COPIED + 1)),
        longest_copy=original.longest(texts),
        company=share(known for passage in passages for known in in_company(passage)),
        cues=sum(len({e.cue for e in p.elements if e.cue}) for p in passages) / len(passages),
        length=sum(map(len, texts)) / len(texts),
    )


def words(text: str) -> list[str]:
    """The words of a text, in lower case and with a straight apostrophe."""
    return [word.replace("\u2019", "'") for word in WORD.findall(text.lower())]


def real_words(bodies: Iterable[str], original: Original, dictionary: Container[str]) -> float:
    """The share of the words in some texts that the training text or a dictionary has."""
    return share(
        word in original.words or word in dictionary for body in bodies for word in words(body)
    )


def repeated(text: str) -> list[bool]:
    """For each sequence of `GRAM` characters, whether it stood in the `NEAR` characters before."""
    last: dict[str, int] = {}
    found = []
    for at in range(len(text) - GRAM + 1):
        gram = text[at : at + GRAM]
        found.append(at - last.get(gram, -NEAR - 1) <= NEAR)
        last[gram] = at
    return found


def in_company(passage: Passage) -> list[bool]:
    """For each speech after a scene's first, whether its speaker has spoken in the scene before."""
    found: list[bool] = []
    spoken: set[str] = set()
    for element in passage.elements:
        if element.kind is Kind.HEADING:
            spoken = set()
        if (cue := element.cue) is not None:
            found += [cue in spoken] if spoken else []
            spoken.add(cue)
    return found


def share(kept: Iterable[bool]) -> float:
    """How many of them are so, from 0 to 1; nan where there are none."""
    every = list(kept)
    return sum(every) / len(every) if every else float("nan")


FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that no character of a sequence is lost in the products modulo 2^64."""


def _codes(texts: Sequence[str]) -> NDArray[np.uint64]:
    """The characters of texts, with what no text has between two of them."""
    joined = "\0".join(texts)
    return np.frombuffer(joined.encode("utf-32-le"), np.uint32).astype(np.uint64)


def _rolled(codes: Hashes, length: int) -> Hashes:
    """A hash of each sequence of so many characters: polynomials, modulo 2^64.

    A sequence of length 2n is made of two of length n, so it takes log2(length) products.
    """
    if len(codes) < length:
        return codes[:0]
    # Characters are scattered first: polynomials of small numbers collide modulo 2^64.
    rolled, size = _scattered(codes), 1
    total: Hashes | None = None
    done = 0
    left = length
    while left:
        if left & 1:
            part = rolled[done : len(codes) - size + 1]
            total = part if total is None else total[: len(part)] * _power(size) + part
            done += size
        left >>= 1
        if left:
            rolled = rolled[: len(rolled) - size] * _power(size) + rolled[size:]
            size *= 2
    assert total is not None
    return total[: len(codes) - length + 1]


def _scattered(codes: Hashes) -> Hashes:
    mixed = (codes + np.uint64(1)) * FACTOR
    mixed ^= mixed >> np.uint64(32)
    mixed = mixed * np.uint64(0xD6E8FEB86659FD93)
    return mixed ^ (mixed >> np.uint64(29))


def _power(exponent: int) -> np.uint64:
    return np.uint64(pow(int(FACTOR), exponent, 2**64))


def _among(some: Hashes, rising: Hashes) -> NDArray[np.bool_]:
    """Which of the hashes stand in a rising array."""
    if not len(rising):
        return np.zeros(len(some), np.bool_)
    at = np.searchsorted(rising, some).clip(max=len(rising) - 1)
    found: NDArray[np.bool_] = rising[at] == some
    return found
