"""Stack the tables of many automata in one array, so that one look-up serves a batch."""

from __future__ import annotations

import numpy as np

from .automaton import FREE, Automaton, Table
from .row_store import RowStore

COMPACTION_SIZE = 1 << 13
"""Number of states at which unused tables are dropped, unless more are in use: 2.7 MB."""


class TransitionPool:
    """Stack the tables of the automata, over V characters, that the rows of a batch follow.

    State s of the automaton of row i lies at ``base[i] + s``. The pool's first state allows every
    token and leads back to itself, for the rows that have no automaton, whose base and state are 0.
    """

    def __init__(self, characters: int, rows: RowStore) -> None:
        self.next: Table = np.full((1024, characters), FREE, np.int32)
        """The state of the same automaton after each token, or `BARRED`: int32 [states, V]."""
        self.size = 1
        """The number of states that have been placed."""
        self.automata = rows.per_row(object, fill=None)
        self.base = rows.per_row(np.int32)
        self._bases: dict[Automaton, int] = {}
        self._full = COMPACTION_SIZE

    def follow(self, row: int, automaton: Automaton) -> None:
        """Make a row follow an automaton, whose table is copied if it is new."""
        self.automata[row] = automaton
        if self.size > self._full:
            self._drop_unused()
        self.base[row] = self._place(automaton)

    def _drop_unused(self) -> None:
        self.size = 1
        self._bases.clear()
        for row in self.automata.nonzero()[0]:
            self.base[row] = self._place(self.automata[row])
        self._full = max(COMPACTION_SIZE, 2 * self.size)

    def _place(self, automaton: Automaton) -> int:
        """Return the first state of an automaton, after copying its table if it is new."""
        if known := self._bases.get(automaton):
            return known
        base, end = self.size, self.size + len(automaton.next)
        if end > len(self.next):
            more = max(end, 2 * len(self.next)) - len(self.next)
            self.next = np.pad(self.next, ((0, more), (0, 0)))
        self.next[base:end] = automaton.next
        self.size = end
        self._bases[automaton] = base
        return base
