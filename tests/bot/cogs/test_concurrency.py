"""Test that simultaneous acts leave one true script.

The real bot plays at the project's own Discord, see `tests.fake_discord`.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from bot.cogs import turns
from bot.cogs.services import CogServices
from bot.ui import live_polls
from tests.bot.conftest import Inside
from tests.fake_discord.people import (
    PATIENCE,
    Asked,
    Channel,
    Discord,
    Guild,
    Message,
    Person,
    names,
)
from tests.fake_discord.processes import UNLIMITED, fake_discord, running_bot

from .test_panel_buttons import BY_PERSON, BY_VOICE

HEADING = "INT. DINER - NIGHT"

GONE_ON = "The script has moved on"

BLOCK = "```"


@pytest.fixture(scope="module")
def settings(voices: Path) -> dict[str, Any]:
    """Return the settings of the bot."""
    chosen = {"models": voices, "model": "tiny", "threads": 1, "line_length": 200}
    chosen |= {"quality": "quick", "look": "typewriter"}
    # Unlimited, because one person begins 16 scripts at once, and more.
    return chosen | UNLIMITED


@pytest.fixture(scope="module")
def address(settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a Discord with the bot, for all tests that end neither."""
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


async def begin(person: Person, channel: Channel) -> Message:
    """Begin a script with a heading, and return its panel."""
    asked = await person.slash(channel, "start", title="The Diner", heading=HEADING)
    return await asked.is_done()


async def script(person: Person, channel: Channel) -> list[str]:
    """Return the lines of the script, as anybody can download them."""
    shown = await (await person.slash(channel, "script show")).shows(BLOCK)
    [file] = shown.attachments
    _title, *lines = (await person.discord.read(file)).strip().split("\n\n")
    return lines


async def truth(person: Person, channel: Channel) -> list[str]:
    """Wait until what everybody sees is the script, and return the script's lines."""
    lines = await script(person, channel)

    def untold() -> str:
        seen = [(message.author, message.text, message.labels) for message in channel.messages()]
        return f"the truth, which is {lines}, but people see {seen}"

    await person.discord.until(lambda: channel.tells(lines), untold)
    assert besides_redo(channel.panel()) in (BY_PERSON, BY_VOICE)
    return lines


def besides_redo(message: Message) -> list[str]:
    """Return the buttons of a message but Redo, which depends on earlier lines."""
    return [label for label in message.labels if label != "Redo"]


async def test_of_two_who_press_at_once_one_writes_and_the_other_is_told(
    guild: Guild, ann: Person, ben: Person
):
    async def both_press(channel: Channel) -> None:
        begun = await begin(ann, channel)
        both = await asyncio.gather(*(one.click(begun, "Continue") for one in (ann, ben)))
        await ann.discord.until(lambda: all(map(settled, both)), lambda: unsettled(both))
        [told] = [one for asked in both for one in asked.answers()]
        assert GONE_ON in told.content
        assert (told.only_for in (ann.id, ben.id), told.labels) == (True, ["Continue from here"])
        assert len(await truth(ann, channel)) == 2

    channels = [await guild.channel(f"stage-{number}") for number in range(4)]
    await asyncio.gather(*map(both_press, channels))


async def test_of_two_who_begin_at_once_one_begins(channel: Channel, ann: Person, ben: Person):
    both = await asyncio.gather(
        ann.slash(channel, "start", title="Anns", heading="INT. ANN"),
        ben.slash(channel, "start", title="Bens", heading="INT. BEN"),
    )
    await ann.discord.until(lambda: all(map(settled, both)), lambda: unsettled(both))
    [told] = [one for asked in both for one in asked.answers()]
    assert "Another script was started" in told.content or "running in this" in told.content
    assert await truth(ann, channel) == ["INT. BEN" if told.only_for == ann.id else "INT. ANN"]


async def test_an_undo_waits_for_what_is_being_written(channel: Channel, ann: Person, ben: Person):
    await begin(ann, channel)
    continued = await ann.slash(channel, "continue", lines=10)
    await ann.discord.until(lambda: continued.seen)
    undone = await ben.slash(channel, "undo")
    await asyncio.gather(continued.is_done(), undone.is_done())
    lines = await truth(ann, channel)
    assert (len(lines), lines[0]) == (10, HEADING)


async def test_everybody_does_everything_at_once(channel: Channel, ann: Person, ben: Person):
    begun = await begin(ann, channel)
    people = [ann, ben] * 2
    asked = await asyncio.gather(
        *(one.slash(channel, "continue", lines=3) for one in people),
        *(one.slash(channel, "write", text="Rain.\n\nMAYA: Oh!") for one in people),
        *(one.slash(channel, "undo") for one in people),
        *(one.click(begun, "Undo") for one in people),
        ann.slash(channel, "script retry"),
    )
    await ann.discord.until(lambda: all(settled(one) for one in asked), lambda: unsettled(asked))
    await truth(ben, channel)


async def test_a_slow_message_does_not_come_between_later_ones(
    discord: Discord, channel: Channel, ann: Person, ben: Person
):
    await (await ann.click(await begin(ann, channel), "Continue")).is_done()
    async with discord.holding("POST", rf"/channels/{channel.id}/", most=1):
        continued = await ann.click(channel.panel(), "Continue")
        await discord.until(lambda: discord.held)
        undone = await ben.slash(channel, "undo")
        await discord.until(lambda: undone.how)
        for _ in range(3):  # a later message would be there by then
            await script(ann, channel)
    await asyncio.gather(continued.is_done(), undone.is_done())
    assert len(await truth(ann, channel)) == 2


def settled(asked: Asked) -> bool:
    """Return whether a press was answered and no answer still thinks or writes."""
    answers = asked.answers()
    return asked.how is not None and not any(
        one.thinking or one.labels == ["Stop"] for one in answers
    )


def unsettled(asked: Sequence[Asked]) -> str:
    return " and ".join(str(one) for one in asked if not settled(one))


def takes(channel: Channel) -> Message:
    """Return the newest message that shows takes to choose from."""
    return [one for one in channel.messages() if "**Take 1**" in one.content][-1]


async def test_of_two_takes_that_are_picked_at_once_one_is_the_line(
    channel: Channel, ann: Person, guild: Guild
):
    await begin(ann, channel)
    await (await ann.slash(channel, "continue", takes=3, times=2)).is_done()
    shown = takes(channel)
    labels = [shown.find_button(f"{take} · ") for take in (1, 2)]
    both = await asyncio.gather(*(ann.click(shown, label) for label in labels))
    await ann.discord.until(lambda: all(map(settled, both)), lambda: unsettled(both))
    [told] = [one for asked in both for one in asked.answers()]
    assert "already chosen" in told.content
    assert len(await truth(ann, channel)) == 2
    assert shown.labels == []
    ann.discord.refusals.clear()


async def test_all_who_vote_at_once_are_counted(channel: Channel, guild: Guild, ann: Person):
    await begin(ann, channel)
    await (await ann.slash(channel, "continue", takes=2, vote=600)).is_done()
    shown = takes(channel)
    people = [await guild.person(f"P{number}") for number in range(12)]
    buttons = list(shown.buttons.values())

    async def vote(one: Person, take: int) -> None:
        await one.click(shown, "", custom_id=buttons[take])

    def counts() -> list[str]:
        return [label.rpartition(" — ")[2] for label in shown.labels]

    await asyncio.gather(*(vote(one, n % 3 > 0) for n, one in enumerate(people)))
    await ann.discord.until(lambda: counts() == ["4", "8"])
    await asyncio.gather(*(vote(one, 0) for one in people))
    await ann.discord.until(lambda: counts() == ["12", "0"])
    assert await script(ann, channel) == [HEADING]


async def test_what_is_delivered_twice_is_written_once(
    discord: Discord, channel: Channel, ann: Person
):
    begun = await begin(ann, channel)
    pressed = await ann.click(begun, "Continue", times=2)
    await pressed.is_done()
    continued = await ann.slash(channel, "continue", times=2)
    await continued.is_done()
    written = await ann.slash(channel, "write", text="Rain.", times=2)
    await written.is_done()
    for asked in (pressed, continued, written):
        await asked.is_refused(40060)
    assert (await truth(ann, channel))[3:] == ["Rain."]
    await asyncio.gather(*map(discord.deliver_again, (pressed, continued, written)))
    await discord.until(
        lambda: sum("40060" in one for one in discord.refusals) == 6,
        lambda: f"6 of {discord.refusals}",
    )
    assert (await truth(ann, channel))[3:] == ["Rain."]
    discord.refusals.clear()


async def test_a_star_and_an_end_that_are_delivered_twice_are_so_once(
    discord: Discord, channel: Channel, ann: Person
):
    begun = await begin(ann, channel)
    [line] = [one for one in channel.messages() if one.is_line]
    starred = await ann.menu(line, "Star")
    await starred.shows("You starred")
    await discord.deliver_again(starred)
    await starred.is_refused(40060)
    await (await ann.menu(line, "Details")).shows("1 star")
    menu = await (await ann.click(begun, "More…")).shows("What next")
    ended = await ann.click(menu, "The end", times=2)
    await ended.is_refused(40060)
    card = await ended.shows("The end · 1 line")
    assert [file["filename"] for file in card.attachments] == [
        *("the-diner-stats.png", "the-diner.pdf", "the-diner.mp3"),
    ]
    await discord.until(lambda: not any(one.is_panel for one in channel.messages()))
    reopened = await ann.click(card, "Reopen", times=2)
    await reopened.is_refused(40060)
    await reopened.is_done()
    assert await truth(ann, channel) == [HEADING]
    assert [one.labels for one in channel.messages()].count(["Reopen"]) == 1
    discord.refusals.clear()


# Looking inside --------------------------------------------------------------------------------


async def test_stop_keeps_the_lines_that_are_finished(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    await slow_down(inside.services, monkeypatch)
    await begin(inside.ann, inside.channel)
    asked = await inside.ann.slash(inside.channel, "continue", lines=10)
    shown = await progress(inside, "Finished lines: 2")
    assert (shown.only_for, shown.labels) == (None, ["Stop"])
    stopped = await inside.ben.click(shown, "Stop")
    await asked.is_done()
    assert 3 <= len(await truth(inside.ann, inside.channel)) < 11
    assert stopped.answers() == []


async def progress(inside: Inside, text: str) -> Message:
    """Wait until everybody sees a progress, and return the message."""

    def find() -> Message | None:
        seen = (one for one in inside.channel.messages() if text in one.content)
        return next(seen, None)

    return await inside.discord.until(find)


async def slow_down(services: CogServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow each line down, and show progress early."""
    engine = await services.voices.engine("tiny")
    run = engine.run

    async def run_slowly(request: Any) -> Any:
        await asyncio.sleep(0.15)
        return await run(request)

    monkeypatch.setattr(engine, "run", run_slowly)
    monkeypatch.setattr(turns, "PROGRESS_INTERVAL", 0.05)


async def test_how_far_a_turn_is_is_seen_once_in_a_while(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    a_while = 0.2
    monkeypatch.setattr(turns, "PROGRESS_INTERVAL", a_while)
    await begin(inside.ann, inside.channel)
    gate = await hold_after(3, inside.services, monkeypatch)
    began = time.monotonic()
    asked = await inside.ann.slash(inside.channel, "continue", lines=4)
    shown = await progress(inside, "Finished lines: 3.")

    def seen() -> int:
        return sum("Finished lines" in one.content for one in shown.versions)

    await inside.discord.until(lambda: seen() > 1)
    gate.set()
    await asked.is_done()
    assert seen() <= (time.monotonic() - began) / a_while
    assert len(await truth(inside.ann, inside.channel)) == 5


async def test_progress_before_the_first_line_of_a_channel_is_deleted_once(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    await slow_down(inside.services, monkeypatch)
    panel = inside.services.messages.panel
    show_progress = panel.show_progress

    async def show_late(*arguments: Any) -> None:
        await asyncio.sleep(1)  # until the script is stored
        await show_progress(*arguments)

    monkeypatch.setattr(panel, "show_progress", show_late)
    await begin(inside.ann, inside.channel)
    assert any("The voice is" in one.text for one in inside.channel.timeline())
    assert inside.discord.refusals == []


async def hold_after(
    lines: int, services: CogServices, monkeypatch: pytest.MonkeyPatch
) -> asyncio.Event:
    """Let the voice write so many lines; hold the next line until the event is set."""
    engine = await services.voices.engine("tiny")
    run, gate, written = engine.run, asyncio.Event(), itertools.count()

    async def run_held(request: Any) -> Any:
        if request.sampling is not None and next(written) >= lines:
            await gate.wait()
        return await run(request)

    monkeypatch.setattr(engine, "run", run_held)
    return gate


async def test_votes_are_counted_at_once_and_then_once_in_a_while(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    polls, waiting = inside.services.polls, list[tuple[float, Callable[[], None]]]()
    between = 3600.0
    monkeypatch.setattr(live_polls, "RECOUNT_INTERVAL", between)
    monkeypatch.setattr(polls.timers, "_call_later", lambda *later: waiting.append(later) or Held())
    await begin(inside.ann, inside.channel)
    await (await inside.ann.slash(inside.channel, "continue", takes=2, vote=600)).is_done()
    shown = takes(inside.channel)
    guild = await inside.discord.guild("Elsewhere")
    people = [await guild.person(f"P{number}") for number in range(6)]
    [(until_the_end, _)] = waiting
    assert until_the_end <= 600
    first = len(shown.versions)
    [ballot] = await inside.services.store.polls.list_unannounced_polls()
    for _ in range(3):  # at the same moment
        polls.recount(ballot.id)
    await inside.discord.until(lambda: len(shown.versions) > first)
    label = shown.find_button("2 · ")
    await asyncio.gather(*(one.click(shown, label) for one in people))
    while len(await inside.services.store.polls.load_votes(ballot.id)) < len(people):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    [_, (wait, count)] = waiting
    assert 0 < wait <= between
    assert len(shown.versions) == first + 1
    count()
    await inside.discord.until(lambda: shown.labels[1].endswith(" — 6"))
    assert len(shown.versions) == first + 2


async def test_a_closing_card_that_was_not_recorded_is_posted_once(
    inside: Inside, monkeypatch: pytest.MonkeyPatch
):
    ann, scripts = inside.ann, inside.services.store.scripts
    begun = await begin(ann, inside.channel)
    with monkeypatch.context() as patch:
        patch.setattr(scripts, "mark_ending_shown", AsyncMock())
        menu = await (await ann.click(begun, "More…")).shows("What next")
        await (await ann.click(menu, "The end")).shows("The end · 1 line")
    [_] = await scripts.list_ended_scripts()
    await inside.services.bot.cogs["OnBook.ending"]._show_due()
    assert [one.labels for one in inside.channel.messages()].count(["Reopen"]) == 1
    assert await scripts.list_ended_scripts() == []


class Held:
    """A timer that fires when the test says so."""

    def cancel(self) -> None:
        """Raise nothing: the timer would not have fired."""


async def test_a_vote_that_ends_while_somebody_undoes(inside: Inside):
    ann, ben, channel = inside.ann, inside.ben, inside.channel
    await (await ann.click(await begin(ann, channel), "Continue")).is_done()
    await (await ann.slash(channel, "continue", takes=2, vote=600)).is_done()
    shown = takes(channel)
    await ben.click(shown, shown.find_button("2 · "))
    await inside.discord.until(lambda: not shown.labels or shown.labels[1].endswith(" — 1"))
    [ballot] = await inside.services.store.polls.list_unannounced_polls()
    undone, _ = await asyncio.gather(ben.slash(channel, "undo"), end(inside, ballot))

    def told() -> list[Message]:
        return [one for one in channel.messages() if "Voting has ended" in one.content]

    [said] = await inside.discord.until(told)
    await undone.is_done()
    lines = await script(ann, channel)
    assert lines[0] == HEADING
    if "moved on" in said.content:
        assert (len(lines), said.labels) == (1, ["Continue from here"])
    else:
        assert len(await truth(ann, channel)) == 2
    await inside.discord.until(lambda: shown.labels == [])


async def end(inside: Inside, ballot: Any) -> None:
    """End the time of a vote."""
    ballot.ends = ballot.ends.replace(year=2000)
    inside.services.polls.watch(ballot)


async def test_channels_at_once_do_not_mix(guild: Guild):
    ann = await guild.person("Ann")

    async def play(name: str) -> None:
        channel = await guild.channel(name)
        begun = await ann.slash(channel, "start", heading=f"INT. {name}")
        await begun.is_done()
        asked = await ann.slash(channel, "continue", character=name)
        await asked.is_done()
        heading, line = await truth(ann, channel)
        assert heading == f"INT. {name}"
        assert line.startswith(f"{name}\n")

    await asyncio.gather(*map(play, names(16)))
