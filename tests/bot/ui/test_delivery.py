"""Test what people see of an answer when the network or Discord fails.

The real bot plays at the project's own Discord.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from itertools import product

import pytest

from bot.settings import RunnerSettings
from bot.ui import delivery
from tests.bot.cogs.test_concurrency import BLOCK, HEADING, begin, script, settled, slow_down, truth
from tests.bot.conftest import Inside
from tests.fake_discord.bot import bot_here
from tests.fake_discord.faults import STATUSES, TOO_MANY, Kind
from tests.fake_discord.people import BOT_MAY, PATIENCE, Asked, Channel, Discord, Person
from tests.fake_discord.processes import fake_discord
from tests.fake_discord.state import MANAGE_WEBHOOKS

CALLBACK, ORIGINAL, POSTED = "/callback", "@original", r"/channels/\d+/messages$"

STEPS = [("POST", CALLBACK), ("POST", POSTED), ("DELETE", r"/channels/\d+/"), ("DELETE", ORIGINAL)]
"""The requests of a turn: its first answer, a line and the panel, and the end of the old ones."""

LONG = "\n\n".join(f"{number} " + "Rain falls on the roof. " * 40 for number in range(5))
"""Lines that need more than one message."""

pytestmark = pytest.mark.usefixtures("hurry")


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the waits for answers that never come."""
    monkeypatch.setattr(delivery, "REQUEST_TIMEOUT", 1.0)
    monkeypatch.setattr(delivery, "FIRST_RESPONSE_TIMEOUT", 1.0)


@pytest.fixture
async def inside(chosen: RunnerSettings) -> AsyncIterator[Inside]:
    """Start a bot in this process, with Ann and Ben."""
    with fake_discord(PATIENCE) as address:
        async with Discord(address) as discord, bot_here(address, chosen) as bot:
            await discord.bot_is_ready()
            guild = await discord.guild("The Playhouse")
            channel = await guild.channel("stage")
            ann, ben = [await guild.person(name) for name in ("Ann", "Ben")]
            yield Inside(discord, bot.services, channel, ann, ben)


async def nothing_twice(ann: Person, channel: Channel, lines: int) -> None:
    """Check that the script has so many lines, and that everybody sees each line once."""
    assert len(await truth(ann, channel)) == lines
    shown = [one for one in channel.messages() if BLOCK in one.content]
    assert len(shown) == lines
    assert not any(one.thinking for one in channel.messages())


async def heard(act: Callable[[], Awaitable[Asked]]) -> Asked:
    """Repeat an act until the bot accepts it, as people do who were too fast."""
    while True:
        asked = await act()
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await asked.discord.until(lambda asked=asked: asked.how)
                if not any("has expired" in one.content for one in asked.answers()):
                    return asked


LOSSES = list(product((Kind.SILENCE, Kind.RESET), (False, True)))
"""How an answer is lost, and whether Discord has done before what it was asked for."""


async def test_what_is_not_answered_is_asked_again(inside: Inside):
    begun = await begin(inside.ann, inside.channel)
    for times, ((kind, heard), (method, path)) in enumerate(product(LOSSES, STEPS), 1):
        await inside.discord.fail(kind, method, path, heard=heard)
        begun = await (await inside.ben.click(begun, "Continue")).is_done()
        await nothing_twice(inside.ann, inside.channel, 1 + times)
        assert len(inside.discord.faults) == times


async def test_what_a_server_refuses_for_now_is_asked_again(inside: Inside):
    await begin(inside.ann, inside.channel)
    for times, status in enumerate((*STATUSES, TOO_MANY), 1):
        for method, path in STEPS:
            await inside.discord.fail(Kind.STATUS, method, path, status=status, retry_after=0.3)
        await (await inside.ben.slash(inside.channel, "write", text="Rain.")).is_done()
        await nothing_twice(inside.ann, inside.channel, 1 + times)
        assert len(inside.discord.faults) == times * len(STEPS)


async def test_a_webhook_posts_each_line_once_whatever_fails(inside: Inside):
    inside.services.messages._look = "characters"
    guild = await inside.discord.guild("The Globe", BOT_MAY | MANAGE_WEBHOOKS)
    channel, ann = await guild.channel("stage"), await guild.person("Ann")
    await begin(ann, channel)
    every = [*LOSSES, (Kind.STATUS, False), (Kind.STATUS, True)]
    for times, (kind, heard) in enumerate(every, 1):
        how = {"heard": heard, "status": 502, "after": 1}
        await inside.discord.fail(kind, "POST", r"/webhooks/\d+/[^/]+$", **how)
        written = await ann.slash(channel, "write", text="Rain.\n\nMAYA: Hello.\n\nWind.")
        await written.is_done()
        assert len(await truth(ann, channel)) == 1 + 3 * times
        assert len(inside.discord.faults) == times
    assert all(one.webhook for one in channel.messages() if one.is_line)


async def test_what_is_for_one_person_is_not_posted_in_the_channel(inside: Inside):
    await begin(inside.ann, inside.channel)
    async with inside.discord.holding("PATCH", ORIGINAL, most=1):
        asked = await inside.ann.slash(inside.channel, "script export", format="fountain")
        await inside.discord.until(lambda: inside.discord.held)
        await inside.discord.delete(asked.answers()[0])
    await asked.shows("That message was deleted. Use the command again.")
    await truth(inside.ann, inside.channel)


async def test_a_page_that_is_deleted_while_it_is_turned_is_told_in_a_sentence(
    inside: Inside, caplog: pytest.LogCaptureFixture
):
    await begin(inside.ann, inside.channel)
    await (await inside.ann.slash(inside.channel, "write", text=LONG)).is_done()
    shown = await (await inside.ann.slash(inside.channel, "script show")).shows(BLOCK)
    async with inside.discord.holding("POST", CALLBACK, most=1):
        asked = await inside.ann.click(shown, shown.labels[0])
        await inside.discord.until(lambda: inside.discord.held)
        await inside.discord.delete(shown)
    await asked.shows("That message was deleted. Use the command again.")
    assert "Traceback" not in caplog.text


async def test_a_window_whose_request_was_lost_is_heard(inside: Inside):
    begun = await begin(inside.ann, inside.channel)
    await inside.discord.fail(Kind.RESET, "POST", CALLBACK, heard=True)
    window = await inside.ann.click(begun, "Write")
    submitted = await heard(lambda: inside.ann.submit_modal(window, {"Text": "Rain."}))
    await submitted.is_done()
    assert await truth(inside.ann, inside.channel) == [HEADING, "Rain."]


async def test_buttons_under_an_answer_that_was_lost_work(inside: Inside):
    await begin(inside.ann, inside.channel)
    await inside.discord.fail(Kind.RESET, "POST", CALLBACK, heard=True)
    asked = await inside.ann.slash(inside.channel, "start", title="Another")
    offer = await asked.shows("running in this channel")
    begun = await heard(lambda: inside.ann.click(offer, "Pause it and start the new one"))
    await begun.shows("starts here")


async def test_a_file_is_whole_when_it_is_sent_again(inside: Inside):
    await begin(inside.ann, inside.channel)
    await inside.discord.fail(Kind.RESET, "PATCH", ORIGINAL)
    await inside.discord.fail(Kind.RESET, "PATCH", ORIGINAL)
    asked = await inside.ann.slash(inside.channel, "script export", format="fountain")
    [file] = (await asked.shows("“The Diner”")).attachments
    assert HEADING in await inside.discord.read(file)


async def test_a_delivery_that_is_doubled_does_nothing_although_its_answer_is_lost(inside: Inside):
    await begin(inside.ann, inside.channel)
    await (await inside.ann.slash(inside.channel, "write", text="Rain.\n\nWind.")).is_done()
    undone = await inside.ann.slash(inside.channel, "undo")
    await undone.is_done()
    await inside.discord.fail(Kind.RESET, "POST", CALLBACK)
    await inside.discord.deliver_again(undone)
    await undone.is_refused(40060)
    assert await script(inside.ann, inside.channel) == [HEADING, "Rain."]


async def test_a_picture_that_fails_does_not_end_a_turn(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    await slow_down(inside.services, monkeypatch)
    await begin(inside.ann, inside.channel)
    # The second picture follows the first while the voice still writes.
    monkeypatch.setattr(delivery, "REQUEST_TIMEOUT", 0.5)
    await inside.discord.fail(Kind.SILENCE, "PATCH", r"/channels/\d+/messages/")
    await inside.discord.fail(Kind.RESET, "PATCH", r"/channels/\d+/messages/")
    await (await inside.ann.slash(inside.channel, "continue", lines=10)).is_done()
    assert len(await truth(inside.ann, inside.channel)) == 11
    assert len(inside.discord.faults) == 2


async def test_when_discord_never_answers_one_is_told_and_keeps_the_text(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(delivery, "FIRST_RESPONSE_SECONDS", 2.0)
    await begin(inside.ann, inside.channel)
    await inside.discord.fail(Kind.SILENCE, "POST", CALLBACK, heard=True)
    await inside.discord.fail(Kind.SILENCE, "POST", CALLBACK, most=5)
    asked = await inside.ann.slash(inside.channel, "write", text="Rain.")
    told = await asked.shows("Discord did not respond")
    assert "Rain." in told.content
    assert told.only_for == inside.ann.id
    await inside.discord.mend()
    assert await script(inside.ann, inside.channel) == [HEADING]


async def test_a_connection_that_is_made_anew_loses_nothing(inside: Inside):
    begun, discord = await begin(inside.ann, inside.channel), inside.discord
    for times, act in enumerate(
        (
            discord.reconnect,
            discord.drop,
            lambda: discord.invalidate(resumable=True),
            lambda: discord.invalidate(resumable=False),
        ),
        1,
    ):
        async with discord.holding("POST", POSTED, most=1):
            asked = await inside.ann.click(begun, "Continue")
            await discord.until(lambda: discord.held)
            await act()
        shown = await asked.is_done()
        await discord.bot_is_ready()
        both = await asyncio.gather(*(inside.ben.click(shown, "Continue", times=2) for _ in "ab"))
        await discord.until(lambda both=both: all(map(settled, both)))
        assert len(await truth(inside.ann, inside.channel)) == 1 + 2 * times
        begun = inside.channel.panel()


async def test_what_comes_late_is_done_then(inside: Inside):
    await begin(inside.ann, inside.channel)
    late = await inside.ann.slash(inside.channel, "write", text="Wind.", late=0.5)
    await (await inside.ben.slash(inside.channel, "write", text="Rain.")).is_done()
    await late.is_done()
    assert await truth(inside.ann, inside.channel) == [HEADING, "Rain.", "Wind."]
