"""Bar empty elements, and make the end of an element likelier the longer it is."""

from __future__ import annotations

import numpy as np

from ...arrays import Logits, Tokens
from ..grammar import CUE_LIMIT
from ..model import Model
from ..row_store import UNREACHABLE, Row, RowStore
from ..sampling import Sampling
from .base import Processor

LENGTH_BIAS = 3.0
"""Nats by which the end of an element gets likelier for each `Sampling.length` beyond the first."""


class NonEmpty(Processor):
    """Bar an empty element."""

    def begin(self, row: Row, sampling: Sampling) -> None:
        self.active[row.index] = True

    def apply(self, logits: Logits) -> None:
        logits[self.active[: len(logits)], self.model.newline] = -np.inf

    def update(self, chosen: Tokens) -> None:
        self.active[: len(chosen)] = False


class LengthBias(Processor):
    """Make the end of an element likelier the longer it is, where a sentence has ended."""

    def __init__(self, model: Model, rows: RowStore) -> None:
        super().__init__(model, rows)
        self._length = rows.per_row(np.int64, fill=UNREACHABLE)

    def begin(self, row: Row, sampling: Sampling) -> None:
        if sampling.length:
            self.active[row.index] = True
            self._length[row.index] = sampling.length

    def apply(self, logits: Logits) -> None:
        count = len(logits)
        position = self.rows.column - self.rows.first[:count]
        beyond = (position > self._length[:count]).nonzero()[0]
        beyond = beyond[self.model.sentence_ends[self.rows.buffers.tokens[beyond]]]
        beyond = beyond[[not self._may_be_cue(row) for row in beyond.tolist()]]
        excess = position[beyond] / self._length[beyond] - 1
        logits[beyond, self.model.newline] += LENGTH_BIAS * excess

    def _may_be_cue(self, row: int) -> bool:
        """Return whether a row has written one line alone, which may be a cue that needs speech."""
        written = self.rows.tokens[row, self.rows.first[row] : self.rows.column]
        is_short = 1 < len(written) <= CUE_LIMIT + 1
        return is_short and self.model.cue_ends[written].nonzero()[0].tolist() == [len(written) - 1]
