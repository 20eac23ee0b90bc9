"""Measure what people notice of the bot, in seconds, bytes and shares of a core."""

from __future__ import annotations

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
"""Seconds for which the watcher of the event loop sleeps."""

SHORT_LINE = 60
"""Characters of a line that is timed while other lines are written."""


def loop_delays(engine: Engine, lines: Lines, rows: int, seconds: float) -> list[float]:
    """Measure how late the event loop wakes a coroutine that sleeps a moment, repeatedly [s]."""

    async def watch() -> list[float]:
        delays: list[float] = []
        async with crowd(engine, lines, rows):
            last = time.perf_counter() + seconds
            while (began := time.perf_counter()) < last:
                await asyncio.sleep(TICK)
                delays.append(time.perf_counter() - began - TICK)
        return delays

    return asyncio.run(watch())


def short_lines(engine: Engine, lines: Lines, others: int, seconds: float) -> list[float]:
    """Measure one line from the call to the text while other lines are written [s].

    Lines that end by themselves earlier are left out.
    """

    async def wait() -> list[float]:
        times: list[float] = []
        async with crowd(engine, lines, others):
            last = time.perf_counter() + seconds
            while time.perf_counter() < last:
                line = await written(engine, lines.request(SHORT_LINE))
                if line.characters >= SHORT_LINE:
                    times.append(line.ended - line.began)
        return times

    return asyncio.run(wait())


def reading(engine: Engine, script: str, characters: int) -> float:
    """Measure how long so many characters of a script take to read, alone [s]."""
    model = engine.model
    request = Request(model.start(), model.encode(script)[:characters])
    began = time.perf_counter()
    asyncio.run(_read(engine, request))
    return time.perf_counter() - began


async def _read(engine: Engine, request: Request) -> None:
    await engine.run(request)


@dataclass(frozen=True)
class Started:
    """Measurements of a bot in a process of its own."""

    ready: float
    """Seconds from the start of the interpreter until the bot would connect."""
    memory: int
    """Resident bytes when the bot is ready."""
    idle: float = 0.0
    """Share of one core that the bot used while nobody wrote."""
    memory_after_burst: int = 0
    """Resident bytes after 64 lines."""


def started(voice: Path, threads: int, idle: float = 0.0) -> Started:
    """Start the bot with a voice and an empty database, and then wait for so many seconds."""
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
            raise RuntimeError("the bot did not start: it says why above")
        return Started(ready, **json.loads(first), **json.loads(rest or "{}"))
