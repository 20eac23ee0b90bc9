"""Run the standalone bot on Discord until a signal stops it."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import aiohttp
import discord
from sqlalchemy import URL

from ..errors import RunnerError
from ..settings import RunnerSettings
from ..sharding import Shards
from ..storage.postgres.leases import LEASE_DURATION, Lease
from .allocator import limit_allocator
from .client import Bot

log = logging.getLogger("onbook.runner")

LOGIN_REFUSED = (
    "DISCORD_TOKEN is not a valid token. In the developer portal, press Reset Token on the bot's "
    "page, and put the new token in .env."
)

CONTENT_REFUSED = (
    "Discord refuses the message-content intent. Enable it on the bot's page in the developer "
    "portal, or unset ONBOOK_MESSAGE_CONTENT."
)

R = TypeVar("R")


async def run_on_discord(settings: RunnerSettings) -> None:
    """Run on Discord until SIGINT or SIGTERM; raise RunnerError, and what `Bot` raises."""
    token = read_token(settings)
    if not token:
        raise RunnerError(
            "DISCORD_TOKEN is not set. Put the bot's token in .env, or write without Discord: "
            "`onbook play` or `onbook write`."
        )
    limit_allocator()
    # What is imported is never freed, and looking at it stops the process for 150 ms each time.
    gc.collect()
    gc.freeze()
    end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with cancel_on_signal(end), translate_discord_errors():
        shards = settings.own_shards
        if shards is None or settings.message_content:
            shards = await _run_until(end, _choose_shards(settings, token))
        if shards is None:
            return
        if not isinstance(settings.database_location, URL):
            await _run_bot(Bot(settings, shards=shards), token, end)
            return
        async with Lease(
            settings.database_location, shards, lambda: _end_after_losing(shards, end)
        ) as lease:
            await _run_bot(Bot(settings, shards=shards, lease=lease), token, end)


def read_token(settings: RunnerSettings) -> str:
    """Return the bot's token, or ""; raise RunnerError for one that no request can carry."""
    token = settings.discord_token.get_secret_value().strip() if settings.discord_token else ""
    if not token.isprintable():
        raise RunnerError(LOGIN_REFUSED)
    return token


async def _choose_shards(settings: RunnerSettings, token: str) -> Shards:
    """Return the process's shards, or all that Discord recommends; raise RunnerError.

    The gateway is not asked for an intent that it would refuse, because each start after that would
    cost one of the sessions that Discord allows per day.
    """
    async with discord.Client(intents=discord.Intents(guilds=True)) as client:
        await client.login(token)
        flags = client.application_flags
        is_granted = flags.gateway_message_content or flags.gateway_message_content_limited
        if settings.message_content and not is_granted:
            raise RunnerError(CONTENT_REFUSED)
        if settings.own_shards:
            return settings.own_shards
        count, _, _ = await client.http.get_bot_gateway()
    return Shards.all_of(count)


async def _run_bot(bot: Bot, token: str, end: asyncio.Future[None]) -> None:
    """Run a bot from when it has its shards until ``end``; raise its error, but not on a signal.

    Metrics and health are served from the beginning: a process that waits for shards is alive, but
    not ready.
    """
    async with bot, bot.serve_metrics():
        await _run_until(end, bot.take_shards())
        if end.cancelled():
            return
        running = asyncio.create_task(bot.start(token))
        await asyncio.wait({running, end}, return_when=asyncio.FIRST_COMPLETED)
        if not end.done():
            await running
            return
        log.info("stopping: lines in progress are finished or given up")
        await bot.disconnect()
        running.cancel()
        # Here, where a second signal cannot interrupt it.
        await bot.close()
        # The task ends now even if discord.py was reconnecting and swallowed the cancellation.
        await asyncio.gather(running, return_exceptions=True)
        log.info("stopped")
    if not end.cancelled():
        end.result()


async def _run_until(end: asyncio.Future[None], work: Coroutine[Any, Any, R]) -> R | None:
    """Return the result of some work, or None if ``end`` comes first."""
    task = asyncio.create_task(work)
    either: set[asyncio.Future[Any]] = {task, end}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        return await task
    task.cancel()
    await asyncio.wait({task})
    return None


def _end_after_losing(shards: Shards, end: asyncio.Future[None]) -> None:
    """End a process that has lost its shards."""
    if not end.done():
        end.set_exception(
            RunnerError(
                f"This process has lost {shards}, because it did not reach the database for "
                f"{LEASE_DURATION:.0f} seconds. Start it again to take its shards back."
            )
        )


@contextmanager
def translate_discord_errors() -> Iterator[None]:
    """Raise RunnerError if Discord refuses the bot or cannot be reached."""
    try:
        yield
    except discord.LoginFailure:
        raise RunnerError(LOGIN_REFUSED) from None
    except discord.PrivilegedIntentsRequired:
        raise RunnerError(CONTENT_REFUSED) from None
    except discord.ConnectionClosed as error:
        match error.code:
            case 4004:  # the token is invalid
                raise RunnerError(LOGIN_REFUSED) from None
            case 4010 | 4011:  # the bot needs other shards
                raise RunnerError(
                    "Discord requires more shards for this bot. Unset ONBOOK_SHARDS, or raise the "
                    "total, as in 0-3/16."
                ) from None
        raise RunnerError(
            f"Discord closed the connection ({error.code}). Check Discord's status, then start "
            "again."
        ) from error
    except (aiohttp.ClientError, discord.DiscordException, OSError) as error:
        raise RunnerError(
            f"Discord cannot be reached ({type(error).__name__}). Check the network, then start "
            "again."
        ) from error


@contextmanager
def cancel_on_signal(task: asyncio.Future[None]) -> Iterator[None]:
    """Cancel a task or a future on SIGINT and SIGTERM."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    # Not the loop's own handlers, which Windows lacks.
    before = {
        number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(task.cancel))
        for number in numbers
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
