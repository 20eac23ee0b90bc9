"""Test that stopping the bot finishes or keeps the lines that it is writing."""

import asyncio
import logging
import signal
from pathlib import Path

import pytest

from bot.app.client import Bot
from bot.interactions import services
from bot.settings import RunnerSettings
from tests.bot.conftest import count
from tests.bot.playing import begin_script, slow_down
from tests.bot.session_harness import run_sql
from tests.fake_discord.bot import bot_here
from tests.fake_discord.faults import Kind
from tests.fake_discord.people import Discord
from tests.fake_discord.processes import PATIENCE as LONGEST_END
from tests.fake_discord.processes import running_bot

POSTED = r"/channels/\d+/messages$"


def count_lines(path: Path) -> int:
    """Check the database that a bot left, and count its lines."""
    assert run_sql(path, "PRAGMA integrity_check") == [["ok"]]
    return count(path, "lines")


async def test_signal_finishes_lines_and_begins_none(
    bare_discord: Discord, voices: Path, tmp_path: Path
):
    guild = await bare_discord.guild("The Playhouse")
    channel, ann = await guild.channel("stage"), await guild.person("Ann")
    log = tmp_path / "log"
    settings = {"models": voices, "model": "tiny", "threads": 1, "line_length": 200}
    with running_bot(bare_discord.address, tmp_path, log, log_level="INFO", **settings) as bot:
        await bare_discord.bot_is_ready()
        begun = await begin_script(ann, channel)
        async with bare_discord.holding("POST", POSTED, most=1):
            asked = await ann.click(begun, "Continue")
            await bare_discord.until(lambda: bare_discord.held)
            bot.send_signal(signal.SIGINT)
            while "stopping" not in log.read_text():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            # A second signal does not end the bot halfway.
            bot.send_signal(signal.SIGTERM)
            late = await ann.slash(channel, "write", text="Rain.")
        await asked.is_done()
        assert await asyncio.to_thread(bot.wait, LONGEST_END) == 0
    await bare_discord.bot_is_gone()
    assert late.how is None
    assert count_lines(tmp_path / "onbook.db") == 2


async def test_bot_stops_even_if_discord_does_not_answer(
    bare_discord: Discord,
    chosen: RunnerSettings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    for wait in ("FINISH_SECONDS", "SHOW_SECONDS", "GIVE_UP_SECONDS"):
        monkeypatch.setattr(services, wait, 0.2)
    guild = await bare_discord.guild("The Playhouse")
    channel, ann = await guild.channel("stage"), await guild.person("Ann")
    async with bot_here(bare_discord.address, chosen) as bot:
        await bare_discord.bot_is_ready()
        begun = await begin_script(ann, channel)
        await bare_discord.fail(Kind.SILENCE, "POST", POSTED, most=1000)
        await ann.click(begun, "Continue")
        while len(await bot.services.sessions.get(channel.id).library.load_lines()) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await bare_discord.until(lambda: bare_discord.faults)
    assert count_lines(chosen.database) == 2
    mine = [record for record in caplog.records if record.name.startswith("onbook")]
    assert not [record for record in mine if record.levelno >= logging.ERROR]


async def remove_cogs(bot: Bot) -> None:
    for name in list(bot.cogs):
        await bot.remove_cog(name)


async def test_slow_turns_are_stopped_and_keep_their_lines(
    bare_discord: Discord, chosen: RunnerSettings, monkeypatch: pytest.MonkeyPatch
):
    guild = await bare_discord.guild("The Playhouse")
    channel = await guild.channel("stage")
    ann, ben, cid = [await guild.person(name) for name in ("Ann", "Ben", "Cid")]
    async with bot_here(bare_discord.address, chosen) as bot:
        await bare_discord.bot_is_ready()
        await slow_down(bot.services, monkeypatch)
        monkeypatch.setattr(services, "FINISH_SECONDS", 0.1)
        await begin_script(ann, channel)
        begun = await begin_script(cid, await guild.channel("elsewhere"))
        written = await ann.slash(channel, "continue", lines=10)
        await written.shows("Finished lines: 2")
        waiting = await ben.slash(channel, "continue", lines=10)
        await bare_discord.until(lambda: waiting.seen)
        # Remove the cogs as a closing bot does, while this bot stays connected.
        closing_down = asyncio.create_task(remove_cogs(bot))
        await asyncio.sleep(0)
        late = await cid.click(begun, "Continue")
        await closing_down
        await written.is_done()
        await waiting.shows("Stopped before the first line. Nothing was added.")
        assert late.answers() == []
    assert 4 <= count_lines(chosen.database) < 12
