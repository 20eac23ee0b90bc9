"""Measure the gain when turns of several channels share a flush: ``python -m tests.bench.flushes``.

Several channels write turns at once into a new database: each turn in a transaction and a flush of
its own, or up to 16 turns together, as the bot does. Rounds of both alternate, because the speed of
a machine varies. The program prints milliseconds per turn, and the median of the ratios with its
quartiles.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tyro

from bot.screenplay.drafts import Draft
from bot.screenplay.elements import Element, Kind
from bot.storage.group_commit import GROUP_SIZE
from bot.storage.schema import Script
from bot.storage.store import Store

STATE = 2_048
"""The size of the state of a voice with two layers of 512 units."""


def draft(number: int) -> Draft:
    """Return a line of 100 characters, with its state and the surprisal of each character."""
    words = f"{number:06} it rains on the roof of the diner, and nobody says a word of it."
    element = Element(Kind.ACTION, f"{words:.<100}")
    state = np.full(STATE, number, np.float32)
    return Draft(element, None, "stage", state, "f", {"seed": number}, np.ones(101, np.float32))


async def milliseconds(store: Store, scripts: Sequence[Script], turns: int, name: str) -> float:
    """Return the mean time of a turn [ms] when each channel writes ``turns`` turns."""

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
    """Return the times of a turn [ms] by round, with a flush for each turn and with shared ones."""
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
    # The first round fills the statement caches.
    return took[1][1:], took[GROUP_SIZE][1:]


def _script(channel: int) -> Script:
    return Script(
        channel=channel,
        guild=1,
        owner=1,
        title="T",
        cast=[],
        preferences={"voice": "stage", "temperature": 1.0, "top_p": 1.0},
        running=True,
        head=None,
    )


def main(channels: tuple[int, ...] = (1, 4, 16, 64), turns: int = 128, rounds: int = 9) -> None:
    """Print the table.

    Args:
        channels: The numbers of channels that write at once.
        turns: The turns in a round.
        rounds: The number of rounds, at least 2.
    """
    print("channels  own flush, ms  shared, ms  ratio (quartiles)")
    for number in channels:
        with tempfile.TemporaryDirectory(dir=".") as folder:
            each, shared = asyncio.run(compare(Path(folder), number, max(turns, number), rounds))
        ratios = [separate / other for separate, other in zip(each, shared, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
        row = f"{number:8}  {statistics.median(each):13.2f}  {statistics.median(shared):10.2f}"
        print(f"{row}  {middle:5.2f} ({low:.2f}-{high:.2f})", flush=True)


if __name__ == "__main__":
    tyro.cli(main, prog="python -m tests.bench.flushes", description=__doc__)
