"""Predict tokens from counts of n-grams by modified Kneser-Ney smoothing, as it is defined.

Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling": each order
has three discounts, and shorter contexts use the number of distinct predecessors.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Context = tuple[int, ...]

BEFORE = -1
"""The token before the start of a text."""


class KneserNey:
    """Predict the next of ``symbols`` tokens from at most ``longest`` tokens before it."""

    def __init__(self, texts: Sequence[Sequence[int]], symbols: int, longest: int) -> None:
        self.symbols, self.longest = symbols, longest
        grams = Counter(
            (*context, token) for text in texts for context, token in self._with_contexts(text)
        )
        self.followers: dict[Context, dict[int, int]] = defaultdict(dict)
        self.discounts: dict[int, list[float]] = {}
        for length in range(longest, -1, -1):
            for gram, count in grams.items():
                self.followers[gram[:-1]][gram[-1]] = count
            self.discounts[length] = estimate_discounts(grams)
            grams = Counter(gram[1:] for gram in grams)

    def bits(self, text: Sequence[int]) -> float:
        """Return the mean bits of all tokens of a text but the first."""
        _, *rest = self._with_contexts(text)
        return float(np.mean([-np.log2(self.predict(context)[token]) for context, token in rest]))

    def predict(self, context: Context) -> NDArray[np.float64]:
        """Return the probability of each symbol after a context."""
        if not context:
            shorter = np.full(self.symbols, 1 / self.symbols)
        else:
            shorter = self.predict(context[1:])
        followers = self.followers.get(context)
        if not followers:
            return shorter
        discounts, total = self.discounts[len(context)], sum(followers.values())
        off = {symbol: discounts[min(count, 3)] for symbol, count in followers.items()}
        found = shorter * (sum(off.values()) / total)
        for symbol, count in followers.items():
            found[symbol] += (count - off[symbol]) / total
        return found

    def _with_contexts(self, text: Sequence[int]) -> list[tuple[Context, int]]:
        padded = (*[BEFORE] * self.longest, *text)
        return [(padded[i : i + self.longest], token) for i, token in enumerate(text)]


def estimate_discounts(grams: Counter[Context]) -> list[float]:
    """Return the discounts of counts of 0, 1, 2, and 3 or more."""
    n = [max(1, sum(count == k for count in grams.values())) for k in range(5)]
    y = n[1] / (n[1] + 2 * n[2])
    return [0.0, *(min(max(k - (k + 1) * y * n[k + 1] / n[k], 0.1), k) for k in (1, 2, 3))]
