"""Who speaks next, judged by who has spoken: a network that reads characters hardly knows.

Its memory of who is in a scene fades within a speech or two, so that left alone it lets somebody
new speak each time. But turn-taking is simple (Sacks, Schegloff & Jefferson 1974, "A simplest
systematics for the organization of turn-taking for conversation"): hardly ever does the last
speaker go on, and most often the one before answers. So where an element begins, and while it may
still become the cue of somebody, the cues of the script's last elements are mixed with what the
network expects. This is a cache (Grave et al. 2016, "Improving neural language models with a
continuous cache") of one thing only. Its numbers were fitted to *Twelfth Night* and hold for
*Macbeth*: `python -m tests.quality costs` prints what they are worth in bits per character.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .model import Logits, Tokens

CUES = 24
"""Elements that are looked back to, at the most."""

LONGEST_CUE = 48
"""Characters of a cue that are compared."""

NOTHING = -1
"""Stands where a cue has no character, and for what is no dialogue."""

WEIGHTS = np.full(CUES, 0.13, np.float32)
"""How much an element's cue counts, the last one's first."""
WEIGHTS[:2] = 0.0, 1.0

ODDS = np.exp(np.array([0.7, 3.2, 5.0], np.float32))
"""Of the cues against the network: for the first character, the second, and any further one."""

Cues = NDArray[np.int32]
Alive = NDArray[np.bool_]
Floats = NDArray[np.float32]


def cues(
    read: Tokens, opens: NDArray[np.bool_], newline: int, present: Sequence[Tokens] = ()
) -> Cues:
    """The cues of the last elements, each with its newline, the last one first.

    read: int64 [n], elements as a voice reads them, each newline, text, newline, and the newline of
    the one that is to come; the first may be cut, and does not count. opens: bool [V], whether a
    character shows that its line is no cue, as a lower-case letter does. present: the cues of those
    who are there whether they have spoken or not, each int64 [n] with its newline; the silent ones
    stand last, as if they had spoken long ago -> int32 [CUES, LONGEST_CUE].
    """
    found = np.full((CUES, LONGEST_CUE), NOTHING, np.int32)
    ends = np.flatnonzero(read == newline)
    # What ends an element and what begins the next one stand beside each other.
    beside = np.flatnonzero(np.diff(ends) == 1)
    for place, at in enumerate(beside[::-1][1 : CUES + 1]):
        begin, end = ends[at + 1] + 1, ends[at + 2] + 1
        line = read[begin:end]
        # Of what a voice cannot read nothing may be left.
        speaks = end < len(read) and read[end] != newline
        if speaks and not opens[line].any() and len(line) <= LONGEST_CUE:
            found[place, : len(line)] = line
    silent = [cue for cue in present if len(cue) <= LONGEST_CUE and not _among(found, cue)]
    free = np.flatnonzero(found[:, 0] == NOTHING)[::-1]
    for place, cue in zip(free, silent, strict=False):
        found[place, : len(cue)] = cue
    return found


def _among(found: Cues, cue: Tokens) -> bool:
    return bool(alive(found, cue).any())


def alive(found: Cues, written: Tokens | Cues) -> Alive:
    """Which cues begin with what was written [n]: bool [CUES]."""
    kept: Alive = (found[:, : len(written)] == written).all(axis=1)
    return kept


def expect(
    logits: Logits, found: Cues, kept: Alive, positions: NDArray[np.int64], company: Floats
) -> None:
    """Makes the characters likelier with which those cues go on, in place.

    logits: float32 [rows, V], the network's own; found: int32 [rows, CUES, LONGEST_CUE]; kept:
    bool [rows, CUES], which agree so far; positions: int64 [rows], below LONGEST_CUE, of the
    character that is to come; company: float32 [rows], above 0, what the odds are multiplied by.
    """
    count, characters = logits.shape
    following = found[np.arange(count), :, positions]
    weights = WEIGHTS * (kept & (following != NOTHING))
    rows, places = weights.nonzero()
    if len(rows) == 0:
        return
    cells = rows * characters + following[rows, places]
    told = np.bincount(cells, weights[rows, places], count * characters).astype(np.float32)
    told = told.reshape(count, characters)
    # Shares of the odds, times what all characters weigh together.
    largest = np.maximum.reduce(logits, axis=1)
    whole = np.add.reduce(np.exp(logits - largest[:, None]), axis=1)
    odds = ODDS[np.minimum(positions, len(ODDS) - 1)] * company
    scale = odds * whole / np.maximum(np.add.reduce(weights, axis=1), WEIGHTS[-1])
    rows, places = told.nonzero()
    added = np.log(told[rows, places] * scale[rows]) + largest[rows]
    logits[rows, places] = np.logaddexp(logits[rows, places], added)
