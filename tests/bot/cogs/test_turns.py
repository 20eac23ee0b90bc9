"""Test turns for writers, their deadlines, and sprints."""

import json
import re
from typing import Any
from unittest.mock import AsyncMock

import pytest
import simcord
from aiohttp import ClientError

from bot.storage.schema import utc_now
from bot.ui.background import deadline_messages
from bot.ui.background.deadline_messages import DeadlineMessages
from bot.ui.background.live_polls import LivePolls
from bot.ui.background.timers import RETRY_DELAYS, Timers
from tests.bot.channel_check import assert_channel_is_true
from tests.bot.conftest import (
    HEADING,
    Stage,
    answer,
    assert_private,
    fields,
    find_menus,
    labels,
    moderator,
)
from tests.bot.playing import (
    ask,
    choose,
    choose_script,
    click,
    open_menu,
    open_privacy,
    pass_time_without_bot,
    replace_script,
    use_on_message,
)

STARTED = True

HOUR = 3600


@pytest.fixture
def cy(stage: Stage) -> simcord.MemberActor:
    """Return Cy, who neither moderates nor owns the script."""
    return stage.member("Cy")


async def press(stage: Stage, by: Any, label: str) -> None:
    await by.click(await ask(stage, "script turns", by), label=label)


async def take_turns(stage: Stage, *people: Any) -> None:
    for person in people:
        await press(stage, person, "Join")


async def set_deadline(stage: Stage, hours: int = 1) -> Any:
    shown = await ask(stage, "script turns")
    await choose(stage.ann, shown, "turns:hours", str(hours))
    return shown


async def write(stage: Stage, by: Any, text: str) -> Any:
    return await ask(stage, "write", by, text=text)


def told(pressed: Any) -> Any:
    """Return the follow-up of a press in a message that only its reader sees, or None."""
    return next(iter(pressed.followups), None)


def turn(stage: Stage) -> str:
    """Return the last row of the panel."""
    return stage.panel().content.rpartition("\n-# ")[2]


def pings(stage: Stage) -> list[tuple[str, int]]:
    """Return the texts that have pinged somebody, and whom."""
    allowed = [(body["content"], body["allowed_mentions"].get("users")) for body in stage.sent()]
    return [(content, users[0]) for content, users in allowed if users]


def announcements(stage: Stage, part: str) -> list[str]:
    return [message.content for message in stage.messages() if part in message.content]


async def test_writers_take_turns(stage: Stage, cy: Any):
    ben = stage.ben
    await take_turns(stage, ben, cy)
    assert turn(stage) == f"It is <@{ben.id}>'s turn. Next: <@{cy.id}>."
    wait = f"It is <@{ben.id}>'s turn. Wait for yours, or see the order"
    assert "join the order" in (await write(stage, stage.member("Dee"), "Rain.")).content
    assert_private(await write(stage, cy, "Rain."), wait, "Here is what you wrote:\n```\nRain.")
    for label in ("Continue", "Write"):
        pressed = await cy.click(stage.panel(), label=label)
        assert answer(pressed).content.startswith(f"It is <@{ben.id}>'s turn.")
        assert pressed.modal is None
    assert await stage.lines() == [HEADING]
    # The voice is no writer.
    await ben.click(stage.panel(), label="Continue")
    assert turn(stage).startswith(f"It is <@{ben.id}>'s turn.")
    assert await write(stage, ben, "Rain.") is None
    assert turn(stage) == f"It is <@{cy.id}>'s turn. Next: <@{ben.id}>."
    # Undo returns the turn to whoever wrote the line.
    await ben.click(stage.panel(), label="Undo")
    assert turn(stage).startswith(f"It is <@{ben.id}>'s turn.")
    await write(stage, ben, "Snow.")
    await cy.click(stage.panel(), label="Continue")
    await stage.ann.click(stage.panel(), label="Undo")  # the voice's line
    assert turn(stage).startswith(f"It is <@{cy.id}>'s turn.")
    # The owner and moderators write at any time.
    for person in (stage.ann, moderator(stage)):
        assert await write(stage, person, "Hail.") is None
        assert turn(stage).startswith(f"It is <@{cy.id}>'s turn.")
    assert pings(stage) == []
    await assert_channel_is_true(stage)


async def test_undo_is_offered_to_whoever_may(stage: Stage, cy: Any):
    await take_turns(stage, stage.ben, cy)
    await write(stage, stage.ben, "Rain.")
    rain = stage.messages()[-2]
    refused = await click(cy, stage.panel(), "Undo")
    assert_private(refused, "That would remove Ben's line. Ask them, the script's owner or a")
    assert labels(refused) == ["Ask to undo it"]
    await cy.click(refused, label="Ask to undo it")
    asked = stage.messages()[-1]
    link = f"https://discord.com/channels/{stage.guild.id}/{stage.channel.id}"
    question = f"-# Cy asks to undo <@{stage.ben.id}>'s line. {link}/{rain.id}"
    assert asked.content == question
    assert labels(asked) == ["Agree and undo"]
    assert (await click(cy, asked, "Agree and undo")).ephemeral
    assert await stage.lines() == [HEADING, "Rain."]
    await stage.ben.click(asked, label="Agree and undo")
    assert await stage.lines() == [HEADING]
    assert turn(stage).startswith(f"It is <@{stage.ben.id}>'s turn.")
    assert announcements(stage, "asks to undo") == []
    # Everybody may undo the voice's line, and nobody is asked about a line that is not the last.
    await stage.ben.click(stage.panel(), label="Continue")
    await cy.click(stage.panel(), label="Undo")
    await write(stage, stage.ben, "Rain.")
    shown = stage.messages()[-2]
    await cy.click(await click(cy, stage.panel(), "Undo"), label="Ask to undo it")
    asked = stage.messages()[-1]
    await write(stage, cy, "Snow.")
    told = await click(stage.ben, asked, "Agree and undo")
    assert_private(told, "The line that somebody asked to undo is no longer the last line.")
    refused = await use_on_message(stage, cy, "Rewrite this line", shown)
    assert (refused.content[:29], labels(refused)) == ("That would change Ben's line.", [])
    await write(stage, stage.ann, "Hail.")  # Ann owns the script
    assert_private(await click(cy, stage.panel(), "Undo"), "Ask them or a moderator, or use")
    await assert_channel_is_true(stage)


async def test_people_join_pass_and_leave(stage: Stage, cy: Any):
    ben = stage.ben
    nobody = await ask(stage, "script turns", ben)
    assert labels(nobody) == ["Join"]
    assert nobody.content.startswith("Everybody writes in “The Diner” when they like.")
    assert (
        "only the person whose turn it is, the script's owner and moderators may" in nobody.content
    )
    await take_turns(stage, ben, cy)
    shown = await ask(stage, "script turns", ben)
    assert_private(shown, f"1. <@{ben.id}>\n2. <@{cy.id}>\n-# This turn began on <t:")
    assert shown.content.endswith("There is no deadline.")
    assert labels(shown) == ["Leave", "Pass"]
    assert labels(await ask(stage, "script turns", cy)) == ["Leave"]
    assert labels(await ask(stage, "script turns")) == ["Join", "Skip", "Turn off"]
    old = await ask(stage, "script turns", ben)
    await ben.click(shown, label="Pass")
    assert turn(stage).startswith(f"It is <@{cy.id}>'s turn.")
    assert stage.panel().content.startswith("-# Ben passed.\n")
    assert labels(shown) == ["Leave"]
    refused = told(await ben.click(old, label="Pass"))
    assert refused.content.startswith(f"It is <@{cy.id}>'s turn.")
    # The owner skips somebody who does not come.
    await press(stage, stage.ann, "Skip")
    assert turn(stage).startswith(f"It is <@{ben.id}>'s turn.")
    assert stage.panel().content.startswith(f"-# Ann skipped <@{cy.id}>.\n")
    await press(stage, ben, "Leave")
    assert turn(stage) == f"It is <@{cy.id}>'s turn."
    opened = await click(stage.ann, await open_menu(stage, stage.ann, "Together…"), "Turns")
    await stage.ann.click(opened, label="Turn off")
    assert stage.panel().content.startswith("-# Ann ended the turns, so everybody may write.\n")
    refused = told(await ben.click(old, label="Pass"))
    assert refused.content.startswith(
        "Nobody is taking turns here. Join first with </script turns:"
    )
    await press(stage, cy, "Join")
    await press(stage, cy, "Leave")
    assert "turn" not in turn(stage)
    assert await write(stage, ben, "Rain.") is None


async def test_an_old_button_skips_and_announces_nobody(stage: Stage, cy: Any):
    await take_turns(stage, stage.ben, cy)
    old = await ask(stage, "script turns")
    await write(stage, stage.ben, "Rain.")
    refused = told(await stage.ann.click(old, label="Skip"))
    assert refused.content.startswith(f"It is <@{cy.id}>'s turn now.")
    both = [await ask(stage, "script turns") for _ in range(2)]
    for shown in both:
        await stage.ann.click(shown, label="Join")
        assert stage.panel().content.startswith("-# Ann joined") == (shown is both[0])
        await write(stage, stage.ann, "Snow.")


async def test_people_join_on_the_panel_where_others_take_turns(stage: Stage, cy: Any):
    assert "Join" not in labels(stage.panel())
    await press(stage, stage.ben, "Join")
    assert stage.panel().content.startswith(
        "-# Ben started the turns. If you want to write, join and wait for your turn.\n"
    )
    assert labels(stage.panel()) == ["Continue", "Three takes", "Undo", "Write", "Join", "More…"]
    shown = await click(cy, stage.panel(), "Join")
    assert_private(shown, f"1. <@{stage.ben.id}>\n2. <@{cy.id}>")
    assert labels(shown) == ["Leave"]
    assert stage.panel().content.startswith("-# Cy joined the turns.\n")
    assert turn(stage) == f"It is <@{stage.ben.id}>'s turn. Next: <@{cy.id}>."
    # Who has joined sees the order, and nobody else is told anything.
    await write(stage, stage.ann, "Rain.")
    shown = await click(stage.ben, stage.panel(), "Join")
    assert labels(shown) == ["Leave", "Pass"]
    assert "joined" not in stage.panel().content
    await start_sprint(stage)
    assert "Join" not in labels(stage.panel())
    await assert_channel_is_true(stage)


async def test_the_next_writer_is_pinged_where_the_owner_wishes_it(stage: Stage, cy: Any):
    ben = stage.ben
    await take_turns(stage, ben, cy)
    refused = await ask(stage, "settings", ben, setting="ping", value="on")
    assert_private(refused, "Only the script's owner or a moderator")
    told = await ask(stage, "settings", setting="ping", value="on")
    assert told.content == "Set pings to on."
    assert pings(stage) == []  # the first writer began the turns
    await write(stage, ben, "Rain. @everyone")
    assert pings(stage) == [(f"-# <@{cy.id}>, it is your turn.", cy.id)]
    everyone = [body["allowed_mentions"].get("parse") for body in stage.sent()]
    assert not any(everyone)
    [first] = announcements(stage, "it is your turn")
    assert stage.messages()[-2].content == first
    # Lines of others and of the voice pass no turn on.
    await write(stage, stage.ann, "Snow.")
    await stage.ann.click(stage.panel(), label="Continue")
    assert len(pings(stage)) == 1
    await press(stage, cy, "Pass")
    assert [who for _, who in pings(stage)] == [cy.id, ben.id]
    # The ping of a turn that is over is gone.
    assert announcements(stage, "it is your turn") == [f"-# <@{ben.id}>, it is your turn."]
    await stage.restart()
    assert len(pings(stage)) == 2
    # A skip pings by its own message.
    await set_deadline(stage)
    await stage.world.advance_time(HOUR + 5)
    await stage.world.advance_time(HOUR + 5)
    assert [who for _, who in pings(stage)] == [cy.id, ben.id, ben.id, cy.id]
    assert "was skipped" in pings(stage)[-1][0]
    await stage.ann.slash(stage.channel, "settings", setting="ping", value="off")
    await write(stage, cy, "Hail.")
    assert len(pings(stage)) == 4
    await assert_channel_is_true(stage)


async def test_a_writer_is_reminded_once_and_skipped_once(stage: Stage, cy: Any):
    ben = stage.ben
    await take_turns(stage, ben, cy)
    assert find_menus(await ask(stage, "script turns", ben)) == []
    shown = await set_deadline(stage)
    assert "reminded after 1 hour and skipped after 2 hours." in shown.content
    due = int(stage.world.now().timestamp()) + HOUR
    assert stage.panel().content.startswith("-# Ann set a deadline of 1 hour.\n")
    assert turn(stage) == f"It is <@{ben.id}>'s turn. Due <t:{due}:R>. Next: <@{cy.id}>."
    await stage.world.advance_time(HOUR - 5)
    assert pings(stage) == []
    await stage.world.advance_time(10)
    [(reminder, pinged)] = pings(stage)
    assert pinged == ben.id
    assert reminder.startswith(f"<@{ben.id}>, it is your turn in “The Diner”.")
    # A date, because the message stays, and must make sense after that.
    assert re.search(r"You have until <t:\d+:f>; after that, you are skipped\.$", reminder)
    assert [post.content for post in stage.messages()][-2:] == [reminder, stage.panel().content]
    await stage.world.advance_time(HOUR - 15)
    assert announcements(stage, "skipped in") == []
    await stage.world.advance_time(20)
    [skip] = announcements(stage, "skipped in")
    assert skip == f"-# <@{ben.id}> was skipped in “The Diner”. It is <@{cy.id}>'s turn."
    assert len(pings(stage)) == 1
    assert turn(stage).startswith(f"It is <@{cy.id}>'s turn. Due <t:")
    # After a round in which nobody writes there is peace.
    await stage.world.advance_time(2 * HOUR + 5)
    assert announcements(stage, "skipped in")[-1].endswith(
        "Everybody was skipped, so I will send no reminders until somebody writes."
    )
    assert turn(stage) == f"It is <@{ben.id}>'s turn. Next: <@{cy.id}>."
    await stage.world.advance_time(4 * HOUR)
    assert [who for _, who in pings(stage)] == [ben.id, cy.id]
    await write(stage, ben, "Rain.")
    await stage.world.advance_time(2 * HOUR)
    assert [who for _, who in pings(stage)] == [ben.id, cy.id, cy.id]
    await set_deadline(stage, 0)
    assert "Due" not in turn(stage)
    await assert_channel_is_true(stage)


async def test_no_skip_stays_announced_if_the_writer_writes_meanwhile(
    stage: Stage, cy: Any, monkeypatch: pytest.MonkeyPatch
):
    ben = stage.ben
    await take_turns(stage, ben, cy)
    await set_deadline(stage)
    await stage.world.advance_time(HOUR + 5)
    post_message = deadline_messages.post_message
    announced = list[str]()

    async def post(channel: Any, content: str, *args: Any, **how: Any) -> Any:
        announced.append(content)
        [script] = await stage.store.rotations.list_scripts_with_deadlines()
        await stage.store.rotations.pass_turn(script.id, 1, utc_now())  # as a line does
        return await post_message(channel, content, *args, **how)

    monkeypatch.setattr(deadline_messages, "post_message", post)
    await stage.world.advance_time(HOUR + 5)
    assert ["was skipped" in content for content in announced] == [True]
    assert announcements(stage, "skipped in") == []
    [script] = await stage.store.rotations.list_scripts_with_deadlines()
    rotation = await stage.store.rotations.find_rotation(script.id)
    assert (rotation.turn, rotation.skips) == (2, 0)


async def test_nobody_is_skipped_for_the_time_before_a_second_writer_joined(stage: Stage, cy: Any):
    await take_turns(stage, stage.ben)
    await set_deadline(stage)
    await stage.world.advance_time(5 * HOUR)
    assert len(pings(stage)) == 1
    await take_turns(stage, cy)
    await stage.world.advance_time(HOUR - 60)
    assert announcements(stage, "skipped in") == []
    await stage.world.advance_time(HOUR)
    assert len(pings(stage)) == 2
    await stage.world.advance_time(HOUR)
    assert len(announcements(stage, "skipped in")) == 1


async def test_a_sprint_and_a_pause_put_deadlines_off(stage: Stage, cy: Any):
    await take_turns(stage, stage.ben, cy)
    await set_deadline(stage)
    await stage.world.advance_time(HOUR - 60)
    await start_sprint(stage, "30")
    await stage.world.advance_time(HOUR)
    assert pings(stage) == []
    assert len(announcements(stage, "Nobody wrote a line.")) == 1
    await stage.world.advance_time(HOUR / 2 + 60)
    assert len(pings(stage)) == 1
    await replace_script(stage)
    assert await write(stage, cy, "Rain.") is None
    await stage.world.advance_time(3 * HOUR)
    assert (len(pings(stage)), announcements(stage, "skipped in")) == (1, [])


async def test_a_resumed_turn_has_its_whole_time(stage: Stage, cy: Any):
    await take_turns(stage, stage.ben, cy)
    await set_deadline(stage)
    await replace_script(stage)
    await stage.world.advance_time(HOUR - 60)
    await click(stage.ann, await choose_script(stage, "The Diner"), "Continue it")
    await stage.world.advance_time(HOUR - 60)
    assert pings(stage) == []
    await stage.world.advance_time(120)
    assert len(pings(stage)) == 1


async def test_deadlines_outlive_a_restart(stage: Stage, cy: Any):
    await take_turns(stage, stage.ben, cy)
    await set_deadline(stage)
    # However long nobody could be reminded, the reminded writer has the whole time again.
    for hours, skips in ((5, 0), (1.1, 1), (0, 1)):
        await pass_time_without_bot(stage, hours * HOUR)
        await stage.restart()
        assert [who for _, who in pings(stage)] == [stage.ben.id]
        assert len(announcements(stage, "skipped in")) == skips
    assert turn(stage).startswith(f"It is <@{cy.id}>'s turn.")


@pytest.mark.parametrize("step", ["record_reminder", "skip_turn", "record_shown"])
async def test_a_process_that_dies_after_posting_posts_nothing_twice(
    stage: Stage, cy: Any, monkeypatch: pytest.MonkeyPatch, step: str
):
    await take_turns(stage, stage.ben, cy)
    await set_deadline(stage)
    is_skip = step != "record_reminder"
    if is_skip:
        await stage.world.advance_time(HOUR + 1)

    async def die(*_: object, **__: object) -> None:
        stage.services.timers.stop()
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(stage.store.rotations, step, die)
        await stage.world.advance_time(HOUR + 1)
    await stage.restart()
    said = "skipped in" if is_skip else "it is your turn"
    # Discord posts no second message of a nonce.
    assert len({body["nonce"] for body in stage.sent() if said in (body["content"] or "")}) == 1
    assert said in stage.messages()[-2].content
    assert turn(stage).startswith(f"It is <@{(cy if is_skip else stage.ben).id}>'s turn. Due <t:")


async def test_each_process_resumes_the_votes_and_deadlines_of_its_shards(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    await take_turns(stage, stage.ben)
    await set_deadline(stage)
    await stage.ann.slash(stage.channel, "continue", takes=2, vote=600)
    await pass_time_without_bot(stage, 1)
    bot, its_shard = stage.world.bot, (stage.guild.id >> 22) % 3
    for shard in range(3):
        bot.shard_count, bot.shard_id = 3, shard
        its, watched = stage.services, list[object]()
        for kind in (LivePolls, DeadlineMessages):
            timed = kind(bot, its.sessions, its.messages, Timers(its.in_flight.track))
            monkeypatch.setattr(timed, "watch", watched.append)
            await timed.resume()
        assert len(watched) == 2 * (shard == its_shard)


async def start_sprint(stage: Stage, minutes: str = "10") -> Any:
    """Start a sprint from the menu, as Ben; return the refusal, or None."""
    opened = await stage.ben.click(await open_menu(stage, level="Together…"), label="Sprint")
    [field] = fields(opened).values()
    return told(await stage.ben.submit_modal(opened, {field: minutes}))


async def test_everybody_writes_in_a_sprint_and_a_summary_ends_it(stage: Stage, cy: Any):
    await take_turns(stage, stage.ben, stage.ann)
    await write(stage, stage.ben, "Before it.")
    await write(stage, stage.ann, "And more.")
    assert await start_sprint(stage) is None
    end = int(stage.world.now().timestamp()) + 600
    [announced] = announcements(stage, "started a sprint")
    assert announced == f"Ben started a sprint: everybody writes. It ends <t:{end}:R>."
    assert stage.panel().content.endswith(f"**Sprint**: ends <t:{end}:R>. 0 lines so far.")
    for by, text in ((cy, "Rain falls."), (cy, "It stops."), (stage.ben, "MAYA: At last.")):
        assert await write(stage, by, text) is None
    await write(stage, stage.ann, "Undone.")
    await stage.ann.click(stage.panel(), label="Undo")
    await cy.click(stage.panel(), label="Continue")
    assert stage.panel().content.endswith("4 lines so far.")
    words = len((await stage.last_line()).element.body.split())
    await stage.world.advance_time(601)
    [summary] = announcements(stage, "is over")
    assert summary.startswith(
        f"**The sprint in “The Diner” is over**: 4 lines, {6 + words} words.\n"
        "- Cy: 2 lines, 4 words\n- Ben: 1 line, 2 words\n- the voice “tiny”: 1 line, "
    )
    assert stage.messages()[-2].content == summary
    # A line of a sprint passes no turn on.
    assert turn(stage) == f"It is <@{stage.ben.id}>'s turn. Next: <@{stage.ann.id}>."
    assert (await write(stage, cy, "Snow.")).ephemeral
    assert pings(stage) == []
    await assert_channel_is_true(stage)


async def test_sprints_outlive_a_restart(stage: Stage):
    for times, without_bot in ((1, 0), (2, 900)):
        await start_sprint(stage, "5")
        await write(stage, stage.ben, "Rain falls.")
        await pass_time_without_bot(stage, without_bot)
        await stage.restart()
        await stage.world.advance_time(301)
        summaries = announcements(stage, "is over")
        assert len(summaries) == times
        assert summaries[-1].endswith("1 line, 2 words.\n- Ben: 1 line, 2 words")
        assert "Sprint" not in stage.panel().content


async def test_a_sprint_ends_after_a_long_outage(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    await start_sprint(stage)
    with monkeypatch.context() as patch:
        patch.setattr(deadline_messages, "post_message", AsyncMock(side_effect=ClientError))
        for seconds in (HOUR, *RETRY_DELAYS, HOUR):
            await stage.world.advance_time(seconds)
    await stage.world.advance_time(HOUR)
    assert len(announcements(stage, "is over")) == 1


async def test_its_starter_ends_a_sprint(stage: Stage, cy: Any):
    for minutes in ("0", "61", "ten"):
        refused = await start_sprint(stage, minutes)
        assert_private(refused, "A sprint can last from 1 to 60 minutes.")
        assert "your text" not in refused.content
    assert announcements(stage, "started a sprint") == []
    await start_sprint(stage)
    opened = await click(cy, await open_menu(stage, cy, "Together…"), "Sprint")
    assert opened.content.startswith("**Sprint**: ends <t:")
    assert labels(opened) == []
    opened = await click(stage.ben, await open_menu(stage, level="Together…"), "Sprint")
    refused = told(await stage.press_late(cy, stage.look(opened), "End it now"))
    assert refused.content.startswith("Only the script's owner or a moderator")
    await stage.ben.click(opened, label="End it now")
    assert (opened.content, labels(opened)) == ("You ended the sprint.", [])
    assert len(announcements(stage, "is over")) == 1


async def test_a_forgotten_person_takes_no_turns(stage: Stage, cy: Any):
    await take_turns(stage, stage.ben, cy, stage.ann)
    await start_sprint(stage)
    sent = await open_privacy(stage, stage.ben, "My data")
    kept = json.loads(await sent.attachments[0].read())
    assert [turn["place"] for turn in kept["turns"]] == [1]
    assert len(kept["sprints"]) == 1
    await stage.world.advance_time(601)
    assert str(stage.ben.id) in turn(stage)
    await ask(stage, "settings", setting="ping", value="on")
    asked = await open_privacy(stage, stage.ben, "Forget me…")
    await stage.ben.click(asked, label="Forget me")
    await stage.world.advance_time(1)
    assert turn(stage).startswith(f"It is <@{cy.id}>'s turn.")
    assert [who for _, who in pings(stage)] == [cy.id]
    assert (await stage.store.rotations.find_rotation(1)).writers == [cy.id, stage.ann.id]
    again = await open_privacy(stage, stage.ben, "My data")
    assert again.content == "Nothing is stored about you."
