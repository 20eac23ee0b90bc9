"""Measure what held-out works share with learned ones, to check that the split is clean."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from .copies import hash_runs, read_words
from .works import Work

RUN = 16
"""Words of a run that counts as shared; a shorter run may be a turn of phrase."""


def measure_overlap(works: Sequence[Work], held_out: Collection[int]) -> Mapping[Work, float]:
    """Return the share of each held-out work's words in runs that a learned work has too.

    Args:
        works: All works of the corpus, as written.
        held_out: Numbers of the held-out files.
    """
    runs = [hash_runs(words, RUN) for words in read_words(works)]
    is_held_out = [work.number in held_out for work in works]
    guarded = np.sort(np.concatenate([*compress(runs, is_held_out), np.zeros(0, np.uint64)]))
    if not len(guarded):
        return dict.fromkeys(compress(works, is_held_out), 0.0)
    learned = np.zeros(len(guarded), bool)
    for own in (own for own, is_kept in zip(runs, is_held_out, strict=True) if not is_kept):
        places = np.minimum(np.searchsorted(guarded, own), len(guarded) - 1)
        learned[places[guarded[places] == own]] = True
    return {
        work: _cover(learned[np.searchsorted(guarded, own)])
        for work, own in compress(zip(works, runs, strict=True), is_held_out)
    }


def _cover(shared: NDArray[np.bool_]) -> float:
    """Return the share of words that stand in a shared run, of which one begins at each place."""
    if not len(shared):
        return 0.0
    covered = np.convolve(shared, np.ones(RUN)) > 0
    return float(covered.mean())
