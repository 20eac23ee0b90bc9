"""Test that simultaneous acts leave one true script.

The real bot plays at the project's own Discord, see `tests.fake_discord`.
"""

import asyncio
import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from bot.errors import NoContinuation
from bot.inference.batch import Batch
from bot.interactions import in_flight
from bot.screenplay.drafts import Draft
from bot.session.drafting import Drafter
from bot.ui.background import live_polls
from tests.bot.conftest import HEADING, Inside
from tests.bot.playing import (
    begin_script,
    is_settled,
    press_star_of,
    read_script,
    read_true_script,
    slow_down,
)
from tests.fake_discord.people import PATIENCE, Asked, Channel, Discord, Guild, Message, Person


async def until_settled(requests: Sequence[Asked]) -> list[Message]:
    """Wait until all of these requests are answered, and return the answers that remain."""
    await requests[0].discord.until(
        lambda: all(map(is_settled, requests)),
        lambda: " and ".join(str(request) for request in requests if not is_settled(request)),
    )
    return [answer for asked in requests for answer in asked.answers()]


def find_takes(channel: Channel) -> Message:
    """Return the newest message that shows takes to choose from."""
    return [message for message in channel.messages() if "**Take 1**" in message.content][-1]


async def test_of_two_simultaneous_presses_one_writes_and_one_is_refused(
    guild: Guild, ann: Person, ben: Person
):
    async def press_twice(channel: Channel) -> None:
        begun = await begin_script(ann, channel)
        both = await asyncio.gather(*(person.click(begun, "Continue") for person in (ann, ben)))
        [told] = await until_settled(both)
        assert "The script has moved on" in told.content
        assert (told.only_for in (ann.id, ben.id), told.labels) == (True, ["Continue from here"])
        assert len(await read_true_script(ann, channel)) == 2

    channels = [await guild.channel(f"stage-{number}") for number in range(3)]
    await asyncio.gather(*map(press_twice, channels))


async def test_of_two_simultaneous_starts_one_is_refused(
    channel: Channel, ann: Person, ben: Person
):
    both = await asyncio.gather(
        ann.slash(channel, "start", title="Anns", heading="INT. ANN"),
        ben.slash(channel, "start", title="Bens", heading="INT. BEN"),
    )
    [told] = await until_settled(both)
    assert "Now another script is running here" in told.content or "running in this" in told.content
    winner = "INT. BEN" if told.only_for == ann.id else "INT. ANN"
    assert await read_true_script(ann, channel) == [winner]


async def test_an_undo_waits_for_the_lines_being_written(
    channel: Channel, ann: Person, ben: Person
):
    await begin_script(ann, channel)
    continued = await ann.slash(channel, "continue", lines=5)
    await ann.discord.until(lambda: continued.seen)
    undone = await ben.slash(channel, "undo")
    await asyncio.gather(continued.is_done(), undone.is_done())
    lines = await read_true_script(ann, channel)
    assert (len(lines), lines[0]) == (5, HEADING)


async def test_all_commands_at_once_leave_one_true_script(
    channel: Channel, ann: Person, ben: Person
):
    begun = await begin_script(ann, channel)
    people = [ann, ben]
    asked = await asyncio.gather(
        # First, because an undo removes the message with the button.
        *(person.click(begun, "Undo") for person in people),
        *(person.slash(channel, "continue", lines=2) for person in people),
        *(person.slash(channel, "write", text="Rain.\n\nMAYA: Oh!") for person in people),
        *(person.slash(channel, "undo") for person in people * 2),
        ann.slash(channel, "continue", lines=2),
    )
    await until_settled(asked)
    await read_true_script(ben, channel)


async def test_a_slow_post_does_not_land_between_later_ones(
    discord: Discord, channel: Channel, ann: Person, ben: Person
):
    await (await ann.click(await begin_script(ann, channel), "Continue")).is_done()
    async with discord.holding("POST", rf"/channels/{channel.id}/messages", most=1):
        continued = await ann.click(channel.panel(), "Continue")
        await discord.until(lambda: discord.held)
        undone = await ben.slash(channel, "undo")
        await discord.until(lambda: undone.how)
        for _ in range(3):  # a later message would be there by then
            await read_script(ann, channel)
    await asyncio.gather(continued.is_done(), undone.is_done())
    assert len(await read_true_script(ann, channel)) == 2


async def test_takes_that_are_shown_late_hide_no_line_written_meanwhile(
    discord: Discord, channel: Channel, ann: Person, ben: Person
):
    await begin_script(ann, channel)
    async with discord.holding("POST", rf"/channels/{channel.id}/messages", most=1):
        asked = await ann.slash(channel, "continue", takes=2)
        await discord.until(lambda: discord.held)
        await (await ben.slash(channel, "write", text="Rain.")).is_done()
    await asked.is_done()
    assert await read_true_script(ann, channel) == [HEADING, "Rain."]
    assert not any("**Take 1**" in shown.content for shown in channel.messages())


async def test_a_slow_turn_leaves_the_takes_of_a_later_one_open(
    discord: Discord, channel: Channel, ann: Person, ben: Person
):
    await begin_script(ann, channel)
    async with discord.holding("POST", rf"/channels/{channel.id}/messages", most=1):
        written = await ben.slash(channel, "write", text="Rain.")
        await discord.until(lambda: discord.held)
        undone = await ben.slash(channel, "undo")
        asked = await ann.slash(channel, "continue", takes=2)
        await discord.until(lambda: any("**Take 1**" in m.content for m in channel.messages()))
    for each in (written, undone, asked):
        await each.is_done()
    assert find_takes(channel).labels == ["Take 1", "Take 2"]
    assert await read_true_script(ann, channel) == [HEADING]


async def test_of_two_takes_picked_at_once_one_is_the_line(channel: Channel, ann: Person):
    await begin_script(ann, channel)
    await (await ann.slash(channel, "continue", takes=2, times=2)).is_done()
    shown = find_takes(channel)
    labels = [shown.find_button(f"Take {take}") for take in (1, 2)]
    both = await asyncio.gather(*(ann.click(shown, label) for label in labels))
    await ann.discord.until(lambda: any(request.answers() for request in both))
    [told] = await until_settled(both)
    assert "are closed" in told.content
    await ann.discord.until(lambda: shown not in channel.messages())
    assert len(await read_true_script(ann, channel)) == 2
    ann.discord.refusals.clear()


async def test_simultaneous_votes_are_all_counted(channel: Channel, guild: Guild, ann: Person):
    await begin_script(ann, channel)
    await (await ann.slash(channel, "continue", takes=2, vote=600)).is_done()
    shown = find_takes(channel)
    people = [await guild.person(f"P{number}") for number in range(6)]
    buttons = list(shown.buttons.values())

    async def vote(*takes: int) -> None:
        votes = zip(people, takes, strict=True)
        await asyncio.gather(
            *(person.click(shown, "", custom_id=buttons[take]) for person, take in votes)
        )
        counts = [str(takes.count(take)) for take in (0, 1)]
        await ann.discord.until(
            lambda: [label.rpartition(" — ")[2] for label in shown.labels] == counts
        )

    await vote(0, 1, 1, 0, 1, 1)
    await vote(0, 0, 0, 0, 0, 0)
    assert await read_script(ann, channel) == [HEADING]


async def test_doubled_deliveries_write_once(discord: Discord, channel: Channel, ann: Person):
    begun = await begin_script(ann, channel)
    pressed = await ann.click(begun, "Continue", times=2)
    await pressed.is_done()
    continued = await ann.slash(channel, "continue", times=2)
    await continued.is_done()
    written = await ann.slash(channel, "write", text="Rain.", times=2)
    await written.is_done()
    twice = pressed, continued, written
    for asked in twice:
        await asked.is_refused(40060)
    assert (await read_true_script(ann, channel))[3:] == ["Rain."]
    await asyncio.gather(*map(discord.deliver_again, twice))
    await discord.until(
        lambda: sum("40060" in refusal for refusal in discord.refusals) == 6,
        lambda: f"6 of {discord.refusals}",
    )
    assert (await read_true_script(ann, channel))[3:] == ["Rain."]
    line = next(message for message in channel.messages() if message.is_line)
    starred = await press_star_of(ann, line)
    await starred.shows("You gave “")
    await discord.deliver_again(starred)
    await starred.is_refused(40060)
    await (await ann.menu(line, "Details")).shows("1 star")
    discord.refusals.clear()


def act_after(monkeypatch: pytest.MonkeyPatch, lines: int, act: Callable[[], Any]) -> None:
    """Await an act before the voice drafts each line after the first ``lines``."""
    draft, begun = Drafter.draft_line, itertools.count()

    async def act_and_draft(*arguments: Any) -> Draft:
        if next(begun) >= lines:
            await act()
        return await draft(*arguments)

    monkeypatch.setattr(Drafter, "draft_line", act_and_draft)


async def test_each_line_is_shown_when_it_is_finished_and_stop_keeps_them(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(in_flight, "PROGRESS_INTERVAL", 0.2)
    await begin_script(inside.ann, inside.channel)
    gate = asyncio.Event()
    act_after(monkeypatch, 2, gate.wait)
    asked = await inside.ann.slash(inside.channel, "continue", lines=10)

    def find_lines() -> list[Message]:
        shown = inside.channel.messages()
        lines = [message for message in shown if message.is_line]
        return lines if len(lines) == 3 and shown[-1].labels == ["Stop"] else []

    lines = await inside.discord.until(find_lines)
    progress = inside.channel.messages()[-1]
    assert (progress.only_for, progress.labels) == (None, ["Stop"])
    assert progress.content == "-# The voice is writing. Finished lines: 2."
    # The buttons of earlier lines are gone, and each line stands there once.
    assert inside.channel.messages()[1:] == [*lines, progress]
    stopped = await inside.ben.click(progress, "Stop")
    await inside.discord.until(lambda: stopped.how)
    gate.set()
    await asked.is_done()
    assert 3 <= len(await read_true_script(inside.ann, inside.channel)) <= 4
    assert stopped.answers() == []
    assert [message for message in inside.channel.messages() if message.is_line][:3] == lines


async def test_finished_lines_stay_where_a_later_one_cannot_be_written(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    await begin_script(inside.ann, inside.channel)
    act_after(monkeypatch, 2, AsyncMock(side_effect=NoContinuation))
    asked = await inside.ann.slash(inside.channel, "continue", lines=5)
    told = await asked.shows("The banned words leave no possible continuation.")
    assert told.only_for == inside.ann.id
    assert len(await read_true_script(inside.ann, inside.channel)) == 3


async def test_finished_lines_stay_where_a_person_is_forgotten_meanwhile(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    async def forget() -> None:
        await inside.store.people.erase_person(inside.ann.id, text=True)

    await begin_script(inside.ann, inside.channel)
    act_after(monkeypatch, 1, forget)
    asked = await inside.ben.slash(inside.channel, "continue", lines=3)
    told = await asked.shows("Somebody else changed the script first.")
    assert told.text.endswith("then try again. The finished lines stay.")
    assert await inside.store.lines.count_lines((await inside.script()).head) == 2


async def test_the_bot_types_at_once_where_the_voice_writes(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    await begin_script(inside.ann, inside.channel)
    await (await inside.ann.slash(inside.channel, "write", text="Rain.")).is_done()
    assert inside.discord.typing == []
    gate = asyncio.Event()
    act_after(monkeypatch, 0, gate.wait)
    asked = await inside.ben.slash(inside.channel, "continue")
    await inside.discord.until(lambda: inside.discord.typing)
    assert inside.discord.typing == [inside.channel.id]
    gate.set()
    await asked.is_done()


async def test_the_panel_says_among_how_many_lines_the_voice_chooses(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(in_flight, "PROGRESS_INTERVAL", 0.2)
    await begin_script(inside.ann, inside.channel)
    script = await inside.script()
    await inside.store.scripts.update_script(script.id, {"quality": "best"})
    step, gate = Batch.step, threading.Event()

    def step_slowly(batch: Batch) -> Any:
        if sum(row.request.sampling is not None for row in batch.rows) > 1:
            gate.wait(PATIENCE)
        return step(batch)

    monkeypatch.setattr(Batch, "step", step_slowly)
    asked = await inside.ann.slash(inside.channel, "continue")
    said = "choosing among 64 lines."
    [shown] = await inside.discord.until(
        lambda: [message for message in inside.channel.messages() if said in message.content]
    )
    assert (shown.only_for, shown.labels) == (None, ["Stop"])
    gate.set()
    await asked.is_done()
    assert len(await read_true_script(inside.ann, inside.channel)) == 2


async def test_late_progress_of_a_first_line_is_deleted_once(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    await slow_down(inside.services, monkeypatch)
    panel = inside.services.messages.panel
    show_progress = panel.show_progress

    async def show_late(*arguments: Any) -> None:
        while not await inside.script():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await show_progress(*arguments)

    monkeypatch.setattr(panel, "show_progress", show_late)
    file = ("play.fountain", b"INT. BARN - DAY\n\nJO\nRain.\n")
    await (await inside.ann.slash(inside.channel, "script import", file=file)).is_done()
    assert any("The voice is" in entry.text for entry in inside.channel.timeline())


async def test_votes_are_counted_at_once_and_then_at_intervals(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    polls, waiting = inside.services.live_polls, list[tuple[float, Callable[[], None]]]()
    interval = 3600.0
    monkeypatch.setattr(live_polls, "RECOUNT_INTERVAL", interval)
    monkeypatch.setattr(polls.timers, "_call_later", lambda *later: waiting.append(later) or Mock())
    await begin_script(inside.ann, inside.channel)
    await (await inside.ann.slash(inside.channel, "continue", takes=2, vote=600)).is_done()
    shown = find_takes(inside.channel)
    guild = await inside.discord.guild("Elsewhere")
    people = [await guild.person(f"P{number}") for number in range(3)]
    [(until_the_end, _)] = waiting
    assert until_the_end <= 600
    first = len(shown.versions)
    [poll] = await inside.store.polls.list_unannounced_polls()
    for _ in range(3):  # at the same moment
        polls.recount(poll.id)
    await inside.discord.until(lambda: len(shown.versions) > first)
    label = shown.find_button("Take 2")
    await asyncio.gather(*(person.click(shown, label) for person in people))
    while len(await inside.store.polls.load_votes(poll.id)) < len(people):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    [_, (wait, count)] = waiting
    assert 0 < wait <= interval
    assert len(shown.versions) == first + 1
    count()
    await inside.discord.until(lambda: shown.labels[1].endswith(" — 3"))
    assert len(shown.versions) == first + 2


@pytest.mark.usefixtures("record_table_read")
async def test_doubled_deliveries_end_and_reopen_once_though_the_card_was_not_recorded(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    ann, channel, scripts = inside.ann, inside.channel, inside.store.scripts
    menu = await (await ann.click(await begin_script(ann, channel), "More…")).shows("What next")
    asked = await (await ann.click(menu, "The end")).shows("End “The Diner”?")
    with monkeypatch.context() as patch:
        patch.setattr(scripts, "mark_ending_shown", AsyncMock())
        ended = await ann.click(asked, "End it", times=2)
        card = await ended.shows("The end · 1 line")
        await ended.is_refused(40060)
    await inside.discord.until(lambda: not any(message.is_panel for message in channel.messages()))
    [_] = await scripts.list_ended_scripts()
    await inside.services.bot.cogs["OnBook.ending"]._show_due()
    assert await scripts.list_ended_scripts() == []
    reopened = await ann.click(card, "Reopen", times=2)
    await reopened.is_refused(40060)
    await reopened.is_done()
    assert await read_true_script(ann, channel) == [HEADING]
    assert sum("Reopen" in message.labels for message in channel.messages()) == 1
    inside.discord.refusals.clear()


async def test_a_vote_that_ends_during_an_undo_chooses_or_says_why_not(inside: Inside):
    ann, ben, channel = inside.ann, inside.ben, inside.channel
    await (await ann.click(await begin_script(ann, channel), "Continue")).is_done()
    await (await ann.slash(channel, "continue", takes=2, vote=600)).is_done()
    shown = find_takes(channel)
    await ben.click(shown, shown.find_button("Take 2"))
    await inside.discord.until(lambda: not shown.labels or shown.labels[1].endswith(" — 1"))
    [poll] = await inside.store.polls.list_unannounced_polls()
    poll.ends = poll.ends.replace(year=2000)
    asked = await (await ben.slash(channel, "undo")).shows("People are voting")
    undone = asyncio.ensure_future(ben.click(asked, "Do it anyway"))
    inside.services.live_polls.watch(poll)

    def told() -> list[Message]:
        return [message for message in channel.messages() if "won with" in message.content]

    [said] = await inside.discord.until(told)
    await (await undone).is_done()
    lines = await read_script(ann, channel)
    assert lines[0] == HEADING
    if "moved on" in said.content:
        assert (len(lines), said.labels) == (1, ["Continue from here"])
    else:
        assert len(await read_true_script(ann, channel)) == 3
    await inside.discord.until(lambda: shown.labels == [])
