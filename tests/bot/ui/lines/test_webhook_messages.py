"""Test that the messages of characters are deleted when the bot says so, and stand once.

The real bot plays at the project's own Discord, which withholds the content of these messages.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

import pytest
from aiohttp import ClientSession
from discord import TextChannel

from bot.audio.table_read import TableRead
from bot.cogs import listening
from bot.interactions import in_flight, services
from bot.interactions.services import CogServices
from bot.session.turn import Requester, ScriptPosition
from bot.settings import RunnerSettings
from bot.ui.background import stale_messages
from bot.ui.delivery import sending
from bot.ui.lines import line_messages
from tests.bot.conftest import HEADING
from tests.bot.playing import ask_to_forget, begin_script, read_true_script
from tests.fake_discord.bot import bot_here
from tests.fake_discord.faults import Kind
from tests.fake_discord.people import (
    BOT_MAY,
    PATIENCE,
    Asked,
    Channel,
    Discord,
    Guild,
    Message,
    Person,
)
from tests.fake_discord.server import served
from tests.fake_discord.state import MANAGE_MESSAGES, MANAGE_WEBHOOKS, Webhook, World

EXECUTE, WEBHOOKS = r"/webhooks/\d+/[^/]+$", r"/channels/\d+/webhooks$"
"""The paths at which a webhook posts, and at which webhooks are listed and made."""

CHANGE = r"/webhooks/\d+/[^/]+/messages/\d+$"
"""The path at which a webhook edits and deletes."""

HELLO, SECRET = "MAYA\nHello.", "JONAS\nI hid the knife."

STAYS = "The old text is still visible in 1 message."


@dataclass
class Theatre:
    """The project's own Discord, in which bots with the same database come and go."""

    world: World
    discord: Discord
    guild: Guild
    channel: Channel
    ann: Person
    chosen: RunnerSettings
    services: CogServices = field(init=False)
    """The services of the newest bot."""

    @asynccontextmanager
    async def bot(self) -> AsyncIterator[None]:
        """Run a bot."""
        async with bot_here(self.discord.address, self.chosen) as bot:
            await self.discord.bot_is_ready()
            self.services = bot.services
            yield
        await self.discord.bot_is_gone()

    async def write(self, text: str) -> Asked:
        """Write lines as Ann."""
        asked = await self.ann.slash(self.channel, "write", text=text)
        await asked.is_done()
        return asked

    async def write_secret(self) -> None:
        """Write two lines."""
        await self.write("MAYA: Hello.\n\nJONAS: I hid the knife.")

    async def forget(self) -> Asked:
        """Forget Ann with her text."""
        question = await ask_to_forget(self.ann, self.channel)
        return await self.ann.click(question, "Forget me and my text")

    async def lose_process(self, text: str) -> None:
        """Write a line that is posted, but not recorded before the bot ends."""
        await self.discord.fail(Kind.SILENCE, "POST", EXECUTE, heard=True)
        await self.ann.slash(self.channel, "write", text=text)
        await self.discord.until(lambda: self.discord.faults)

    async def assert_stands_once(self, text: str) -> None:
        """Assert that the next bot posts a line again, and deletes what a lost bot has posted."""
        async with self.bot():
            await self.discord.until(lambda: self.posted(text) == 2 and len(self.panels()) == 1)
            assert self.shows(text) == 1
            assert await self.lines() == [HEADING, HELLO]

    async def lose_webhook(self) -> None:
        """Delete the channel's webhook as a moderator who leaves its messages."""
        [webhook] = {message.webhook for message in self.channel.messages()} - {None}
        await self.discord.delete_webhook(webhook)

    def renew_token(self) -> None:
        """Give the only webhook another token."""
        [webhook] = self.world.webhooks.values()
        webhook.token = token_hex()

    async def grant(self) -> None:
        """Deny the bot no permission, and wait until the bot knows."""
        await self.channel.deny()
        place = self.services.bot.get_channel(self.channel.id)
        assert isinstance(place, TextChannel)
        async with asyncio.timeout(PATIENCE):
            while not place.permissions_for(place.guild.me).manage_messages:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def post(self, webhook: Webhook, text: str) -> None:
        """Post a message by a webhook that is not On Book's."""
        self.world.webhooks[webhook.id] = webhook
        url = f"{self.discord.address}/api/v10/webhooks/{webhook.id}/{webhook.token}"
        async with ClientSession() as session, session.post(url, json={"content": text}) as posted:
            posted.raise_for_status()

    async def rewrite(self, text: str) -> Asked:
        """Rewrite the second line as Ann."""
        offer = await self.ann.slash(self.channel, "script edit", line="2")
        asked = await self.ann.click(await offer.shows("MAYA"), "Rewrite this line")
        return await self.ann.submit_modal(asked, {"Text": text})

    async def lines(self) -> list[str]:
        """Return the lines of the script, once the channel shows them."""
        return await read_true_script(self.ann, self.channel)

    def posted(self, text: str) -> int:
        """Return how many messages of the channel show a text, or did."""
        return sum(text in entry.text for entry in self.channel.timeline())

    def shows(self, text: str) -> int:
        """Return how many messages of the channel show a text."""
        return sum(text in message.text for message in self.channel.messages())

    def panels(self) -> list[Message]:
        """Return the messages with the buttons of a script."""
        return [message for message in self.channel.messages() if message.is_panel]

    async def until_gone(self, text: str) -> None:
        """Wait until the channel shows a text no longer."""
        await self.discord.until(lambda: not self.shows(text), lambda: f"the end of {text}")


@pytest.fixture
async def dark(chosen: RunnerSettings) -> AsyncIterator[Theatre]:
    """Yield a Discord whose channel denies the bot the permission to delete others' messages."""
    world = World(PATIENCE)
    async with served(world) as address, Discord(address) as discord:
        guild = await discord.guild("The Globe", BOT_MAY | MANAGE_WEBHOOKS | MANAGE_MESSAGES)
        channel, ann = await guild.channel("stage"), await guild.person("Ann")
        await channel.deny(manage_messages=True)
        characters = chosen.model_copy(update={"look": "characters"})
        yield Theatre(world, discord, guild, channel, ann, characters)
        # Discord bans a bot that it has often refused for want of a permission.
        assert not [refusal for refusal in discord.refusals if "Missing Permissions" in refusal]


@pytest.fixture
async def theatre(dark: Theatre) -> AsyncIterator[Theatre]:
    """Begin a script there, with a bot that runs until the test ends."""
    async with dark.bot():
        await begin_script(dark.ann, dark.channel)
        yield dark


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the waits for what never ends."""
    for name in ("FINISH_SECONDS", "SHOW_SECONDS", "GIVE_UP_SECONDS"):
        monkeypatch.setattr(services, name, 0.1)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the wait for a webhook's answer."""
    monkeypatch.setattr(line_messages, "POST_SECONDS", 0.5)


# What is removed


async def test_a_webhooks_token_removes_text_without_a_permission(theatre: Theatre):
    await theatre.write_secret()
    await theatre.channel.deny(manage_messages=True, manage_webhooks=True)
    await (await theatre.ann.slash(theatre.channel, "undo")).is_done()
    await theatre.until_gone("knife")
    assert await theatre.lines() == [HEADING, HELLO]
    await (await theatre.rewrite("MAYA: Bye.")).is_done()
    await theatre.until_gone("Hello")
    told = await (await theatre.forget()).shows("You are forgotten.")
    await theatre.until_gone("Bye")
    assert "visible" not in told.content


async def test_the_text_of_a_deleted_webhook_stays_until_the_bot_may_delete_it(theatre: Theatre):
    await theatre.write_secret()
    await theatre.lose_webhook()
    await (await theatre.ann.slash(theatre.channel, "undo")).shows(STAYS)
    assert theatre.shows("knife") == 1
    written = await theatre.write("MAYA: Bye.")
    await theatre.discord.until(lambda: not written.answers())  # nobody is told twice
    await theatre.services.stale.redraw()
    assert theatre.shows("knife") == 1
    await theatre.grant()
    await theatre.services.stale.redraw()
    assert theatre.shows("knife") == 0
    assert await theatre.lines() == [HEADING, HELLO, "MAYA\nBye."]


async def test_text_that_stays_is_removed_after_restarts(dark: Theatre):
    async with dark.bot():
        await begin_script(dark.ann, dark.channel)
        await dark.write_secret()
    await dark.channel.deny(manage_messages=True, manage_webhooks=True)
    async with dark.bot():
        await (await dark.ann.slash(dark.channel, "undo")).shows(STAYS)
    await dark.channel.deny(manage_messages=True)
    async with dark.bot():
        await dark.until_gone("knife")
        assert await dark.lines() == [HEADING, HELLO]


async def test_a_rewritten_text_of_a_deleted_webhook_is_not_called_removed(theatre: Theatre):
    await theatre.write_secret()
    await theatre.lose_webhook()
    rewritten = await theatre.rewrite("MAYA: Bye.")
    await rewritten.shows("The old text is still visible in 2 messages.")
    await theatre.grant()
    await theatre.services.stale.redraw()
    assert await theatre.lines() == [HEADING, "MAYA\nBye.", SECRET]


async def test_forgotten_text_of_a_deleted_webhook_is_not_called_removed(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stale_messages, "BATCH_SIZE", 1)
    await theatre.write_secret()
    await theatre.lose_webhook()
    await (await theatre.ann.slash(theatre.channel, "undo")).shows(STAYS)
    await theatre.write("MAYA: Bye.")
    told = await (await theatre.forget()).shows("The old text is still visible in 3 messages.")
    assert told.content.startswith("You are forgotten.")
    assert (theatre.shows("knife"), theatre.shows("Bye")) == (1, 0)
    await theatre.grant()
    await theatre.services.stale.redraw()
    assert (theatre.shows("Hello"), theatre.shows("knife")) == (0, 0)


async def test_text_that_a_moderator_has_deleted_is_not_called_visible(theatre: Theatre):
    await theatre.write_secret()
    await theatre.lose_webhook()
    [message] = [message for message in theatre.channel.messages() if "knife" in message.text]
    await theatre.discord.delete(message)
    undone = await theatre.ann.slash(theatre.channel, "undo")
    await undone.is_done()
    await theatre.discord.until(lambda: not undone.answers())
    assert await theatre.lines() == [HEADING, HELLO]


async def test_messages_that_cannot_be_edited_are_replaced_in_a_loop(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
):
    await theatre.grant()
    session = theatre.services.sessions.get(theatre.channel.id)
    shown = theatre.services.messages.line_messages
    edit, depths = shown.edit, list[int]()

    async def jump(line: int) -> None:
        script = await session.library.load_script()
        requester = Requester(theatre.ann.id, "Ann", f"jump to {line}")
        await session.history.jump_to(requester, ScriptPosition(script.id, line))

    async def edit_deep(*how: Any) -> bool:
        depths.append(len(inspect.stack(0)))
        return await edit(*how)

    await theatre.write_secret()
    heading, *_, secret = await session.library.load_lines()
    await jump(heading.id)
    await theatre.write("MAYA: Bye.\n\nMAYA: Wait!")
    await theatre.lose_webhook()
    monkeypatch.setattr(shown, "edit", edit_deep)
    await jump(secret.id)
    await theatre.write("Rain.")
    assert await theatre.lines() == [HEADING, HELLO, SECRET, "Rain."]
    assert len(depths) == 2
    assert len(set(depths)) == 1  # else hundreds of messages would exceed Python's limit


# What is posted


async def test_a_slow_post_is_not_repeated(theatre: Theatre, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sending, "REQUEST_TIMEOUT", 0.3)
    async with theatre.discord.holding("POST", EXECUTE):
        asked = await theatre.ann.slash(theatre.channel, "write", text="MAYA: Hello.")
        await theatre.discord.until(lambda: theatre.discord.held)
        await asyncio.sleep(2.0)  # because nothing is to happen
    await asked.is_done()
    assert theatre.discord.held == theatre.posted("Hello") == 1
    assert line_messages.POST_SECONDS > 20  # Discord has taken that long


async def test_a_post_that_is_carried_out_late_is_removed(theatre: Theatre, impatient: None):
    async with theatre.discord.holding("POST", EXECUTE, most=1, kind=Kind.LATE):
        await theatre.write("MAYA: Hello.")
        assert theatre.posted("Hello") == 1
    await theatre.discord.until(lambda: theatre.posted("Hello") == 2)
    await theatre.discord.until(lambda: theatre.shows("Hello") == 1)
    assert await theatre.lines() == [HEADING, HELLO]


async def test_a_post_that_is_carried_out_after_a_restart_is_removed(dark: Theatre):
    discord = dark.discord
    async with dark.bot():
        await begin_script(dark.ann, dark.channel)
        await discord.fail(Kind.LATE, "POST", EXECUTE)
        await dark.ann.slash(dark.channel, "write", text="MAYA: Hello.")
        await discord.until(lambda: discord.held)
    async with dark.bot():
        await discord.until(lambda: dark.shows("Hello") and len(dark.panels()) == 1)
        await discord.mend()
        await discord.until(lambda: dark.posted("Hello") == 2)
        await discord.until(lambda: dark.shows("Hello") == 1)
        assert await dark.lines() == [HEADING, HELLO]


async def test_a_post_of_a_lost_process_is_found_below_much_chat(dark: Theatre):
    async with dark.bot():
        await begin_script(dark.ann, dark.channel)
        for number in range(120):
            await dark.ann.write(dark.channel, f"Number {number}.")
        await dark.lose_process("MAYA: Hello.")
    await dark.assert_stands_once("Hello")


async def test_a_post_of_a_lost_process_is_found_though_its_webhook_is_not_at_once(dark: Theatre):
    async with dark.bot():
        await begin_script(dark.ann, dark.channel)
        await dark.lose_process("MAYA: Hello.")
    await dark.discord.fail(Kind.STATUS, "GET", WEBHOOKS, status=503)
    await dark.assert_stands_once("Hello")


async def test_a_late_post_of_which_no_bot_hears_is_removed_by_the_next_turn(
    theatre: Theatre, impatient: None
):
    discord = theatre.discord
    await discord.fail(Kind.LATE, "POST", EXECUTE)
    async with discord.holding("POST", r"/channels/\d+/messages$", most=1):
        asked = await theatre.ann.slash(theatre.channel, "write", text="MAYA: Hello.")
        await discord.until(lambda: discord.held == 2)  # the panel will stand below the copy
        await discord.invalidate(resumable=False)
        await discord.do("mend", kind=Kind.LATE)
        await discord.until(lambda: theatre.shows("Hello") == 2)
        assert not discord.bot_is_there
    await asked.is_done()
    await discord.bot_is_ready()
    await theatre.write("Rain.")
    assert theatre.shows("Hello") == 1
    assert await theatre.lines() == [HEADING, HELLO, "Rain."]


async def test_an_answer_in_progress_is_not_taken_for_the_panel_of_a_lost_process(
    theatre: Theatre, impatient: None, monkeypatch: pytest.MonkeyPatch
):
    spoken = asyncio.Event()

    async def record(*_: object) -> TableRead:
        await spoken.wait()
        return TableRead(b"mp3", 1.0, 0, 0)

    monkeypatch.setattr(listening, "record_table_read", record)
    monkeypatch.setattr(in_flight, "PROGRESS_INTERVAL", 0.05)
    asked = await theatre.ann.slash(theatre.channel, "script listen")
    [progress] = await theatre.discord.until(
        lambda: [answer for answer in asked.answers() if answer.labels == ["Stop"]]
    )
    await theatre.discord.fail(Kind.SILENCE, "POST", EXECUTE, heard=True)
    await theatre.write("MAYA: Hello.")
    spoken.set()
    assert await asked.shows("A table read") is progress


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_webhook_that_discord_has_made_twice_stands_once(dark: Theatre, status: int):
    async with dark.bot():
        await dark.discord.fail(Kind.STATUS, "POST", WEBHOOKS, heard=True, status=status)
        await begin_script(dark.ann, dark.channel)
        await dark.write("MAYA: Hello.")
        [webhook] = dark.world.webhooks
        assert {post.webhook for post in dark.channel.messages() if post.is_line} == {webhook}
        assert len(dark.discord.faults) == 1


async def test_a_webhook_whose_token_is_refused_is_found_again(theatre: Theatre):
    await theatre.write_secret()
    [webhook] = theatre.world.webhooks
    theatre.renew_token()
    await theatre.write("Rain.")
    theatre.renew_token()
    await (await theatre.rewrite("MAYA: Bye.")).is_done()
    assert await theatre.lines() == [HEADING, "MAYA\nBye.", SECRET, "Rain."]
    theatre.renew_token()
    for _ in range(2):  # the edit and the line
        await (await theatre.ann.slash(theatre.channel, "undo")).is_done()
    await theatre.until_gone("Rain")
    assert list(theatre.world.webhooks) == [webhook]


@pytest.mark.parametrize("is_told", [False, True])
async def test_a_webhook_that_somebody_has_moved_shows_nothing_elsewhere(
    theatre: Theatre, is_told: bool
):
    lobby = await theatre.guild.channel("lobby")

    async def write_in_lobby(text: str) -> None:
        await (await theatre.ann.slash(lobby, "write", text=text)).is_done()

    await theatre.write("MAYA: Hello.")
    [webhook] = theatre.world.webhooks.values()
    await begin_script(theatre.ann, lobby)
    await write_in_lobby("Rain.")
    if is_told:
        await theatre.discord.move_webhook(webhook.id, lobby)
    else:
        webhook.channel = lobby.id
    await theatre.write("JONAS: I hid the knife.")
    assert sum("knife" in message.text for message in lobby.timeline()) == (not is_told)
    assert await theatre.lines() == [HEADING, HELLO, SECRET]
    await write_in_lobby("Snow.")
    assert await read_true_script(theatre.ann, lobby) == [HEADING, "Rain.", "Snow."]
    assert len({message.webhook for message in lobby.messages() if message.is_line}) == 1


async def test_an_edit_that_is_carried_out_late_restores_no_text(
    theatre: Theatre, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sending, "REQUEST_TIMEOUT", 0.5)
    await theatre.write("MAYA: Hello.")
    async with theatre.discord.holding("PATCH", CHANGE, most=1, kind=Kind.LATE):
        await (await theatre.rewrite("MAYA: I hid the knife.")).is_done()
        await (await theatre.rewrite("MAYA: Bye.")).is_done()
        [line] = [message for message in theatre.channel.messages() if "Bye" in message.text]
        shown = len(line.versions)
    await theatre.discord.until(lambda: len(line.versions) > shown)
    await theatre.until_gone("knife")
    assert await theatre.lines() == [HEADING, "MAYA\nBye."]


async def test_the_messages_of_others_stay(theatre: Theatre):
    own, elsewhere = theatre.world.bot.id, await theatre.guild.channel("elsewhere")
    await theatre.post(Webhook(1, theatre.channel.id, "News", theatre.ann.id), "News.")
    await theatre.post(Webhook(2, theatre.channel.id, "News", own), "News.")
    # A bot with the same token, but another database, may play there.
    await theatre.post(Webhook(3, elsewhere.id, "On Book", own), "News.")
    await theatre.write("Rain.")
    assert theatre.shows("News") == 2
    await asyncio.sleep(1.0)  # because nothing is to happen
    assert elsewhere.shown() == [("On Book", "News.")]
