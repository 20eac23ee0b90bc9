"""Arena: the tables of many automata as one, so that one look-up serves all the rows of a batch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .constraint import Automaton, Banned

Table = NDArray[np.int32]

NEUTRAL = 0
"""The state of the arena of a row that has no automaton: it allows everything, and stays."""

BARRED = -1
"""Stands for the state after a token that must not come."""

FULL = 1 << 15
"""States beyond which what nobody uses is thrown out, unless more are in use."""


@dataclass
class Arena:
    """Tables of automata over V characters, below one another.

    State s of a table stands at ``base`` + s, where ``base`` is what `place` returned.
    """

    characters: int
    next: Table = field(init=False)
    """The state after each token in each state, or BARRED: int32 [states, V]."""
    words: NDArray[np.int16] = field(init=False)
    """How many words are to be taken back in each state (see `Banned`): int16 [states]."""
    size: int = 1
    """States that are in use, or were."""
    _full: int = FULL
    _bases: dict[int, tuple[object, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.next = np.full((1024, self.characters), NEUTRAL, np.int32)
        self.words = np.zeros(1024, np.int16)

    def place(self, thing: Automaton | Banned) -> int:
        """Where an automaton's table stands; it is copied here when it is not here yet."""
        if known := self._bases.get(id(thing)):
            return known[1]
        base, states = self.size, len(thing.next)
        self._grow(base + states)
        here = slice(base, base + states)
        if isinstance(thing, Banned):
            self.next[here] = thing.next + base
            self.words[here] = thing.words
        else:
            # Where an automaton is done, every automaton is.
            after = np.where(thing.next == NEUTRAL, NEUTRAL, thing.next + base)
            self.next[here] = np.where(thing.allowed, after, BARRED)
            self.words[here] = 0
        self.size += states
        # The thing is kept, so that its id stays its own.
        self._bases[id(thing)] = thing, base
        return base

    @property
    def full(self) -> bool:
        """Whether it is time to `clear` it."""
        return self.size > self._full

    def clear(self, used: Iterable[Automaton | Banned]) -> None:
        """Forgets all that is not ``used``; what is stands elsewhere now."""
        self.size = 1
        self._bases.clear()
        for thing in used:
            self.place(thing)
        self._full = max(FULL, 2 * self.size)

    def _grow(self, states: int) -> None:
        if states > len(self.next):
            more = max(states, 2 * len(self.next)) - len(self.next)
            self.next = np.concatenate([self.next, np.empty((more, self.characters), np.int32)])
            self.words = np.concatenate([self.words, np.empty(more, np.int16)])
