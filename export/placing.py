"""Where keys lie, so that a graph finds each in one look: a perfect hash.

    slot = (key + shifts[key mod buckets]) mod slots

Each bucket has the shift with which none of its keys meets another key: "Hash, displace, and
compress" by Belazzougui, Botelho & Dietzfelbinger 2009.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.ngrams import prime_from

Integers = NDArray[np.int64]

IN_A_BUCKET = 3
"""Keys, on average."""

TRIED = 64
"""Shifts at once."""


@dataclass(frozen=True)
class Placed:
    """Keys and their slots."""

    shifts: NDArray[np.int32]
    """Of each bucket."""
    numbers: NDArray[np.int32]
    """What number the key in a slot has, counted from 1; 0 where there is none."""


def place(keys: Integers) -> Placed:
    """Gives each of the keys, which are above 0 and all different, a slot of its own."""
    buckets = prime_from(len(keys) // IN_A_BUCKET + 1)
    slots = prime_from(len(keys) * 21 // 20 + 1)
    while (placed := _placed(keys, buckets, slots)) is None:
        slots = prime_from(slots + 1)
    return placed


def _placed(keys: Integers, buckets: int, slots: int) -> Placed | None:
    """None where a bucket fits nowhere: two of its keys may share a slot whatever its shift."""
    bucket, home = keys % buckets, keys % slots
    order = np.argsort(bucket, kind="stable")
    begins = np.searchsorted(bucket[order], np.arange(buckets + 1))
    shifts = np.zeros(buckets, dtype=np.int32)
    numbers = np.zeros(slots, dtype=np.int32)
    sizes = np.diff(begins)
    # The fullest come first, while there is much room; single keys take what is left.
    for one in np.argsort(-sizes, kind="stable")[: int((sizes > 1).sum())]:
        members = order[begins[one] : begins[one + 1]]
        shift = _shift(home[members], numbers)
        if shift is None:
            return None
        shifts[one] = shift
        numbers[(home[members] + shift) % slots] = members + 1
    single = np.flatnonzero(sizes == 1)
    members = order[begins[single]]
    free = np.flatnonzero(numbers == 0)[: len(single)]
    shifts[single] = (free - home[members]) % slots
    numbers[free] = members + 1
    return Placed(shifts, numbers)


def _shift(home: Integers, numbers: NDArray[np.int32]) -> int | None:
    """The smallest shift that takes all of a bucket's keys to slots that are free."""
    slots = len(numbers)
    if len(np.unique(home)) < len(home):
        return None
    for first in range(0, slots, TRIED):
        taken = numbers[(home + np.arange(first, first + TRIED)[:, None]) % slots].any(axis=1)
        if not taken.all():
            return first + int(taken.argmin())
    return None
