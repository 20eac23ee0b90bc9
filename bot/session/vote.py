"""A vote among takes: how many are for each, and which one wins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping


def counted(takes: Iterable[int], votes: Iterable[int]) -> dict[int, int]:
    """How many votes each take has, in the order in which the takes were written."""
    found = Counter(votes)
    return {take: found[take] for take in sorted(takes)}


def winner(counts: Mapping[int, int]) -> int:
    """The take with the most votes; the first written of those that have as many, or of all."""
    return max(counts, key=lambda take: (counts[take], -take))
