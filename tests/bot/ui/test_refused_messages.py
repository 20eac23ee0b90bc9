"""Test what people see of lines that Discord refuses however often they are sent.

The real bot plays at the project's own Discord, in the default look.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bot.settings import RunnerSettings
from tests.bot.conftest import HEADING
from tests.bot.playing import read_true_script
from tests.fake_discord.bot import bot_here
from tests.fake_discord.people import BOT_MAY, PATIENCE, Channel, Discord, Message, Person
from tests.fake_discord.server import served
from tests.fake_discord.state import MANAGE_WEBHOOKS, World

NAMES = ["EVERYONE", "HERE", "CLYDE", "DISCORDIA", "\uff28\uff25\uff32\uff25", "THERE", "X" * 40]
"""Names of characters, all but the last two of which no webhook may have."""


@pytest.fixture
def chosen(chosen: RunnerSettings) -> RunnerSettings:
    """Return settings with the look *characters*."""
    return chosen.model_copy(update={"look": "characters"})


@pytest.fixture
async def discord() -> AsyncIterator[Discord]:
    """Start a Discord without a bot."""
    async with served(World(PATIENCE)) as address, Discord(address) as discord:
        yield discord


@dataclass
class Play:
    """A channel in which the bot may manage webhooks, and a person who writes there."""

    ann: Person
    channel: Channel

    @classmethod
    async def begin(cls, discord: Discord, title: str = "The Diner") -> Play:
        """Begin a script with a heading."""
        guild = await discord.guild("The Globe", BOT_MAY | MANAGE_WEBHOOKS)
        play = cls(await guild.person("Ann"), await guild.channel("stage"))
        asked = await play.ann.slash(play.channel, "start", title=title, heading=HEADING)
        await asked.is_done()
        return play

    async def write(self, text: str) -> None:
        """Write lines, and wait for the bot."""
        await (await self.ann.slash(self.channel, "write", text=text)).is_done()

    async def check(self, lines: int) -> list[Message]:
        """Check that the channel shows so many lines, and return their messages."""
        assert len(await read_true_script(self.ann, self.channel)) == lines
        return [one for one in self.channel.messages() if one.is_line]


async def test_every_name_is_shown_before_and_after_a_restart(
    discord: Discord, chosen: RunnerSettings
):
    async with bot_here(discord.address, chosen):
        await discord.bot_is_ready()
        play = await Play.begin(discord, "Everyone")
        for name in NAMES:
            await play.write(f"{name}: I am.")
        await play.check(1 + len(NAMES))
    async with bot_here(discord.address, chosen):
        await discord.bot_is_ready()
        await play.write("HERE: So am I.\n\nRain.")
        shown = await play.check(1 + len(NAMES) + 2)
    assert all(one.webhook for one in shown)
    assert discord.refusals == []
