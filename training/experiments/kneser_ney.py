"""Build an n-gram model with interpolated Kneser-Ney smoothing, from counts alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float32]

LEAST = 0.1
"""The smallest discount."""

ROWS = 16_384
"""Places of a text that are predicted at once."""


@dataclass(frozen=True)
class _Order:
    """The followers of each context of one length, sorted by context."""

    contexts: Integers
    """Keys [C], ascending."""
    starts: Integers
    """The index of each context's first follower, [C + 1]."""
    symbols: Integers
    shares: Floats
    """The discounted share of each follower."""
    left: Floats
    """The mass that each context leaves to shorter contexts, [C]."""


class KneserNey:
    """Predict the next of ``symbols`` token ids from at most ``longest`` tokens before it.

    The smoothing is modified Kneser-Ney (Chen & Goodman 1999, "An empirical study of smoothing
    techniques for language modeling"): each order has three discounts, and shorter contexts use
    continuation counts. Before a text lies a symbol that no text has. A key has a digit for each of
    ``longest`` + 1 symbols, so (symbols + 1) ** (longest + 1) must be below 2 ** 63.
    """

    def __init__(self, texts: Sequence[Integers], symbols: int, longest: int) -> None:
        self.symbols, self.longest, self.base = symbols, longest, symbols + 1
        grams, counts = np.unique(
            np.concatenate([self.keys(text, longest + 1) for text in texts]), return_counts=True
        )
        orders = [self._order(grams, counts)]
        for length in range(longest, 0, -1):
            grams, counts = np.unique(grams % self.base**length, return_counts=True)
            orders.append(self._order(grams, counts))
        self.orders = orders[::-1]

    def probabilities(self, text: Integers) -> Floats:
        """Return the distribution after each token of a text: float32 [length, symbols]."""
        return self.after(self.keys(text, self.longest), self.longest)

    def after(self, contexts: Integers, length: int) -> Floats:
        """Return the distributions after the last ``length`` symbols of contexts, keys [C].

        The result is float32 [C, symbols]. A context that was not seen backs off to a shorter one.
        """
        found = np.empty((len(contexts), self.symbols), dtype=np.float32)
        for i in range(0, len(contexts), ROWS):
            found[i : i + ROWS] = self._predict(contexts[i : i + ROWS], self.orders[: length + 1])
        return found

    def known(self, contexts: Integers) -> Integers:
        """Return the length of the longest known suffix of each context, keys [C]: int64 [C]."""
        lengths = np.zeros_like(contexts)
        for length, order in enumerate(self.orders):
            wanted = contexts % self.base**length
            at = np.searchsorted(order.contexts, wanted).clip(max=len(order.contexts) - 1)
            lengths[order.contexts[at] == wanted] = length
        return lengths

    def keys(self, text: Integers, length: int) -> Integers:
        """Return the last ``length`` symbols at each place as digits, the last one lowest."""
        padded = np.concatenate([np.zeros(length - 1, dtype=np.int64), text + 1])
        places = range(length)
        return sum(padded[length - 1 - i : len(padded) - i] * self.base**i for i in places)

    def _order(self, grams: Integers, counts: Integers) -> _Order:
        contexts, starts, sizes = np.unique(
            grams // self.base, return_index=True, return_counts=True
        )
        n1, n2, n3, n4 = (max(1, int((counts == n).sum())) for n in (1, 2, 3, 4))
        y = n1 / (n1 + 2 * n2)
        discounts = np.array([0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
        # In a short text the estimates can leave their range, and then shorter contexts get no
        # mass.
        discounted = discounts.clip([0, LEAST, LEAST, LEAST], [0, 1, 2, 3])[counts.clip(max=3)]
        totals = np.add.reduceat(counts, starts)
        return _Order(
            contexts,
            np.append(starts, len(grams)),
            grams % self.base - 1,
            ((counts - discounted) / np.repeat(totals, sizes)).astype(np.float32),
            (np.add.reduceat(discounted, starts) / totals).astype(np.float32),
        )

    def _predict(self, keys: Integers, orders: Sequence[_Order]) -> Floats:
        found = np.full((len(keys), self.symbols), 1 / self.symbols, dtype=np.float32)
        for length, order in enumerate(orders):
            wanted = keys % self.base**length
            at = np.searchsorted(order.contexts, wanted).clip(max=len(order.contexts) - 1)
            known = np.flatnonzero(order.contexts[at] == wanted)
            at = at[known]
            found[known] *= order.left[at][:, None]
            sizes = order.starts[at + 1] - order.starts[at]
            before = np.cumsum(sizes) - sizes
            followers = np.arange(sizes.sum()) + np.repeat(order.starts[at] - before, sizes)
            rows = np.repeat(known, sizes)
            found[rows, order.symbols[followers]] += order.shares[followers]
        return found
