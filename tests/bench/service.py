"""Measure delays, reading, start, memory and idling of the bot, which people notice."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bot.inference.engine import Engine
from bot.inference.request import Request

from .speed import Lines, crowd, written

ROOT = Path(__file__).parents[2]

TICK = 0.001
"""The interval at which the event loop is checked [s]."""

SHORT_LINE = 60
"""The length of a line that is timed while other lines are written."""


async def loop_delays(engine: Engine, lines: Lines, rows: int, seconds: float) -> list[float]:
    """Measure repeatedly how late the event loop wakes a sleeping coroutine [s]."""
    delays: list[float] = []
    async with crowd(engine, lines, rows):
        last = time.perf_counter() + seconds
        while (began := time.perf_counter()) < last:
            await asyncio.sleep(TICK)
            delays.append(time.perf_counter() - began - TICK)
    return delays


async def short_lines(engine: Engine, lines: Lines, others: int, seconds: float) -> list[float]:
    """Measure repeatedly how long a short line takes while other lines are written [s].

    Lines that end early by themselves are left out.
    """
    times: list[float] = []
    async with crowd(engine, lines, others):
        last = time.perf_counter() + seconds
        while time.perf_counter() < last:
            line = await written(engine, lines.request(SHORT_LINE))
            if line.characters >= SHORT_LINE:
                times.append(line.ended - line.began)
    return times


async def reading(engine: Engine, script: str, characters: int) -> list[float]:
    """Measure how long the reading of a script's first characters takes [s]."""
    model = engine.model
    request = Request(model.start(), model.encode(script)[:characters])
    began = time.perf_counter()
    await engine.run(request)
    return [time.perf_counter() - began]


@dataclass(frozen=True)
class Started:
    """Measurements of a bot in a process of its own."""

    ready: float
    """The time from the start of the interpreter until the bot would connect [s]."""
    memory: int
    """Resident memory when the bot is ready [bytes]."""
    idle: float = 0.0
    """The share of one core that the bot uses while nobody writes."""


def started(voice: Path, threads: int, idle: float = 0.0) -> Started:
    """Start the bot with a voice and an empty database, and let it idle for some seconds."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "ONBOOK_DATABASE": str(Path(folder, "scripts.db")),
            "ONBOOK_MODELS": str(voice.resolve().parent),
            "ONBOOK_MODEL": voice.stem,
            "ONBOOK_THREADS": str(threads),
        }
        began = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-m", "tests.bench.started", str(idle)],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        ) as bot:
            assert bot.stdout is not None
            first = bot.stdout.readline()
            ready = time.perf_counter() - began
            rest = bot.stdout.read()
        if bot.returncode:
            raise RuntimeError("The bot did not start. Its error is printed above.")
        return Started(ready, **json.loads(first), **json.loads(rest or "{}"))
