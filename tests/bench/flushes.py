"""``python -m tests.bench.flushes``: what it gains that channels share the flushes of their turns.

Some channels write turns at once into a new database, each turn a transaction that is on the disk
when it ends: as the bot does it, and with a flush for each (``synchronous=FULL``). Both in turn, so
that a noisy machine is fair; it prints turns/s, medians of some rounds, and how they compare.
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
from sqlalchemy import text

from bot.flushes import Flushes
from bot.script import Element, Kind
from bot.store import Draft, Script, Store

STATE = 2_048
"""float32 numbers that a voice of 2 x 512 remembers."""

AT_ONCE = (1, 4, 16, 64)
"""Channels that write."""


def draft(number: int) -> Draft:
    """A line of 100 characters, with its state and what each character cost."""
    words = f"{number:06} it rains on the roof of the diner, and nobody says a word of it."
    element = Element(Kind.ACTION, f"{words:.<100}")
    state = np.full(STATE, number, np.float32)
    return Draft(element, None, "stage", state, "f", {"seed": number}, np.ones(101, np.float32))


async def turns_per_second(folder: Path, turns: int, channels: int, *, shared: bool) -> float:
    """How many turns are written in a second."""
    store = await Store.open(folder / "scripts.db")
    scripts = [await store.begin(_script(channel)) for channel in range(channels)]
    if not shared:
        async with store._database.reading() as session:
            await session.execute(text("PRAGMA synchronous = FULL"))
        store._database._flushes = _NoFlushes(folder)

    async def write(script: Script) -> None:
        for at in range(turns // channels):
            delivery = f"{script.channel} {at}"
            [line] = await store.append(script, script.head, [draft(at)], delivery, 0, 1)
            script.head = line.id

    began = time.perf_counter()
    await asyncio.gather(*map(write, scripts))
    took = time.perf_counter() - began
    await store.close()
    return turns // channels * channels / took


class _NoFlushes(Flushes):
    """For a database that flushes by itself."""

    async def flush(self) -> None:
        """Does nothing."""


def _script(channel: int) -> Script:
    return Script(
        channel=channel,
        guild=1,
        owner=1,
        title="T",
        cast=[],
        voice="stage",
        temperature=1.0,
        top_p=1.0,
        running=True,
        head=None,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    one = argparse.ArgumentParser(prog="python -m tests.bench.flushes", description=__doc__)
    one.add_argument("--turns", type=int, default=480, help="(%(default)s)")
    one.add_argument("--repeats", type=int, default=5, help="(%(default)s)")
    options = one.parse_args(arguments)
    print("channels  a flush each, turns/s  shared, turns/s  ratio")
    for channels in AT_ONCE:
        rates: dict[bool, list[float]] = {False: [], True: []}
        for number in range(options.repeats):
            for shared in (number % 2 == 0, number % 2 == 1):
                with tempfile.TemporaryDirectory() as folder:
                    once = turns_per_second(Path(folder), options.turns, channels, shared=shared)
                    rates[shared].append(asyncio.run(once))
        each, shared_rate = (statistics.median(rates[kind]) for kind in (False, True))
        print(f"{channels:8}  {each:21.0f}  {shared_rate:15.0f}  {shared_rate / each:5.2f}")


if __name__ == "__main__":
    main()
