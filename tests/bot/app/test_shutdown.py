"""Test what becomes of half-written lines when the bot is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.app.client import Bot
from bot.cogs import services
from bot.settings import RunnerSettings
from bot.storage.store import Store
from tests.bot.cogs.test_concurrency import begin, slow_down
from tests.fake_discord.bot import bot_here
from tests.fake_discord.faults import Kind
from tests.fake_discord.people import PATIENCE, Discord
from tests.fake_discord.processes import PATIENCE as LONGEST_END
from tests.fake_discord.processes import running_bot
from tests.fake_discord.server import served
from tests.fake_discord.state import World

POSTED = r"/channels/\d+/messages$"


@pytest.fixture
async def discord() -> AsyncIterator[Discord]:
    """Yield a Discord of the test's own."""
    async with served(World(PATIENCE)) as address, Discord(address) as discord:
        yield discord


@pytest.fixture
def settings(voices: Path) -> dict[str, Any]:
    """Return the settings of the bot."""
    return {"models": voices, "model": "tiny", "threads": 1, "line_length": 200}


def lines_in(path: Path) -> int:
    """Count the lines in the database that a bot left, after checking the file."""
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return int(database.execute("SELECT count(*) FROM lines").fetchone()[0])


async def test_lines_in_hand_are_finished_and_none_begun(
    discord: Discord, settings: dict[str, Any], tmp_path: Path
):
    guild = await discord.guild("The Playhouse")
    channel, ann = await guild.channel("stage"), await guild.person("Ann")
    log = tmp_path / "log"
    with running_bot(discord.address, tmp_path, log, log_level="INFO", **settings) as bot:
        await discord.bot_is_ready()
        begun = await begin(ann, channel)
        async with discord.holding("POST", POSTED, most=1):
            asked = await ann.click(begun, "Continue")
            await discord.until(lambda: discord.held)
            bot.send_signal(signal.SIGINT)
            await asyncio.to_thread(until_it_says, log, "stopping")
            # A second signal does not end the bot halfway.
            bot.send_signal(signal.SIGTERM)
            late = await ann.slash(channel, "write", text="Rain.")
        await asked.is_done()
        assert await asyncio.to_thread(bot.wait, LONGEST_END) == 0
    await discord.bot_is_gone()
    assert late.how is None
    assert lines_in(tmp_path / "onbook.db") == 2
    store = await Store.open(tmp_path / "onbook.db")
    await store.close()


def until_it_says(log: Path, words: str) -> None:
    """Wait until a log has these words."""
    while words not in log.read_text():
        time.sleep(0.02)


async def test_it_ends_although_discord_does_not_answer(
    discord: Discord,
    chosen: RunnerSettings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    for wait in ("FINISH_SECONDS", "SHOW_SECONDS", "GIVE_UP_SECONDS"):
        monkeypatch.setattr(services, wait, 0.2)
    guild = await discord.guild("The Playhouse")
    channel, ann = await guild.channel("stage"), await guild.person("Ann")
    async with bot_here(discord.address, chosen) as bot:
        await discord.bot_is_ready()
        begun = await begin(ann, channel)
        await discord.fail(Kind.SILENCE, "POST", POSTED, most=1000)
        await ann.click(begun, "Continue")
        while len(await bot.services.sessions.get(channel.id).library.load_lines()) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await discord.until(lambda: discord.faults)
    assert lines_in(chosen.database) == 2
    mine = [one for one in caplog.records if one.name.startswith("onbook")]
    assert not [one for one in mine if one.levelno >= logging.ERROR]


async def remove_cogs(bot: Bot) -> None:
    """Remove the cogs as a closing bot does, while this one goes on."""
    for name in list(bot.cogs):
        await bot.remove_cog(name)


async def test_what_takes_too_long_is_stopped_and_its_lines_are_kept(
    discord: Discord, chosen: RunnerSettings, monkeypatch: pytest.MonkeyPatch
):
    guild = await discord.guild("The Playhouse")
    channel = await guild.channel("stage")
    ann, ben, cid = [await guild.person(name) for name in ("Ann", "Ben", "Cid")]
    async with bot_here(discord.address, chosen) as bot:
        await discord.bot_is_ready()
        await slow_down(bot.services, monkeypatch)
        monkeypatch.setattr(services, "FINISH_SECONDS", 0.1)
        begun = await begin(ann, channel)
        button = begun.buttons["Continue"]
        written = await ann.slash(channel, "continue", lines=10)
        await written.shows("Finished lines: 2")
        waiting = await ben.slash(channel, "continue", lines=10)
        await discord.until(lambda: waiting.seen)
        closing_down = asyncio.create_task(remove_cogs(bot))
        await asyncio.sleep(0)
        late = await cid.click(begun, "Continue", custom_id=button)
        await closing_down
        await written.is_done()
        await waiting.shows("Stopped before the first line. Nothing was added.")
        assert late.answers() == []
    assert 3 <= lines_in(chosen.database) < 11
