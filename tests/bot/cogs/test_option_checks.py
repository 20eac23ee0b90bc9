"""Test that the bot holds everything to its bounds, whatever a client lets through."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.cogs.option_checks import (
    MAX_ID,
    InvalidOption,
    check_lengths,
    check_options,
    parse_chosen_id,
)
from bot.cogs.script_settings import ScriptSettings
from bot.cogs.writing import Writing
from bot.errors import RequestError
from tests.fake_discord.people import PATIENCE, Asked, Channel, Discord, Person
from tests.fake_discord.processes import fake_discord, running_bot

CARRY_ON: Any = Writing.continue_


@pytest.mark.parametrize(
    ("fits", "wrong"),
    [
        ({"lines": 10}, [{"lines": 11}, {"lines": 0}, {"lines": 2**70}, {"lines": "3"}]),
        ({"lines": 1}, [{"lines": True}, {"lines": 1.5}, {"lines": [1]}]),
        ({"temperature": 2}, [{"temperature": 2.1}, {"temperature": float("nan")}]),
        ({"kind": "action"}, [{"kind": "song"}, {"kind": 1}]),
        ({"character": "x" * 60}, [{"character": "x" * 61}, {"character": ""}]),
        ({}, [{"vote": 9}, {"vote": 601}, {"takes": 6}]),
    ],
)
def test_options_are_held_to_what_is_registered(
    fits: dict[str, Any], wrong: list[dict[str, Any]]
) -> None:
    check_options(CARRY_ON, SimpleNamespace(**fits))
    for given in wrong:
        with pytest.raises(InvalidOption):
            check_options(CARRY_ON, SimpleNamespace(**given))


def test_what_is_required_is_not_left_out() -> None:
    reset: Any = ScriptSettings.reset
    check_options(reset, SimpleNamespace(setting="takes"))
    with pytest.raises(InvalidOption):
        check_options(reset, SimpleNamespace())


def test_texts_and_choices() -> None:
    check_lengths(title=("x" * 5, 5))
    for text in ("x" * 6, None, 5):
        with pytest.raises(RequestError):
            check_lengths(title=(text, 5))
    assert parse_chosen_id(["12"]) == 12
    for values in ([], ["1", "2"], ["x"], ["0"], ["-1"], [str(MAX_ID + 1)], ["9" * 5000], [1]):
        with pytest.raises(RequestError):
            parse_chosen_id(values)


@pytest.fixture(scope="module")
def address(voices: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a Discord with the bot; fail where the bot logs an error."""
    folder = tmp_path_factory.mktemp("bot")
    log = folder / "bot.log"
    with (
        fake_discord(PATIENCE) as address,
        running_bot(
            *(address, folder, log),
            line_length=40,
            person_limits="0 0 0",
            models=voices,
            model="tiny",
        ),
    ):
        yield address
    assert "Traceback" not in log.read_text()


@pytest.fixture
async def discord(address: str) -> AsyncIterator[Discord]:
    """Yield that Discord."""
    async with Discord(address) as discord:
        await discord.bot_is_ready()
        yield discord


async def press(
    who: Person, channel: Channel, message: int, custom_id: str, kind: int = 2, *values: str
) -> Asked:
    """Press a component that is under no message of the bot."""
    data = {"custom_id": custom_id, "component_type": kind, "values": values}
    made: dict[str, Any] = {"type": kind, "custom_id": custom_id}
    made |= {"options": [{"label": "x", "value": "x"}]} if kind == 3 else {"style": 1, "label": "x"}
    sent = await who.discord.do(
        "send_raw",
        user=who.id,
        channel=channel.id,
        kind=3,
        data=data,
        message=message,
        components=[{"type": 1, "components": [made]}],
    )
    return who.discord.asked(sent["id"])


async def test_buttons_and_menus_that_nobody_made_are_answered(discord: Discord) -> None:
    guild = await discord.guild("The Playhouse")
    channel, ann = await guild.channel("stage"), await guild.person("Ann")
    begun = await (await ann.slash(channel, "start", heading="Roof")).is_done()
    takes = await (await ann.slash(channel, "continue", takes=2, vote=600)).shows("Take 1")
    ballot = takes.buttons[takes.find_button("1 · ")].split(":")[2]
    for custom_id, kind, values, said in (
        ("onbook:dance:1:1", 2, (), "has expired"),
        ("onbook:script:dance:1", 2, (), "has expired"),
        ("onbook:", 2, (), "has expired"),
        (f"onbook:poll:{ballot}:take:9", 2, (), "no such take"),
        (f"onbook:poll:{'9' * 18}:take:1", 2, (), "deleted"),
        ("onbook:line:1", 3, ("x",), "no longer on the list"),
        ("onbook:line:1", 3, (), "no longer on the list"),
        ("onbook:scripts", 3, ("9" * 30,), "no longer on the list"),
        ("onbook:scripts", 3, (str(MAX_ID),), "no longer here"),
    ):
        asked = await press(ann, channel, begun.id, custom_id, kind, *values)
        assert (await asked.shows(said)).only_for == ann.id


async def test_what_was_written_into_an_old_window_is_given_back(discord: Discord) -> None:
    guild = await discord.guild("The Playhouse")
    channel, ann = await guild.channel("stage"), await guild.person("Ann")
    line = {"type": 4, "custom_id": "text", "value": "MAYA: Do not lose me."}
    data = {"custom_id": "onbook:write:old", "components": [{"type": 1, "components": [line]}]}
    sent = await discord.do("send_raw", user=ann.id, channel=channel.id, kind=5, data=data)
    shown = await discord.asked(sent["id"]).shows("has expired")
    assert "Do not lose me." in shown.content


async def test_commands_that_do_not_exist_are_answered(discord: Discord) -> None:
    guild = await discord.guild("The Playhouse")
    channel, ann = await guild.channel("stage"), await guild.person("Ann")
    wrong = [{"name": "title", "type": 11, "value": "x"}]
    for data in (
        {"name": "dance"},
        {"name": "cast"},
        {"name": "dance", "type": 3, "target_id": "1"},
        {"name": "start", "options": wrong},
        {"name": "continue", "options": [{"name": "lines", "type": 4, "value": 11}]},
    ):
        sent = await discord.do("send_raw", user=ann.id, channel=channel.id, kind=2, data=data)
        await discord.asked(sent["id"]).shows("not allowed")
