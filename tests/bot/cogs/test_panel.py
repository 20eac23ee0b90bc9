"""Test the panel under the newest line, its menu, moods, and the window *Advanced*."""

from typing import Any

import pytest

from bot.errors import SettingsError
from bot.generation.moods import MOODS
from bot.i18n.catalogue import say, speaking
from bot.session.preferences import ADVANCED, PING, SEED, SPECS, parse_mood, parse_number
from bot.settings import read_settings
from bot.ui.panels.panel_view import ACTION, ANYBODY, CHARACTER
from tests.bot.conftest import (
    Stage,
    answer,
    assert_private,
    fields,
    find_menus,
    labels,
    moderator,
    poll,
)
from tests.bot.playing import (
    BY_PERSON,
    ask,
    choose,
    click,
    edit,
    open_menu,
    replace_script,
    use_on_message,
    write,
)

STARTED = True


def menus(message: Any) -> dict[str, list[str]]:
    """Return the values of a message's lists by what their custom ids begin with."""
    return {
        menu["custom_id"].split(":")[1]: [option["value"] for option in menu["options"]]
        for menu in find_menus(message)
    }


async def test_the_panel_chooses_who_speaks_next(stage: Stage):
    await replace_script(stage, cast="Maya, Jonas")
    choices = {"speaker": [f"{CHARACTER}MAYA", f"{CHARACTER}JONAS", ACTION, ANYBODY]}
    assert menus(stage.panel()) == choices
    assert labels(stage.panel()) == BY_PERSON
    for number in (2, 3):
        await choose(stage.ben, stage.panel(), "speaker", f"{CHARACTER}JONAS")
        assert (await stage.last_line()).element.cue == "JONAS"
        assert stage.with_buttons() == [stage.panel().id]
        assert len(await stage.lines()) == number
    await stage.restart()
    await choose(stage.ben, stage.panel(), "speaker", ACTION)
    assert (await stage.last_line()).kind == "action"
    await choose(stage.ann, stage.panel(), "speaker", ANYBODY)
    assert len(await stage.lines()) == 5


async def test_seven_buttons_stand_in_two_even_rows(stage: Stage):
    # A phone shows five buttons of one row in two rows, and a sixth in a third one.
    await stage.ann.slash(stage.channel, "continue")
    await write(stage, "MAYA: Hello.")
    await stage.ann.slash(stage.channel, "undo")
    _, *rows = stage.panel().components
    rows = [[button.label for button in row.children] for row in rows]
    assert rows == [["Continue", "Three takes", "Another take", "Undo"], ["Redo", "Write", "More…"]]


async def test_the_menu_is_for_one_person(stage: Stage):
    await write(stage, "MAYA: Hello.")
    # Without a cast, the panel offers those who have spoken.
    assert menus(stage.panel()) == {"speaker": [f"{CHARACTER}MAYA", ACTION, ANYBODY]}
    first = ["Read…", "Together…", "Settings", "All scripts"]
    for manager in (stage.ann, moderator(stage)):
        assert labels(await open_menu(stage, manager)) == [*first, "The end"]
    menu = await open_menu(stage)
    assert menu.ephemeral
    assert list(menus(menu)) == ["menu-lines"]
    assert labels(menu) == first
    assert (await click(stage.ben, menu, "All scripts")).ephemeral
    menu = await click(stage.ben, menu, "Together…")
    assert labels(menu) == ["Three takes with a vote", "Turns", "Sprint", "Cast", "Back"]
    assert (await click(stage.ben, menu, "Cast")).ephemeral
    menu = await click(stage.ben, menu, "Back")
    assert labels(menu) == first
    menu = await click(stage.ben, menu, "Read…")
    pages = ["Script", "History", "Statistics", "Voice's guesses"]
    assert labels(menu) == [*pages, "Listen", "Export", "Back"]
    for label in pages:
        assert (await click(stage.ben, menu, label)).ephemeral, label
    asked = await click(stage.ben, menu, "Export")
    sent = await choose(stage.ben, asked, "menu-format", "txt")
    assert [file.filename for file in sent.attachments] == ["the-diner.txt"]


async def test_an_open_menu_acts_on_the_script_as_it_is(stage: Stage):
    menu = await open_menu(stage, stage.ann)
    await write(stage, "Rain.")
    for chosen, number in (("2", 4), ("1", 5)):
        assert await choose(stage.ann, menu, "menu-lines", chosen) is None
        assert len(await stage.lines()) == number
    await replace_script(stage)
    told = await choose(stage.ann, menu, "menu-lines", "1")
    assert told.content == "That script is paused. “The Roof” is running here now."
    menu = await open_menu(stage, stage.ann, "Together…")
    await write(stage, "Snow.")
    await stage.ann.click(menu, label="Three takes with a vote")
    assert "everybody has one vote" in poll(stage).content
    assert len(labels(poll(stage))) == 3


async def test_a_mood_sets_three_numbers_unless_a_number_is_given(stage: Stage):
    for options, expected in (
        ({"mood": "unhinged"}, MOODS["unhinged"]),
        ({"mood": "calm", "temperature": 1.9}, {**MOODS["calm"], "temperature": 1.9}),
    ):
        await stage.ann.slash(stage.channel, "continue", **options)
        origin = (await stage.last_line()).origin
        assert {name: origin[name] for name in expected} == expected
    named, mixed = (await ask(stage, "script history")).content.split("\n")[-4:-1:2]
    assert named.endswith(", mood unhinged")
    assert mixed.endswith(", temperature 1.9, top-p 0.9, length 40 characters")
    first, second, _panel = stage.messages()[-3:]
    for line, told in ((first, "mood unhinged"), (second, "temperature 1.9")):
        details = (await use_on_message(stage, stage.ben, "Details", line)).content
        assert told in details
        assert ("temperature" in details) == ("temperature" in told)
    for typed, suggestion in (("grumpy", ""), ("Lifely", " Did you mean “lively”?")):
        refused = await ask(stage, "continue", mood=typed)
        told = "Choose one of these moods: calm, lively, unhinged."
        assert refused.content == told + suggestion


def test_the_operator_adds_moods(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ONBOOK_MOODS", "dreamy 1.1 0.9 120, dry 0.6 0.8 30")
    dreamy = {"temperature": 1.1, "top_p": 0.9, "length": 120}
    assert parse_mood("Dreamy", read_settings()) == dreamy
    for wrong, reason in (
        ("dreamy 9 0.9 120", "a name, a temperature"),
        ("dry 1 1 9, dry 1 1 8", "a name of its own"),
        (f"{'d' * 101} 1 1 9", "a name of its own of at most 100 characters"),
    ):
        monkeypatch.setenv("ONBOOK_MOODS", wrong)
        with pytest.raises(SettingsError, match=f"each mood must have {reason}"):
            read_settings()


async def test_the_advanced_window_changes_the_other_numbers(stage: Stage):
    card = await ask(stage, "settings", setting="everything")

    async def submit(*typed: str) -> Any:
        opened = await stage.ann.click(card, label="Advanced")
        inputs = fields(opened)
        assert list(inputs) == [
            *("Top-p, 0.05 to 1.0", "Min-p, 0.0 to 1.0", "Repetition, 0.0 to 2.0"),
            *("Company, 0.0 to 2.0", "Seed, 0 to 2,147,483,647"),
        ]
        described = [label["description"] for label in opened.modal["components"]]
        assert described == [SPECS[name].description for name in ADVANCED]
        values = dict(zip(inputs.values(), typed, strict=True))
        return answer(await stage.ann.submit_modal(opened, values))

    refused = await submit("0.95", "2", "0.5", "1.0", "7")
    typed = "top-p: 0.95\nmin-p: 2\nrepetition: 0.5\ncompany: 1.0\nseed: 7\n"
    assert_private(refused, "Choose a number from 0.0 to 1.0 for “min-p”.", typed)
    shown = await submit("0.95", "0,25", "0.5", "1.0", "7")
    assert_private(shown, "\nMin-p: 0.25 (0.0)\n")
    assert "Ann set min-p to 0.25, seed to 7." in stage.panel().content
    assert SEED.of(await stage.script()) == 7
    assert parse_number("seed", " ") is None
    with speaking("de"):
        assert all(len(say(spec.description)) <= 100 for spec in SPECS.values())


async def test_a_menu_changes_the_settings_that_have_no_list_of_their_own(stage: Stage):
    async def submit(name: str, shown: str, value: str, by: Any = stage.ann) -> Any:
        card = await ask(stage, "settings", by, setting="everything")
        opened = await by.select(card, [name])
        [label] = opened.modal["components"]
        assert label["description"] == SPECS[name].description
        field = label["component"]
        chosen = [option["label"] for option in field.get("options", ()) if option["default"]]
        assert [shown] == (chosen or [field.get("value")])
        filled = {field["custom_id"]: [value] if chosen else value}
        return answer(await by.submit_modal(opened, filled))

    refused = await submit("cooldown", "0", "soon")
    assert_private(refused, "from 0 to 86,400 seconds for “cooldown”", "soon")
    changed = await submit("cooldown", "0", "30")
    assert_private(changed, "\nCooldown: 30 seconds (off)\n")
    assert "Ann set cooldown to 30 seconds." in stage.panel().content
    await submit("cooldown", "30", "0")
    for shown, value in (("off", "on"), ("on", "off")):
        await submit("ping", shown, value)
        assert PING.of(await stage.script()) == (value == "on")
    assert_private(await submit("quality", "quick", "best"), "\nQuality: best (quick)\n")


@pytest.mark.parametrize(
    ("name", "text", "number"),
    [
        *(("length", "1,500", 1500), ("length", "1.500", 1500), ("cooldown", "3,600", 3600)),
        *(("seed", "2,147,483,647", 2147483647), ("top_p", "0,250", 0.25), ("min_p", ".5", 0.5)),
    ],
)
def test_numbers_may_have_marks_of_thousands_or_a_decimal_comma(
    name: str, text: str, number: float
):
    assert parse_number(name, text) == number


async def test_the_window_names_who_may_speak_and_the_line_to_rewrite(stage: Stage):

    async def who_speaks() -> str:
        opened = await stage.ann.click(stage.panel(), label="Write")
        who, text = (row["components"][0]["placeholder"] for row in opened.modal["components"])
        assert ":" not in text  # a name would make speech of what is action without one
        return who

    assert await who_speaks() == "A name, such as MAYA; leave empty for action"
    await write(stage, "Zoe: Hello.\n\nBartholomew Montgomery: Hi.")
    assert await who_speaks() == "BARTHOLOMEW MONTGOMERY, ZOE or a new name; leave empty for action"
    await stage.restart()
    await ask(stage, "cast", add=", ".join(f"Person {n}" for n in range(20)))
    assert len(await who_speaks()) <= 100
    opened = await edit(stage, line="2")
    assert opened.modal["title"] == "Rewrite “ZOE: Hello.”"
    [row] = opened.modal["components"]
    assert (
        row["description"]
        == "Submit it empty to cut it. Without a name, ZOE speaks; *She waves.* is action."
    )
    opened = await edit(stage, line="3")
    assert opened.modal["title"] == "Rewrite “BARTHOLOMEW MONTGOMERY: Hi.”"
