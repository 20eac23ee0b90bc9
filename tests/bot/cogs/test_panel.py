"""Test the panel under the newest line, its menu, moods, and the window *Advanced*."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from bot.errors import RequestError, SettingsError
from bot.generation.moods import MOODS
from bot.session.preferences import parse_mood, parse_number
from bot.settings import read_settings
from bot.ui.panel_view import ACTION, ANYBODY, CHARACTER
from tests.bot.conftest import Stage, answer, fields, labels, poll, start_script

from .test_panel_buttons import BY_PERSON


def components_of(message: Any) -> list[dict[str, Any]]:
    """Return the buttons and lists of a message."""
    rows = [row if isinstance(row, dict) else row.to_dict() for row in message.components]
    return [one for row in rows for one in row.get("components", ())]


def menus(message: Any) -> dict[str, list[str]]:
    """Return the values of a message's lists by what their custom ids begin with."""
    return {
        one["custom_id"].split(":")[1]: [option["value"] for option in one["options"]]
        for one in components_of(message)
        if one["type"] == discord.ComponentType.select.value
    }


async def choose(stage: Stage, actor: Any, message: Any, menu: str, value: str) -> Any:
    """Choose a value of a list in a message."""
    ids = [one["custom_id"] for one in components_of(message)]
    [custom_id] = [one for one in ids if one.startswith(f"onbook:{menu}:")]
    return await actor.select(message, [value], custom_id=custom_id)


async def open_menu(stage: Stage, by: Any = None) -> Any:
    """Press *More…* as Ben, or somebody else, under the newest line."""
    return answer(await (by or stage.ben).click(stage.panel(), label="More…"))


async def last_line(stage: Stage) -> Any:
    session = stage.session
    return (await session.library.load_lines())[-1]


async def test_the_panel_lets_a_character_speak_next(stage: Stage):
    await start_script(stage, cast="Maya, Jonas")
    panel = stage.panel()
    assert menus(panel) == {"speaker": [f"{CHARACTER}MAYA", f"{CHARACTER}JONAS", ACTION, ANYBODY]}
    assert labels(panel) == BY_PERSON
    for number in range(3):
        await choose(stage, stage.ben, stage.panel(), "speaker", f"{CHARACTER}JONAS")
        assert (await last_line(stage)).element.cue == "JONAS"
        assert stage.with_buttons() == [stage.panel().id]
        assert len(await stage.lines()) == number + 2


async def test_the_panel_asks_for_action_and_for_anybody_after_a_restart(stage: Stage):
    await start_script(stage, cast="Maya, Jonas")
    await stage.restart()
    await choose(stage, stage.ben, stage.panel(), "speaker", ACTION)
    assert (await last_line(stage)).kind == "action"
    await choose(stage, stage.ann, stage.panel(), "speaker", ANYBODY)
    assert len(await stage.lines()) == 3


async def test_without_a_cast_those_who_have_spoken_are_offered(stage: Stage):
    await start_script(stage)
    await stage.ann.slash(stage.channel, "write", text="MAYA: Hello.")
    assert menus(stage.panel()) == {"speaker": [f"{CHARACTER}MAYA", ACTION, ANYBODY]}


async def test_more_opens_a_menu_for_one_person(stage: Stage):
    await start_script(stage)
    menu = await open_menu(stage)
    assert menu.ephemeral
    assert list(menus(menu)) == ["menu-lines", "menu-mood", "menu-style"]
    moods = next(one for one in components_of(menu) if "menu-mood" in one["custom_id"])
    assert [one["label"] for one in moods["options"]] == [
        *("Mood: calm", "Mood: lively", "Mood: unhinged"),
    ]
    assert labels(menu) == [
        *("Three takes with a vote", "Cast", "Script", "Export", "Listen", "Surprise picture"),
        *("Stats", "History", "All scripts", "Advanced", "Turns", "Sprint", "The end"),
    ]
    for label in ("Cast", "Script", "Surprise picture", "Stats", "History", "All scripts"):
        shown = answer(await stage.ben.click(menu, label=label))
        assert shown.ephemeral, label
    asked = answer(await stage.ben.click(await open_menu(stage), label="Export"))
    sent = answer(await choose(stage, stage.ben, asked, "menu-format", "txt"))
    assert [file.filename for file in sent.attachments] == ["the-diner.txt"]
    menu = await open_menu(stage, stage.ann)
    told = answer(await choose(stage, stage.ann, menu, "menu-style", "storm"))
    assert told.content == "Changed: style storm."
    assert (await stage.script()).style == "storm"
    await choose(stage, stage.ann, await open_menu(stage, stage.ann), "menu-lines", "3")
    assert len(await stage.lines()) == 4
    await stage.ann.click(await open_menu(stage, stage.ann), label="Three takes with a vote")
    assert "everyone has one vote" in poll(stage).content
    assert len(labels(poll(stage))) == 3


async def test_a_mood_sets_three_numbers_and_a_number_goes_before_it(stage: Stage):
    await start_script(stage)
    await stage.ann.slash(stage.channel, "continue", mood="unhinged")
    origin = (await last_line(stage)).origin
    assert {name: origin[name] for name in MOODS["unhinged"]} == MOODS["unhinged"]
    await stage.ann.slash(stage.channel, "continue", mood="calm", temperature=1.9)
    origin = (await last_line(stage)).origin
    assert {name: origin[name] for name in MOODS["calm"]} == {**MOODS["calm"], "temperature": 1.9}
    refused = answer(await stage.ann.slash(stage.channel, "continue", mood="grumpy"))
    assert refused.content == "Choose a mood from calm, lively, unhinged."


async def test_the_menu_changes_the_mood_of_the_script(stage: Stage):
    await start_script(stage)
    told = answer(
        await choose(stage, stage.ann, await open_menu(stage, stage.ann), "menu-mood", "calm")
    )
    assert not told.ephemeral
    assert "temperature 0.5" in told.content
    shown = answer(await stage.ben.slash(stage.channel, "settings show"))
    assert "\n- mood calm\n" in shown.content
    await stage.ann.slash(stage.channel, "continue")
    assert (await last_line(stage)).origin["temperature"] == 0.5


def test_the_operator_adds_moods(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ONBOOK_MOODS", "dreamy 1.1 0.9 120, dry 0.6 0.8 30")
    assert parse_mood("Dreamy", read_settings()) == {
        "temperature": 1.1,
        "top_p": 0.9,
        "length": 120,
    }
    monkeypatch.setenv("ONBOOK_MOODS", "dreamy 9 0.9 120")
    with pytest.raises(SettingsError, match="each mood must have a name"):
        read_settings()


async def test_the_window_changes_the_other_numbers(stage: Stage):
    await start_script(stage)
    shown = await stage.ann.slash(stage.channel, "settings show")
    opened = await stage.ann.click(answer(shown), label="Advanced")
    inputs = fields(opened)
    assert list(inputs) == [
        *("top-p, 0.05 to 1.0", "min-p, 0.0 to 1.0", "repetition, 0.0 to 2.0"),
        *("company, 0.0 to 2.0", "seed, 0 to 2147483647"),
    ]
    values = dict(zip(inputs.values(), ("0.95", "0,25", "0.5", "1.0", "7"), strict=True))
    told = answer(await stage.ann.submit_modal(opened, values))
    assert told.content == "Changed: min-p 0.25, seed 7."
    await stage.ann.slash(stage.channel, "continue")
    before = await stage.lines()
    await stage.ann.click(stage.panel(), label="Undo")
    await stage.ann.slash(stage.channel, "continue")
    assert await stage.lines() == before
    await stage.ann.slash(stage.channel, "script retry")
    assert await stage.lines() != before


@pytest.mark.parametrize(("name", "text"), [("top_p", "2"), ("seed", "1.5"), ("min_p", "much")])
def test_the_window_takes_numbers_within_their_ranges(name: str, text: str):
    with pytest.raises(RequestError, match="must be a number from"):
        parse_number(name, text)
    assert parse_number("seed", " ") is None
