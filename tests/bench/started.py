"""Measure the start of the bot without torch and Discord: ``tests.bench.started SECONDS``.

The bot starts as ``onbook run`` does, up to the connection, and prints a line of JSON. Then it
writes a burst of lines, idles for SECONDS, and prints its processor time.
"""

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
"""The number of lines that are written side by side before the bot idles."""

SETTLING = 1.0
"""The time between the burst and the measurement [s]."""


async def start(idle: float) -> None:
    """Start the bot, and let it idle for some seconds after a burst; 0 skips this part."""
    async with Bot(read_runner_settings()) as bot:
        services = await add_cogs(bot, bot.settings)
        _tell(memory=_resident())
        if idle:
            await _burst(await services.models.engine(bot.settings.model))
            await asyncio.sleep(SETTLING)
            _tell(idle=await _busy_share(idle))


async def _burst(engine: Engine) -> None:
    model = engine.model
    newline = np.array([model.newline])
    requests = [Request(model.start(), newline, Sampling(seed), 300) for seed in range(BURST)]
    await asyncio.gather(*map(engine.run, requests))


async def _busy_share(seconds: float) -> float:
    """Measure the processor time of all threads, as a share of one core."""
    began, used = time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    return (time.process_time() - used) / (time.perf_counter() - began)


def _resident() -> int:
    """Return the resident memory of this process [bytes] (Linux)."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


def _tell(**found: float) -> None:
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    asyncio.run(start(float(sys.argv[1])))
