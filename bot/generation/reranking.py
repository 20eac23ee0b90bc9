"""Rerank the candidates for a line, and choose one.

A model makes a slip now and then, and the slip surprises the model itself. So of many candidates,
the one with the fewest bits makes the most sense. But this rule alone picks what fits everywhere
("What are you doing?"). A stock phrase, which soon gets tiresome, therefore counts as at least
`STOCK_BITS`, and the criteria of `Weights` count, too. A line that the script already has is chosen
only if nothing else was written, and so is a line that a model has written in the channel before:
otherwise, scripts of several evenings would share more and more lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..arrays import Floats
from ..inference.sampling import LARGEST_SEED
from ..screenplay.drafts import Draft
from ..screenplay.elements import Kind
from ..settings import Quality

CANDIDATES = {Quality.QUICK: 1, Quality.GOOD: 16, Quality.BEST: 64}
"""The maximum number of candidates for a line, by the quality."""

SEED_STRIDE = 1_000_003
"""The difference between two candidates' seeds: far more than a turn has lines."""

RECENT_LINES = 2
"""The number of last lines whose words count as taken up."""

ECHO_RUN = 3
"""The number of words in the shortest run that counts as said again."""

ECHO_LINES = 10
"""The number of last lines whose runs count; in a long script, any run has been said."""

MAX_OVERLAP = 0.5
"""The share of common words above which two takes are too similar."""

STOCK_BITS = 16.0
"""The fewest bits that a line counts as: a line with fewer is a stock phrase."""

MIN_WORN_WORDS = 3
"""The fewest words in a line that people recognise when the line comes back."""

MIN_WORD_LENGTH = 3
"""The fewest letters in a content word."""

COMMON_WORDS = frozenset((Path(__file__).parent / "common.txt").read_text(encoding="utf-8").split())
"""Words that can occur in any line."""


@dataclass(frozen=True)
class Weights:
    """The weights, in bits, of the criteria other than the bits of a line.

    They are close to the weights with which the rule agrees best with readers' marks for a voice's
    candidates (`python -m tests.quality compare`).
    """

    unevenness: float = 4.5
    """For each bit of its words (root mean square), because one jarring word spoils a line."""
    question: float = 8.0
    """For a line that asks, because most questions fit many lines."""
    taken_up: float = 6.5
    """For a line with any content word from the last lines: a gain."""
    sentence: float = 7.5
    """For each of at most two sentences after the first, which mostly add something: a gain."""
    content_word: float = 1.4
    """For each content word, because each may be one too many."""
    repeated_word: float = 9.0
    """For each of at most two content words that the line repeats."""
    parenthetical: float = 5.0
    """For a parenthetical."""
    echo: float = 10.0
    """For a line that consists of runs of `ECHO_RUN` or more words from the last `ECHO_LINES`."""


DEFAULT_WEIGHTS = Weights()


@dataclass(frozen=True)
class Said:
    """Hold what a script's last lines have said."""

    words: frozenset[str]
    """The content words of the last `RECENT_LINES` lines."""
    runs: frozenset[tuple[str, ...]]
    """All runs of `ECHO_RUN` words in the last `ECHO_LINES` lines."""

    @classmethod
    def of(cls, texts: Sequence[str]) -> Said:
        """Collect what texts say, the last line last."""
        return cls(
            frozenset[str]().union(*map(list_content_words, texts[-RECENT_LINES:])),
            frozenset(run for text in texts[-ECHO_LINES:] for run in find_runs(split_words(text))),
        )

    def measure_echo(self, words: Sequence[str]) -> float:
        """Return the share of words that are part of runs already said, from 0 to 1."""
        echoed = {
            at + i
            for at, run in enumerate(find_runs(words))
            if run in self.runs
            for i in range(ECHO_RUN)
        }
        return len(echoed) / max(1, len(words))


@dataclass(frozen=True, eq=False)
class Candidate:
    """A line that was just written, and may be chosen."""

    draft: Draft

    @cached_property
    def surprisal(self) -> Floats:
        """Return the bits of each character of its words, and of the newline that ends them."""
        assert self.draft.surprisal is not None  # it has just been written
        return self.draft.surprisal[-len(strip_cue(self.draft)) :]

    @property
    def size(self) -> int:
        """Return the length of its words, with the newline that ends them."""
        return len(self.surprisal)

    @cached_property
    def bits(self) -> float:
        """Return the bits of all its words."""
        return float(self.surprisal.sum())

    @cached_property
    def unevenness(self) -> float:
        """Return the root mean square of the bits of its words, each with the mark after it."""
        words = _TO_THE_NEXT.finditer(strip_cue(self.draft))
        begins = [word.start() for word in words if word.start() < self.size]
        return float(np.sqrt(np.mean(np.add.reduceat(self.surprisal, begins) ** 2)))


def strip_cue(draft: Draft) -> str:
    """Return a line without its cue, and with the newline that ends it, as a model reads it."""
    text = draft.element.text
    if draft.element.kind is Kind.DIALOGUE:
        text = text.partition("\n")[2]
    return f"{text}\n"


def make_seeds(seed: int, candidates: int) -> list[int]:
    """Return the seeds of the candidates, the first of which is ``seed``."""
    return [(seed + number * SEED_STRIDE) % (LARGEST_SEED + 1) for number in range(candidates)]


def choose_candidate(
    candidates: Sequence[Candidate],
    recent_texts: Sequence[str] = (),
    other_takes: Sequence[str] = (),
    worn_texts: Iterable[str] = (),
    weights: Weights = DEFAULT_WEIGHTS,
) -> Candidate:
    """Return the best of the candidates for a line.

    If possible, the candidate differs from the texts of the script's last lines, from
    ``other_takes``, and from ``worn_texts`` of at least `MIN_WORN_WORDS` words.
    """
    said = Said.of(recent_texts)
    used = {split_words(text) for text in (*recent_texts, *other_takes)}
    # Split only at the cue, because there are many texts.
    worn = {text.partition("\n")[2] or text for text in worn_texts}

    def rank(candidate: Candidate) -> tuple[int, float]:
        words = split_words(candidate.draft.element.text)
        is_repetition = not words or words in used
        is_worn = len(words) >= MIN_WORN_WORDS and candidate.draft.element.body in worn
        place = 2 if is_repetition else int(is_worn or _resembles_any(words, other_takes))
        return place, score(candidate, said, weights)

    return min(candidates, key=rank)


def score(candidate: Candidate, said: Said, weights: Weights = DEFAULT_WEIGHTS) -> float:
    """Return the cost of a line, in bits."""
    text = candidate.draft.element.text
    content_words = list_content_words(text)
    spoken = strip_cue(candidate.draft)
    return (
        max(candidate.bits, STOCK_BITS)
        + weights.unevenness * candidate.unevenness
        + weights.question * ("?" in candidate.draft.element.body)
        - weights.taken_up * (not said.words.isdisjoint(content_words))
        - weights.sentence * min(2, len(_SENTENCE_END.findall(spoken)))
        + weights.content_word * len(content_words)
        + weights.repeated_word * min(2, len(content_words) - len(set(content_words)))
        + weights.parenthetical * ("(" in spoken)
        + weights.echo * said.measure_echo(split_words(text))
    )


def _resembles_any(words: Sequence[str], texts: Sequence[str]) -> bool:
    """Return whether a line shares most of its words with any of the texts."""
    here = set(words)
    others = (set(split_words(text)) for text in texts)
    return any(len(here & there) > MAX_OVERLAP * len(here | there) for there in others)


def split_words(text: str) -> tuple[str, ...]:
    """Return the words of a line, given as Fountain, in lower case: no cue, no parenthetical."""
    cue, newline, below = text.partition("\n")
    spoken = below if newline and cue.partition("(")[0].isupper() else text
    spoken = _PARENTHETICAL.sub(" ", spoken).casefold().replace("\u2019", "'")
    return tuple(_WORD.findall(spoken))


_PARENTHETICAL = re.compile(r"\([^()]*\)")
# The dot in "Mrs." or "INT." does not end a sentence.
_SENTENCE_END = re.compile(r"(?<!Mr)(?<!Mrs)(?<!Dr)(?<!St)(?<![A-Z])[.?!][\"'\u201d\u2019]?(?= )")
_TO_THE_NEXT = re.compile(r"(?s)[\w'\u2019]*.")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def list_content_words(text: str) -> tuple[str, ...]:
    """Return the words of a line, in their order, without those that can occur in any line."""
    words = (word.removesuffix("'s") for word in split_words(text))
    return tuple(
        word for word in words if len(word) >= MIN_WORD_LENGTH and word not in COMMON_WORDS
    )


def find_runs(words: Sequence[str]) -> list[tuple[str, ...]]:
    """Return all runs of `ECHO_RUN` words, in their order."""
    return [tuple(words[at : at + ECHO_RUN]) for at in range(len(words) - ECHO_RUN + 1)]
