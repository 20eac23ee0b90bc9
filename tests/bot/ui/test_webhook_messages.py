"""Test that the messages of characters are deleted when the bot says so.

The real bot plays at the project's own Discord, which withholds the content of these messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from discord import TextChannel

from bot.app.client import Bot
from bot.cogs import services, stale_messages
from bot.settings import RunnerSettings
from tests.bot.conftest import HEADING
from tests.bot.playing import begin_script, read_true_script
from tests.fake_discord.bot import bot_here
from tests.fake_discord.people import BOT_MAY, PATIENCE, Asked, Channel, Discord, Person
from tests.fake_discord.server import served
from tests.fake_discord.state import MANAGE_MESSAGES, MANAGE_WEBHOOKS, World

HELLO, SECRET = "MAYA\nHello.", "JONAS\nI hid the knife."

STAYS = "The old text is still visible in 1 message."


@dataclass
class Theatre:
    """The project's own Discord, in which bots with the same database come and go."""

    world: World
    discord: Discord
    channel: Channel
    ann: Person
    chosen: RunnerSettings

    @asynccontextmanager
    async def bot(self) -> AsyncIterator[Bot]:
        """Run a bot."""
        async with bot_here(self.discord.address, self.chosen) as bot:
            await self.discord.bot_is_ready()
            yield bot
        await self.discord.bot_is_gone()

    async def write(self, text: str) -> Asked:
        """Write lines as Ann."""
        asked = await self.ann.slash(self.channel, "write", text=text)
        await asked.is_done()
        return asked

    async def write_secret(self) -> None:
        """Begin a script with two lines."""
        await begin_script(self.ann, self.channel)
        await self.write("MAYA: Hello.\n\nJONAS: I hid the knife.")

    async def forget(self) -> Asked:
        """Forget Ann with her text."""
        asked = await self.ann.slash(self.channel, "privacy forget")
        question = await asked.shows("Remove your name")
        return await self.ann.click(question, "Forget me and my text")

    async def lose_webhook(self) -> None:
        """Delete the channel's webhook as a moderator who leaves its messages."""
        [webhook] = {one.webhook for one in self.channel.messages()} - {None}
        await self.discord.delete_webhook(webhook)

    async def grant(self, bot: Bot) -> None:
        """Deny the bot no permission, and wait until the bot knows."""
        await self.channel.deny()
        place = bot.get_channel(self.channel.id)
        assert isinstance(place, TextChannel)
        async with asyncio.timeout(PATIENCE):
            while not place.permissions_for(place.guild.me).manage_messages:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def shows(self, text: str) -> int:
        """Return how many messages of the channel show a text."""
        return sum(text in one.text for one in self.channel.messages())

    async def until_gone(self, text: str) -> None:
        """Wait until the channel shows a text no longer."""
        await self.discord.until(lambda: not self.shows(text), lambda: f"the end of {text}")


@pytest.fixture
async def theatre(chosen: RunnerSettings) -> AsyncIterator[Theatre]:
    """Yield a Discord whose channel denies the bot the permission to delete others' messages."""
    world = World(PATIENCE)
    async with served(world) as address, Discord(address) as discord:
        guild = await discord.guild("The Globe", BOT_MAY | MANAGE_WEBHOOKS | MANAGE_MESSAGES)
        channel, ann = await guild.channel("stage"), await guild.person("Ann")
        await channel.deny(manage_messages=True)
        characters = chosen.model_copy(update={"look": "characters"})
        yield Theatre(world, discord, channel, ann, characters)
        # Discord bans a bot that it has often refused for want of a permission.
        assert not [one for one in discord.refusals if "Missing Permissions" in one]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the waits for what never ends."""
    for name in ("FINISH_SECONDS", "SHOW_SECONDS", "GIVE_UP_SECONDS"):
        monkeypatch.setattr(services, name, 0.1)


# What is removed


async def test_a_webhooks_token_removes_text_without_a_permission(theatre: Theatre):
    async with theatre.bot():
        await theatre.write_secret()
        await theatre.channel.deny(manage_messages=True, manage_webhooks=True)
        await (await theatre.ann.slash(theatre.channel, "undo")).is_done()
        await theatre.until_gone("knife")
        assert await read_true_script(theatre.ann, theatre.channel) == [HEADING, HELLO]
        edited = await theatre.ann.slash(theatre.channel, "script edit", line=2)
        await (await theatre.ann.submit_modal(edited, {"Text": "MAYA: Bye."})).is_done()
        await theatre.until_gone("Hello")
        told = await (await theatre.forget()).shows("You are forgotten.")
        await theatre.until_gone("Bye")
        assert "visible" not in told.content


async def test_the_text_of_a_deleted_webhook_stays_until_the_bot_may_delete_it(theatre: Theatre):
    async with theatre.bot() as bot:
        await theatre.write_secret()
        await theatre.lose_webhook()
        undone = await theatre.ann.slash(theatre.channel, "undo")
        await undone.shows(STAYS)
        assert theatre.shows("knife") == 1
        written = await theatre.write("MAYA: Bye.")
        await theatre.discord.until(lambda: not written.answers())  # nobody is told twice
        await bot.services.stale.redraw()
        assert theatre.shows("knife") == 1
        await theatre.grant(bot)
        await bot.services.stale.redraw()
        assert theatre.shows("knife") == 0
        lines = [HEADING, HELLO, "MAYA\nBye."]
        assert await read_true_script(theatre.ann, theatre.channel) == lines


async def test_text_that_stays_is_removed_after_restarts(theatre: Theatre):
    async with theatre.bot():
        await theatre.write_secret()
    await theatre.channel.deny(manage_messages=True, manage_webhooks=True)
    async with theatre.bot():
        await (await theatre.ann.slash(theatre.channel, "undo")).shows(STAYS)
    await theatre.channel.deny(manage_messages=True)
    async with theatre.bot():
        await theatre.until_gone("knife")
        assert await read_true_script(theatre.ann, theatre.channel) == [HEADING, HELLO]


async def test_a_rewritten_text_of_a_deleted_webhook_is_not_called_removed(theatre: Theatre):
    async with theatre.bot() as bot:
        await theatre.write_secret()
        await theatre.lose_webhook()
        edited = await theatre.ann.slash(theatre.channel, "script edit", line=2)
        rewritten = await theatre.ann.submit_modal(edited, {"Text": "MAYA: Bye."})
        await rewritten.shows("The old text is still visible in 2 messages.")
        await theatre.grant(bot)
        await bot.services.stale.redraw()
        lines = [HEADING, "MAYA\nBye.", SECRET]
        assert await read_true_script(theatre.ann, theatre.channel) == lines


async def test_forgotten_text_of_a_deleted_webhook_is_not_called_removed(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stale_messages, "BATCH_SIZE", 1)
    async with theatre.bot() as bot:
        await theatre.write_secret()
        await theatre.lose_webhook()
        await (await theatre.ann.slash(theatre.channel, "undo")).shows(STAYS)
        await theatre.write("MAYA: Bye.")
        told = await (await theatre.forget()).shows("The old text is still visible in 3 messages.")
        assert told.content.startswith("You are forgotten.")
        assert (theatre.shows("knife"), theatre.shows("Bye")) == (1, 0)
        await theatre.grant(bot)
        await bot.services.stale.redraw()
        assert (theatre.shows("Hello"), theatre.shows("knife")) == (0, 0)


async def test_text_that_a_moderator_has_deleted_is_not_called_visible(theatre: Theatre):
    async with theatre.bot():
        await theatre.write_secret()
        await theatre.lose_webhook()
        [message] = [one for one in theatre.channel.messages() if "knife" in one.text]
        await theatre.discord.delete(message)
        undone = await theatre.ann.slash(theatre.channel, "undo")
        await undone.is_done()
        await theatre.discord.until(lambda: not undone.answers())
        assert await read_true_script(theatre.ann, theatre.channel) == [HEADING, HELLO]
