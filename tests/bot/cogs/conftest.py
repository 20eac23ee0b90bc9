"""Fixtures: the real bot in a process of its own, at the project's own Discord."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from unittest.mock import AsyncMock

import pytest

from bot.audio.table_read import TableRead
from tests.fake_discord.people import PATIENCE, Channel, Discord, Guild, Person
from tests.fake_discord.processes import UNLIMITED, fake_discord, running_bot


@pytest.fixture(scope="session")
def address(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a Discord with the bot; fail where the bot logs an error."""
    settings = {"models": voices, "model": "tiny", "threads": 1, "line_length": 200}
    settings |= {"quality": "quick", "look": "typewriter"}
    # Unlimited, because one person does more at once than the limits allow.
    settings |= UNLIMITED
    folder = tmp_path_factory.mktemp("bot")
    log = folder / "bot.log"
    with fake_discord(PATIENCE) as address, running_bot(address, folder, log, **settings):
        yield address
    assert "ERROR" not in log.read_text()


@pytest.fixture
async def discord(address: str) -> AsyncIterator[Discord]:
    """Yield that Discord to a test; fail where Discord refused the bot anything."""
    async with Discord(address) as discord:
        await discord.bot_is_ready()
        yield discord
        assert discord.refusals == []


@pytest.fixture
async def guild(discord: Discord) -> Guild:
    """Return a server of the test's own."""
    return await discord.guild("The Playhouse")


@pytest.fixture
async def channel(guild: Guild) -> Channel:
    return await guild.channel("stage")


@pytest.fixture
async def ann(guild: Guild) -> Person:
    return await guild.person("Ann")


@pytest.fixture
async def ben(guild: Guild) -> Person:
    return await guild.person("Ben")


@pytest.fixture
def record_table_read(monkeypatch: pytest.MonkeyPatch) -> AsyncMock:
    """Replace the table read of a closing card, because a real one takes a second."""
    record = AsyncMock(return_value=TableRead(b"mp3", 1.0, 0, 0))
    monkeypatch.setattr("bot.cogs.ending.record_table_read", record)
    return record
