"""Runtime: run a step graph with onnxruntime."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from .trained import Cost, Floats

TokenIds = NDArray[np.int64]


class Runtime:
    """A step graph in an onnxruntime session."""

    def __init__(self, graph: bytes) -> None:
        """Open a serialised ModelProto; let onnxruntime raise its error for an invalid one."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )
        shapes = {entry.name: entry.shape for entry in self._session.get_inputs()}
        self.state_size: int = shapes["state"][1]

    def start(self, rows: int) -> Floats:
        """Return the states before the first character: zeros, float32 [rows, S]."""
        return np.zeros((rows, self.state_size), np.float32)

    def step(self, tokens: TokenIds, state: Floats) -> tuple[Floats, Floats]:
        """Read one character in each row; return logits, float32 [rows, V], and the next state.

        tokens: int64 [rows]; state: float32 [rows, S].
        """
        logits, state = self._session.run(
            ("logits", "next_state"), {"tokens": tokens, "state": state}
        )
        return logits, state

    def measure_carried(self, texts: Sequence[TokenIds]) -> list[Cost]:
        """Return the cost of each text, read from start to end with the state carried along.

        The texts, each of at least two tokens, are the rows of one batch; a row ends with its text.
        """
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]), reverse=True)
        tokens = np.concatenate([texts[i] for i in order])
        sizes = np.array([len(texts[i]) for i in order])
        starts = np.cumsum(sizes) - sizes
        nats = np.zeros(len(texts))
        state = self.start(len(texts))
        for position in range(sizes[0] - 1):
            rows = np.count_nonzero(sizes - 1 > position)
            at = starts[:rows] + position
            logits, state = self.step(tokens[at], state[:rows])
            nats[:rows] += _compute_nats(logits, tokens[at + 1])
        bits = (nats / math.log(2))[np.argsort(order)].tolist()
        return [Cost(n, len(text) - 1) for n, text in zip(bits, texts, strict=True)]

    def write(self, first: int, length: int, seed: int) -> list[int]:
        """Sample ``length`` tokens after a first one, at a temperature of 1, by a seed."""
        generator = np.random.default_rng(seed)
        written = [first]
        state = self.start(1)
        for _ in range(length):
            logits, state = self.step(np.array(written[-1:]), state)
            ladder = np.exp(logits[0].astype(np.float64) - logits.max()).cumsum()
            chance = generator.random() * ladder[-1]
            written.append(int(np.searchsorted(ladder[:-1], chance, "right")))
        return written[1:]


def _compute_nats(logits: Floats, targets: TokenIds) -> NDArray[np.float64]:
    """Return the cost in nats of targets [rows] under logits [rows, V]: float64 [rows]."""
    exact = logits.astype(np.float64)
    exact -= exact.max(axis=1, keepdims=True)
    return np.log(np.exp(exact).sum(axis=1)) - exact[np.arange(len(exact)), targets]
