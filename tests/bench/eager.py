"""Eager: PyTorch that samples step by step, in a process of its own, as a script would have it.

    python -m tests.bench.eager CHARACTERS THREADS

It reads lines such as ``lstm 64 0.5`` and answers each with the characters a second that the
contestant wrote in so many rows in so many seconds. In a process of its own, because what else a
process has allocated before decides how dear the memory is that PyTorch asks for at each step.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from .speed import TEMPERATURE, TOP_P, Contestant, stepping

ROOT = Path(__file__).parents[2]

Far = Callable[[str, int], Contestant]
"""Return the contestant of a name with so many rows, in the other process."""


@contextmanager
def apart(characters: int, threads: int) -> Iterator[Far]:
    """Yield the contestants of a process that runs while the context lasts."""
    command = [sys.executable, "-m", "tests.bench.eager", str(characters), str(threads)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        asks, answers = process.stdin, process.stdout
        assert asks is not None
        assert answers is not None

        def contestant(name: str, rows: int) -> Contestant:
            def write(seconds: float) -> float:
                asks.write(f"{name} {rows} {seconds}\n")
                return float(answers.readline())

            return write

        yield contestant
        asks.close()


@dataclass(frozen=True)
class Sizes:
    """A plain network, such as people write first: two layers of 512 units."""

    vocabulary: int
    embedding: int = 128
    hidden: int = 512
    layers: int = 2


def eager_lstm(sizes: Sizes, rows: int) -> Contestant:
    """Return `nn.LSTM` in eager PyTorch, sampled character by character."""
    lstm = nn.LSTM(sizes.embedding, sizes.hidden, sizes.layers)
    state = (torch.zeros(sizes.layers, rows, sizes.hidden),) * 2

    def network(embedded: Tensor) -> Tensor:
        nonlocal state
        y, state = lstm(embedded[None], state)
        return y[0]

    return _eager(sizes, rows, network)


def eager_cells(sizes: Sizes, rows: int) -> Contestant:
    """Return an `nn.LSTMCell` for each layer, the quicker way for a single character."""
    inputs = [sizes.embedding] + [sizes.hidden] * (sizes.layers - 1)
    cells = [nn.LSTMCell(size, sizes.hidden) for size in inputs]
    states = [(torch.zeros(rows, sizes.hidden),) * 2 for _ in cells]

    def network(x: Tensor) -> Tensor:
        for layer, cell in enumerate(cells):
            states[layer] = cell(x, states[layer])
            x = states[layer][0]
        return x

    return _eager(sizes, rows, network)


def _eager(sizes: Sizes, rows: int, network: Callable[[Tensor], Tensor]) -> Contestant:
    """Sample from embedding, network, linear output, softmax with temperature and top-p."""
    embedding = nn.Embedding(sizes.vocabulary, sizes.embedding)
    output = nn.Linear(sizes.hidden, sizes.vocabulary)

    def steps() -> Iterator[object]:
        tokens = torch.zeros(rows, dtype=torch.int64)
        while True:
            logits = output(network(embedding(tokens)))
            likely, order = (logits / TEMPERATURE).softmax(dim=1).sort(dim=1, descending=True)
            likely[likely.cumsum(dim=1) - likely >= TOP_P] = 0
            tokens = order.gather(1, likely.multinomial(1))[:, 0]
            yield tokens.tolist()

    def run(seconds: float) -> float:
        with torch.inference_mode():
            return stepping(steps, rows)(seconds)

    return run


def main() -> None:
    """Answer until the input ends."""
    characters, threads = map(int, sys.argv[1:])
    torch.set_num_threads(threads)
    sizes = Sizes(characters)
    kinds = {"lstm": eager_lstm, "cells": eager_cells}

    @cache
    def contestant(name: str, rows: int) -> Contestant:
        return kinds[name](sizes, rows)

    for line in sys.stdin:
        name, rows, seconds = line.split()
        print(contestant(name, int(rows))(float(seconds)), flush=True)


if __name__ == "__main__":
    main()
