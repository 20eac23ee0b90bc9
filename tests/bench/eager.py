"""Sample from eager PyTorch step by step, in a process of its own.

    python -m tests.bench.eager CHARACTERS THREADS

The process reads lines such as ``64 0.5`` (a number of rows, and seconds) and answers each with a
speed in characters per second. It is separate because PyTorch allocates memory at each step, and
how long that takes depends on what else a process has allocated.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

import torch
from torch import nn

from .speed import TEMPERATURE, TOP_P, Contestant, stepping

ROOT = Path(__file__).parents[2]

EMBEDDING, HIDDEN, LAYERS = 128, 512, 2
"""The sizes of a plain network."""


@contextmanager
def in_process(characters: int, threads: int) -> Iterator[Callable[[int], Contestant]]:
    """Run the process, and yield a function that maps a number of rows to a contestant."""
    command = [sys.executable, "-m", "tests.bench.eager", str(characters), str(threads)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        asks, answers = process.stdin, process.stdout
        assert asks is not None
        assert answers is not None

        def contestant(rows: int) -> Contestant:
            def write(seconds: float) -> float:
                asks.write(f"{rows} {seconds}\n")
                return float(answers.readline())

            return write

        yield contestant
        asks.close()


def eager_lstm(characters: int, rows: int) -> Contestant:
    """Return a contestant that samples from an `nn.LSTM` with temperature and top-p."""
    embedding, output = nn.Embedding(characters, EMBEDDING), nn.Linear(HIDDEN, characters)
    lstm = nn.LSTM(EMBEDDING, HIDDEN, LAYERS)
    state = (torch.zeros(LAYERS, rows, HIDDEN),) * 2

    def steps() -> Iterator[object]:
        nonlocal state
        tokens = torch.zeros(rows, dtype=torch.int64)
        while True:
            y, state = lstm(embedding(tokens)[None], state)
            logits = output(y[0])
            likely, order = (logits / TEMPERATURE).softmax(dim=1).sort(dim=1, descending=True)
            likely[likely.cumsum(dim=1) - likely >= TOP_P] = 0
            tokens = order.gather(1, likely.multinomial(1))[:, 0]
            yield tokens.tolist()

    return stepping(steps, rows)


def main() -> None:
    """Answer the lines of the standard input."""
    characters, threads = map(int, sys.argv[1:])
    torch.set_num_threads(threads)
    contestant = cache(partial(eager_lstm, characters))
    with torch.inference_mode():
        for line in sys.stdin:
            rows, seconds = line.split()
            print(contestant(int(rows))(float(seconds)), flush=True)


if __name__ == "__main__":
    main()
