"""Reranking: choose one of several candidates for a line.

A model makes a slip now and then, and the slip surprises the model itself. So of many candidates
the one with the fewest bits a character makes most sense. But this rule alone picks what is short
and fits everywhere ("What are you doing?"), so that more counts:

- how evenly the bits fall, because one word that jolts spoils a line;
- how many bits fewer a line costs after its scene than after its cue alone (maximum mutual
  information, Li et al. 2016, "A Diversity-Promoting Objective Function for Neural Conversation
  Models");
- how far the length is from the first candidate's, and whether both ask or neither does. The first
  is a plain draw, so that lengths and questions stay as usual as the model finds them here;
- whether the line is a stock phrase, which has hardly any bits;
- the words of the last lines that the line takes up.

A line that the script has had, or a parenthetical alone, is chosen only where nothing else was
written. `python -m tests.quality.choosing` compares this rule with others.
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
from ..inference.sampling import LARGEST_SEED
from ..screenplay.drafts import Draft
from ..screenplay.elements import Kind

CANDIDATES = {"quick": 1, "good": 16, "best": 64}
"""The most candidates of a line, by the quality."""

STRIDE = 1_000_003
"""The difference of two candidates' seeds: far more than a turn has lines."""

SHORTEST = 20
"""The least wanted length of a line, in characters, with the newline that ends it."""

LATELY = 2
"""The number of last lines whose words count as taken up."""

ALIKE = 0.5
"""The share of common words above which two takes are too much alike."""

FEWEST = 3
"""The least letters of a word that counts as taken up."""

COMMON = frozenset((Path(__file__).parent / "common.txt").read_text(encoding="utf-8").split())
"""Words that any line can have."""


@dataclass(frozen=True)
class Weights:
    """The weights of the criteria beside the bits of a line, in bits a character."""

    jolt: float = 0.1
    """For each bit of its words (root mean square)."""
    fitting: float = 1.5
    """For each bit a character that the scene saves: a gain."""
    astray: float = 0.3
    """For each e-fold between its length and the wanted one."""
    stock: float = 0.8
    """For a line of no bits, falling to nothing at `TELLING`."""
    asking: float = 0.4
    """For a question where the first candidate is none, or the reverse."""
    aside: float = 0.1
    """For a parenthetical."""
    taken_up: float = 0.2
    """For each of at most two words that the last lines have: a gain."""


TELLING = 28.0
"""Bits from which a line is no stock phrase."""

SHIPPED = Weights()


@dataclass(frozen=True, eq=False)
class Candidate:
    """A line that may be chosen, and the bits of its words."""

    draft: Draft
    costs: Floats
    """The bits of each character of its words, and of the newline that ends them."""
    alone: float | None = None
    """The bits of the words after the cue alone; None where that was not read."""

    @classmethod
    def of(cls, draft: Draft) -> Candidate:
        """Make a candidate of a line that was just written."""
        assert draft.surprise is not None  # it has just been written
        return cls(draft, draft.surprise[-len(spoken_text(draft)) :])

    @property
    def size(self) -> int:
        """Return the length of its words, with the newline that ends them."""
        return len(self.costs)

    @property
    def asks(self) -> bool:
        """Return whether the line has a question."""
        return "?" in self.draft.element.body

    @cached_property
    def bits(self) -> float:
        """Return the bits of all its words."""
        return float(self.costs.sum())

    @cached_property
    def jolt(self) -> float:
        """Return the root mean square of the bits of its words, each with the mark behind it."""
        words = _TO_THE_NEXT.finditer(spoken_text(self.draft))
        begins = [word.start() for word in words if word.start() < self.size]
        return float(np.sqrt(np.mean(np.add.reduceat(self.costs, begins) ** 2)))


def spoken_text(draft: Draft) -> str:
    """Return a line without its cue, and with the newline that ends it, as a model reads it."""
    text = draft.element.text
    if draft.element.kind is Kind.DIALOGUE:
        text = text.partition("\n")[2]
    return f"{text}\n"


def seeds(seed: int, candidates: int) -> list[int]:
    """Return the seeds of the candidates, of which the first is ``seed``."""
    return [(seed + number * STRIDE) % (LARGEST_SEED + 1) for number in range(candidates)]


def choose(
    candidates: Sequence[Candidate],
    said: Sequence[str] = (),
    beside: Sequence[str] = (),
    weights: Weights = SHIPPED,
) -> Candidate:
    """Return the best candidate for a line.

    Args:
        candidates: at least one; the first sets the wanted length.
        said: the texts of the script's lines, the last one last.
        beside: the texts of other takes, from which this one should differ.
        weights: the weights of the criteria.
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
    """Return the cost of a line beside the first candidate's, in bits a character.

    ``lately`` has the words of the last lines.
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
    """Return the first candidate's length, within the limits of a good line."""
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
    """Return the words of a line without those that any line can have."""
    words = (word.removesuffix("'s") for word in words_of(text))
    return frozenset(word for word in words if len(word) >= FEWEST and word not in COMMON)
