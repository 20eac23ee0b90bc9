"""Run the real bot at the fake Discord."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from multiprocessing.connection import Connection, wait
from pathlib import Path
from unittest.mock import patch

import discord
import yarl

from bot.__main__ import main
from bot.app.client import SINGLE_SHARD, Bot
from bot.inference import sandbox
from bot.settings import RunnerSettings
from bot.sharding import Shards
from bot.storage.postgres import leases, timeouts

from .state import TOKEN

GUILD_READY_TIMEOUT = 0.5
"""Seconds for which discord.py waits for another server before a bot is ready, instead of 2."""


@contextmanager
def at(address: str) -> Iterator[None]:
    """Point discord.py at this address, and shorten its wait for servers."""
    socket = yarl.URL(address.replace("http", "ws", 1) + "/")
    timeout = property(lambda _: GUILD_READY_TIMEOUT, lambda _one, _seconds: None)
    with (
        patch.object(discord.state.ConnectionState, "guild_ready_timeout", timeout, create=True),
        patch.object(discord.http.Route, "BASE", f"{address}/api/v10"),
        patch.object(discord.asset.Asset, "BASE", address),
        patch.object(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", socket),
    ):
        yield


@asynccontextmanager
async def started(bot: discord.Client) -> AsyncIterator[None]:
    """Start a bot in this process, and close it at the end."""
    running = asyncio.create_task(bot.start(TOKEN))
    try:
        yield
    finally:
        running.cancel()
        # A discord.py that is reconnecting does not notice its cancellation.
        await bot.close()
        await asyncio.wait([running])
        if not running.cancelled():
            await running


@asynccontextmanager
async def bot_here(
    address: str, chosen: RunnerSettings, shards: Shards = SINGLE_SHARD
) -> AsyncIterator[Bot]:
    """Yield the real bot in this process, for a test that looks inside."""
    with at(address):
        async with Bot(chosen, shards=shards) as bot, started(bot):
            yield bot


def run_bot(
    caller: Connection,
    address: str,
    folder: Path,
    log: Path | None,
    hurry: float,
    first: Callable[[], object] | None,
    environment: Mapping[str, str],
) -> None:
    """Run the bot in this process until a signal comes or the connection to the caller closes.

    The list of files beside its voices counts as that of the shipped voices. Its leases expire, and
    its shards identify, ``hurry`` times sooner. ``first`` is called before the bot starts.
    """
    enter(folder, environment)
    if models := environment.get("ONBOOK_MODELS"):
        sandbox.SHIPPED_FILES = Path(models) / "SHA256SUMS"
    if log:
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), sys.stderr.fileno())
    for name in ("LEASE_DURATION", "RENEWAL_INTERVAL", "IDENTIFY_INTERVAL"):
        setattr(leases, name, getattr(leases, name) / hurry)
    # A renewal must wait for a lock no longer than a lease lasts.
    timeouts.LOCK = round(timeouts.LOCK / hurry)

    def end_with_the_caller() -> None:
        wait([caller])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end_with_the_caller, daemon=True).start()
    if first:
        first()
    with at(address):
        sys.exit(main(["run"]))


def run_command(
    caller: Connection, folder: Path, arguments: Sequence[str], environment: Mapping[str, str]
) -> None:
    """Run a command in this process, and send its exit code, its output and its errors."""
    enter(folder, environment)
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as errors:
        code = main(arguments)
    caller.send((code, out.getvalue(), errors.getvalue()))


def enter(folder: Path, environment: Mapping[str, str]) -> None:
    """Change to a folder and an environment, as if the process had been started there."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
