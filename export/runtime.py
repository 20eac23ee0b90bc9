"""Runtime: a step graph as onnxruntime computes it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from training.evaluate import Cost

Tokens = NDArray[np.int64]
Floats = NDArray[np.float32]

THREADS = 2


class Runtime:
    """One graph, ready to be stepped through."""

    def __init__(self, graph: bytes) -> None:
        """graph: a serialised ModelProto; one that cannot be run raises onnxruntime's error."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )
        shapes = {one.name: one.shape for one in self._session.get_inputs()}
        self.state_size: int = shapes["state"][1]

    def start(self, rows: int) -> Floats:
        """The state in which nothing has been read: zeros [rows, S]."""
        return np.zeros((rows, self.state_size), np.float32)

    def step(self, tokens: Tokens, state: Floats) -> tuple[Floats, Floats]:
        """tokens [rows], state [rows, S] -> logits [rows, V] and the next state."""
        logits, state = self._session.run(
            ("logits", "next_state"), {"tokens": tokens, "state": state}
        )
        return logits, state

    def carried(self, texts: Sequence[Tokens]) -> list[Cost]:
        """What each text costs, read from start to end with the state carried all the way.

        The texts, each of two tokens or more, are the rows of one batch; a row ends with its text.
        """
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]), reverse=True)
        joined = np.concatenate([texts[i] for i in order])
        sizes = np.array([len(texts[i]) for i in order])
        starts = np.cumsum(sizes) - sizes
        nats = np.zeros(len(texts))
        state = self.start(len(texts))
        for position in range(sizes[0] - 1):
            rows = np.count_nonzero(sizes - 1 > position)
            at = starts[:rows] + position
            logits, state = self.step(joined[at], state[:rows])
            nats[:rows] += _surprise(logits, joined[at + 1])
        costs = {
            i: Cost(float(n) / math.log(2), int(size) - 1)
            for i, n, size in zip(order, nats, sizes, strict=True)
        }
        return [costs[i] for i in range(len(texts))]

    def write(self, first: int, length: int, seed: int) -> list[int]:
        """So many tokens as they are likely to follow a first one; the same for the same seed."""
        generator = np.random.default_rng(seed)
        written = [first]
        state = self.start(1)
        for _ in range(length):
            logits, state = self.step(np.array(written[-1:]), state)
            ladder = np.exp(logits[0].astype(np.float64) - logits.max()).cumsum()
            chance = generator.random() * ladder[-1]
            written.append(int(np.searchsorted(ladder[:-1], chance, "right")))
        return written[1:]


def _surprise(logits: Floats, targets: Tokens) -> NDArray[np.float64]:
    """Nats of the targets [rows] under logits [rows, V]."""
    exact = logits.astype(np.float64)
    exact -= exact.max(axis=1, keepdims=True)
    return np.log(np.exp(exact).sum(axis=1)) - exact[np.arange(len(exact)), targets]
