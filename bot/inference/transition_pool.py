"""Stack the tables of many automata in one array, so that one look-up serves a batch.

The pool's first state allows every token and leads back to itself. It serves the rows that have no
automaton, whose base and state are 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .automaton import FREE, Automaton, Table
from .word_filter import BannedWordFilter

BARRED = -1
"""The entry of a token that is not allowed."""

COMPACTION_SIZE = 1 << 15
"""Number of states at which unused tables are dropped, unless more are in use."""


@dataclass
class TransitionPool:
    """Stack tables of automata over V characters.

    State s of an automaton lies at ``base`` + s, where `place` returns ``base``.
    """

    characters: int
    next: Table = field(init=False)
    """The state of the same automaton after each token, or `BARRED`: int32 [states, V]."""
    words: NDArray[np.int16] = field(init=False)
    """The words to take back in each state, see `BannedWordFilter.words`: int16 [states]."""
    size: int = 1
    """The number of states that have been placed."""
    _full: int = COMPACTION_SIZE
    _bases: dict[int, tuple[Automaton | BannedWordFilter, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.next = np.full((1024, self.characters), FREE, np.int32)
        self.words = np.zeros(1024, np.int16)

    def place(self, automaton: Automaton | BannedWordFilter) -> int:
        """Return the first state of an automaton, after copying its table if it is new."""
        if known := self._bases.get(id(automaton)):
            return known[1]
        base, states = self.size, len(automaton.next)
        self._grow(base + states)
        here = slice(base, base + states)
        if isinstance(automaton, BannedWordFilter):
            self.next[here] = automaton.next
            self.words[here] = automaton.words
        else:
            self.next[here] = np.where(automaton.allowed, automaton.next, BARRED)
            self.words[here] = 0
        self.size += states
        # The automaton is kept as well, because its id could be given to another object.
        self._bases[id(automaton)] = automaton, base
        return base

    @property
    def full(self) -> bool:
        """Return whether to clear the pool before the next `place`."""
        return self.size > self._full

    def clear(self, used: Iterable[Automaton | BannedWordFilter]) -> None:
        """Drop all automata but those in use, whose bases change."""
        self.size = 1
        self._bases.clear()
        for automaton in used:
            self.place(automaton)
        self._full = max(COMPACTION_SIZE, 2 * self.size)

    def _grow(self, states: int) -> None:
        """Make room for this many states in all."""
        if states > len(self.next):
            more = max(states, 2 * len(self.next)) - len(self.next)
            self.next = np.concatenate([self.next, np.empty((more, self.characters), np.int32)])
            self.words = np.concatenate([self.words, np.empty(more, np.int16)])
