"""Somebody's own lines, for which the voice reads the script again: how far it is, and Stop."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from sqlalchemy import text

from tests.discord.people import Asked

from .test_at_once import BLOCK, HEADING, Inside, begin, inside, script

__all__ = ["inside"]

STOPPED = "Stopped while the voice read the script: nothing was changed."


@pytest.fixture
async def gate(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """A script of two lines that the voice has forgotten, and reads when the event is set."""
    await begin(inside.ann, inside.channel)
    await (await inside.ann.slash(inside.channel, "write", text="Rain.")).shows("Rain.")
    async with inside.cog.store._database.writing() as session:
        await session.execute(text("DELETE FROM states"))
    engine = await inside.cog.voices.engine("tiny")
    run, gate = engine.run, asyncio.Event()

    async def run_held(request: Any) -> Any:
        await gate.wait()
        return await run(request)

    monkeypatch.setattr(engine, "run", run_held)
    # Each load imports the extension's modules anew.
    monkeypatch.setattr(sys.modules[f"{type(inside.cog).__module__}.turns"], "A_WHILE", 0.05)
    return gate


async def asked_for(inside: Inside, command: str) -> Asked:
    """Ann writes a line, or another one instead of the last."""
    if command == "write":
        return await inside.ann.slash(inside.channel, "write", text="Snow.")
    window = await inside.ann.slash(inside.channel, "edit")
    return await inside.ann.submit_modal(window, {"Text": "Snow."})


@pytest.mark.parametrize("command", ["write", "edit"])
async def test_stop_gives_the_text_back(inside: Inside, gate: asyncio.Event, command: str):
    asked = await asked_for(inside, command)
    shown = await asked.shows("The voice reads the script: 0%.")
    assert (shown.only_for, shown.labels) == (None, ["Stop"])
    await inside.ben.click(shown, "Stop")
    told = await asked.shows(STOPPED)
    assert told.only_for == inside.ann.id
    assert "Your text is not lost:\n```\nSnow.\n```" in told.content
    assert not gate.is_set()
    assert await script(inside.ann, inside.channel) == [HEADING, "Rain."]


@pytest.mark.parametrize(
    ("command", "lines"),
    [("write", [HEADING, "Rain.", "Snow."]), ("edit", [HEADING, "Snow."])],
)
async def test_who_waits_sees_the_line(
    inside: Inside, gate: asyncio.Event, command: str, lines: list[str]
):
    asked = await asked_for(inside, command)
    await asked.shows("The voice reads the script: 0%.")
    gate.set()
    shown = await asked.shows(BLOCK)
    assert "Snow." in shown.content
    assert "Stop" not in shown.labels
    assert await script(inside.ann, inside.channel) == lines
