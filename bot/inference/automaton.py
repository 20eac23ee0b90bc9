"""Build finite automata over a vocabulary, as tables of the tokens allowed next.

A grammar is composed of `Dfa`s by intersection, and becomes an `Automaton`, in which
one step is one look-up, however complex the grammar is. All functions here are pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FREE = 0
"""The state of an `Automaton` that allows everything and is never left."""

BARRED = -1
"""The entry of an `Automaton` for a token that is not allowed."""

ACCEPT, REJECT = "accept", "reject"
"""The names of the two states that every `Dfa` has, and never leaves."""

_ACCEPTED, _REJECTED = 0, 1

Mask = NDArray[np.bool_]
"""A set of tokens: bool [V]."""

Table = NDArray[np.signedinteger[Any]]
"""The state after each token in each state, in an integer type of any width: int [S, V]."""

Transitions = Mapping[str, Sequence[tuple[Mask, str]]]
"""The transitions of each state, as pairs of tokens and a target state. A later pair overrides an
earlier one, and all other tokens lead to `REJECT`."""


@dataclass(frozen=True, eq=False)
class Automaton:
    """Hold an automaton of S states over a vocabulary of V characters.

    An automaton equals only itself. In a grammar, every state but `FREE` allows at least one token
    and can reach the end of the element. There, and only there, the state becomes `FREE`.
    """

    start: int
    """The state before the first character."""
    next: Table
    """The state after each token, or `BARRED`: int [S, V], as narrow as possible."""


@dataclass(frozen=True)
class Dfa:
    """Hold an automaton under construction, whose states 0 and 1 are `ACCEPT` and `REJECT`.

    A grammar accepts when its element ends. A condition accepts once nothing can break it any more.
    """

    start: int
    next: Table


def build_dfa(characters: int, rows: Transitions, start: str = "start") -> Dfa:
    """Return a machine over V characters, given the transitions of its named states.

    `ACCEPT` and `REJECT` have no transitions of their own. ``start`` is the first state.
    """
    numbers = {ACCEPT: _ACCEPTED, REJECT: _REJECTED}
    for state in rows:
        numbers[state] = len(numbers)
    table = np.full((len(numbers), characters), _REJECTED, np.int32)
    table[_ACCEPTED] = _ACCEPTED
    for state, pairs in rows.items():
        row = table[numbers[state]]
        for mask, target in pairs:
            row[mask] = numbers[target]
    return Dfa(numbers[start], table)


def intersect(*machines: Dfa) -> Dfa:
    """Return a machine for what the first machine accepts and no other machine rejects.

    The machines run side by side: a state is a tuple of their states, numbered when it is reached.
    """
    sizes = tuple(len(machine.next) for machine in machines)
    # One token of each class of tokens that all machines treat alike, and the class of each token.
    whole = np.concatenate([machine.next for machine in machines])
    _, classes, of_class = np.unique(whole, return_index=True, return_inverse=True, axis=1)
    tables = [machine.next[:, classes] for machine in machines]
    # The code of a tuple is a number whose digits are the machines' states.
    digits = np.cumprod((1, *sizes[:-1]))
    accept, reject = int(digits.sum() * _ACCEPTED), int(digits.sum() * _REJECTED)
    reached = np.array([digits @ [machine.start for machine in machines]])
    known = np.array([accept, reject])
    rows = [np.full((1, len(classes)), state) for state in (accept, reject)]
    while reached.size:
        states = reached // digits[:, None] % np.array(sizes)[:, None]
        after = np.stack([table[at] for table, at in zip(tables, states, strict=True)])
        codes = np.tensordot(digits, after, 1)
        codes[after[0] == _ACCEPTED] = accept
        codes[np.logical_or.reduce(after == _REJECTED)] = reject
        rows.append(codes)
        known = np.concatenate((known, reached))
        reached = np.setdiff1d(codes, known)
    order = np.argsort(known)
    numbers = order[np.searchsorted(known, np.concatenate(rows), sorter=order)]
    return Dfa(2, numbers.astype(np.int32)[:, of_class.ravel()])


def trim(machine: Dfa) -> Automaton | None:
    """Drop the states that cannot reach `ACCEPT`; return None if the start is one of them."""
    live = np.zeros(len(machine.next), np.bool_)
    live[_ACCEPTED] = True
    while True:
        others = np.flatnonzero(~live)
        leading = others[live[machine.next[others]].any(axis=1)]
        if not leading.size:
            break
        live[leading] = True
    if not live[machine.start]:
        return None
    # Some hundred casts are remembered, each with a table of its own.
    numbers = (np.cumsum(live) - 1).astype(np.min_scalar_type(-len(live)))
    numbers[~live] = BARRED
    return Automaton(int(numbers[machine.start]), numbers[machine.next[live]])
