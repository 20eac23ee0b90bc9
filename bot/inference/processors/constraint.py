"""Keep the line of each row within what its automaton allows."""

from __future__ import annotations

import numpy as np

from ...arrays import Logits, Tokens
from ..automaton import BARRED, FREE, Automaton, Table
from ..model import Model
from ..row_store import Row, RowStore
from ..sampling import Sampling
from ..transition_pool import TransitionPool
from .base import Processor, Stage


class Constraint(Processor):
    """Bar the tokens that the automata of the rows do not allow.

    A row with `Request.fallback` begins undecided: its automaton bars nothing yet, but advances
    with the characters that the model writes freely, until it has accepted or rejected them.
    """

    stage = Stage.CONSTRAINT

    def __init__(self, model: Model, rows: RowStore) -> None:
        super().__init__(model, rows)
        self._pool = TransitionPool(len(model.vocabulary), rows)
        self._state = rows.per_row(np.int32, saved=True)
        self._undecided = rows.per_row(np.bool_, saved=True)
        self._state_if_held = rows.per_row(np.int32, saved=True)
        """The state of the automaton of an undecided row."""
        self._after: Table = self._pool.next[:0]
        """The state after each token, for each row."""

    def begin(self, row: Row, sampling: Sampling) -> None:
        automaton = row.request.automaton
        if automaton is None:
            return
        self.active[row.index] = True
        self._follow(row, automaton)
        if row.request.fallback is not None:
            self._undecided[row.index] = True
            self._state_if_held[row.index] = automaton.start
            self._state[row.index] = FREE

    def apply(self, logits: Logits) -> None:
        """Bar all tokens that are not allowed."""
        count = len(logits)
        states = self._pool.base[:count] + self._state[:count]
        # `take` needs half the time of indexing with an array.
        self._after = self._pool.next.take(states, axis=0, mode="clip")
        np.copyto(logits, -np.inf, where=self._after == BARRED)

    def update(self, chosen: Tokens) -> list[Row]:
        """Advance the automata; return the undecided rows whose automata reject the text."""
        count = len(chosen)
        after = self._after[np.arange(count), chosen]
        # A line beyond its limit is ended even where its automaton does not allow an end.
        self._state[:count] = np.maximum(after, FREE)
        undecided = self._undecided[:count].nonzero()[0].tolist()
        return [self.rows.rows[i] for i in undecided if not self._decide(i, int(chosen[i]))]

    def restart(self, row: Row) -> None:
        """Follow the second automaton of a row from the start."""
        assert row.request.fallback is not None  # only such rows are undecided
        self._undecided[row.index] = False
        self._follow(row, row.request.fallback)

    def _follow(self, row: Row, automaton: Automaton) -> None:
        self._pool.follow(row.index, automaton)
        self._state[row.index] = automaton.start

    def _decide(self, i: int, token: int) -> bool:
        """Advance the automaton of an undecided row; return False if it rejects the token."""
        state = self._pool.automata[i].next[self._state_if_held[i], token]
        if state == BARRED:
            return False
        if self.model.lower_case[token] or token == self.model.newline:
            self._undecided[i] = False
            self._state[i] = state
        else:
            self._state_if_held[i] = state
        return True
