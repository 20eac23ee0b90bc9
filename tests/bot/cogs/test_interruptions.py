"""Test turns whose channel, or the bot's access to it, or the database is lost in the middle."""

import asyncio
import gc
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from typing import Any

import pytest

from bot.settings import RunnerSettings
from tests.bot.conftest import Inside
from tests.bot.playing import begin_script, read_true_script
from tests.fake_discord.people import BOT_MAY, Channel, Message, Person
from tests.fake_discord.state import MANAGE_WEBHOOKS

Act = Callable[[Person, Channel, Message], Awaitable[Any]]

HELD = ["/callback$", r"/messages$|/webhooks/\d+/[^/]+$"]
"""The requests that are on their way: the first answers, or the messages after them."""

POSTING = 6
"""How many of the acts post a message: the first ones."""

ACTS: list[Act] = [
    lambda ann, channel, _: ann.slash(channel, "write", text="Rain."),
    lambda ann, channel, panel: ann.write(channel, "Rain.", reply_to=panel),
    lambda ann, channel, _: ann.slash(channel, "continue", lines=2),
    lambda ann, channel, _: ann.slash(channel, "continue", takes=2, vote=600),
    lambda ann, channel, _: ann.slash(channel, "script fork", title="Roof"),
    lambda ann, _, panel: ann.click(panel, "Continue"),
    lambda ann, _, panel: ann.click(panel, "Write"),
    lambda ann, _, panel: ann.click(panel, "More…"),
    lambda ann, channel, _: ann.slash(channel, "undo"),
    lambda ann, channel, _: ann.slash(channel, "cast", add="MAYA"),
    lambda ann, channel, _: ann.slash(channel, "settings", setting="takes", value="2"),
    lambda ann, channel, _: ann.slash(channel, "script show"),
    lambda ann, channel, _: ann.slash(channel, "script list"),
    lambda ann, channel, _: ann.slash(channel, "script stats", what="replay"),
    lambda ann, channel, _: ann.slash(channel, "start"),
]
"""What people do, each in a channel of its own."""


def find_unexpected(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the log has that is an error, or longer than a line."""
    gc.collect()  # because asyncio logs the error of a task when nobody can await it any more
    said = [(record, caplog.handler.format(record)) for record in caplog.records]
    return [text for record, text in said if "\n" in text or record.levelno >= logging.ERROR]


@asynccontextmanager
async def acting(inside: Inside, held: str) -> AsyncIterator[list[tuple[Channel, Any]]]:
    """Do all acts, hold the bot's requests with this path, and wait for the end of them all."""
    inside.services.messages._look = "characters"
    guild, ann = await inside.discord.guild("The Globe", BOT_MAY | MANAGE_WEBHOOKS), inside.ann
    channels = [await guild.channel("stage") for _ in ACTS]
    panels = await asyncio.gather(*(begin_script(ann, channel) for channel in channels))
    acts = zip(ACTS, channels, panels, strict=True)
    async with inside.discord.holding("POST", held):
        asked = await asyncio.gather(*(act(ann, channel, panel) for act, channel, panel in acts))
        await inside.discord.until(lambda: inside.discord.held >= POSTING)
        yield list(zip(channels, asked, strict=True))
    idle = 0  # how often in a row the bot did nothing
    while idle < 5:
        await asyncio.sleep(0.05)
        idle = 0 if inside.services.in_flight.tasks else idle + 1


@pytest.mark.parametrize("loses", ["the channel", "access"])
@pytest.mark.parametrize("held", HELD)
async def test_a_place_that_is_lost_in_the_middle_takes_no_traceback(
    inside: Inside, caplog: pytest.LogCaptureFixture, held: str, loses: str
):
    async with acting(inside, held) as acts:
        for channel, _ in acts:
            await (channel.delete() if loses == "the channel" else channel.deny(view_channel=True))
    assert find_unexpected(caplog) == []
    inside.discord.refusals.clear()


async def lock(database: sqlite3.Connection) -> None:
    """Lock a database once the bot is not writing, which waiting here would keep it from ending."""
    while not database.in_transaction:
        with suppress(sqlite3.OperationalError):
            database.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(0)


@pytest.mark.parametrize("held", HELD)
async def test_a_database_that_is_locked_in_the_middle_takes_a_line_of_log(
    inside: Inside, caplog: pytest.LogCaptureFixture, chosen: RunnerSettings, held: str
):
    with closing(sqlite3.connect(chosen.database, timeout=0)) as other:
        async with acting(inside, held) as [(channel, written), *_]:
            await lock(other)
    assert {record.name for record in caplog.records if record.levelno >= logging.WARNING} == {
        "onbook.database"
    }
    assert all("\n" not in text for text in find_unexpected(caplog))
    if held == HELD[0]:
        told = await written.shows("Another program is using the database")
        assert "Rain." in told.content
    else:
        await written.shows("The script has changed, but that could not")
    await (await inside.ann.slash(channel, "write", text="Snow.")).is_done()
    assert (await read_true_script(inside.ann, channel))[-1] == "Snow."
    inside.discord.refusals.clear()
