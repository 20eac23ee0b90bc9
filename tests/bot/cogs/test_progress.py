"""Test the progress and the Stop of rereading a script for a person's own line."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from bot.cogs import turns
from tests.bot.conftest import Inside
from tests.fake_discord.people import Asked

from .test_concurrency import HEADING, begin, script

STOPPED = "Stopped while the voice was reading the script. Nothing was changed."


@pytest.fixture
async def gate(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Write a script whose two lines the voice forgets; it reads them when the event is set."""
    await begin(inside.ann, inside.channel)
    await (await inside.ann.slash(inside.channel, "write", text="Rain.")).shows("Rain.")
    async with inside.services.store._database.writing() as session:
        await session.execute(text("DELETE FROM states"))
    engine = await inside.services.voices.engine("tiny")
    run, gate = engine.run, asyncio.Event()

    async def run_held(request: Any) -> Any:
        await gate.wait()
        return await run(request)

    monkeypatch.setattr(engine, "run", run_held)
    monkeypatch.setattr(turns, "PROGRESS_INTERVAL", 0.05)
    return gate


async def asked_for(inside: Inside, command: str) -> Asked:
    """Write a line as Ann, or another one instead of the last."""
    if command == "write":
        return await inside.ann.slash(inside.channel, "write", text="Snow.")
    window = await inside.ann.slash(inside.channel, "script edit")
    return await inside.ann.submit_modal(window, {"Text": "Snow."})


@pytest.mark.parametrize("command", ["write", "script edit"])
async def test_stop_gives_the_text_back(inside: Inside, gate: asyncio.Event, command: str):
    asked = await asked_for(inside, command)
    shown = await asked.shows("The voice is reading the script: 0%.")
    assert (shown.only_for, shown.labels) == (None, ["Stop"])
    await inside.ben.click(shown, "Stop")
    told = await asked.shows(STOPPED)
    assert told.only_for == inside.ann.id
    assert "Here is your text:\n```\nSnow.\n```" in told.content
    assert not gate.is_set()
    assert await script(inside.ann, inside.channel) == [HEADING, "Rain."]


@pytest.mark.parametrize(
    ("command", "lines"),
    [("write", [HEADING, "Rain.", "Snow."]), ("script edit", [HEADING, "Snow."])],
)
async def test_who_waits_sees_the_line(
    inside: Inside, gate: asyncio.Event, command: str, lines: list[str]
):
    asked = await asked_for(inside, command)
    await asked.shows("The voice is reading the script: 0%.")
    gate.set()
    await asked.is_done()
    assert await script(inside.ann, inside.channel) == lines


async def lost(inside: Inside) -> None:
    """Drop the requests that the bot is answering, as a kill does: nobody is told."""
    acts = inside.services.in_flight.tasks
    for act in acts:
        act.cancel()
    await asyncio.wait(acts)


async def asked_to_stop(inside: Inside, shown: Any, button: str) -> str:
    """Return the answer to Ben's press of a Stop button that was there."""
    pressed = await inside.ben.click(shown, "Stop", custom_id=button)
    [told] = await inside.discord.until(pressed.answers)
    assert told.only_for == inside.ben.id
    return told.content


async def begun_from_a_file(inside: Inside) -> Asked:
    """Begin another script from a file, as Ann, and shelve the running one."""
    file = ("play.fountain", b"INT. BARN - DAY\n\nRain.\n")
    asked = await inside.ann.slash(inside.channel, "script import", file=file)
    offer = await asked.shows("running in this channel")
    return await inside.ann.click(offer, "Pause it and start the new one")


async def replayed(inside: Inside) -> Asked:
    """Ask for the replay of a line of the voice, as Ann."""
    return await inside.ann.slash(inside.channel, "script replay", everyone=True)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda inside: asked_for(inside, "write"), "nothing was added"),
        (begun_from_a_file, "there is no script. Use </start:"),
        (replayed, "use </script replay:"),
    ],
)
async def test_stop_on_what_was_lost_does_not_say_that_it_is_there(
    inside: Inside, gate: asyncio.Event, ask: Any, said: str
):
    if ask is replayed:
        gate.set()
        await (await inside.ann.slash(inside.channel, "continue")).is_done()
        gate.clear()
    asked = await ask(inside)
    shown = await asked.shows("The voice is reading")
    button = shown.buttons["Stop"]
    await lost(inside)
    assert said in await asked_to_stop(inside, shown, button)
    running = await inside.services.store.scripts.find_running_script(inside.channel.id)
    assert running is not None
    assert running.title == "The Diner"
