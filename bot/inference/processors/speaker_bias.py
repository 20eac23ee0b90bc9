"""Mix the cues of likely next speakers into what a network expects.

A network that reads characters hardly knows who is in a scene. Its memory of that fades within a
speech or two, so, left alone, it gives the next speech to somebody new. But turn-taking is simple
(Sacks, Schegloff & Jefferson 1974, "A simplest systematics for the organization of turn-taking for
conversation"): the last speaker hardly ever goes on, most often the speaker before that answers,
and anybody in the cast who has been silent so far may speak up. So when an element begins, and
while it may still become a cue, the cues of the script's last speeches are mixed with what the
network expects. This is a cache (Grave et al. 2016, "Improving neural language models with a
continuous cache") of cues alone, and the network's own expectation still counts.

What stands between two speeches matters. After an action, the last speaker may go on, like the
others who were heard before, and after a heading, the speakers may all be different: in plays and
in films, the last speaker goes on in 0.1% of the speeches that follow one another, and in 10% to
35% of those after an action. The numbers were fitted to held-out plays and films together:
`python -m tests.quality costs` prints what they are worth in bits per character.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...arrays import Floats, Logits, Tokens
from ..model import Model
from ..row_store import Row, RowStore
from ..sampling import Sampling
from .base import Processor
from .repetition import REACH

MOST_CUES = 24
"""The most speeches whose cues count."""

LONGEST_CUE = 48
"""The most characters of a cue, with its newline."""

CUE_PADDING = -1
"""The padding of cues after their newlines."""

RECENCY_WEIGHTS = (0.65 ** np.arange(MOST_CUES)).astype(np.float32)
"""The weight of the cue of a speech, the nearest speech first."""

SILENT_WEIGHT = 1.5
"""The weight of somebody present who has been silent so far. Stretches of ten elements written by
people, with the speakers known beforehand, fit best with 0.5 to 2: the larger the cast, the
more."""

ODDS = np.exp(np.array([0.8, 2.3, 4.8], np.float32))
"""The odds of the cues against the network: for the first character, the second, and any further
one."""

ODDS_AFTER_SPEECH, ODDS_AFTER_ACTION, ODDS_AFTER_HEADING = np.exp([0.0, -0.75, -2.4]).tolist()
"""The factor of the odds if the last speech is the last element, if only action follows the speech,
and if a heading does."""

Cues = NDArray[np.int32]


@dataclass(frozen=True)
class CueDistribution:
    """Hold the cues that the next element may begin with, and their weights."""

    cues: Cues
    """Cues with their newlines, filled up with `CUE_PADDING`: int32 [CUES, LONGEST_CUE]."""
    weights: Floats
    """The weight of each cue, 0 where there is none: float32 [CUES]."""
    odds: float
    """The factor of `ODDS`, in (0, 1]."""


class SpeakerBias(Processor):
    """Make the cues of likely speakers likelier, by `Sampling.company`.

    A row is active while its line may still become one of the cues.
    """

    def __init__(self, model: Model, rows: RowStore) -> None:
        super().__init__(model, rows)
        self._strength = rows.per_row(np.float32)
        self._cues = rows.per_row(np.int32, (MOST_CUES, LONGEST_CUE), fill=CUE_PADDING)
        self._weights = rows.per_row(np.float32, (MOST_CUES,))
        self._alive = rows.per_row(np.bool_, (MOST_CUES,))
        """The cues that begin with the text written so far."""
        # The active rows, and how far each has got: found by `apply` and used by `update`.
        self._places = self._positions = np.zeros(0, np.int64)

    def begin(self, row: Row, sampling: Sampling) -> None:
        """Find the cues that an element may begin with."""
        i, request = row.index, row.request
        # After a longer prompt, such as a cue, no element begins.
        if not sampling.company or len(request.prompt) != 1:
            return
        read = np.concatenate([request.context, request.prompt])
        found = find_likely_cues(read, self.model, request.present, lock=request.lock)
        self._cues[i], self._weights[i] = found.cues, found.weights
        self._strength[i] = sampling.company * found.odds
        self.active[i] = self._strength[i] > 0
        self._alive[i] = True

    def apply(self, logits: Logits) -> None:
        """Make the characters that continue the cues likelier."""
        places = self._places = self.active[: len(logits)].nonzero()[0]
        positions = self._positions = self.rows.column - self.rows.first[places]
        theirs = logits[places]
        weights = self._weights[places] * self._alive[places]
        mix_in_cues(theirs, self._cues[places], weights, positions, self._strength[places])
        logits[places] = theirs

    def update(self, chosen: Tokens) -> None:
        """Keep the cues that continue with the character that was written."""
        places, positions = self._places, self._positions
        chosen = chosen[places]
        self._alive[places] &= self._cues[places, :, positions] == chosen[:, None]
        over = self.model.cue_ends[chosen] | ~self._alive[places].any(axis=1)
        over |= positions + 1 >= LONGEST_CUE
        self.active[places[over]] = False


def find_likely_cues(
    read: Tokens, model: Model, present: Sequence[Tokens] = (), *, lock: bool = False
) -> CueDistribution:
    """Return the cues of the people who may speak after some elements.

    ``read`` holds elements as a model reads them, each as newline, text, newline, and the newline
    of the next one: int64 [n]. If they have more than `REACH` characters, the first is cut and does
    not count. A line with a lower-case letter is no cue, and the extension of a cue does not count.
    The people whose cues, with their newlines, are ``present`` may speak even if they have not
    spoken, and with ``lock`` nobody else may.
    """
    spoken, odds = _find_recent_cues(read, model)
    there = [tuple(cue.tolist()) for cue in present if len(cue) <= LONGEST_CUE]
    silent = [cue for cue in there if cue not in spoken]
    likely = [cue for cue in _rank_cues(spoken, odds) if cue in there or not lock]
    cues = np.full((MOST_CUES, LONGEST_CUE), CUE_PADDING, np.int32)
    weights = np.zeros(MOST_CUES, np.float32)
    # If there are too few places, the cast comes before the earliest speeches.
    likely = likely[: max(0, MOST_CUES - len(silent))]
    for place, cue in enumerate([*likely, *silent][:MOST_CUES]):
        cues[place, : len(cue)] = cue
        weights[place] = RECENCY_WEIGHTS[place] if place < len(likely) else SILENT_WEIGHT
    return CueDistribution(cues, weights, odds)


def _find_recent_cues(read: Tokens, model: Model) -> tuple[list[tuple[int, ...]], float]:
    """Return the cues of the last speeches, the nearest first, and the factor of their odds."""
    opens, newline, odds = model.lower_case, model.newline, ODDS_AFTER_SPEECH
    found: list[tuple[int, ...]] = []
    for element in reversed(_split_elements(read, newline)):
        breaks = np.flatnonzero(element == newline)
        line = element[: breaks[0]] if len(breaks) else element[:0]
        # An extension stands after a space.
        ends = np.flatnonzero(line[1:] == model.parenthesis)
        name = line[: ends[0]] if len(ends) else line
        if 0 < len(name) < LONGEST_CUE and not opens[line].any():
            found.append((*name.tolist(), newline))
        elif not found:
            is_heading = len(element) > 0 and len(line) == 0 and not opens[element].any()
            odds = min(odds, ODDS_AFTER_HEADING if is_heading else ODDS_AFTER_ACTION)
        if len(found) == MOST_CUES:
            break
    return found, odds


def _split_elements(read: Tokens, newline: int) -> list[Tokens]:
    """Return the texts of the elements, except one whose beginning is missing."""
    ends = np.flatnonzero((read[:-1] == newline) & (read[1:] == newline))
    elements = [read[begin:end] for begin, end in zip([1, *(ends + 2)], ends, strict=False)]
    return elements if len(read) <= REACH else elements[1:]


def _rank_cues(spoken: list[tuple[int, ...]], odds: float) -> list[tuple[int, ...]]:
    """Return cues, the likeliest first, given the factor for what stands after the last speech."""
    if not spoken or odds == ODDS_AFTER_HEADING:
        return spoken
    last = spoken[0]
    others = [cue for cue in spoken if cue != last]
    return others if odds == ODDS_AFTER_SPEECH else [*others[:1], last, *others[1:]]


def mix_in_cues(
    logits: Logits, cues: Cues, weights: Floats, positions: NDArray[np.int64], odds: Floats
) -> None:
    """Make the next characters of cues [rows, CUES, LONGEST_CUE] likelier, in place.

    The logits [rows, V] must be the network's own. A weight [rows, CUES] is 0 if the text written
    so far rules the cue out. The positions [rows] of the next characters are below `LONGEST_CUE`,
    and ``odds`` [rows] is the factor of `ODDS`, above 0.
    """
    count, characters = logits.shape
    following = cues[np.arange(count), :, positions]
    weights = weights * (following != CUE_PADDING)
    rows, places = weights.nonzero()
    if len(rows) == 0:
        return
    cells = rows * characters + following[rows, places]
    told = np.bincount(cells, weights[rows, places], count * characters).astype(np.float32)
    told = told.reshape(count, characters)
    # The shares of the odds, times the sum over all characters.
    largest = np.maximum.reduce(logits, axis=1)
    whole = np.add.reduce(np.exp(logits - largest[:, None]), axis=1)
    odds = ODDS[np.minimum(positions, len(ODDS) - 1)] * odds
    scale = odds * whole / np.maximum(np.add.reduce(weights, axis=1), RECENCY_WEIGHTS[-1])
    rows, places = told.nonzero()
    added = np.log(told[rows, places] * scale[rows]) + largest[rows]
    logits[rows, places] = np.logaddexp(logits[rows, places], added)
