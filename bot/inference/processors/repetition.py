"""Make repeating an earlier passage less likely, so that low temperatures do not loop.

After "don't repeat yourself" (DRY, p-e-w 2024), which does this for the tokens of large models. If
the last characters also stand elsewhere in the last thousand, the character that followed them
there becomes less likely, and the longer the two passages agree, the less likely it becomes. Only
speech and action count, because cues and headings recur in any script. The end of an element ends
its passages.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...arrays import Floats, Logits, Tokens
from ..model import Model
from ..row_store import Row, RowStore
from ..sampling import Sampling
from .base import Processor

REACH = 1000
"""How many characters back a passage is recognised."""

FREE_MATCH = 10
"""Characters that may agree at no cost: about two words."""

PENALTY_GROWTH = 1.12
"""The factor by which the cost grows for each further character that agrees."""

LONGEST_MATCH = 60
"""The number of characters beyond which the cost stays the same."""

NO_PASSAGE = -1
"""The value of characters that belong to no passage."""

PENALTY = np.where(
    np.arange(256) < FREE_MATCH,
    0,
    PENALTY_GROWTH ** (np.minimum(np.arange(256), LONGEST_MATCH) - FREE_MATCH),
).astype(np.float32)
"""The cost by the number of characters that agree, in nats, at a `Sampling.repetition` of 1."""

Passages = NDArray[np.int16]
Matches = NDArray[np.uint8]


class RepetitionPenalty(Processor):
    """Make repetition less likely in each row, by `Sampling.repetition`."""

    def __init__(self, model: Model, rows: RowStore) -> None:
        super().__init__(model, rows)
        self._strength = rows.per_row(np.float32)
        self._matches = rows.per_row(np.uint8, (REACH,))
        self._counting = rows.per_row(np.bool_)
        """True while the next character belongs to a passage."""
        self._past = rows.log(np.int16, fill=NO_PASSAGE)
        """The characters that belong to passages."""

    def begin(self, row: Row, sampling: Sampling) -> None:
        """Lay out the passages before a line."""
        if not sampling.repetition:
            return
        i, column = row.index, self.rows.column
        self.active[i] = True
        self._strength[i] = sampling.repetition
        read = np.concatenate([row.request.context, row.request.prompt])[-REACH:]
        passages, self._counting[i] = find_passages(read, self.model)
        self._past[i, column - REACH : column - len(passages)] = NO_PASSAGE
        self._past[i, column - len(passages) : column] = passages

    def apply(self, logits: Logits) -> None:
        count = len(logits)
        subtract_penalty(logits, self._matches[:count], self._before(count), self._strength[:count])

    def update(self, chosen: Tokens) -> None:
        """Compare the passages again, with one more character."""
        count = len(chosen)
        counting = self._counting[:count]
        passage = np.where(counting, chosen, NO_PASSAGE).astype(np.int16)
        advance_matches(self._matches[:count], self._before(count), passage)
        self._past[:count, self.rows.column] = passage
        counting |= self.model.cue_ends[chosen]

    def _before(self, count: int) -> Passages:
        """Return the last characters of each row: int16 [rows, REACH]."""
        return self._past[:count, self.rows.column - REACH : self.rows.column]


def find_passages(tokens: Tokens, model: Model) -> tuple[Passages, bool]:
    """Find the characters of a script that belong to passages.

    A line counts after its first lower-case letter, which shows that it is speech or action. All
    lines of an element but the first count as a whole. ``tokens`` are elements as a model reads
    them: int64 [n].

    Return the tokens, or `NO_PASSAGE` in their places, int16 [n], and whether the next token
    counts.
    """
    ends = tokens == model.newline
    blank = ends & np.concatenate([[True], ends[:-1]])
    # The last deciding character before each place says whether that place counts.
    decides = ends | model.lower_case[tokens]
    last = np.maximum.accumulate(np.where(decides, np.arange(len(tokens)), -1))
    counting = (last >= 0) & ~blank[last]
    before = np.concatenate([[False], counting[:-1]])
    passages = np.where(before, tokens, NO_PASSAGE).astype(np.int16)
    return passages, bool(counting[-1])


def advance_matches(matches: Matches, past: Passages, passage: Passages) -> None:
    """Advance the lengths of all matches by one character, in place.

    ``matches`` [rows, REACH] counts the characters that agree with the last ones at each distance,
    the nearest last. ``passage`` [rows] is the character that was just read, or `NO_PASSAGE`, and
    ``past`` [rows, REACH] has the characters before it.
    """
    # 255 stays 255. Viewed as numbers, truth values need no conversion.
    matches += (matches < 255).view(np.uint8)
    sought = np.where(passage == NO_PASSAGE, NO_PASSAGE - 1, passage)
    matches *= (past == sought[:, None]).view(np.uint8)


def subtract_penalty(logits: Logits, matches: Matches, past: Passages, repetition: Floats) -> None:
    """Make the characters that would continue an earlier passage less likely, in place.

    The logits are float32 [rows, V]. ``matches`` are as of the last character, with which ``past``
    [rows, REACH] ends; ``repetition`` [rows] is the strength, 0 for none.
    """
    # `flatnonzero` is much faster than `nonzero` with two dimensions.
    rows, places = np.divmod(np.flatnonzero(matches >= FREE_MATCH), REACH)
    if len(rows) == 0:
        return
    following = past[rows, places]
    known = following != NO_PASSAGE
    rows, places, following = rows[known], places[known], following[known]
    costs = np.zeros_like(logits)
    np.maximum.at(costs, (rows, following), PENALTY[matches[rows, places]] * repetition[rows])
    logits -= costs
