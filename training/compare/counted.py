"""What needs no training: PPMd, and a table of n-grams."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyppmd

from training.evaluate import COLD_WINDOW, as_read
from training.kneser_ney import KneserNey

from .task import Task

ORDER = 8
"""Of PPMd: how many characters before it looks at, at most."""

MEMORY = 1 << 28
"""Bytes that PPMd may use: enough to forget nothing: when it is full, PPMd forgets all."""

PIECE = 4_000
"""Characters that PPMd reads in pieces, each right after the texts that were learned."""

LONGEST = range(4, 9)
"""Characters of the longest context of an n-gram; the best on the text that chooses is taken."""

Bits = dict[str, float]
"""Bits per character of each text that is judged."""


def ppmd(task: Task, piece: int | None = None) -> tuple[str, Bits]:
    """In which order the texts were read, and bits per character by PPMd, variant H as in 7-Zip.

    It reads the learned texts, then a text that is judged, and goes on learning from that; in
    pieces, of so many characters, each comes right after the learned texts. What it has read last
    it remembers best, so these are read in their order and in the reverse one, and that is taken
    which predicts the first text better.
    """
    learned = [text.content for text in task.learned]
    first, *others = task.judged
    orders = {"in their order": _After(learned), "in the reverse order": _After(learned[::-1])}
    costs = {name: after.cost(first.content, piece) for name, after in orders.items()}
    best = min(costs, key=lambda name: costs[name])
    rest = {text.name: orders[best].cost(text.content, piece) for text in others}
    return best, {first.name: costs[best], **rest}


class _After:
    """What PPMd makes of a text after others."""

    def __init__(self, learned: Sequence[str]) -> None:
        self.learned = "\n\n".join(learned) + "\n\n"
        self.alone = _compressed(self.learned)

    def cost(self, text: str, piece: int | None) -> float:
        """Bits per character of a text, or of its pieces, each right after the others."""
        size = piece or len(text)
        pieces = (text[i : i + size] for i in range(0, len(text), size))
        added = sum(_compressed(self.learned + one) - self.alone for one in pieces)
        return added * 8 / len(text)


def _compressed(text: str) -> int:
    """Bytes of a text in UTF-8, compressed."""
    encoder = pyppmd.Ppmd7Encoder(ORDER, MEMORY)
    return len(encoder.encode(text.encode())) + len(encoder.flush())


def kneser_ney(task: Task) -> tuple[int, Bits, Bits]:
    """The length of the longest context that is best; carried bits, and those of cold windows."""
    learned = [_tokens(task, as_read(text.content)) for text in task.learned]
    characters = len(task.vocabulary)
    # A longer context needs larger keys than 63 bits in a large vocabulary.
    lengths = [n for n in LONGEST if (n + 1) * math.log2(characters + 1) < 63]
    models = {n: KneserNey(learned, characters, n) for n in lengths}
    first = task.judged[0].content
    best = min(models, key=lambda n: _carried(models[n], task, first))
    texts = {text.name: text.content for text in task.judged}
    carried = {name: _carried(models[best], task, text) for name, text in texts.items()}
    return best, carried, {name: _cold(models[best], task, text) for name, text in texts.items()}


def _carried(model: KneserNey, task: Task, text: str) -> float:
    return _bits(model, [_tokens(task, as_read(text))])


def _cold(model: KneserNey, task: Task, text: str) -> float:
    """The windows of `training.evaluate.cold_windows`."""
    tokens = _tokens(task, text)
    last = len(tokens) - COLD_WINDOW
    return _bits(model, [tokens[i : i + COLD_WINDOW + 1] for i in range(0, last, COLD_WINDOW)])


def _bits(model: KneserNey, texts: list[np.ndarray]) -> float:
    """Bits per character of all but the first of each text."""
    costs = []
    for text in texts:
        expected = model.probabilities(text[:-1])
        costs.append(-np.log2(expected[np.arange(len(expected)), text[1:]]))
    return float(np.concatenate(costs).mean())


def _tokens(task: Task, text: str) -> np.ndarray:
    return np.array(task.vocabulary.encode(text))
