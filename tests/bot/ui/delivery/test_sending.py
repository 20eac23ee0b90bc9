"""Test what people see of an answer when the network or Discord fails.

The real bot plays at the project's own Discord.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest

from bot.interactions import in_flight
from bot.ui.delivery import sending
from bot.ui.lines import line_messages
from tests.bot.conftest import HEADING, Inside
from tests.bot.playing import (
    BLOCK,
    FIRST_LINE,
    begin_script,
    hold_up,
    is_settled,
    read_script,
    read_true_script,
)
from tests.fake_discord import rules
from tests.fake_discord.faults import STATUSES, TOO_MANY, Kind
from tests.fake_discord.people import BOT_MAY, Asked, Message
from tests.fake_discord.state import MANAGE_WEBHOOKS, Answer

CALLBACK, ORIGINAL, POSTED = "/callback", "@original", r"/channels/\d+/messages$"

STEPS = [("POST", CALLBACK), ("POST", POSTED), ("DELETE", r"/channels/\d+/"), ("DELETE", ORIGINAL)]
"""The requests of a turn: its first answer, a line and the panel, and the end of the old ones."""

LOSSES: list[dict[str, Any]] = [
    {"kind": kind, "heard": heard} for kind in (Kind.SILENCE, Kind.RESET) for heard in (False, True)
]
"""The ways in which an answer is lost, before and after Discord has carried out the request."""

LONG = "\n\n".join(f"{number} " + "Rain falls on the roof. " * 40 for number in range(5))
"""Lines that need more than one message."""


@pytest.fixture(autouse=True)
def hurry(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Shorten the waits for answers that never come."""
    for name in ("REQUEST_TIMEOUT", "FIRST_RESPONSE_TIMEOUT", "MIN_PAUSE"):
        monkeypatch.setattr(sending, name, 0.4)
    monkeypatch.setattr(line_messages, "POST_SECONDS", 0.4)
    yield
    # Discord refuses to carry out a repeated first answer again.
    inside.discord.refusals.clear()


def find_first_option(message: Message) -> tuple[str, str]:
    """Return the id of a message's menu, and the value of its first option."""
    [menu] = [
        component
        for component in rules.interactive(message.versions[-1].components)
        if "options" in component
    ]
    return menu["custom_id"], menu["options"][0]["value"]


async def heard(act: Callable[[], Awaitable[Asked]]) -> Asked:
    """Repeat an act until the bot accepts it, as people do who were too fast."""
    while True:
        asked = await act()
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await asked.discord.until(lambda asked=asked: asked.how)
                if not any("has expired" in answer.content for answer in asked.answers()):
                    return asked


async def test_failed_requests_of_a_turn_are_sent_again(inside: Inside):
    begun = await begin_script(inside.ann, inside.channel)
    statuses = [{"kind": Kind.STATUS, "status": status} for status in STATUSES]
    limit = {"kind": Kind.STATUS, "status": TOO_MANY, "retry_after": 0.3}
    faults = [*([loss] * 4 for loss in LOSSES), statuses, [limit] * 4]
    for turns, of_steps in enumerate(faults, 1):
        for (method, path), fault in zip(STEPS, of_steps, strict=True):
            await inside.discord.fail(method=method, path=path, **fault)
        begun = await (await inside.ben.click(begun, "Continue")).is_done()
        assert len(await read_true_script(inside.ann, inside.channel)) == 1 + turns
        shown = [message for message in inside.channel.messages() if BLOCK in message.content]
        assert len(shown) == 1 + turns
        assert not any(message.thinking for message in inside.channel.messages())
        assert len(inside.discord.faults) == turns * len(STEPS)


async def test_a_webhook_posts_each_line_once_when_requests_fail(inside: Inside):
    inside.services.messages._look = "characters"
    guild = await inside.discord.guild("The Globe", BOT_MAY | MANAGE_WEBHOOKS)
    channel, ann = await guild.channel("stage"), await guild.person("Ann")
    await begin_script(ann, channel)
    statuses = [{"kind": Kind.STATUS, "status": 502, "heard": heard} for heard in (False, True)]
    for turns, fault in enumerate([*LOSSES, *statuses], 1):
        path = r"/webhooks/\d+/[^/]+$"
        await inside.discord.fail(method="POST", path=path, after=1, **fault)
        await (await ann.slash(channel, "write", text="Rain.\n\nMAYA: Hello.\n\nWind.")).is_done()
        assert len(await read_true_script(ann, channel)) == 1 + 3 * turns
        assert len(inside.discord.faults) == turns
    assert all(message.webhook for message in channel.messages() if message.is_line)
    # Copies that are gone are not deleted again.
    assert not any("10008" in refusal for refusal in inside.discord.refusals)


async def test_an_answer_for_one_person_is_not_posted_in_the_channel(inside: Inside):
    await begin_script(inside.ann, inside.channel)
    async with inside.discord.holding("PATCH", ORIGINAL, most=1):
        asked = await inside.ann.slash(inside.channel, "script export", format="fountain")
        await inside.discord.until(lambda: inside.discord.held)
        await inside.discord.delete(asked.answers()[0])
    await asked.shows("That message was deleted. Use the command again.")
    await read_true_script(inside.ann, inside.channel)


async def test_turning_a_deleted_page_is_explained_in_a_sentence(
    inside: Inside, caplog: pytest.LogCaptureFixture
):
    await begin_script(inside.ann, inside.channel)
    await (await inside.ann.slash(inside.channel, "write", text=LONG)).is_done()
    shown = await (await inside.ann.slash(inside.channel, "script show")).shows(FIRST_LINE)
    async with inside.discord.holding("POST", CALLBACK, most=1):
        asked = await inside.ann.click(shown, shown.labels[0])
        await inside.discord.until(lambda: inside.discord.held)
        await inside.discord.delete(shown)
    await asked.shows("That message was deleted. Use the command again.")
    assert "Traceback" not in caplog.text


async def test_no_first_answer_is_lost_to_an_error_after_it_was_carried_out(
    inside: Inside, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    # discord.py itself repeats the request after a second.
    monkeypatch.setattr(sending, "FIRST_RESPONSE_TIMEOUT", 30.0)
    ann, discord, guild = inside.ann, inside.discord, await inside.discord.guild("The Globe")
    on, write, window, show, choose, archive, start, suggest = stages = [
        await guild.channel(f"stage-{number}") for number in range(2 * len(STATUSES))
    ]
    panels = {stage.id: await begin_script(ann, stage) for stage in stages}
    [list_to_choose, list_to_archive] = [
        await (await ann.slash(stage, "script list")).shows("The Diner")
        for stage in (choose, archive)
    ]
    await ann.choose(list_to_archive, *find_first_option(list_to_archive))
    await discord.until(lambda: "Archive" in list_to_archive.labels)

    async def write_in_window() -> None:
        opened = await ann.click(panels[window.id], "Write")
        await (await heard(lambda: ann.submit_modal(opened, {"Text": "Rain."}))).is_done()

    async def start_another() -> None:
        offer = await (await ann.slash(start, "start", title="Roof")).shows("running in this")
        begun = await heard(lambda: ann.click(offer, "Pause it and start the new one"))
        await begun.shows("-# **Roof** · tiny")

    async def finish(act: Awaitable[Asked]) -> None:
        await (await act).is_done()

    async def turn_into(message: Message, text: str, act: Awaitable[Asked]) -> None:
        await act
        await discord.until(lambda: text in message.text, lambda: f"{text} in {message.text}")

    for status in STATUSES:
        how = {"most": 2, "heard": True, "status": status}
        await discord.fail(Kind.STATUS, "POST", CALLBACK, **how)
    *_, suggested = await asyncio.gather(
        finish(ann.click(panels[on.id], "Continue")),
        finish(ann.slash(write, "write", text="Rain.")),
        write_in_window(),
        ann.slash(show, "settings", setting="everything"),
        turn_into(
            list_to_choose,
            ": running here,",
            ann.choose(list_to_choose, *find_first_option(list_to_choose)),
        ),
        turn_into(list_to_archive, ": archived,", ann.click(list_to_archive, "Archive")),
        start_another(),
        ann.autocomplete(suggest, "start", "voice", "t"),
    )
    assert "tiny" in suggested
    assert [len(await read_true_script(ann, stage)) for stage in (on, write, window)] == [2] * 3
    await discord.until(
        lambda: sum("40060" in refusal for refusal in discord.refusals) == len(stages),
        lambda: f"{len(stages)} of {discord.refusals}",
    )
    assert not {"onbook.responses", "discord.app_commands.tree"} & {
        record.name for record in caplog.records
    }


async def test_a_command_that_another_process_has_answered_is_left_to_it(
    inside: Inside, caplog: pytest.LogCaptureFixture
):
    await begin_script(inside.ann, inside.channel)
    async with inside.discord.holding("POST", CALLBACK, most=1):
        asked = await inside.ann.slash(inside.channel, "write", text="Rain.")
        await inside.discord.until(lambda: inside.discord.held)
        await inside.discord.answer(asked, {"type": int(Answer.THINKING)})
    await asked.is_refused(40060)
    await inside.until_idle()
    assert await read_script(inside.ann, inside.channel) == [HEADING]
    assert "Traceback" not in caplog.text


async def test_a_file_is_complete_when_it_is_sent_again(inside: Inside):
    await begin_script(inside.ann, inside.channel)
    await inside.discord.fail(Kind.RESET, "PATCH", ORIGINAL, most=2)
    asked = await inside.ann.slash(inside.channel, "script export", format="fountain")
    [file] = (await asked.shows("“The Diner”")).attachments
    assert HEADING in await inside.discord.read(file)


async def test_a_doubled_delivery_does_nothing_although_its_answer_is_lost(inside: Inside):
    await begin_script(inside.ann, inside.channel)
    await (await inside.ann.slash(inside.channel, "write", text="Rain.\n\nWind.")).is_done()
    undone = await inside.ann.slash(inside.channel, "undo")
    await undone.is_done()
    await inside.discord.fail(Kind.RESET, "POST", CALLBACK)
    await inside.discord.deliver_again(undone)
    await undone.is_refused(40060)
    await inside.until_idle()
    assert await read_script(inside.ann, inside.channel) == [HEADING, "Rain."]


async def test_of_doubled_deliveries_one_acts_although_the_answer_of_the_other_was_lost(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sending, "FIRST_RESPONSE_TIMEOUT", 30.0)
    await begin_script(inside.ann, inside.channel)
    await (await inside.ann.slash(inside.channel, "write", text="Rain.\n\nWind.")).is_done()
    await inside.discord.fail(Kind.STATUS, "POST", CALLBACK)
    undone = await inside.ann.slash(inside.channel, "undo", times=2)
    await undone.is_refused(40060)
    await undone.is_done()
    await inside.until_idle()
    assert await read_script(inside.ann, inside.channel) == [HEADING, "Rain."]


async def test_a_failed_picture_does_not_end_a_turn(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    await begin_script(inside.ann, inside.channel)
    discord, requests = inside.discord, count()

    async def until_both_failed() -> None:
        if next(requests):  # after the first line, which the first picture shows
            await discord.until(lambda: len(discord.faults) == 2, lambda: str(discord.faults))

    await hold_up(inside.services, monkeypatch, until_both_failed)
    monkeypatch.setattr(in_flight, "PROGRESS_INTERVAL", 0.05)
    await discord.fail(Kind.SILENCE, "PATCH", r"/channels/\d+/messages/")
    await discord.fail(Kind.RESET, "PATCH", r"/channels/\d+/messages/")
    await (await inside.ann.slash(inside.channel, "continue", lines=10)).is_done()
    assert len(await read_true_script(inside.ann, inside.channel)) == 11
    assert len(discord.faults) == 2


async def test_the_writer_keeps_the_text_when_discord_never_answers(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sending, "FIRST_RESPONSE_SECONDS", 1.0)
    await begin_script(inside.ann, inside.channel)
    await inside.discord.fail(Kind.SILENCE, "POST", CALLBACK, heard=True)
    await inside.discord.fail(Kind.SILENCE, "POST", CALLBACK, most=5)
    asked = await inside.ann.slash(inside.channel, "write", text="Rain.")
    told = await asked.shows("Discord did not respond")
    assert "Rain." in told.content
    assert told.only_for == inside.ann.id
    await inside.discord.mend()
    assert await read_script(inside.ann, inside.channel) == [HEADING]


async def test_a_new_connection_loses_nothing(inside: Inside):
    begun, discord = await begin_script(inside.ann, inside.channel), inside.discord
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
        await discord.until(lambda both=both: all(map(is_settled, both)))
        assert len(await read_true_script(inside.ann, inside.channel)) == 1 + 2 * times
        begun = inside.channel.panel()


async def test_a_late_delivery_is_carried_out(inside: Inside):
    await begin_script(inside.ann, inside.channel)
    late = await inside.ann.slash(inside.channel, "write", text="Wind.", late=0.5)
    await (await inside.ben.slash(inside.channel, "write", text="Rain.")).is_done()
    await late.is_done()
    assert await read_true_script(inside.ann, inside.channel) == [HEADING, "Rain.", "Wind."]
