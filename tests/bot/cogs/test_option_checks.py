"""Test that the bot refuses values that no client of Discord sends."""

from types import SimpleNamespace
from typing import Any

import pytest

from bot.cogs.writing import Writing
from bot.interactions import option_checks
from bot.interactions.option_checks import MAX_ID, InvalidOption, check_options
from tests.bot.playing import read_script
from tests.fake_discord.people import Asked, Channel, Message, Person
from tests.fake_discord.rules import SELECT, inputs


@pytest.mark.parametrize(
    ("option", "fits", "wrong"),
    [
        ("lines", [1, 10], [11, 0, 2**70, "3", True, 1.5, [1]]),
        ("temperature", [2], [2.1, float("nan")]),
        ("kind", ["action"], ["song", 1]),
        ("character", ["x" * 60], ["x" * 61, ""]),
        ("vote", [10], [9, 601]),
        ("takes", [5], [6]),
    ],
)
def test_values_outside_the_registered_options_are_refused(
    option: str, fits: list[Any], wrong: list[Any]
) -> None:
    for value in fits:
        check_options(Writing.continue_, SimpleNamespace(**{option: value}))
    for value in wrong:
        with pytest.raises(InvalidOption):
            check_options(Writing.continue_, SimpleNamespace(**{option: value}))


def test_required_options_are_required_which_the_log_says_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    option_checks._log_refusal.cache_clear()
    check_options(Writing.write, SimpleNamespace(text="Rain."))
    for _ in range(2):
        with pytest.raises(InvalidOption):
            check_options(Writing.write, SimpleNamespace())
    [warning] = caplog.messages
    assert warning.startswith("/write was sent a value that its option text does not accept.")


@pytest.fixture
async def begun(channel: Channel, ann: Person) -> Message:
    """Begin a script without a title, and return its panel."""
    return await (await ann.slash(channel, "start", heading="Roof")).is_done()


async def test_forged_buttons_and_menus_are_answered(channel: Channel, ann: Person, begun: Message):
    takes = await (await ann.slash(channel, "continue", takes=2, vote=600)).shows("Take 1")
    ballot = takes.buttons[takes.find_button("Take 1")].split(":")[2]
    for custom_id, kind, values, said in (
        ("onbook:dance:1:1", 2, (), "has expired"),
        ("onbook:script:dance:1", 2, (), "has expired"),
        ("onbook:", 2, (), "has expired"),
        (f"onbook:poll:{ballot}:take:9", 2, (), "no such take"),
        (f"onbook:poll:{'9' * 18}:take:1", 2, (), "deleted"),
        ("onbook:line:1", 3, ("x",), "no longer on the list"),
        ("onbook:line:1", 3, (), "not allowed"),
        ("onbook:scripts", 3, ("9" * 30,), "no longer on the list"),
        ("onbook:scripts", 3, (str(MAX_ID + 1),), "no longer on the list"),
        ("onbook:scripts", 3, ("0",), "no longer on the list"),
        ("onbook:scripts", 3, (str(MAX_ID),), "no longer here"),
    ):
        asked = await ann.press_forged(begun, custom_id, kind, values)
        assert (await asked.shows(said)).only_for == ann.id


NO_CHOICES: list[Any] = [
    *([], [1], ["1", "1"], [""], "12", None),
    *(["x"], ["99"], ["9" * 5000], ["\N{SUPERSCRIPT TWO}"], ["\ud800"], ["name:\ud800"]),
]
"""Values that no menu offers, and data that is no list of values."""

NO_TEXTS: list[Any] = [None, 5, ["x"], "x" * 9999]
"""Values that no input of a window can have."""

MALFORMED: list[Any] = [
    *(5, None, [5], [{}], [{"type": 1}], [{"type": 18}], [{"type": 4}]),
    *([{"type": 1, "components": 5}], [{"type": 18, "component": 5}]),
]
"""The components of a submitted window that no client would send."""


async def is_refused(asked: Asked, by: Person, of: object) -> None:
    """Wait until one person alone reads an answer that blames the values, not the bot."""
    [said, *_] = await asked.discord.until(
        lambda: [
            post.content for post in asked.answers() if post.only_for == by.id and post.content
        ],
        lambda: f"an answer to {of}",
    )
    assert "went wrong" not in said, of


async def test_forged_values_of_a_menu_are_refused(channel: Channel, ann: Person, begun: Message):
    [script] = {button.split(":")[2] for button in begun.buttons.values()}
    takes = await (await ann.slash(channel, "continue", takes=2, vote=600)).shows("Take 1")
    ballot = takes.buttons[takes.labels[0]].split(":")[2]
    for menu in (
        *(f"speaker:{script}:1", f"menu-lines:{script}:1", f"menu-mood:{script}:1"),
        *(f"menu-style:{script}:1", f"menu-format:{script}:1", f"turns:hours:{script}:0"),
        *(f"menu-voice:{script}:1", f"menu-look:{script}:1", f"menu-takes:{script}:1"),
        *(f"line:{script}", f"poll:{ballot}:read", "scripts"),
    ):
        for values in NO_CHOICES:
            asked = await ann.press_forged(begun, f"onbook:{menu}", SELECT, values)
            await is_refused(asked, ann, (menu, values))
    assert await read_script(ann, channel) == [".ROOF"]


async def test_forged_values_of_a_window_are_refused(channel: Channel, ann: Person, begun: Message):
    menu = await (await ann.click(begun, "More…")).shows("What next")
    await ann.click(menu, "Together…")
    await ann.discord.until(lambda: "Sprint" in menu.labels)
    settings = await (await ann.slash(channel, "settings", setting="everything")).shows("Voice")
    listed = await (await ann.slash(channel, "script list")).shows("Untitled")
    await ann.choose(listed, "onbook:scripts", begun.buttons["Write"].split(":")[2])
    await ann.discord.until(lambda: "Rename" in listed.labels)

    async def submit(opened: Asked, components: Any) -> None:
        data = {"custom_id": opened.modal["custom_id"], "components": components}
        asked = await ann.send_raw(channel, kind=5, data=data, message=begun.id)
        await is_refused(asked, ann, components)

    for open_window in (
        lambda: ann.click(begun, "Write"),
        lambda: ann.click(settings, "Advanced"),
        lambda: ann.click(menu, "Sprint"),
        lambda: ann.click(listed, "Rename"),
        lambda: ann.slash(channel, "script edit"),
        lambda: ann.slash(channel, "start"),
    ):
        opened = await open_window()
        modal = await opened.shows_modal()
        for _, field in inputs(modal):
            for value in NO_CHOICES if field["type"] == SELECT else NO_TEXTS:
                if value is None and field.get("required") is False:
                    continue  # then it is as good as an empty text
                filled = field | {"value": value, "values": value}
                await submit(opened, [{"type": 1, "components": [filled]}])
        for components in MALFORMED:
            await submit(opened, components)
    assert await read_script(ann, channel) == [".ROOF"]


async def test_unknown_commands_are_answered(channel: Channel, ann: Person) -> None:
    for data in (
        {"name": "dance"},
        {"name": "script"},
        {"name": "dance", "type": 3, "target_id": "1"},
        {"name": "start", "options": [{"name": "title", "type": 11, "value": "x"}]},
        {"name": "continue", "options": [{"name": "lines", "type": 4, "value": 11}]},
    ):
        await (await ann.send_raw(channel, kind=2, data=data)).shows("not allowed")
