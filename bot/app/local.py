"""The same bot inside a simulated Discord, in a browser: no account, no token."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import threading
from collections.abc import Callable
from typing import cast

import discord
import simcord

from ..cogs import OnBook
from ..settings import RunnerSettings
from ..ui.components import COG
from .client import Bot, RunnerError, stopped_by_signal

log = logging.getLogger("onbook.local")

GUILD, CHANNEL, WRITERS = "The Playhouse", "stage", ("Ann", "Ben")
WRITERS_MAY = discord.Permissions(
    discord.Permissions.text().value, manage_channels=True, manage_guild=True
)
"""Everything that the bot asks for: it is their own page."""

PATIENCE = 600.0
"""Seconds that a command may take before the page calls it stuck."""


async def run(chosen: RunnerSettings, port: int) -> None:
    """Serves the page until Ctrl-C or until its session is ended there; raises RunnerError.

    Scripts are kept in the database that is set, so the next run goes on with them.
    """
    # A world knows no commands when it begins, whatever the last one was told.
    bot = Bot(chosen, always_sync=True)
    bot.onbook_later = _later
    world = simcord.Env(bot, check_errors=False, settle_timeout=PATIENCE)
    try:
        channel, writers = _furnish(world)
        await world.start()
        with world.time_context():
            await _show_last_page(bot, channel.id)
            await world.settle()
            await _serve(world, channel, writers, port)
    except simcord.SetupError as error:
        raise RunnerError(f"The page cannot be shown: {error}.") from error
    finally:
        await world.shutdown()
        await bot.close()


def _later(seconds: float, act: Callable[[], None]) -> threading.Timer:
    """A timer in a thread: for one of the event loop's, which it takes for work that has yet to be
    done, the page would wait."""
    loop = asyncio.get_running_loop()
    timer = threading.Timer(seconds, loop.call_soon_threadsafe, [act])
    timer.daemon = True
    timer.start()
    return timer


def _furnish(world: simcord.Env) -> tuple[simcord.ChannelHandle, list[simcord.MemberActor]]:
    """A guild, a channel and its writers; the channel has the same id in every run."""
    world.backend.bot_user.name = "On Book"
    guild = world.create_guild(GUILD)
    channel = guild.create_text_channel(CHANNEL)
    # After the channel, whose id must be the one that it had before there were roles.
    rights = guild.create_role("Writers", permissions=WRITERS_MAY)
    writers = [guild.add_member(world.create_user(name), roles=[rights]) for name in WRITERS]
    # The world begins in the same moment in every run, and ids are made from its clock: without
    # this, new interactions would bear the ids of those that were written down in the last run.
    behind = dt.datetime.now(dt.UTC) - world.now()
    world.backend.advance_clock(max(0.0, behind.total_seconds()))
    return channel, writers


async def _show_last_page(bot: Bot, channel: int) -> None:
    """What the last run left: the end of the script, with live buttons."""
    cog = cast("OnBook", bot.get_cog(COG))
    # The messages of the last run have gone with its world.
    await cog.store.posts.clear()
    place = bot.get_channel(channel)
    assert isinstance(place, discord.TextChannel)  # made above
    await cog.board.open_at(place)


async def _serve(
    world: simcord.Env,
    channel: simcord.ChannelHandle,
    writers: list[simcord.MemberActor],
    port: int,
) -> None:
    async with world.preview(channel, viewers=writers, layout="channel", port=port) as page:
        print(page.url, flush=True)
        log.info("write at the address above; Ctrl-C ends, and the script is kept")
        closed = asyncio.create_task(page.wait_closed())
        with stopped_by_signal(closed):
            await asyncio.wait([closed])
