"""``python -m tests.bench.flushes``: what it gains that turns of several channels share a flush.

Channels write turns at once into a new database: each with a transaction of its own, which is
flushed to the disk, and as the bot does, up to 16 together. Rounds of both alternate, since a
machine is not always as fast; it prints milliseconds a turn, and the median of the ratios with its
quartiles.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bot.screenplay.drafts import Draft
from bot.screenplay.elements import Element, Kind
from bot.storage.group_commit import GROUP_SIZE
from bot.storage.schema import Script
from bot.storage.store import Store

STATE = 2_048
"""float32 numbers that a voice of 2 x 512 remembers."""

CHANNELS = (1, 4, 16, 64)
"""Numbers of channels that write at once."""


def draft(number: int) -> Draft:
    """Return a line of 100 characters, with its state and the cost of each character."""
    words = f"{number:06} it rains on the roof of the diner, and nobody says a word of it."
    element = Element(Kind.ACTION, f"{words:.<100}")
    state = np.full(STATE, number, np.float32)
    return Draft(element, None, "stage", state, "f", {"seed": number}, np.ones(101, np.float32))


async def milliseconds(store: Store, scripts: Sequence[Script], turns: int, name: str) -> float:
    """Return how long a turn takes when each channel writes so many, one after the other."""

    async def write(script: Script) -> None:
        for at in range(turns):
            delivery = f"{name} {script.channel} {at}"
            [line] = await store.lines.append_lines(script, script.head, [draft(at)], delivery, 1)
            script.head = line.id

    began = time.perf_counter()
    await asyncio.gather(*map(write, scripts))
    return 1_000 * (time.perf_counter() - began) / (turns * len(scripts))


async def compare(
    folder: Path, channels: int, turns: int, rounds: int
) -> tuple[list[float], list[float]]:
    """Compare a flush for each turn with shared ones: return milliseconds a turn in each round."""
    store = await Store.open(folder / "scripts.db")
    scripts = [await store.scripts.create_script(_script(channel)) for channel in range(channels)]
    took: dict[int, list[float]] = {1: [], GROUP_SIZE: []}
    for number in range(rounds + 1):
        for most in sorted(took, reverse=number % 2 == 1):
            store._database._group.group_size = most
            took[most].append(
                await milliseconds(store, scripts, turns // channels, f"{number} {most}")
            )
    await store.close()
    # The first round fills the caches of statements.
    return took[1][1:], took[GROUP_SIZE][1:]


def _script(channel: int) -> Script:
    return Script(
        channel=channel,
        guild=1,
        owner=1,
        title="T",
        cast=[],
        voice="stage",
        options={"temperature": 1.0, "top_p": 1.0},
        running=True,
        head=None,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    one = argparse.ArgumentParser(prog="python -m tests.bench.flushes", description=__doc__)
    one.add_argument("--channels", type=int, nargs="+", default=CHANNELS, help="(%(default)s)")
    one.add_argument("--turns", type=int, default=128, help="in a round (%(default)s)")
    one.add_argument("--rounds", type=int, default=9, help="at least 2 (%(default)s)")
    options = one.parse_args(arguments)
    print("channels  a flush each, ms  shared, ms  ratio (quartiles)")
    for channels in options.channels:
        with tempfile.TemporaryDirectory(dir=".") as folder:
            turns = max(options.turns, channels)
            each, shared = asyncio.run(compare(Path(folder), channels, turns, options.rounds))
        ratios = [one / other for one, other in zip(each, shared, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
        row = f"{channels:8}  {statistics.median(each):16.2f}  {statistics.median(shared):10.2f}"
        print(f"{row}  {middle:5.2f} ({low:.2f}-{high:.2f})", flush=True)


if __name__ == "__main__":
    main()
