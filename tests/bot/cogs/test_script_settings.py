"""Test the settings that are kept with a script, and the rules of its turns."""

from __future__ import annotations

from typing import Any

import pytest

from bot.cogs.script_settings import ScriptSettings
from bot.errors import RequestError
from bot.generation.reranking import CANDIDATES
from bot.session.preferences import RANGES
from bot.session.turn import ContinueRequest
from tests.bot.conftest import HEADING, Stage, answer, fields, moderator, start_script
from tests.bot.playing import replace_script, write_lines
from tests.bot.session_harness import SessionHarness


async def settings(stage: Stage, command: str, by: Any = None, **options: Any) -> Any:
    """Change or show settings as Ann, or as somebody else; return the last answer."""
    given = await (by or stage.ann).slash(stage.channel, f"settings {command}", **options)
    return [one for one in (given.response, *given.followups) if one][-1]


WRITING = {
    "temperature": 0.3,
    "top_p": 0.5,
    "min_p": 0.02,
    "repetition": 0.0,
    "company": 0.5,
    "length": 60,
    "quality": "good",
    "voice": "other",
    "takes": 3,
    "cast_lock": True,
    "skip_played": True,
}


async def test_settings_are_changed_shown_kept_and_reset(stage: Stage):
    await start_script(stage)
    before = (await settings(stage, "show")).content
    assert "**" not in before
    for entry in (
        *("temperature 0.65 (0.1 to 2.0)", "top-p 0.95 (0.05 to 1.0)", "min-p 0.0 (0.0 to 1.0)"),
        *("repetition 0.5 (0.0 to 2.0)", "company 1.0 (0.0 to 2.0)"),
        *("length 60 characters (0 to 1,500)", "quality quick (quick, good, best)"),
        *("takes 1 (1 to 5)", "cooldown none (0 to 86,400 s)"),
    ):
        assert f"\n- {entry}\n" in before
    told = await settings(stage, "writing", **WRITING)
    assert not told.ephemeral
    assert told.content == (
        "Changed: voice other, takes 3, cast lock on, skip played on, temperature 0.3, top-p 0.5, "
        "min-p 0.02, repetition 0.0, company 0.5, length 60 characters, quality good."
    )
    await stage.restart()
    shown = await settings(stage, "show")
    assert shown.ephemeral
    assert shown.content.count("- **") == len(WRITING)
    # An option of one command changes no setting.
    for how, temperature in (({"temperature": 1.5}, 1.5), ({}, 0.3)):
        await stage.ben.slash(stage.channel, "continue", takes=1, **how)
        last = (await stage.session.library.load_lines())[-1]
        assert last.origin["temperature"] == temperature
    assert last.credit == "other"
    assert 1 < last.origin["candidates"] <= CANDIDATES["good"]
    kept = ("temperature", "top_p", "min_p", "repetition", "company", "length", "quality")
    assert [last.origin[one] for one in kept] == [WRITING[one] for one in kept]
    await settings(stage, "reset", setting="min_p")
    assert "- min-p 0.0 (" in (await settings(stage, "show")).content
    await settings(stage, "reset", setting="everything")
    assert (await settings(stage, "show")).content == before


def test_the_options_of_the_commands_have_the_ranges_of_the_settings():
    options = {
        one.name: (one.min_value, one.max_value)
        for command in ScriptSettings.settings_group.commands
        for one in getattr(command, "parameters", ())
    }
    assert {one: options[one] for one in RANGES} == RANGES


async def test_invalid_and_forbidden_settings_are_refused(stage: Stage):
    assert "No script is running" in (await settings(stage, "show")).content
    await start_script(stage)
    for command, options, who, why in [
        ("writing", {}, stage.ann, "Choose a setting to change"),
        ("turns", {}, stage.ann, "Choose a setting to change"),
        ("writing", {"voice": "nobody"}, stage.ann, "There is no voice “nobody”"),
        ("writing", {"takes": 2}, stage.ben, "Only the script's owner or a moderator"),
        ("turns", {"cooldown": 2}, stage.ben, "Only the script's owner or a moderator"),
        ("reset", {"setting": "takes"}, stage.ben, "Only the script's owner or a moderator"),
        ("turns", {"role": stage.guild.create_role("Cast")}, stage.ann, "Only a moderator"),
    ]:
        refused = await settings(stage, command, who, **options)
        assert refused.ephemeral
        assert why in refused.content
    assert "**" not in (await settings(stage, "show")).content


async def test_nobody_writes_twice_in_a_row(stage: Stage):
    await start_script(stage)
    await settings(stage, "turns", alternate=True)
    refused = answer(await stage.ann.slash(stage.channel, "write", text="Rain."))
    assert refused.ephemeral
    assert "Nobody writes twice in a row here" in refused.content
    assert "Here is your text:\n```\nRain.\n```" in refused.content
    await write_lines(stage, "Rain.", by=stage.ben)
    await write_lines(stage, "Wind.")
    await stage.continue_with_seed(stage.ann, stage.channel, seed=1)
    await write_lines(stage, "Snow.")
    assert len(await stage.lines()) == 5
    # An edit of one's own line is no new line.
    shown = await stage.ann.slash(stage.channel, "script edit")
    await stage.ann.submit_modal(shown, {fields(shown)["Text"]: "Hail."})
    assert (await stage.lines())[-1] == "Hail."
    shown = await stage.ann.slash(stage.channel, "script edit")
    longer = await stage.ann.submit_modal(shown, {fields(shown)["Text"]: "Hail.\n\nIce."})
    assert "Nobody writes twice in a row here" in answer(longer).content


async def test_a_cooldown_is_for_each_person(harness: SessionHarness):
    await harness.start()
    await harness.change_preferences({"cooldown": 60})
    [heading] = await harness.lines()
    for act in (
        lambda: harness.write("Rain."),
        lambda: harness.continue_script(1),
        lambda: harness.rewrite(heading, "EXT. ROOF - DAY\n\nRain."),
    ):
        with pytest.raises(RequestError, match=r"Try again in (60|[1-5]\d) seconds\.$"):
            await act()
    continuation = harness.session.continuation
    await continuation.generate(harness.writer("Ben"), ContinueRequest(seed=1))
    with pytest.raises(RequestError, match="This script has a cooldown"):
        await continuation.retry(harness.writer("Ben"))
    # Set the lines' times back, as if a minute had passed.
    await harness.restart("UPDATE lines SET written = datetime(written, '-61 seconds')")
    await harness.session.continuation.retry(harness.writer("Ben"))
    await harness.write("Rain.")
    assert len(await harness.lines()) == 3


async def test_a_script_is_kept_to_a_role(stage: Stage):
    mo = moderator(stage)
    role = stage.guild.create_role("Cast")
    cid = stage.guild.add_member(stage.world.create_user("Cid"), roles=[role])
    await start_script(stage)
    told = await settings(stage, "turns", by=mo, role=role)
    assert told.content == f"Changed: role <@&{role.id}>."
    refusals = [await replace_script(stage, title="Mine")]
    for command, options in [
        ("write", {"text": "Rain."}),
        ("continue", {}),
        ("undo", {}),
        ("script fork", {"title": "Fork"}),
        ("script edit", {}),
        ("cast add", {"names": "MAYA"}),
    ]:
        # The owner, too, lacks the role.
        given = await stage.ann.slash(stage.channel, command, **options)
        refusals += [one for one in (given.response, *given.followups) if one][-1:]
    for refused in refusals:
        assert refused.ephemeral
        assert "is limited to a role that you do not have" in refused.content
    assert await stage.lines() == [HEADING]
    await write_lines(stage, "Rain.", by=cid)
    await stage.continue_with_seed(mo, stage.channel, seed=1)
    assert len(await stage.lines()) == 3
    await settings(stage, "reset", by=mo, setting="role")
    await stage.continue_with_seed(stage.ben, stage.channel, seed=1)
    assert len(await stage.lines()) == 4
