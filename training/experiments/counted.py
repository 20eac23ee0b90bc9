"""Make the rows of models without gradients: PPMd, and an n-gram model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyppmd
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.texts import as_read
from training.evaluation import carried
from training.model.contexts import discounts
from training.model.network import Network

from .task import Task

Integers = NDArray[np.int64]
Floats = NDArray[np.float32]


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


class KneserNey(Network):
    """Predict the next of ``symbols`` token ids from at most ``length`` tokens before it.

    The smoothing is modified Kneser-Ney (Chen & Goodman 1999, "An empirical study of smoothing
    techniques for language modeling"): each order has three discounts, and shorter contexts use
    continuation counts. A context that was not seen backs off to a shorter one. Before a text lies
    a symbol that no text has. A key has a digit for each of ``length`` + 1 symbols, so (symbols +
    1) ** (length + 1) must be below 2 ** 63. State: the last digits, int64 [length - 1, batch].
    """

    def __init__(self, texts: Sequence[Integers], symbols: int, length: int) -> None:
        super().__init__()
        self.symbols, self.length, self.base = symbols, length, symbols + 1
        padded = [np.concatenate([np.zeros(length, np.int64), text + 1]) for text in texts]
        grams, counts = np.unique(
            np.concatenate([self._keys(digits, length + 1) for digits in padded]),
            return_counts=True,
        )
        orders = [self._order(grams, counts)]
        for shorter in range(length, 0, -1):
            grams, counts = np.unique(grams % self.base**shorter, return_counts=True)
            orders.append(self._order(grams, counts))
        self.orders = orders[::-1]

    def forward(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        digits = torch.cat([state, tokens + 1])
        keys = self._keys(digits.numpy(), self.length).flatten()
        found = torch.from_numpy(self._predict(keys)).view(*tokens.shape, self.symbols)
        return found.log(), digits[len(tokens) :]

    def start(self, batch: int) -> Tensor:
        return torch.zeros(self.length - 1, batch, dtype=torch.int64)

    def _keys(self, digits: Integers, length: int) -> Integers:
        """Return each run of ``length`` digits as a number, the last digit lowest."""
        runs = range(length)
        return sum(digits[length - 1 - i : len(digits) - i] * self.base**i for i in runs)

    def _order(self, grams: Integers, counts: Integers) -> _Order:
        contexts, starts, sizes = np.unique(
            grams // self.base, return_index=True, return_counts=True
        )
        discounted = discounts(counts)[counts.clip(max=3)]
        totals = np.add.reduceat(counts, starts)
        return _Order(
            contexts,
            np.append(starts, len(grams)),
            grams % self.base - 1,
            ((counts - discounted) / np.repeat(totals, sizes)).astype(np.float32),
            (np.add.reduceat(discounted, starts) / totals).astype(np.float32),
        )

    def _predict(self, keys: Integers) -> Floats:
        found = np.full((len(keys), self.symbols), 1 / self.symbols, dtype=np.float32)
        for length, order in enumerate(self.orders):
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


ORDER = 8
"""The order of PPMd: the characters of its longest context."""

MEMORY = 3 << 30
"""The most bytes that PPMd may use: a full PPMd forgets everything, and it touches only what it
needs, which is 2.5 GB for 80 MB of text at order 12."""

PIECE = 4_000
"""Characters of a piece; PPMd reads each piece right after the learned texts."""

LONGEST = range(4, 9)
"""Candidate lengths, in characters, of the longest context; the validation text decides."""

Bits = dict[str, float]
"""Bits per character of each judged text."""


def ppmd(task: Task, piece: int | None = None) -> tuple[str, Bits]:
    """Return the order of the learned texts, and bits per character by PPMd, variant H.

    PPMd (as in 7-Zip) reads the learned texts, then a judged text, and keeps learning from the
    judged text. Given a ``piece`` in characters, each piece of the judged text comes right after
    the learned texts instead. PPMd remembers best what it has read last, so the learned texts are
    tried in their order and in the reverse order; the order that predicts the first judged text
    better is kept.
    """
    learned = [text.content for text in task.learned]
    first, *others = task.judged
    orders = {"in their order": Ppmd(learned), "in the reverse order": Ppmd(learned[::-1])}
    costs = {name: after.cost(first.content, piece) for name, after in orders.items()}
    best = min(costs, key=lambda name: costs[name])
    rest = {text.name: orders[best].cost(text.content, piece) for text in others}
    return best, {first.name: costs[best], **rest}


class Ppmd:
    """PPMd, variant H, that has read some texts."""

    def __init__(self, learned: Sequence[str], order: int = ORDER) -> None:
        self.order = order
        self.learned = "\n\n".join(learned) + "\n\n"
        self.alone = self._compressed(self.learned)

    def cost(self, text: str, piece: int | None = None) -> float:
        """Return the bits per character of a text, or of pieces that each follow the others."""
        size = piece or len(text)
        pieces = (text[i : i + size] for i in range(0, len(text), size))
        added = sum(self._compressed(self.learned + one) - self.alone for one in pieces)
        return added * 8 / len(text)

    def _compressed(self, text: str) -> int:
        """Return the compressed size in bytes of a text in UTF-8."""
        encoder = pyppmd.Ppmd7Encoder(self.order, MEMORY)
        return len(encoder.encode(text.encode())) + len(encoder.flush())


def kneser_ney(task: Task) -> KneserNey:
    """Return the n-gram model whose length predicts the first judged text best."""
    contents = (as_read(text.content) for text in task.learned)
    learned = [np.array(task.vocabulary.encode(content)) for content in contents]
    characters = len(task.vocabulary)
    # Keys of longer contexts would exceed 63 bits in a large vocabulary.
    lengths = [n for n in LONGEST if (n + 1) * math.log2(characters + 1) < 63]
    models = [KneserNey(learned, characters, n) for n in lengths]
    first = task.judged[0].content
    return min(models, key=lambda model: carried(model, task.vocabulary, first).bits)
