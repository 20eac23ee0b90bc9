"""Test the progress and the Stop button of work that takes a while."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from bot.interactions import in_flight
from bot.ui import components
from tests.bot.conftest import HEADING, Inside, Stage, answer, buttons, start_script
from tests.bot.playing import PAUSE, begin_script, hold_up, read_script
from tests.fake_discord.people import WRITERS_MAY, Asked
from tests.fake_discord.state import MANAGE_MESSAGES

STOPPED = "Stopped while the voice was reading the script. Nothing was changed."


async def test_a_late_stop_says_that_the_lines_are_written(stage: Stage):
    await start_script(stage)
    await stage.ann.slash(stage.channel, "continue")
    look = stage.look(stage.panel())
    [*_, last] = await stage.session.library.load_lines()
    stop = components.make_stop_button(int(last.delivery), components.LINES)
    look["components"] = stop.to_components()
    assert list(buttons(look)) == ["Stop"]
    pressed = await stage.press_late(stage.ben, look, "Stop")
    assert "That has already been written" in answer(pressed).content
    assert len(await stage.lines()) == 2


@pytest.fixture
async def gate(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Write a script whose two lines the voice forgets; it reads them when the event is set."""
    await begin_script(inside.ann, inside.channel)
    await (await inside.ann.slash(inside.channel, "write", text="Rain.")).shows("Rain.")
    async with inside.store._database.writing() as session:
        await session.execute(text("DELETE FROM states"))
    gate = asyncio.Event()
    await hold_up(inside.services, monkeypatch, gate.wait)
    monkeypatch.setattr(in_flight, "PROGRESS_INTERVAL", 0.05)
    return gate


async def write(inside: Inside) -> Asked:
    return await inside.ann.slash(inside.channel, "write", text="Snow.")


async def edit(inside: Inside) -> Asked:
    window = await inside.ann.slash(inside.channel, "script edit")
    return await inside.ann.submit_modal(window, {"Text": "Snow."})


async def import_file(inside: Inside) -> Asked:
    file = ("play.fountain", b"INT. BARN - DAY\n\nJO\nRain.\n")
    asked = await inside.ann.slash(inside.channel, "script import", file=file)
    return await inside.ann.click(await asked.shows("running in this channel"), PAUSE)


async def replay(inside: Inside) -> Asked:
    return await inside.ann.slash(inside.channel, "script stats", what="replay", everyone=True)


EDIT_REFUSED = "PATCH edit: 10008 Unknown Message"
DELETE_REFUSED = "DELETE delete: 10008 Unknown Message"


@pytest.mark.parametrize(
    ("act", "lines"), [(write, [HEADING, "Rain.", "Snow."]), (edit, [HEADING, "Snow."])]
)
async def test_stop_gives_the_text_back_and_waiting_shows_the_line(
    inside: Inside, gate: asyncio.Event, act: Any, lines: list[str]
):
    asked = await act(inside)
    shown = await asked.shows("The voice is reading the script: 0%.")
    assert (shown.only_for, shown.labels) == (None, ["Stop"])
    await inside.ben.click(shown, "Stop")
    told = await asked.shows(STOPPED)
    assert told.only_for == inside.ann.id
    assert "Here is what you wrote:\n```\nSnow.\n```" in told.content
    assert not gate.is_set()
    assert await read_script(inside.ann, inside.channel) == [HEADING, "Rain."]
    await inside.discord.delete(inside.channel.panel())
    asked = await act(inside)
    await asked.shows("The voice is reading the script: 0%.")
    gate.set()
    await asked.is_done()
    assert await read_script(inside.ann, inside.channel) == lines
    # The panel that was deleted cannot be edited; a slow machine asks to delete it as well.
    assert {EDIT_REFUSED} <= {*inside.discord.refusals} <= {EDIT_REFUSED, DELETE_REFUSED}
    inside.discord.refusals.clear()


async def write_too(inside: Inside) -> Asked:
    return await inside.ben.slash(inside.channel, "write", text="Wind.")


async def start_another(inside: Inside) -> Asked:
    asked = await inside.ben.slash(inside.channel, "start", title="Roof", heading="Roof")
    return await inside.ben.click(await asked.shows("running in this channel"), PAUSE)


@pytest.mark.parametrize(
    ("wait", "lines"), [(write_too, [HEADING, "Rain.", "Wind."]), (start_another, [".ROOF"])]
)
async def test_what_waits_for_a_turn_leaves_the_stop_button_of_the_turn(
    inside: Inside, gate: asyncio.Event, wait: Any, lines: list[str]
):
    asked = await write(inside)
    shown = await asked.shows("The voice is reading the script: 0%.")
    waiting = await wait(inside)
    lock = inside.services.sessions.get(inside.channel.id).library.lock
    await inside.discord.until(lambda: lock._waiters)
    looks = len(shown.versions) + 6
    await inside.discord.until(lambda: len(shown.versions) >= looks)
    [stop] = {look.buttons["Stop"] for look in shown.versions if "Stop" in look.buttons}
    assert stop == f"onbook:stop:{asked.id}:lines"
    await inside.ben.click(shown, "Stop", custom_id=stop)
    await asked.shows(STOPPED)
    gate.set()
    await waiting.is_done()
    assert await read_script(inside.ann, inside.channel) == lines


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (write, "nothing was added"),
        (import_file, "no script was started. Use </start:"),
        (replay, "use </script stats:"),
    ],
)
async def test_stop_tells_when_the_work_was_lost(
    inside: Inside, gate: asyncio.Event, act: Any, said: str
):
    if act is replay:
        gate.set()
        await (await inside.ann.slash(inside.channel, "continue")).is_done()
        gate.clear()
    asked = await act(inside)
    shown = await asked.shows("The voice is reading")
    button = shown.buttons["Stop"]
    # Drop what the bot is answering, as a kill does: nobody is told.
    lost = inside.services.in_flight.tasks
    for task in lost:
        task.cancel()
    await asyncio.wait(lost)
    pressed = await inside.ben.click(shown, "Stop", custom_id=button)
    [told] = await inside.discord.until(pressed.answers)
    assert told.only_for == inside.ben.id
    assert said in told.content
    running = await inside.script()
    assert (running and running.title) == "The Diner"


async def test_an_error_after_progress_leaves_no_stop_button(inside: Inside, gate: asyncio.Event):
    gate.set()
    await (await inside.ann.slash(inside.channel, "continue")).is_done()
    gate.clear()
    asked = await inside.ann.slash(inside.channel, "script stats", what="replay")
    await asked.shows("The voice is reading")
    inside.services.models.close()
    gate.set()
    assert (await asked.shows("Try again")).labels == []


async def test_nobody_stops_the_work_of_another_channel(inside: Inside, gate: asyncio.Event):
    gate.set()
    guild = await inside.discord.guild("The Globe")
    eve = await guild.person("Eve")
    elsewhere = await begin_script(eve, await guild.channel("stage"))
    gate.clear()
    asked = await write(inside)
    await asked.shows("The voice is reading the script: 0%.")
    refused = await eve.press_forged(elsewhere, f"onbook:stop:{asked.id}:lines")
    assert (await refused.shows("That turn was interrupted")).only_for == eve.id
    gate.set()
    await asked.is_done()
    assert await read_script(inside.ann, inside.channel) == [HEADING, "Rain.", "Snow."]


async def test_nobody_stops_what_one_person_alone_sees(inside: Inside, gate: asyncio.Event):
    gate.set()
    written = await (await inside.ann.slash(inside.channel, "continue")).is_done()
    gate.clear()
    asked = await inside.ann.slash(inside.channel, "script stats", what="replay")
    shown = await asked.shows("The voice is reading")
    refused = await inside.ben.press_forged(written, f"onbook:stop:{asked.id}:replay")
    assert (await refused.shows("That replay has ended")).only_for == inside.ben.id
    await inside.ann.click(shown, "Stop")
    await asked.shows("The replay ended before line")


async def test_who_may_not_write_stops_only_what_they_asked_for(
    inside: Inside, gate: asyncio.Event
):
    gate.set()
    guild = await inside.discord.guild("The Globe")
    channel, may = await guild.channel("stage"), WRITERS_MAY & ~MANAGE_MESSAGES
    ann, ben = [await guild.person(name, may) for name in ("Ann", "Ben")]
    await (await ann.click(await begin_script(ann, channel), "Continue")).is_done()
    gate.clear()
    script = await inside.store.scripts.find_running_script(channel.id)
    await inside.store.scripts.update_script(script.id, {"role": 1})
    asked = await ann.slash(channel, "script stats", what="replay", everyone=True)
    shown = await asked.shows("The voice is reading")
    refused = await ben.click(shown, "Stop")
    assert (await refused.shows("limited to a role")).only_for == ben.id
    await ann.click(shown, "Stop")
    await asked.shows("The replay ended before line")
