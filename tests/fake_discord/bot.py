"""``python -m tests.fake_discord.bot ADDRESS HURRY``: run the real bot at the fake Discord.

Its leases run out so many times sooner, and Discord is told that much faster who its shards are. It
ends, as it does at a signal, when its standard input does.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.__main__ import main
from bot.app.client import SINGLE_SHARD, Bot
from bot.settings import RunnerSettings
from bot.sharding import Shards
from bot.storage.postgres import leases, timeouts

from .addresses import at
from .state import TOKEN


@asynccontextmanager
async def bot_here(
    address: str, chosen: RunnerSettings, shards: Shards = SINGLE_SHARD
) -> AsyncIterator[Bot]:
    """Yield the real bot in this process, for a test that must look inside."""
    with at(address):
        async with Bot(chosen, shards=shards) as bot:
            running = asyncio.create_task(bot.start(TOKEN))
            try:
                yield bot
            finally:
                running.cancel()
                # A discord.py that is reconnecting does not notice its cancellation.
                await bot.close()
                await asyncio.wait([running])
                if not running.cancelled():
                    await running


def _hurry(times: float) -> None:
    for name in ("LEASE_DURATION", "RENEWAL_INTERVAL", "IDENTIFY_INTERVAL"):
        setattr(leases, name, getattr(leases, name) / times)
    # Less than the renewal of a lease may take.
    timeouts.LOCK = round(timeouts.LOCK / times)


def _end_with_the_input() -> None:
    # Not through sys.stdin: its lock would block if the interpreter ended first.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_input, daemon=True).start()
    _, address, hurry = sys.argv
    _hurry(float(hurry))
    with at(address):
        sys.exit(main(["run"]))
