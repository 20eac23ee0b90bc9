"""Test what people see of lines that Discord refuses however often they are sent.

The real bot plays at the project's own Discord, in the default look.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bot.settings import RunnerSettings
from tests.bot.conftest import HEADING, bot_at
from tests.bot.playing import read_true_script
from tests.fake_discord.bot import bot_here
from tests.fake_discord.faults import TOO_MANY, Kind
from tests.fake_discord.people import BOT_MAY, Channel, Discord, Message, Person
from tests.fake_discord.state import MANAGE_WEBHOOKS

BY_WEBHOOK, BY_BOT = r"/webhooks/\d+/[^/]+$", r"/channels/\d+/messages$"

NAMES = ["EVERYONE", "HERE", "CLYDE", "DISCORDIA", "\uff28\uff25\uff32\uff25", "THERE", "X" * 40]
"""Names of characters, all but the last two of which no webhook may have."""


@pytest.fixture
def chosen(chosen: RunnerSettings, request: pytest.FixtureRequest) -> RunnerSettings:
    """Return settings with the look *characters*, or another one."""
    return chosen.model_copy(update={"look": getattr(request, "param", "characters")})


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
        await (await play.ann.slash(play.channel, "start", title=title, heading=HEADING)).is_done()
        return play

    async def write(self, text: str) -> None:
        """Write lines, and wait for the bot."""
        await (await self.ann.slash(self.channel, "write", text=text)).is_done()

    def told(self) -> list[str]:
        """Return what the panels have said of refusals."""
        texts = [
            version.text
            for message in self.channel.discord.messages_in(self.channel.id)
            for version in message.versions
        ]
        return [found[0] for text in texts if (found := re.search("Discord refused .*?\\.", text))]

    async def check(self, lines: int) -> list[Message]:
        """Check that the channel shows so many lines, and return their messages."""
        assert len(await read_true_script(self.ann, self.channel)) == lines
        return [message for message in self.channel.messages() if message.is_line]


@pytest.fixture
async def play(bare_discord: Discord, chosen: RunnerSettings) -> AsyncIterator[Play]:
    """Begin a script with a heading, by a bot that runs until the test ends."""
    async with bot_at(bare_discord, chosen):
        yield await Play.begin(bare_discord)


async def test_every_name_is_shown_before_and_after_a_restart(
    bare_discord: Discord, chosen: RunnerSettings
):
    async with bot_at(bare_discord, chosen):
        play = await Play.begin(bare_discord, "Everyone")
        for name in NAMES:
            await play.write(f"{name}: I am.")
        await play.check(1 + len(NAMES))
    async with bot_at(bare_discord, chosen):
        await play.write("HERE: So am I.\n\nRain.")
        shown = await play.check(1 + len(NAMES) + 2)
    [webhook] = {message.webhook for message in shown}
    assert webhook


async def test_a_refused_name_stands_on_cards(bare_discord: Discord, chosen: RunnerSettings):
    title = "A System Message"
    async with bot_here(bare_discord.address, chosen):
        await bare_discord.bot_is_ready()
        play = await Play.begin(bare_discord, title)
        await play.write("MAYA: Hello.\n\nRain.")
        shown = await play.check(3)
        assert [message.webhook is not None for message in shown] == [False, True, False]
        assert play.told() == [f"Discord refused a line under the name “{title}”."]
        assert len(bare_discord.refusals) == 1
    async with bot_here(bare_discord.address, chosen):
        await bare_discord.bot_is_ready()
        await play.write("Wind.\n\nMAYA: Good night.")
        shown = await play.check(5)
        assert [message.webhook is not None for message in shown[3:]] == [False, True]
        assert len(bare_discord.refusals) == len(play.told()) == 2


async def test_a_refused_line_stops_no_other(play: Play, bare_discord: Discord):
    for path in (BY_WEBHOOK, BY_BOT):
        await bare_discord.fail(Kind.STATUS, "POST", path, status=400)
    await play.write("MAYA: Hello.\n\nRain.")
    _, refused, rain = [message for message in play.channel.messages() if message.is_line]
    assert "Discord does not accept this line" in refused.text
    assert (rain.webhook is not None, rain.reads("Rain.")) == (True, True)
    await (await play.ann.click(play.channel.panel(), "Undo")).is_done()
    await (await play.ann.click(play.channel.panel(), "Undo")).is_done()
    await play.check(1)
    assert len(bare_discord.faults) == 2


@pytest.mark.parametrize("chosen", ["characters", "cards", "typewriter"], indirect=True)
async def test_a_refused_edit_stops_no_other_line(
    play: Play, bare_discord: Discord, chosen: RunnerSettings
):
    await play.write("MAYA: Hello.")
    path = r"/webhooks/\d+/[^/]+/messages/" if chosen.look == "characters" else r"/channels/\d+/"
    await bare_discord.fail(Kind.STATUS, "PATCH", path, status=400)
    window = await play.ann.slash(play.channel, "script edit")
    await (await play.ann.submit_modal(window, {"Text": "MAYA: Good day."})).is_done()
    assert "Discord does not accept this line" in play.channel.messages()[-2].text
    window = await play.ann.slash(play.channel, "script edit")
    await (await play.ann.submit_modal(window, {"Text": "MAYA: Good night."})).is_done()
    await play.check(2)
    assert len(bare_discord.faults) == 1


async def test_a_line_that_is_limited_keeps_its_look(play: Play, bare_discord: Discord):
    # discord.py gives up after five answers.
    limit = {"status": TOO_MANY, "retry_after": 0.05}
    await bare_discord.fail(Kind.STATUS, "POST", BY_WEBHOOK, most=6, **limit)
    await play.write("MAYA: Hello.\n\nRain.")
    assert all(message.webhook for message in await play.check(3))
    assert len(bare_discord.faults) == 6


async def test_a_refused_announcement_stops_no_line(play: Play, bare_discord: Discord):
    await bare_discord.fail(Kind.STATUS, "POST", BY_BOT, status=400)
    asked = await play.ann.slash(play.channel, "start", title="The Roof", heading="Ext. roof")
    offer = await asked.shows("running in this channel")
    await (await play.ann.click(offer, "Pause it and start the new one")).is_done()
    assert len(bare_discord.faults) == 1
    line, panel = play.channel.messages()[-2:]
    assert line.reads("EXT. ROOF")
    assert panel.is_panel
