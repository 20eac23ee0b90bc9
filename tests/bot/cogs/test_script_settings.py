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
from tests.bot.session_harness import SessionHarness


async def settings(stage: Stage, command: str, by: Any = None, **options: Any) -> Any:
    return answer(await (by or stage.ann).slash(stage.channel, f"settings {command}", **options))


VOICE = {
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
    told = await settings(stage, "writing", **VOICE)
    assert not told.ephemeral
    assert told.content == (
        "Changed: voice other, takes 3, cast lock on, skip played on, temperature 0.3, top-p 0.5, "
        "min-p 0.02, repetition 0.0, company 0.5, length 60 characters, quality good."
    )
    await stage.restart()
    shown = await settings(stage, "show")
    assert shown.ephemeral
    assert shown.content.count("- **") == len(VOICE)
    await stage.ben.slash(stage.channel, "continue", takes=1)
    last = (await stage.session.library.load_lines())[-1]
    origin = last.origin
    assert last.credit == "other"
    assert 1 < origin["candidates"] <= CANDIDATES["good"]
    how = ("temperature", "top_p", "min_p", "repetition", "company", "length", "quality")
    assert [origin[one] for one in how] == [0.3, 0.5, 0.02, 0.0, 0.5, 60, "good"]
    await settings(stage, "reset", setting="min_p")
    assert "- min-p 0.0 (" in (await settings(stage, "show")).content
    await settings(stage, "reset", setting="everything")
    assert (await settings(stage, "show")).content == before


async def test_ranges_are_told_as_the_options_have_them(stage: Stage):
    options = {
        one.name: (one.min_value, one.max_value)
        for command in ScriptSettings.settings_group.commands
        for one in getattr(command, "parameters", ())
    }
    assert {one: options[one] for one in RANGES} == RANGES


async def test_what_is_asked_for_once_is_not_kept(stage: Stage):
    await start_script(stage)
    await stage.continue_with_seed(
        stage.ann, stage.channel, seed=1, mood="unhinged", temperature=1.5
    )
    await stage.continue_with_seed(stage.ann, stage.channel, seed=1)
    one, two = (await stage.session.library.load_lines())[1:]
    assert (one.origin["top_p"], one.origin["temperature"]) == (1.0, 1.5)
    assert (two.origin["top_p"], two.origin["temperature"]) == (0.95, 0.65)


async def test_what_cannot_be_set_is_refused(stage: Stage):
    refused = await settings(stage, "show")
    assert "No script is running" in refused.content
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
        result = await who.slash(stage.channel, f"settings {command}", **options)
        refused = [one for one in (result.response, *result.followups) if one][-1]
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
    await stage.ben.slash(stage.channel, "write", text="Rain.")
    await stage.ann.slash(stage.channel, "write", text="Wind.")
    await stage.continue_with_seed(stage.ann, stage.channel, seed=1)
    await stage.ann.slash(stage.channel, "write", text="Snow.")
    assert len(await stage.lines()) == 5
    # An edit of one's own line is no new line.
    shown = await stage.ann.slash(stage.channel, "script edit")
    await stage.ann.submit_modal(shown, {fields(shown)["Text"]: "Hail."})
    assert (await stage.lines())[-1] == "Hail."


async def test_everybody_waits_a_while_between_two_lines(harness: SessionHarness):
    await harness.start()
    await harness.change_preferences({"cooldown": 60})
    for act in (
        lambda: harness.write("Rain."),
        lambda: harness.continue_script(1),
    ):
        with pytest.raises(RequestError, match=r"Try again in (60|[1-5]\d) seconds\.$"):
            await act()
    ben = harness.writer("Ben")
    await harness.session.continuation.generate(ben, ContinueRequest(seed=1))
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
    await start_script(stage)
    told = await settings(stage, "turns", by=mo, role=role)
    assert told.content == f"Changed: role <@&{role.id}>."
    for command, options in [
        ("write", {"text": "Rain."}),
        ("continue", {}),
        ("undo", {}),
        ("script fork", {"title": "Fork"}),
        ("script edit", {}),
        ("cast add", {"names": "MAYA"}),
    ]:
        # The owner, too, lacks the role.
        result = await stage.ann.slash(stage.channel, command, **options)
        refused = [one for one in (result.response, *result.followups) if one][-1]
        assert refused.ephemeral
        assert "is limited to a role that you do not have" in refused.content
    asked = await start_script(stage, title="Mine")
    refused = await stage.ann.click(asked.response, label="Pause it and start the new one")
    assert "is limited to a role" in answer(refused).content
    assert await stage.lines() == [HEADING]
    await cid.slash(stage.channel, "write", text="Rain.")
    await stage.continue_with_seed(mo, stage.channel, seed=1)
    assert len(await stage.lines()) == 3
    await settings(stage, "reset", by=mo, setting="role")
    await stage.continue_with_seed(stage.ben, stage.channel, seed=1)
    assert len(await stage.lines()) == 4
