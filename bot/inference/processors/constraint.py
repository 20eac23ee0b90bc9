"""Keep the line of each row within what its automata allow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...arrays import Logits, Tokens
from ...errors import NoContinuation
from ..automaton import BARRED, FREE, Automaton
from ..model import Model
from ..row_store import Row, RowStore
from ..sampling import Sampling
from .base import Processor


class Constraint(Processor):
    """Bar the tokens that the automata of the rows do not allow."""

    def __init__(self, model: Model, rows: RowStore) -> None:
        super().__init__(model, rows)
        self._automata = rows.per_row(object, fill=None)
        self._state = rows.per_row(np.int32)
        self._after = rows.per_row(np.int32, (len(model.vocabulary),), fill=FREE)
        """The state after each token, for each row."""

    def begin(self, row: Row, sampling: Sampling) -> None:
        self._follow(row.index, row.request.automaton)

    def _follow(self, row: int, automaton: Automaton | None) -> None:
        if automaton is not None:
            self.active[row] = True
            self._automata[row] = automaton
            self._state[row] = automaton.start

    def apply(self, logits: Logits) -> None:
        np.copyto(logits, -np.inf, where=self._find_barred(len(logits)))

    def _find_barred(self, count: int) -> NDArray[np.bool_]:
        """Return the tokens that are not allowed in each of the first rows: bool [count, V]."""
        for i in self.active[:count].nonzero()[0].tolist():
            self._after[i] = self._automata[i].next[self._state[i]]
        barred: NDArray[np.bool_] = self._after[:count] == BARRED
        return barred

    def update(self, chosen: Tokens) -> None:
        after = self._after[np.arange(len(chosen)), chosen]
        # A line beyond its limit is ended even if its automaton does not allow an end there.
        self._state[: len(chosen)] = np.maximum(after, FREE)


class WordBan(Constraint):
    """Give up rows that say a banned word, or bar the ends of banned words.

    A row that is given up early is soon replaced by one with another seed, which is better than a
    word that nobody says: a voice that may not end "knife" writes "knifes".
    """

    def __init__(self, model: Model, rows: RowStore) -> None:
        super().__init__(model, rows)
        self._bars = rows.per_row(np.bool_)

    def begin(self, row: Row, sampling: Sampling) -> None:
        self._follow(row.index, row.request.banned)
        self._bars[row.index] = row.request.bars_words

    def apply(self, logits: Logits) -> None:
        """Bar the ends of banned words, in the rows that do not give up."""
        barred, bars = self._find_barred(len(logits)), self._bars[: len(logits)]
        if not np.count_nonzero(bars):
            return
        np.copyto(logits, -np.inf, where=barred & bars[:, None])
        for i in (bars & (logits == -np.inf).all(axis=1)).nonzero()[0].tolist():
            self.rows.fail(self.rows.rows[i], NoContinuation())
            logits[i] = 0.0  # any token, because `draw_tokens` needs one that is possible

    def update(self, chosen: Tokens) -> None:
        """Advance the filters, and give up the rows that have said a banned word."""
        said = self._after[np.arange(len(chosen)), chosen] == BARRED
        for i in said.nonzero()[0].tolist():
            self.rows.fail(self.rows.rows[i], NoContinuation())
        super().update(chosen)
