"""The bot in a process of its own, without torch and without Discord: ``bench.started SECONDS``.

It starts as ``onbook run`` does, as far as that goes without a network, and says so in a line of
JSON; then it writes a burst of lines, idles for so many seconds, and says what that cost.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from bot.app.client import Bot
from bot.cogs import add_cogs
from bot.inference.engine import Engine
from bot.inference.request import Request
from bot.inference.sampling import Sampling
from bot.settings import read_runner_settings

BURST = 64
"""Lines that are written side by side before the idling."""

SETTLING = 1.0
"""Seconds between the burst and the idling."""


async def start(idle: float) -> None:
    """Load the bot, and idle for so many seconds unless there are none."""
    async with Bot(read_runner_settings()) as bot:
        services = await add_cogs(bot, bot.settings)
        _tell(memory=_resident())
        if idle:
            await _burst(await services.voices.engine(bot.settings.model))
            memory = _resident()
            await asyncio.sleep(SETTLING)
            _tell(memory_after_burst=memory, idle=await _busy_share(idle))


async def _burst(engine: Engine) -> None:
    model = engine.model
    newline = np.array([model.newline])
    requests = [Request(model.start(), newline, Sampling(seed), 300) for seed in range(BURST)]
    await asyncio.gather(*map(engine.run, requests))


async def _busy_share(seconds: float) -> float:
    """Return the processor time of all threads, as a share of one core."""
    began, used = time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    return (time.process_time() - used) / (time.perf_counter() - began)


def _resident() -> int:
    """Return the bytes of memory that are in use now (Linux)."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


def _tell(**found: float) -> None:
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    asyncio.run(start(float(sys.argv[1])))
