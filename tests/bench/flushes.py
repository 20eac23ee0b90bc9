"""``python -m tests.bench.flushes``: what it would gain to flush several channels' turns together.

Each turn of the bot is a transaction that is flushed to the disk. This writes the same turns into a
new database, one or several in a transaction, and prints turns/s, and how much of a turn the flush
is: the same with ``synchronous=OFF``, which flushes nothing, is the most that could be gained.
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

from bot import lineage
from bot.script import Element, Kind
from bot.store import Draft, Script, Store

STATE = 2_048
"""float32 numbers that a voice of 2 x 512 remembers."""

TOGETHER = (1, 4, 16)
"""Turns in a transaction."""


def draft(number: int) -> Draft:
    """A line of 100 characters, with its state and what each character cost."""
    words = f"{number:06} it rains on the roof of the diner, and nobody says a word of it."
    element = Element(Kind.ACTION, f"{words:.<100}")
    state = np.full(STATE, number, np.float32)
    return Draft(element, None, "stage", state, "f", {"seed": number}, np.ones(101, np.float32))


async def turns_per_second(folder: Path, turns: int, together: int, synchronous: str) -> float:
    """How many turns are written in a second, each in the channel whose turn it is."""
    store = await Store.open(folder / f"{together}-{synchronous}.db")
    scripts = [await store.begin(_script(channel)) for channel in range(together)]
    async with store._database.reading() as session:
        await session.execute(text(f"PRAGMA synchronous = {synchronous}"))
    began = time.perf_counter()
    for at in range(0, turns, together):
        async with store._database.writing() as session:
            for channel, script in enumerate(scripts):
                delivery = f"{at} {channel}"
                [line] = await lineage.hang(
                    session, script, script.head, [draft(at)], delivery, 0, 1
                )
                await lineage.move(session, script, line.id)
                script.head = line.id
    took = time.perf_counter() - began
    await store.close()
    return turns / took


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
    print("turns in a transaction  FULL, turns/s  OFF, turns/s")
    for together in TOGETHER:
        row = [f"{together:22}"]
        for mode in ("FULL", "OFF"):
            rates: list[float] = []
            for _ in range(options.repeats):
                with tempfile.TemporaryDirectory() as folder:
                    rates.append(
                        asyncio.run(turns_per_second(Path(folder), options.turns, together, mode))
                    )
            row.append(f"{statistics.median(rates):13.0f}")
        print("  ".join(row))


if __name__ == "__main__":
    main()
