"""Test the settings that are kept with a script, and the rules of its turns."""

from typing import Any

import pytest

from bot.errors import RequestError
from bot.generation.reranking import CANDIDATES
from bot.session.preferences import ADVANCED, ROLE, SPECS
from tests.bot.conftest import HEADING, Stage, answer, assert_private, fields, find_menus, moderator
from tests.bot.playing import (
    ask,
    choose,
    click,
    edit,
    replace_script,
    rewrite,
    suggest,
    write_lines,
)
from tests.bot.session_harness import SessionHarness

STARTED = True


async def settings(stage: Stage, by: Any = None, **options: Any) -> Any:
    return await ask(stage, "settings", by, **options)


async def change(stage: Stage, name: str, value: str, by: Any = None) -> Any:
    return await settings(stage, by, setting=name, value=value)


CHANGES = {
    "temperature": ("0.3", "temperature to 0.3"),
    "top_p": ("0,5", "top-p to 0.5"),
    "min_p": ("0.02", "min-p to 0.02"),
    "repetition": ("0", "repetition to 0.0"),
    "company": ("0.5", "company to 0.5"),
    "length": ("60", "length to 60 characters"),
    "quality": ("Good", "quality to good"),
    "voice": ("other", "voice to other"),
    "takes": ("3", "takes to 3"),
    "lock": ("on", "cast lock to on"),
    "skip_played": ("ON", "skip played to on"),
}
"""What somebody types for a setting, and what the bot says that it has changed."""

ALL_SETTINGS = """The settings of “The Diner”:
### The voice
Voice: tiny
Mood: lively
Style: none
Takes: 1
Temperature: 0.65
Length: 60 characters
Quality: quick
### Who writes
Cast lock: off
Skip played: off
Alternate: off
Cooldown: off
Role: everyone
### In the channel
Look: typewriter
Plain messages: off
Pings: off
### Advanced
Top-p: 0.95
Min-p: 0.0
Repetition: 0.5
Company: 1.0
Seed: none
### Words that the voice must not say
In this channel: nothing
In this server: nothing
"""
"""The card of all settings of a new script."""

NO_ROLE = "is limited to a role that you do not have"


async def test_settings_are_changed_shown_kept_and_reset(stage: Stage):
    before = (await settings(stage, setting="everything")).content
    assert before.startswith(ALL_SETTINGS)
    for name, (value, changed) in CHANGES.items():
        told = await change(stage, name, value)
        assert not told.ephemeral
        assert told.content == f"Set {changed}."
    await stage.restart()
    shown = await settings(stage, setting="everything")
    assert_private(shown, "\n-# In brackets: the default, where this script differs.\n")
    for row in (
        *("Voice: other (tiny)", "Mood: none (lively)", "Takes: 3 (1)", "Temperature: 0.3 (0.65)"),
        *("Quality: good (quick)", "Top-p: 0.5 (0.95)", "Repetition: 0.0 (0.5)"),
        *("Cast lock: on (off)", "Skip played: on (off)"),
        "Length: 60 characters",  # as by default
    ):
        assert f"\n{row}\n" in shown.content
    # An option of one command changes no setting.
    for how, temperature in (({"temperature": 1.5}, 1.5), ({}, 0.3)):
        await stage.ben.slash(stage.channel, "continue", takes=1, **how)
        last = await stage.last_line()
        assert last.origin["temperature"] == temperature
    assert last.credit == "other"
    assert 1 < last.origin["candidates"] <= CANDIDATES["good"]
    kept = ("temperature", "top_p", "min_p", "repetition", "company", "length", "quality")
    assert [last.origin[name] for name in kept] == [0.3, 0.5, 0.02, 0.0, 0.5, 60, "good"]
    await change(stage, "min_p", "reset")
    assert "\nMin-p: 0.0\n" in (await settings(stage, setting="everything")).content
    await change(stage, "everything", "Reset")
    assert (await settings(stage, setting="everything")).content == before


async def test_a_reset_restores_what_the_heading_suggests(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    # Of the two voices here, "other" stands for the one of films.
    fitting = {HEADING: "other"}
    monkeypatch.setattr("bot.session.library.find_fitting_model", fitting.get)
    await replace_script(stage, heading=HEADING)
    # Because the bot's owner set it.
    assert (await stage.script()).model == "tiny"
    stage.services.settings.model_fields_set.discard("model")
    await replace_script(stage, heading=HEADING)
    assert (await stage.script()).model == "other"
    await change(stage, "voice", "tiny")
    await change(stage, "takes", "2")
    told = await change(stage, "everything", "reset")
    assert told.content == "Set voice to other, takes to 1."
    assert_private(await change(stage, "everything", "reset"), "There is nothing to reset.")


async def test_the_card_has_what_people_change_most(stage: Stage):
    card = await settings(stage, stage.ben)
    assert card.ephemeral
    lists = {
        menu["placeholder"]: [option["label"] for option in menu["options"] if option["default"]]
        for menu in find_menus(card)
    }
    assert lists == {
        "Voice: tiny": ["Voice: tiny"],
        "Mood: lively": ["Mood: lively"],
        "Style: none": ["Style: none"],
        "Look: typewriter": ["Look: typewriter"],
        "Takes: 1": ["Takes: 1"],
    }
    shown = await click(stage.ann, await settings(stage), "All settings")
    assert shown.content == (await settings(stage, setting="everything")).content


async def test_the_card_follows_its_changes_and_the_panel_says_who_made_them(stage: Stage):
    before, mo = len(stage.messages()), moderator(stage)
    card = await settings(stage, mo)

    async def change_on_card(name: str, value: str) -> list[str]:
        shown = await choose(mo, card, f"menu-{name}", value)
        assert shown.id == card.id
        return [menu["placeholder"] for menu in find_menus(shown)]

    for name, value, entry, said in (
        ("style", "storm", "Style: storm", "Mo set style to storm."),
        ("style", "none", "Style: none", "Mo set style to none."),
        ("mood", "calm", "Mood: calm", "Mo set mood to calm."),
        ("takes", "2", "Takes: 2", "Mo set takes to 2."),
    ):
        assert entry in await change_on_card(name, value)
        assert stage.panel().content.startswith(f"-# {said}\n")
    await change_on_card("style", "storm")
    # The other voice has no styles.
    entries = await change_on_card("voice", "other")
    assert "Voice: other" in entries
    assert not any(entry.startswith("Style") for entry in entries)
    said = "voice to other. “other” has no style “storm”, so the script now has none."
    assert stage.panel().content.startswith(f"-# Mo set {said}\n")
    assert "Style: none" in await change_on_card("voice", "tiny")
    assert len(stage.messages()) == before


async def test_what_is_not_set_can_be_chosen_by_its_name(stage: Stage):
    await replace_script(stage, style="storm")
    mo = moderator(stage)
    await change(stage, "role", stage.guild.create_role("Cast").mention, mo)
    await change(stage, "cooldown", "5", mo)
    for name, value, told in (
        ("style", "None", "style to none"),
        ("cooldown", "off", "cooldown to off"),
        ("role", "everyone", "role to everyone"),
        ("length", "none", "length to none"),
        ("seed", "none", "seed to none"),
    ):
        assert (await change(stage, name, value, mo)).content == f"Set {told}."


async def test_each_setting_is_explained_and_its_values_are_suggested(stage: Stage):
    assert len(ADVANCED) <= 5  # which is the room of the window
    stage.guild.create_role("Cast")
    for name, spec in SPECS.items():
        told = await settings(stage, stage.ben, setting=name)
        assert told.ephemeral
        assert told.content.endswith(spec.description)
    for name, typed, values in (
        ("mood", "", ["calm", "lively", "unhinged", "reset"]),
        ("voice", "ot", ["other"]),
        ("style", "orm", ["storm"]),
        ("quality", "", ["quick", "good", "best", "reset"]),
        ("alternate", "o", ["on", "off"]),
        ("cooldown", "", ["reset"]),
        ("takes", "", ["1", "2", "3", "4", "5", "reset"]),
    ):
        assert await suggest(stage, "settings", "value", typed, setting=name) == values
    found = await stage.ann.autocomplete(stage.channel, "settings", "value", "ca", setting="role")
    assert [choice["name"] for choice in found] == ["Cast"]


async def test_invalid_and_forbidden_settings_are_refused(stage: Stage):
    elsewhere = stage.guild.create_text_channel("elsewhere")
    nothing = answer(await stage.ann.slash(elsewhere, "settings"))
    assert "No script is running" in nothing.content
    role = stage.guild.create_role("Cast")
    assert "Also fill in `setting:`:" in (await settings(stage, value="2")).content
    for name, value, who, why in [
        ("voice", "nobody", stage.ann, "There is no voice “nobody”"),
        ("voice", "tinny", stage.ann, "Did you mean “tiny”?"),
        ("takes", "2", stage.ben, "Only the script's owner or a moderator"),
        ("takes", "1.5", stage.ann, "Choose a number from 1 to 5 for “takes”."),
        ("top_p", "2", stage.ann, "Choose a number from"),
        ("min_p", "much", stage.ann, "Choose a number from"),
        ("cooldown", "90,000", stage.ann, "a number from 0 to 86,400 seconds for “cooldown”."),
        ("look", "fancy", stage.ann, "one of these values: characters, cards, typewriter."),
        ("look", "typewritten", stage.ann, "Did you mean “typewriter”?"),
        ("everything", "on", stage.ann, "All settings together can only be reset."),
        ("cooldown", "2", stage.ben, "Only the script's owner or a moderator"),
        ("takes", "reset", stage.ben, "Only the script's owner or a moderator"),
        ("role", "Crew", moderator(stage), "This server has no role “Crew”."),
        ("role", "The Cast", moderator(stage), "Did you mean “Cast”?"),
        ("role", str(role.id), stage.ann, "Only a moderator"),
        ("role", "Crew", stage.ann, "Only a moderator"),
        ("takes", "many", stage.ben, "Only the script's owner or a moderator"),
    ]:
        assert_private(await change(stage, name, value, who), why)
    assert (await settings(stage, setting="everything")).content.startswith(ALL_SETTINGS)


async def test_nobody_writes_twice_in_a_row(stage: Stage):
    await change(stage, "alternate", "on")
    refused = await ask(stage, "write", text="Rain.")
    assert_private(
        refused, "Nobody may write twice in a row", "Here is what you wrote:\n```\nRain.\n```"
    )
    await write_lines(stage, "Rain.", by=stage.ben)
    await write_lines(stage, "Wind.")
    await stage.continue_with_seed(stage.ann, seed=1)
    await write_lines(stage, "Snow.")
    assert len(await stage.lines()) == 5
    # An edit of one's own line is no new line.
    await rewrite(stage, await edit(stage), "Hail.")
    assert (await stage.lines())[-1] == "Hail."
    refused = await rewrite(stage, await edit(stage), "Hail.\n\nIce.")
    assert_private(refused, "Nobody may write twice in a row here")


async def test_a_cooldown_is_for_each_person(harness: SessionHarness):
    await harness.start()
    await harness.change_preferences({"cooldown": 60})
    [heading] = await harness.lines()
    for act in (lambda: harness.write("Rain."), lambda: harness.continue_script(1)):
        with pytest.raises(RequestError, match=r"Try again in (60|[1-5]\d) seconds\.$"):
            await act()
    for seconds, wait in ((3600, "60 minutes"), (86_400, "24 hours")):
        await harness.change_preferences({"cooldown": seconds})
        with pytest.raises(
            RequestError, match=rf"Make it a single line, or try again in {wait}\.$"
        ):
            await harness.rewrite(heading, "EXT. ROOF - DAY\n\nRain.")
    await harness.rewrite(heading, "EXT. ROOF - DAY")
    await harness.change_preferences({"cooldown": 60})
    await harness.generate(by="Ben", seed=1)
    with pytest.raises(RequestError, match="This script has a cooldown"):
        await harness.session.continuation.retry(harness.writer("Ben"))
    # Set the lines' times back, as if a minute had passed.
    await harness.restart("UPDATE lines SET written = datetime(written, '-61 seconds')")
    await harness.session.continuation.retry(harness.writer("Ben"))
    await harness.write("Rain.")
    assert len(await harness.lines()) == 3


async def test_a_script_is_kept_to_a_role(stage: Stage):
    mo = moderator(stage)
    role = stage.guild.create_role("Cast")
    cid = stage.guild.add_member(stage.world.create_user("Cid"), roles=[role])
    told = await change(stage, "role", "cast", mo)
    assert told.content == f"Set role to <@&{role.id}>."
    assert_private(await replace_script(stage, title="Mine"), NO_ROLE)
    for command, options in [
        ("write", {"text": "Rain."}),
        ("continue", {}),
        ("undo", {}),
        ("script fork", {"title": "Fork"}),
        ("script edit", {"line": "1"}),
        ("cast", {"add": "MAYA"}),
    ]:
        # The owner, too, lacks the role.
        assert_private(await ask(stage, command, **options), NO_ROLE)
    assert await stage.lines() == [HEADING]
    await write_lines(stage, "Rain.", by=cid)
    await stage.continue_with_seed(mo, seed=1)
    assert len(await stage.lines()) == 3
    await change(stage, "role", "reset", mo)
    await stage.continue_with_seed(stage.ben, seed=1)
    assert len(await stage.lines()) == 4


async def test_a_window_opens_only_for_those_who_may_submit_it(stage: Stage):
    for who, name, why in (
        (stage.ben, "cooldown", "Only the script's owner or a moderator"),
        (stage.ben, None, "Only the script's owner or a moderator"),
        (stage.ann, "role", "Only a moderator"),
    ):
        card = await settings(stage, who, setting="everything")
        chosen = await (who.select(card, [name]) if name else who.click(card, label="Advanced"))
        assert chosen.modal is None
        assert_private(answer(chosen), why)


async def test_roles_of_the_same_name_are_told_apart(stage: Stage):
    mo, everybody = moderator(stage), stage.guild.default_role
    _, role = [stage.guild.create_role("Cast") for _ in range(2)]
    assert_private(await change(stage, "role", "cast", mo), "Several roles are called “cast”.")
    stored = None
    for chosen, then in (([role], role.id), ([], None), ([role], role.id), ([everybody], None)):
        opened = await mo.select(await settings(stage, mo, setting="everything"), ["role"])
        [label] = opened.modal["components"]
        shown = [int(default["id"]) for default in label["component"].get("default_values", ())]
        assert shown == ([stored] if stored else [])
        await mo.submit_modal(opened, {fields(opened)["Role"]: chosen})
        stored = ROLE.of(await stage.script())
        assert stored == then
