"""Fixtures: the real bot in a process of its own, at the project's own Discord."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fake_discord.people import PATIENCE, Channel, Discord, Guild, Person
from tests.fake_discord.processes import UNLIMITED, fake_discord, running_bot


@pytest.fixture(scope="module")
def settings(voices: Path) -> dict[str, Any]:
    """Return the settings of the bot."""
    chosen = {"models": voices, "model": "tiny", "threads": 1, "line_length": 200}
    chosen |= {"quality": "quick", "look": "typewriter"}
    # Unlimited, because one person begins 16 scripts at once, and more.
    return chosen | UNLIMITED


@pytest.fixture(scope="module")
def address(settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a Discord with the bot; fail where the bot logs an error."""
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
    """Return a channel in the test's server."""
    return await guild.channel("stage")


@pytest.fixture
async def ann(guild: Guild) -> Person:
    """Return Ann, who writes."""
    return await guild.person("Ann")


@pytest.fixture
async def ben(guild: Guild) -> Person:
    """Return Ben, who writes too."""
    return await guild.person("Ben")
