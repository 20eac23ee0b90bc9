"""Sample from eager PyTorch step by step, in a process of its own.

    python -m tests.bench.eager CHARACTERS THREADS

The process reads lines such as ``lstm 64 0.5`` (a contestant, a number of rows, and seconds) and
answers each with a speed in characters per second. It is separate because PyTorch allocates memory
at each step, and how long that takes depends on what else a process has allocated.
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


@contextmanager
def in_process(characters: int, threads: int) -> Iterator[Callable[[str, int], Contestant]]:
    """Run the process, and yield a function of a name and a number of rows to its contestants."""
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
    """The sizes of a plain network: two layers of 512 units."""

    vocabulary: int
    embedding: int = 128
    hidden: int = 512
    layers: int = 2


def eager_lstm(sizes: Sizes, rows: int) -> Contestant:
    """Return a contestant with one `nn.LSTM`."""
    lstm = nn.LSTM(sizes.embedding, sizes.hidden, sizes.layers)
    state = (torch.zeros(sizes.layers, rows, sizes.hidden),) * 2

    def network(embedded: Tensor) -> Tensor:
        nonlocal state
        y, state = lstm(embedded[None], state)
        return y[0]

    return _eager(sizes, rows, network)


def eager_cells(sizes: Sizes, rows: int) -> Contestant:
    """Return a contestant with an `nn.LSTMCell` for each layer, which is faster for one step."""
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
    """Return a contestant that samples from a network with temperature and top-p."""
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
    """Answer the lines of the standard input."""
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
