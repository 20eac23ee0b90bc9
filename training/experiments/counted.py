"""Make the rows of models without gradients: PPMd, and an n-gram model."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyppmd

from training.evaluation import COLD_WINDOW, as_read

from .kneser_ney import KneserNey
from .task import Task

ORDER = 8
"""The order of PPMd: the characters of its longest context."""

MEMORY = 1 << 28
"""Memory of PPMd in bytes, enough for all texts, because a full PPMd forgets everything."""

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
    orders = {"in their order": _After(learned), "in the reverse order": _After(learned[::-1])}
    costs = {name: after.cost(first.content, piece) for name, after in orders.items()}
    best = min(costs, key=lambda name: costs[name])
    rest = {text.name: orders[best].cost(text.content, piece) for text in others}
    return best, {first.name: costs[best], **rest}


class _After:
    """The cost of a text by PPMd after other texts."""

    def __init__(self, learned: Sequence[str]) -> None:
        self.learned = "\n\n".join(learned) + "\n\n"
        self.alone = _compressed(self.learned)

    def cost(self, text: str, piece: int | None) -> float:
        """Return the bits per character of a text, or of pieces that each follow the others."""
        size = piece or len(text)
        pieces = (text[i : i + size] for i in range(0, len(text), size))
        added = sum(_compressed(self.learned + one) - self.alone for one in pieces)
        return added * 8 / len(text)


def _compressed(text: str) -> int:
    """Return the compressed size in bytes of a text in UTF-8."""
    encoder = pyppmd.Ppmd7Encoder(ORDER, MEMORY)
    return len(encoder.encode(text.encode())) + len(encoder.flush())


def kneser_ney(task: Task) -> tuple[int, Bits, Bits]:
    """Return the best n-gram length, and the bits of carried text and of cold windows."""
    learned = [_tokens(task, as_read(text.content)) for text in task.learned]
    characters = len(task.vocabulary)
    # Keys of longer contexts would exceed 63 bits in a large vocabulary.
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
    """Return the bits per character over the windows of `training.evaluation.cold_windows`."""
    tokens = _tokens(task, text)
    last = len(tokens) - COLD_WINDOW
    return _bits(model, [tokens[i : i + COLD_WINDOW + 1] for i in range(0, last, COLD_WINDOW)])


def _bits(model: KneserNey, texts: list[np.ndarray]) -> float:
    """Return the bits per character over all but the first character of each text."""
    costs = []
    for text in texts:
        expected = model.probabilities(text[:-1])
        costs.append(-np.log2(expected[np.arange(len(expected)), text[1:]]))
    return float(np.concatenate(costs).mean())


def _tokens(task: Task, text: str) -> np.ndarray:
    return np.array(task.vocabulary.encode(text))
