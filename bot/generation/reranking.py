"""Reranking: which of several candidates for a line is kept.

A voice makes a slip now and then, and is surprised by the slip itself. So of many candidates the
one that costs its voice least a character makes most sense; but left alone this rule picks what is
short and fits everywhere ("What are you doing?"). So more is counted:

- how evenly the cost falls: one word that jolts spoils a line;
- how much less a line costs after its scene than after its cue alone (maximum mutual information,
  Li et al. 2016, "A Diversity-Promoting Objective Function for Neural Conversation Models");
- how far its length is from the first candidate's, and whether both ask or neither does: the first
  is a plain draw, so the choice leaves length and questions as usual as its voice finds them here;
- whether it is a stock phrase, which says hardly anything in bits;
- the words of the last lines that it takes up.

What the script has had, and what is nothing but a parenthetical, is kept only where nothing else
was written. `python -m tests.quality.choosing` measures this rule beside others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from ..arrays import Floats
from ..i18n.catalogue import phrase
from ..inference.sampling import LARGEST_SEED
from ..screenplay.drafts import Draft
from ..screenplay.elements import Kind

CANDIDATES = {"quick": 1, "good": 16, "best": 64}
"""How many candidates are written at the most, by the name of the quality."""

QUICK = "quick"
"""The quality at which nothing is chosen: the first candidate is the line."""

QUALITIES = {"quick": phrase("quick"), "good": phrase("good"), "best": phrase("best")}
"""How people call them."""

STRIDE = 1_000_003
"""From a candidate's seed to the next one's: far more than a turn has lines."""

SHORTEST = 20
"""Characters that a line is at least hoped to have, the newline that ends it included."""

LATELY = 2
"""Lines whose words are taken up."""

ALIKE = 0.5
"""The share of their words that two takes have in common before they are too much alike."""

FEWEST = 3
"""Letters of a word that can be taken up."""

COMMON = frozenset((Path(__file__).parent / "common.txt").read_text(encoding="utf-8").split())
"""Words that any line has."""


@dataclass(frozen=True)
class Weights:
    """What counts for how much, in bits a character, beside what a line costs its voice."""

    jolt: float = 0.1
    """For each bit that its words cost (root mean square)."""
    fitting: float = 1.5
    """For each bit a character that it costs less by its scene."""
    astray: float = 0.3
    """For each e-fold between its length and the first one's."""
    stock: float = 0.8
    """For a line that says nothing, falling to none at `TELLING`."""
    asking: float = 0.4
    """For a line that asks where the first one does not, or the reverse."""
    aside: float = 0.1
    """For a parenthetical."""
    taken_up: float = 0.2
    """For each of the first two words that the last lines have: a gain."""


TELLING = 28.0
"""Bits from which a line is no stock phrase."""

SHIPPED = Weights()


@dataclass(frozen=True, eq=False)
class Candidate:
    """A line that may be kept, and what its words cost its voice."""

    draft: Draft
    costs: Floats
    """Bits of each character of its words, and of the newline that ends them."""
    alone: float | None = None
    """Bits that they cost after the cue alone; None where that was not read."""

    @classmethod
    def of(cls, draft: Draft) -> Candidate:
        """Return a line that its voice has just written as a candidate."""
        assert draft.surprise is not None  # it has just been written
        return cls(draft, draft.surprise[-len(spoken_text(draft)) :])

    @property
    def size(self) -> int:
        """Return how many characters its words have, with the newline that ends them."""
        return len(self.costs)

    @property
    def asks(self) -> bool:
        """Return whether it is a question, or has one."""
        return "?" in self.draft.element.body

    @cached_property
    def bits(self) -> float:
        """Return what all its words cost."""
        return float(self.costs.sum())

    @cached_property
    def jolt(self) -> float:
        """Return what its words cost, each with the mark behind it: root mean square, in bits."""
        words = _TO_THE_NEXT.finditer(spoken_text(self.draft))
        begins = [word.start() for word in words if word.start() < self.size]
        return float(np.sqrt(np.mean(np.add.reduceat(self.costs, begins) ** 2)))


def spoken_text(draft: Draft) -> str:
    """Return a line without its cue, and with the newline that ends it, as its voice reads it."""
    text = draft.element.text
    if draft.element.kind is Kind.DIALOGUE:
        text = text.partition("\n")[2]
    return f"{text}\n"


def seeds(seed: int, candidates: int) -> list[int]:
    """Return the seeds of the candidates; the first is the one that was asked for."""
    return [(seed + number * STRIDE) % (LARGEST_SEED + 1) for number in range(candidates)]


def choose(
    candidates: Sequence[Candidate],
    said: Sequence[str] = (),
    beside: Sequence[str] = (),
    weights: Weights = SHIPPED,
) -> Candidate:
    """Return the best candidate for a line.

    Args:
        candidates: at least one; the first says how long the line is to be.
        said: the texts of the script's lines, the last one last.
        beside: the texts of other takes, from which this one is to differ.
        weights: what counts for how much.
    """
    return _ranked(candidates, said, beside, weights)[0]


def shortlist(candidates: Sequence[Candidate], said: Sequence[str], number: int) -> list[Candidate]:
    """Return the first candidate, and then the best ``number`` of the others."""
    first = candidates[0]
    return [first, *[one for one in _ranked(candidates, said) if one is not first][:number]]


def _ranked(
    candidates: Sequence[Candidate],
    said: Sequence[str],
    beside: Sequence[str] = (),
    weights: Weights = SHIPPED,
) -> list[Candidate]:
    first = candidates[0]
    lately = frozenset[str]().union(*(telling_words(text) for text in said[-LATELY:]))
    had = {words_of(text) for text in (*said, *beside)}

    def rank(one: Candidate) -> tuple[int, float]:
        words = words_of(one.draft.element.text)
        spent = not words or words in had
        return spent + (spent or _is_like_any(words, beside)), cost(one, first, lately, weights)

    return sorted(candidates, key=rank)


def cost(
    one: Candidate, first: Candidate, lately: frozenset[str], weights: Weights = SHIPPED
) -> float:
    """Return how bad a line is beside the first one, in bits a character.

    ``lately`` are the words that it may take up.
    """
    text = one.draft.element.text
    fits = 0.0 if one.alone is None else (one.alone - one.bits) / one.size
    return (
        one.bits / one.size
        + weights.jolt * one.jolt
        - weights.fitting * fits
        + weights.astray * abs(math.log(one.size / wanted_size(first)))
        + weights.stock * max(0.0, 1 - one.bits / TELLING)
        + weights.asking * (one.asks != first.asks)
        + weights.aside * ("(" in spoken_text(one.draft))
        - weights.taken_up * min(2, len(telling_words(text) & lately))
    )


def wanted_size(first: Candidate) -> float:
    """Return the first candidate's length, within what a line is hoped to have."""
    most = first.draft.origin.get("length") or math.inf
    return max(SHORTEST, min(first.size, most))


def _is_like_any(words: Sequence[str], texts: Sequence[str]) -> bool:
    """Return whether a line has most of its words in common with another one."""
    here = set(words)
    others = (set(words_of(text)) for text in texts)
    return any(len(here & there) > ALIKE * len(here | there) for there in others)


@lru_cache(maxsize=4096)
def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a line, given as Fountain, in lower case: no cue, no parenthetical."""
    cue, newline, below = text.partition("\n")
    spoken = below if newline and cue.partition("(")[0].isupper() else text
    spoken = _PARENTHETICAL.sub(" ", spoken).casefold().replace("\u2019", "'")
    return tuple(_WORD.findall(spoken))


_PARENTHETICAL = re.compile(r"\([^()]*\)")
_TO_THE_NEXT = re.compile(r"(?s)[\w'\u2019]*.")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


@lru_cache(maxsize=4096)
def telling_words(text: str) -> frozenset[str]:
    """Return the words of a line that any other line would not have."""
    words = (word.removesuffix("'s") for word in words_of(text))
    return frozenset(word for word in words if len(word) >= FEWEST and word not in COMMON)
