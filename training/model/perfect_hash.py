"""Build a perfect hash: a table with hardly more slots than keys, with one lookup per key.

    slot = (key + shifts[key mod buckets]) mod slots

Each bucket has a shift that sends none of its keys to the slot of another key: "Hash, displace, and
compress" by Belazzougui, Botelho & Dietzfelbinger 2009.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .contexts import Integers

IN_A_BUCKET = 4
"""Average number of keys in a bucket."""

SHIFTS = 2**16
"""Number of candidate shifts, so that a shift fits into two bytes."""

ROOM = 1.03
"""Slots per key."""

AT_ONCE = 2**14
"""The most slots that are looked at together, unless one shift needs more."""


@dataclass(frozen=True)
class Placement:
    """Keys and their slots."""

    shifts: NDArray[np.uint16]
    """The shift of each bucket."""
    numbers: NDArray[np.int32]
    """The number of the key in each slot, counted from 1; 0 in a free slot."""


def place_keys(keys: Integers) -> Placement:
    """Give each of the keys, distinct and above 0, a slot of its own."""
    buckets = find_prime(len(keys) // IN_A_BUCKET + 1)
    slots = find_prime(int(len(keys) * ROOM) + 1)
    while (placed := _try_to_place(keys, buckets, slots)) is None:
        slots = find_prime(slots + 1)
    return placed


def _try_to_place(keys: Integers, buckets: int, slots: int) -> Placement | None:
    """Place the keys; return None if two keys always collide or a bucket fits nowhere."""
    bucket, home = keys % buckets, keys % slots
    if len(np.unique(bucket * slots + home)) < len(keys):
        return None
    order = np.argsort(bucket, kind="stable")
    sizes = np.bincount(bucket, minlength=buckets)
    begins = np.cumsum(sizes) - sizes
    shifts = np.zeros(buckets, dtype=np.uint16)
    numbers = np.zeros(slots, dtype=np.int32)
    # The fullest buckets come first, while most slots are free.
    for size in range(int(sizes.max(initial=0)), 0, -1):
        waiting = np.flatnonzero(sizes == size)
        members = order[begins[waiting][:, None] + np.arange(size)]
        homes = home[members]
        shift, ahead, last = 0, 1, min(SHIFTS, slots)
        while len(waiting) and shift < last:
            tried = np.arange(shift, min(shift + ahead, last))
            at = (homes + tried[:, None, None]) % slots
            free = (numbers[at] == 0).all(axis=2)
            some = free.any(axis=1)
            if not some.any():
                # The last buckets take long to fit, so try more and more shifts at once.
                shift += len(tried)
                ahead = min(2 * ahead, AT_ONCE // homes.size + 1)
                continue
            first = int(some.argmax())
            shift, at, fits = shift + first, at[first], np.flatnonzero(free[first])
            # If several buckets claim a slot, the last one gets it.
            numbers[at[fits]] = members[fits] + 1
            has = (numbers[at[fits]] == members[fits] + 1).all(axis=1)
            lost, won = fits[~has], fits[has]
            numbers[at[lost]] = 0
            numbers[at[won]] = members[won] + 1
            shifts[waiting[won]] = shift
            waits = np.ones(len(waiting), dtype=bool)
            waits[won] = False
            waiting, members, homes = waiting[waits], members[waits], homes[waits]
            # The next bucket to fit will be about as far ahead.
            shift, ahead = shift + 1, (first + 2) // 2
        if len(waiting):
            return None
    return Placement(shifts, numbers)


def find_prime(number: int) -> int:
    """Return the smallest prime that is at least ``number``, and at least 2."""
    candidate = max(2, number)
    while any(candidate % i == 0 for i in range(2, math.isqrt(candidate) + 1)):
        candidate += 1
    return candidate
