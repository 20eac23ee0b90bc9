"""Rerank the candidates for a line, and choose one.

A model makes a slip now and then, and the slip surprises the model itself. So of many candidates
the one with the fewest bits a character makes most sense. But this rule alone picks what is short
and fits everywhere ("What are you doing?"), so that more counts:

- how evenly the bits fall, because one word that jolts spoils a line;
- how many bits fewer a line costs after its scene than after its cue alone (maximum mutual
  information, Li et al. 2016, "A Diversity-Promoting Objective Function for Neural Conversation
  Models");
- how far the length is from the first candidate's, or from that of a short line where the first is
  longer, because a small network loses the thread in a long one;
- whether both ask or neither does. The first is a plain draw, so that questions stay as usual as
  the model finds them here;
- whether the line is a stock phrase, which has hardly any bits;
- the words of the last lines that the line takes up, unless several of these have them already, and
  whether it only says them again: a voice that can copy words finds its own copies likely.

A line that the script has had, or a parenthetical alone, is chosen only where nothing else was
written. `python -m tests.quality.choosing` compares this rule with others.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from ..arrays import Floats
from ..inference.sampling import LARGEST_SEED
from ..screenplay.drafts import Draft
from ..screenplay.elements import Kind
from ..settings import Quality

CANDIDATES = {Quality.QUICK: 1, Quality.GOOD: 16, Quality.BEST: 64}
"""The most candidates of a line, by the quality."""

SEED_STRIDE = 1_000_003
"""The difference of two candidates' seeds: far more than a turn has lines."""

MIN_SIZE = 20
"""The least wanted length of a line, in characters, with the newline that ends it."""

RECENT_LINES = 2
"""The number of last lines whose words count as taken up."""

ECHO_RUN = 3
"""The words of the shortest run that counts as said again."""

COPIED_RUN = 2
"""The words of the shortest run that counts as copied, if one of them is a content word."""

ECHO_LINES = 10
"""The number of last lines whose runs count; any run has been said in a long script."""

WORN_LINES = 4
"""The number of last lines of which two with the same word wear it out."""

RANKED = 512
"""The texts whose words are remembered: the candidates for a few lines, and the lines before."""

MAX_OVERLAP = 0.5
"""The share of common words above which two takes are too much alike."""

MIN_WORD_LENGTH = 3
"""The least letters of a word that counts as taken up."""

COMMON_WORDS = frozenset((Path(__file__).parent / "common.txt").read_text(encoding="utf-8").split())
"""Words that any line can have."""


@dataclass(frozen=True)
class Weights:
    """The weights of the criteria beside the bits of a line, in bits a character."""

    unevenness: float = 0.2
    """For each bit of its words (root mean square)."""
    scene_gain: float = 1.0
    """For each bit a character that the scene saves: a gain."""
    length_deviation: float = 0.5
    """For each e-fold between its length and the wanted one."""
    stock_phrase: float = 0.5
    """For a line of no bits, falling to nothing at `STOCK_BITS`."""
    question_mismatch: float = 0.4
    """For a question where the first candidate is none, or the reverse."""
    parenthetical: float = 0.1
    """For a parenthetical."""
    recalled_word: float = 0.05
    """For each of at most two words that the last lines have: a gain."""
    echo: float = 1.0
    """For a line that consists of runs of `ECHO_RUN` words or more of the last `ECHO_LINES`."""
    copied: float = 0.3
    """For a line that consists of runs of `COPIED_RUN` words or more of these lines."""
    worn_word: float = 0.15
    """For each of at most two content words that two of the last `WORN_LINES` lines have."""
    repeated_word: float = 0.4
    """For each of at most two content words that the line has again."""


STOCK_BITS = 28.0
"""Bits from which a line is no stock phrase."""

DEFAULT_WEIGHTS = Weights()


@dataclass(frozen=True)
class Said:
    """Hold what a script's last lines have said."""

    words: frozenset[str]
    """The content words of the last `RECENT_LINES` lines."""
    worn: frozenset[str]
    """The content words that two of the last `WORN_LINES` lines have."""
    runs: frozenset[tuple[str, ...]]
    """All runs of `ECHO_RUN` words of the last `ECHO_LINES` lines, and all runs of `COPIED_RUN`
    with a content word."""

    @classmethod
    def of(cls, texts: Sequence[str]) -> Said:
        """Collect what texts say, the last line last."""
        words = [find_content_words(text) for text in texts[-WORN_LINES:]]
        counts = Counter(word for some in words for word in some)
        lines = [split_words(text) for text in texts[-ECHO_LINES:]]
        runs = {run for line in lines for run in find_runs(line, ECHO_RUN)}
        runs |= {
            run
            for line in lines
            for run in find_runs(line, COPIED_RUN)
            if any(map(is_content_word, run))
        }
        return cls(
            frozenset[str]().union(*words[-RECENT_LINES:]),
            frozenset(word for word, count in counts.items() if count > 1),
            frozenset(runs),
        )

    def measure_echo(self, words: Sequence[str], length: int = ECHO_RUN) -> float:
        """Return the share of words that stand in runs of a length that were said, 0 to 1."""
        echoed = {
            at + i
            for at, run in enumerate(find_runs(words, length))
            if run in self.runs
            for i in range(length)
        }
        return len(echoed) / max(1, len(words))


@dataclass(frozen=True, eq=False)
class Candidate:
    """A line that may be chosen, and the bits of its words."""

    draft: Draft
    surprisal: Floats
    """The bits of each character of its words, and of the newline that ends them."""
    bits_without_scene: float | None = None
    """The bits of the words after the cue alone; None where that was not read."""

    @classmethod
    def of(cls, draft: Draft) -> Candidate:
        """Make a candidate of a line that was just written."""
        assert draft.surprisal is not None  # it has just been written
        return cls(draft, draft.surprisal[-len(strip_cue(draft)) :])

    @property
    def size(self) -> int:
        """Return the length of its words, with the newline that ends them."""
        return len(self.surprisal)

    @property
    def is_question(self) -> bool:
        """Return whether the line has a question."""
        return "?" in self.draft.element.body

    @cached_property
    def bits(self) -> float:
        """Return the bits of all its words."""
        return float(self.surprisal.sum())

    @cached_property
    def unevenness(self) -> float:
        """Return the root mean square of the bits of its words, each with the mark behind it."""
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
    """Return the seeds of the candidates, of which the first is ``seed``."""
    return [(seed + number * SEED_STRIDE) % (LARGEST_SEED + 1) for number in range(candidates)]


def choose_candidate(
    candidates: Sequence[Candidate],
    recent_texts: Sequence[str] = (),
    other_takes: Sequence[str] = (),
    weights: Weights = DEFAULT_WEIGHTS,
) -> Candidate:
    """Return the best of the candidates for a line, of which the first sets the wanted length.

    It differs from the texts of the script's last lines and, if possible, of ``other_takes``.
    """
    return _rank(candidates, recent_texts, other_takes, weights)[0]


def shortlist(
    candidates: Sequence[Candidate], recent_texts: Sequence[str], number: int
) -> list[Candidate]:
    """Return the first candidate, and then the best ``number`` of the others."""
    first = candidates[0]
    return [
        first,
        *[candidate for candidate in _rank(candidates, recent_texts) if candidate is not first][
            :number
        ],
    ]


def _rank(
    candidates: Sequence[Candidate],
    recent_texts: Sequence[str],
    other_takes: Sequence[str] = (),
    weights: Weights = DEFAULT_WEIGHTS,
) -> list[Candidate]:
    first = candidates[0]
    said = Said.of(recent_texts)
    used = {split_words(text) for text in (*recent_texts, *other_takes)}

    def rank(candidate: Candidate) -> tuple[int, float]:
        words = split_words(candidate.draft.element.text)
        is_repetition = not words or words in used
        return is_repetition + (is_repetition or _resembles_any(words, other_takes)), score(
            candidate, first, said, weights
        )

    return sorted(candidates, key=rank)


def score(
    candidate: Candidate,
    first: Candidate,
    said: Said,
    weights: Weights = DEFAULT_WEIGHTS,
) -> float:
    """Return the cost of a line beside the first candidate's, in bits a character."""
    text = candidate.draft.element.text
    words, content_words = split_words(text), find_content_words(text)
    repeated = Counter(filter(is_content_word, (word.removesuffix("'s") for word in words)))
    scene_gain = (
        0.0
        if candidate.bits_without_scene is None
        else (candidate.bits_without_scene - candidate.bits) / candidate.size
    )
    return (
        candidate.bits / candidate.size
        + weights.unevenness * candidate.unevenness
        - weights.scene_gain * scene_gain
        + weights.length_deviation * abs(math.log(candidate.size / compute_wanted_size(first)))
        + weights.stock_phrase * max(0.0, 1 - candidate.bits / STOCK_BITS)
        + weights.question_mismatch * (candidate.is_question != first.is_question)
        + weights.parenthetical * ("(" in strip_cue(candidate.draft))
        - weights.recalled_word * min(2, len(content_words & said.words))
        + weights.worn_word * min(2, len(content_words & said.worn))
        + weights.echo * said.measure_echo(words)
        + weights.copied * said.measure_echo(words, COPIED_RUN)
        + weights.repeated_word * min(2, repeated.total() - len(repeated))
    )


def compute_wanted_size(first: Candidate) -> float:
    """Return the first candidate's length, but at most that of a short line.

    The `length` option says where lines end more and more often; half of it is a short line.
    """
    short = (first.draft.origin.get("length") or math.inf) / 2
    return max(MIN_SIZE, min(first.size, short))


def _resembles_any(words: Sequence[str], texts: Sequence[str]) -> bool:
    """Return whether a line shares most of its words with any of the texts."""
    words_here = set(words)
    others = (set(split_words(text)) for text in texts)
    return any(
        len(words_here & words_there) > MAX_OVERLAP * len(words_here | words_there)
        for words_there in others
    )


@lru_cache(RANKED)
def split_words(text: str) -> tuple[str, ...]:
    """Return the words of a line, given as Fountain, in lower case: no cue, no parenthetical."""
    cue, newline, below = text.partition("\n")
    spoken = below if newline and cue.partition("(")[0].isupper() else text
    spoken = _PARENTHETICAL.sub(" ", spoken).casefold().replace("\u2019", "'")
    return tuple(_WORD.findall(spoken))


_PARENTHETICAL = re.compile(r"\([^()]*\)")
_TO_THE_NEXT = re.compile(r"(?s)[\w'\u2019]*.")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


@lru_cache(RANKED)
def find_content_words(text: str) -> frozenset[str]:
    """Return the words of a line without those that any line can have."""
    words = (word.removesuffix("'s") for word in split_words(text))
    return frozenset(filter(is_content_word, words))


def is_content_word(word: str) -> bool:
    """Return whether a word, in lower case, is none that any line can have."""
    return len(word) >= MIN_WORD_LENGTH and word not in COMMON_WORDS


def find_runs(words: Sequence[str], length: int) -> list[tuple[str, ...]]:
    """Return all runs of so many words, in their order."""
    return [tuple(words[at : at + length]) for at in range(len(words) - length + 1)]
