"""Measure what held-out works share with learned ones, to check that the split is clean."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

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
    words = read_words(works)
    learned = [
        hash_runs(numbers, RUN)
        for work, numbers in zip(works, words, strict=True)
        if work.number not in held_out
    ]
    known = np.unique(np.concatenate([*learned, np.zeros(0, np.uint64)]))
    shares: dict[Work, float] = {}
    for work, numbers in zip(works, words, strict=True):
        if work.number in held_out:
            shared = np.isin(hash_runs(numbers, RUN), known)
            covered = np.convolve(shared, np.ones(RUN)) > 0 if len(shared) else shared
            shares[work] = float(covered.sum()) / max(len(numbers), 1)
    return shares
