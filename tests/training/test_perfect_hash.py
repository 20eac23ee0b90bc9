"""Tests of the perfect hash: each key is found in one look-up, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from training.model.perfect_hash import place


def look(placed, keys):
    """Look keys up by the definition: the number stored in a key's slot."""
    buckets, slots = len(placed.shifts), len(placed.numbers)
    return placed.numbers[(keys + placed.shifts[keys % buckets]) % slots]


@pytest.mark.parametrize("count", [1, 2, 7, 100, 5000])
def test_each_key_has_a_slot_of_its_own(count):
    keys = np.unique(np.random.default_rng(count).integers(1, 2**60, count))
    placed = place(keys)
    np.testing.assert_array_equal(look(placed, keys), np.arange(1, len(keys) + 1))
    assert (placed.numbers > 0).sum() == len(keys)
    # Two keys rarely share a bucket and a slot, but they do among few slots.
    assert len(placed.numbers) <= (1.06 if count > 1000 else 2) * len(keys) + 20


def test_keys_that_would_always_meet_get_other_slots():
    keys = np.unique(np.random.default_rng(3).integers(1, 2**50, 300))
    first = place(keys)
    keys[-1] = keys[0] + len(first.shifts) * len(first.numbers)
    placed = place(keys)
    assert len(placed.numbers) > len(first.numbers)
    np.testing.assert_array_equal(look(placed, keys), np.arange(1, len(keys) + 1))
