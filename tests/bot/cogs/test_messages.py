"""Test lines that people write by messages, at the project's own Discord.

It shows the bot what Discord shows: messages that mention it, pinged replies to its regular
messages, direct messages, and the rest without their texts.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from bot.cogs.messages import TICK
from bot.settings import RunnerSettings
from bot.storage.schema import Line
from tests.bot.conftest import HEADING, Inside, bot_at, discord_here
from tests.bot.playing import begin_script, hold_up, read_true_script, slow_down
from tests.fake_discord.faults import Kind
from tests.fake_discord.people import (
    BOT_MAY,
    PATIENCE,
    WRITERS_MAY,
    Asked,
    Channel,
    Message,
    Person,
)
from tests.fake_discord.state import MANAGE_MESSAGES, MANAGE_WEBHOOKS

HELP = "That is the fun."

HINT = "I read only replies that mention me. Reply to this message, or mention me."

CHATTERS_MAY = WRITERS_MAY & ~MANAGE_MESSAGES
"""The permissions of people who moderate nothing."""


class Chat(Inside):
    """A channel with the bot, in which two people write messages."""

    @property
    def bot(self) -> str:
        return f"<@{self.services.bot.user.id}>"

    async def say(self, person: Person, text: str, **how: Any) -> Message:
        """Write a message that begins with a mention of the bot."""
        return await self.write(person, f"{self.bot} {text}", **how)

    async def write(self, person: Person, text: str, **how: Any) -> Message:
        return await self.discord.see(await person.write(self.channel, text, **how))

    async def set_plain_messages(self, person: Person, value: str) -> Asked:
        """Let the bot read plain messages, or not."""
        return await person.slash(self.channel, "settings", setting="plain_messages", value=value)

    async def lines(self) -> list[Line]:
        """Return the lines of the script, as they are stored."""
        script = await self.script()
        return await self.store.lines.load_path(script and script.head)

    async def until_written(self, *texts: str) -> list[Line]:
        """Wait until these are the lines below the heading, and everybody sees them."""
        async with asyncio.timeout(PATIENCE):
            while [line.text for line in await self.lines()] != [HEADING, *texts]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await read_true_script(self.ann, self.channel)
        return (await self.lines())[1:]

    async def until_ticked(self, message: Message) -> None:
        """Wait until the bot has ticked a message, which stays."""
        await self.discord.until(lambda: TICK in message.reactions)
        assert not message.deleted

    async def is_told(self, text: str, channel: Channel | None = None) -> Message:
        """Wait until somebody says something in a channel, and return the message."""
        place = channel or self.channel
        found = await self.discord.until(
            lambda: [message for message in place.messages() if text in message.text],
            lambda: f"{text} in {place.shown()}",
        )
        return found[0]

    async def is_spoken(self, text: str) -> Message:
        """Wait until a character says something, and return the message."""
        [spoken] = await self.discord.until(
            lambda: [post for post in self.channel.messages() if post.webhook and text in post.text]
        )
        return spoken


@asynccontextmanager
async def chatting(
    chosen: RunnerSettings, bot_may: int = BOT_MAY, *, may_read: bool = False
) -> AsyncIterator[Chat]:
    """Begin a script in a channel where the bot may do these things."""
    settings = chosen.model_copy(update={"message_content": may_read})
    async with discord_here(may_read_content=may_read) as discord, bot_at(discord, settings) as bot:
        guild = await discord.guild("The Playhouse", bot_may)
        channel = await guild.channel("stage")
        people = [await guild.person(name, CHATTERS_MAY) for name in ("Ann", "Ben")]
        await begin_script(people[0], channel)
        yield Chat(discord, bot.services, channel, *people)


@pytest.fixture
async def chat(chosen: RunnerSettings) -> AsyncIterator[Chat]:
    """Yield a chat in which characters speak by a webhook."""
    settings = chosen.model_copy(update={"look": "characters"})
    async with chatting(settings, BOT_MAY | MANAGE_WEBHOOKS) as chat:
        yield chat


async def test_a_message_closes_the_takes_that_the_script_passes(chat: Chat):
    await (await chat.ann.slash(chat.channel, "continue", takes=2)).is_done()
    [takes] = [shown for shown in chat.channel.messages() if "**Take 1**" in shown.content]
    await chat.say(chat.ben, "Rain.")
    await chat.until_written("Rain.")
    await chat.discord.until(lambda: takes not in chat.channel.messages())


async def test_a_message_that_mentions_the_bot_becomes_a_line(chat: Chat):
    shouted = await chat.say(chat.ann, "HELEN: Get me down.")
    await chat.until_written("HELEN\nGet me down.")
    await chat.until_ticked(shouted)
    spoken = await chat.is_spoken("Get me down")
    await chat.say(chat.ben, "HELEN: Now!\n\nThe rope breaks.", reply_to=spoken)
    *_, now, rope = await chat.until_written(
        "HELEN\nGet me down.", "HELEN\nNow!", "The rope breaks."
    )
    assert [(line.author, line.asker, line.credit) for line in (now, rope)] == [
        (chat.ben.id, chat.ben.id, "Ben")
    ] * 2
    assert chat.discord.pings == []


async def test_a_message_is_replaced_where_nothing_is_lost(chosen: RunnerSettings):
    async with chatting(chosen, BOT_MAY | MANAGE_MESSAGES) as chat:
        shouted = await chat.say(chat.ann, "Rain.")
        await chat.discord.until(lambda: shouted.deleted)
        await chat.until_written("Rain.")
        pictured = await chat.say(chat.ann, "Snow.", files={"snow.png": b"snow"})
        await chat.until_ticked(pictured)
        await chat.until_written("Rain.", "Snow.")


async def test_pinged_replies_to_the_panel_and_to_lines_become_lines(chosen: RunnerSettings):
    async with chatting(chosen) as chat:
        panel = chat.channel.panel()
        assert panel.interaction is None
        first = await chat.write(chat.ben, "HELEN: Get me down.", reply_to=panel)
        await chat.until_ticked(first)
        await chat.until_written("HELEN\nGet me down.")
        [_, line] = [message for message in chat.channel.messages() if message.is_line]
        await chat.until_ticked(await chat.write(chat.ann, "Rain.", reply_to=line))
        await chat.until_written("HELEN\nGet me down.", "Rain.")
        # A reply to something else that the bot says is chat.
        await chat.say(chat.ann, "help")
        told = await chat.is_told(HELP)
        await chat.write(chat.ben, "Thank you!", reply_to=told)
        await chat.until_ticked(await chat.say(chat.ben, "Snow."))
        await chat.until_written("HELEN\nGet me down.", "Rain.", "Snow.")


async def test_who_replies_to_a_character_without_a_mention_is_told_once(chat: Chat):
    await chat.say(chat.ann, "HELEN: Get me down.")
    await chat.until_written("HELEN\nGet me down.")
    spoken = await chat.is_spoken("Get me down")
    reply = await chat.write(chat.ben, "DRAGON: No.", reply_to=spoken)
    told = await chat.is_told(HINT)
    assert (told.interaction, told.webhook, told.reply_to) == (None, None, reply.id)
    await chat.write(chat.ben, "DRAGON: No.", reply_to=spoken)
    await chat.write(chat.ben, "DRAGON: No.", reply_to=told, pings=False)
    await chat.until_ticked(await chat.write(chat.ben, "DRAGON: No.", reply_to=told))
    await chat.until_written("HELEN\nGet me down.", "DRAGON\nNo.")
    chatter = await chat.write(chat.ann, "What a dragon!")
    await chat.write(chat.ann, "Indeed.", reply_to=chatter)
    await chat.until_ticked(await chat.say(chat.ann, "Rain."))

    def count_hints() -> int:
        return [message.text for message in chat.channel.messages()].count(HINT)

    assert count_hints() == 1
    # Each person is told.
    await chat.write(chat.ann, "Rain.", reply_to=chat.channel.panel(), pings=False)
    await chat.discord.until(lambda: count_hints() == 2)


async def test_the_panel_takes_replies_during_a_vote(chat: Chat):
    panel = chat.channel.panel()
    asked = await chat.ann.slash(chat.channel, "continue", takes=2, vote=600)
    await asked.shows("**Take 1**")
    await chat.discord.until(lambda: not panel.buttons)
    await chat.write(chat.ben, "Rain.", reply_to=panel)
    private = await chat.ben.dm()
    await chat.is_told("People are voting on the next line. Wait for the result, due <t:", private)
    assert [line.text for line in await chat.lines()] == [HEADING]


async def test_a_bare_mention_is_answered_once_a_minute_and_chat_is_not(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
):
    def find_answers() -> list[Message]:
        return [message for message in chat.channel.messages() if HELP in message.text]

    await chat.write(chat.ben, "HELEN: Get me down.")
    await chat.write(chat.ben, f"I like {chat.bot} a lot.")
    for text in (" Help?", "", "/undo"):
        await chat.say(chat.ben, text)
    await chat.until_ticked(await chat.say(chat.ben, "Rain."))
    await chat.until_written("Rain.")
    [told] = find_answers()
    assert ", or mention me." in told.text
    assert told.labels == ["Start a script", "Surprise me", "All scripts"]
    later = time.monotonic() + 60
    monkeypatch.setattr("bot.cogs.messages.time", SimpleNamespace(monotonic=lambda: later))
    mention = await chat.say(chat.ben, "")

    def find_panels() -> list[Message]:
        return [message for message in chat.channel.messages() if message.is_panel]

    await chat.discord.until(lambda: [panel.id > mention.id for panel in find_panels()] == [True])
    assert find_answers() == [told]


async def test_direct_messages_become_lines_where_a_script_runs(chat: Chat):
    private = await chat.ann.dm()
    await chat.ann.write(private, "Hello?")
    told = await chat.is_told(HELP, private)
    assert ", or send a message." in told.text
    panel = await begin_script(chat.ann, private)
    assert ", or send a message." in panel.text
    chat.channel = private
    await chat.until_ticked(await chat.write(chat.ann, "HELEN: Get me down."))
    await chat.until_ticked(await chat.say(chat.ann, "Rain."))
    await chat.until_written("HELEN\nGet me down.", "Rain.")
    await chat.write(chat.ann, "\n\n".join(["Rain."] * 11))
    assert (await chat.is_told("That is 11 lines at once. Write at most 10.")).reply_to


async def test_a_refused_message_is_answered_privately_or_else_in_a_reply(chat: Chat):
    long = "HELEN: " + "No. " * 400
    await chat.say(chat.ben, long)
    sentence = "One line is longer than 1,500 characters. Split it with blank lines, and begin each"
    await chat.is_told(sentence, await chat.ben.dm())
    await chat.ann.refuse_messages()
    refused = await chat.say(chat.ann, long)
    told = await chat.is_told(sentence)
    assert told.reply_to == refused.id
    assert chat.discord.refusals == ["POST send: 50007 Cannot send messages to this user"]
    chat.discord.refusals.clear()
    script = await chat.script()
    await chat.store.rotations.add_writer(script.id, chat.ann.id, script.begun)
    await chat.say(chat.ben, "Rain.")
    await chat.is_told("'s turn.", await chat.ben.dm())
    assert await chat.until_written() == []


async def test_each_person_is_told_after_the_end_what_goes_on_but_seldom(chat: Chat):
    script = await chat.script()
    await chat.store.scripts.update_script(script.id, archived=True, running=False)

    def find_replies() -> list[Message]:
        return [said for said in chat.channel.messages() if said.reply_to]

    first, _, last = [
        await chat.say(person, "HELEN: Wait!") for person in (chat.ann, chat.ann, chat.ben)
    ]
    await chat.discord.until(lambda: any(said.reply_to == last.id for said in find_replies()))
    told, other = find_replies()
    assert [told.reply_to, other.reply_to] == [first.id, last.id]
    assert "is archived. Reopen it, or start another script." in told.text
    assert told.labels == ["Start another", "Surprise me", "Reopen"]


async def test_the_writer_of_a_message_is_told_privately_what_concerns_it(chat: Chat):
    await chat.until_ticked(await chat.say(chat.ben, "KEVIN: Привет, мир."))
    await chat.is_told("cannot read some of these letters", await chat.ben.dm())


async def test_a_message_that_comes_twice_is_one_line(chat: Chat):
    script = await chat.script()
    await chat.store.scripts.update_script(script.id, {"alternate": True})
    shouted = await chat.say(chat.ben, "Rain.")
    await chat.discord.tell_again(shouted.id)
    await chat.until_ticked(shouted)
    # Another process may have died before it ticked the message.
    for _ in range(2):
        await chat.discord.tell_again(shouted.id)
    await chat.until_ticked(await chat.say(chat.ann, "Snow."))
    await chat.until_written("Rain.", "Snow.")
    assert (await chat.ben.dm()).messages() == []


async def test_messages_become_lines_in_their_order(chat: Chat, monkeypatch: pytest.MonkeyPatch):
    await slow_down(chat.services, monkeypatch)
    texts = [f"{number}." for number in range(8)]
    continued = await chat.ann.slash(chat.channel, "continue")
    for text in texts:
        await chat.say(chat.ben, text)
    await continued.is_done()

    # The first may come before the voice's line, which is acknowledged before it is begun.
    async with asyncio.timeout(PATIENCE):
        while [line.text for line in await chat.lines() if line.text in texts] != texts:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await read_true_script(chat.ann, chat.channel)


async def test_a_message_can_be_withdrawn_while_the_voice_writes(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
):
    async def edit(message: Message, text: str) -> None:
        await chat.discord.edit(message.id, f"{chat.bot} {text}")

    going_on = asyncio.Event()
    await hold_up(chat.services, monkeypatch, going_on.wait)
    continued = await chat.ann.slash(chat.channel, "continue")
    await chat.discord.until(lambda: continued.how)
    rain, snow, hail = [await chat.say(chat.ben, text) for text in ("Rain.", "Snwo.", "Hail.")]
    await chat.discord.delete(rain)
    await edit(snow, "Snow.")
    # The bot has heard all of it when it answers what came after that.
    await (await chat.ann.slash(chat.channel, "help")).shows("⭐")
    going_on.set()
    for message in (snow, hail):
        await chat.until_ticked(message)
    # An edit of a line's message leaves the line as it is.
    await edit(hail, "Sun.")
    await chat.until_ticked(await chat.say(chat.ben, "Fog."))
    _, _, *lines = await chat.lines()
    assert [line.text for line in lines] == ["Hail.", "Snow.", "Fog."]
    assert len(await read_true_script(chat.ann, chat.channel)) == 5
    assert (await chat.ben.dm()).messages() == []


async def test_a_line_that_cannot_be_shown_is_not_lost(chat: Chat):
    posted = rf"/channels/{chat.channel.id}/messages|/webhooks/\d+/[^/]+$"
    await chat.discord.fail(Kind.STATUS, "POST", posted, most=None, status=400)
    shouted = await chat.say(chat.ben, "Rain.")
    await chat.is_told("The script has changed, but that could not", await chat.ben.dm())
    await chat.discord.mend()
    assert (shouted.deleted, shouted.reactions) == (False, {})
    await chat.discord.tell_again(shouted.id)
    await chat.until_ticked(shouted)
    await chat.until_written("Rain.")


async def test_what_is_asked_for_others_is_exported(chat: Chat):
    said = await chat.write(chat.ben, "Rain.")
    await (await chat.ann.menu(said, "Add to the script")).is_done()
    people = chat.store.people
    kept = await people.load_personal_data(chat.ann.id)
    assert [line.text for line, _ in kept.asked] == ["Rain."]
    assert [line.text for line, _ in kept.lines] == [HEADING]
    await people.erase_person(chat.ben.id, text=True)
    assert [line.text for line in await chat.lines()] == [HEADING, "…"]


async def test_a_message_is_added_for_the_person_who_wrote_it(chosen: RunnerSettings):
    async with chatting(chosen, BOT_MAY | MANAGE_MESSAGES) as chat:
        said = await chat.write(chat.ben, "HELEN: Get me down.")
        await (await chat.ann.menu(said, "Add to the script")).is_done()
        [line] = await chat.until_written("HELEN\nGet me down.")
        assert (line.author, line.credit, line.asker) == (chat.ben.id, "Ben", chat.ann.id)
        assert "Ann added a message from Ben." in chat.channel.panel().text
        # Only their writers and moderators may delete messages.
        await chat.until_ticked(said)
        mine = await chat.write(chat.ben, "Rain.")
        await chat.ben.menu(mine, "Add to the script")
        await chat.discord.until(lambda: mine.deleted)
        await chat.until_written("HELEN\nGet me down.", "Rain.")
        await (await chat.ben.slash(chat.channel, "undo")).is_done()
        # Whoever added a line may take it back.
        await (await chat.ann.slash(chat.channel, "undo")).is_done()
        await chat.until_written()
        for message, sentence in (
            (said, "That message was already added to a script. Find its line in"),
            (chat.channel.panel(), "I wrote that message."),
            (await chat.write(chat.ben, "", files={"a.png": b"a"}), "That message has no text."),
        ):
            refused = await chat.ann.menu(message, "Add to the script")
            assert (await refused.shows(sentence)).only_for == chat.ann.id


async def test_two_who_add_a_message_at_once_add_it_once(chosen: RunnerSettings):
    async with chatting(chosen) as chat:
        said = await chat.write(chat.ben, "Rain.")
        both = [await person.menu(said, "Add to the script") for person in (chat.ann, chat.ben)]
        await chat.until_written("Rain.")
        await chat.discord.until(
            lambda: any("already" in answer.text for asked in both for answer in asked.answers())
        )


async def test_plain_messages_are_read_where_operator_and_owner_allow_it(chosen: RunnerSettings):
    async with chatting(chosen, may_read=True) as chat:
        await chat.write(chat.ben, "HELEN: Get me down.")
        refused = await chat.set_plain_messages(chat.ben, "on")
        await refused.shows("Only the script's owner or a moderator")
        allowed = await chat.set_plain_messages(chat.ann, "on")
        said = await allowed.shows("Set plain messages to on. I now read every message here.")
        assert said.only_for is None
        chatter = (
            "What fun!",
            "rope: buy it",
            "Note: buy it",
            "at 12:30",
            "*really* fun",
            "https://a.b/c",
        )
        for text in (*chatter, "> HELEN: Get me down.\nWhat fun!"):
            await chat.write(chat.ben, text)
        [line] = [message for message in chat.channel.messages() if message.is_line]
        await chat.write(chat.ben, "Nice heading.", reply_to=line, pings=False)
        await chat.until_ticked(await chat.write(chat.ben, "HELEN: Get me down.\n\nNow!"))
        await chat.until_ticked(await chat.write(chat.ben, "*The dragon laughs.*"))
        # Who has spoken is a cue in any case.
        await chat.until_ticked(await chat.write(chat.ben, "helen: now or never"))
        assert "or send a message like `NAME: text`." in chat.channel.panel().text
        told = ["HELEN\nGet me down.", "Now!", "The dragon laughs.", "HELEN\nnow or never"]
        assert [line.text for line in await chat.lines()] == [HEADING, *told]
        denied = await chat.set_plain_messages(chat.ann, "off")
        await denied.shows("Set plain messages to off.")
        await chat.write(chat.ben, "HELEN: Get me down.")
        await chat.until_ticked(await chat.say(chat.ben, "Rain."))
        assert len(await chat.lines()) == 6
        assert not any(HINT in message.text for message in chat.channel.messages())


async def test_plain_messages_need_the_intent(chat: Chat):
    refused = await chat.set_plain_messages(chat.ann, "on")
    await refused.shows("I cannot read plain messages. Mention me, or ask the bot's owner")
