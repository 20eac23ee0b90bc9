"""Test the cast: its members, who plays whom, and what the voice makes of the cast."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import RequestError
from bot.screenplay.elements import Kind
from bot.screenplay.free_text import CAST_LIMIT
from tests.bot.conftest import Stage, answer, moderator, start_script
from tests.bot.session_harness import SessionHarness


async def cast(stage: Stage, command: str, by: Any = None, **options: Any) -> Any:
    return answer(await (by or stage.ann).slash(stage.channel, f"cast {command}", **options))


async def test_a_cast_grows_and_shrinks(stage: Stage):
    await start_script(stage)
    assert "The cast is empty" in (await cast(stage, "list")).content
    added = await cast(stage, "add", names="maya, jonas", by=stage.ben)
    assert not added.ephemeral
    await cast(stage, "add", names="Maya", player=stage.ben)
    await cast(stage, "lock", lock="on")
    await stage.restart()
    shown = await cast(stage, "list")
    assert shown.ephemeral
    assert shown.content.split("\n") == [
        f"- MAYA, played by <@{stage.ben.id}>",
        "- JONAS",
        "-# The voice writes only for the cast now.",
    ]
    await cast(stage, "add", names="Maya")
    assert "- MAYA\n" in (await cast(stage, "list")).content
    await cast(stage, "add", names="Maya", player=stage.ben)
    await cast(stage, "remove", character="Maya")
    await cast(stage, "lock", lock="off")
    assert (
        await cast(stage, "list")
    ).content == "- JONAS\n-# The voice may write for others now, too."
    assert (await stage.script()).players == {}


async def test_names_are_suggested(stage: Stage):
    await start_script(stage, cast="Maya, Jonas")
    await stage.ann.slash(stage.channel, "write", text="EMILE: Hello.")

    async def suggested(command: str, option: str, typed: str) -> list[str]:
        found = await stage.ann.autocomplete(stage.channel, f"cast {command}", option, typed)
        return [one["value"] for one in found]

    assert await suggested("remove", "character", "") == ["MAYA", "JONAS"]
    assert await suggested("add", "names", "em") == ["EMILE"]
    assert await suggested("add", "names", "Maya, na") == ["Maya, JONAS"]
    assert await suggested("add", "names", "maya,Zoë ,") == ["maya, Zoë, JONAS", "maya, Zoë, EMILE"]
    assert await suggested("add", "names", f"{'Zoë, ' * 19}jo") == [f"{'Zoë, ' * 19}JONAS"]
    assert await suggested("add", "names", f"{'Zoë, ' * 20}jo") == []


async def test_what_cannot_be_in_the_cast_is_refused(stage: Stage):
    mo = moderator(stage, manage_channels=True)
    await start_script(stage, cast="Maya")
    await mo.slash(stage.channel, "settings banned", add="zounds")
    too_many = ",".join(f"Actor {number}" for number in range(CAST_LIMIT))
    for command, options, why in [
        ("add", {"names": "Zounds"}, "“zounds” is banned here"),
        ("add", {"names": "1234"}, "needs at least one letter"),
        ("add", {"names": ","}, "Name a character to add"),
        ("add", {"names": too_many}, f"at most {CAST_LIMIT}"),
        ("remove", {"character": "Jonas"}, "“JONAS” is not in the cast"),
    ]:
        refused = await cast(stage, command, **options)
        assert refused.ephemeral
        assert why in refused.content
    assert (await stage.script()).cast == ["MAYA"]


async def test_nobody_in_the_cast_can_be_banned(stage: Stage):
    mo = moderator(stage, manage_channels=True, manage_guild=True)
    await start_script(stage, cast="Maya")
    for server in (False, True):
        refused = await mo.slash(stage.channel, "settings banned", add="maya", server=server)
        assert "cannot be banned, because “MAYA” is in a cast" in answer(refused).content
    elsewhere = stage.guild.create_text_channel("elsewhere")
    told = await mo.slash(elsewhere, "settings banned", add="maya")
    assert "```\nmaya\n```" in answer(told).content


async def test_others_neither_remove_nor_lock(stage: Stage):
    await start_script(stage, cast="Maya")
    for command, options in [("remove", {"character": "Maya"}), ("lock", {"lock": "off"})]:
        refused = await cast(stage, command, by=stage.ben, **options)
        assert "Only the script's owner or a moderator" in refused.content
    await cast(stage, "remove", by=moderator(stage), character="Maya")


async def speakers(harness: SessionHarness, **wish: Any) -> set[str | None]:
    lines = [
        line for seed in range(2) for line in await harness.continue_script(100 * seed, **wish)
    ]
    return {line.element.cue for line in lines}


async def test_the_lock_is_on_where_a_script_begins_with_a_cast(harness: SessionHarness):
    await harness.start(cast=("MAYA", "JONAS"))
    speech = {"lines": 8, "kind": Kind.DIALOGUE}
    assert await speakers(harness, **speech) == {"MAYA", "JONAS"}
    await harness.change_preferences({"lock": False})
    assert await speakers(harness, **speech) - {"MAYA", "JONAS"}


async def test_the_cast_is_expected_to_speak_with_the_lock_or_without(harness: SessionHarness):
    await harness.start(cast=("MAYA", "JONAS"))
    await harness.change_preferences({"lock": False})
    origin = (await harness.continue_script(1))[0].origin
    assert (origin["cast"], origin["present"]) == ([], ["MAYA", "JONAS"])
    await harness.change_preferences({"lock": True})
    await harness.session.library.add_to_cast(harness.writer(), ["MAYA"], 7)
    await harness.change_preferences({"skip_played": True})
    origin = (await harness.continue_script(1))[0].origin
    assert (origin["cast"], origin["present"]) == (["JONAS"], ["JONAS"])
    origin = (await harness.continue_script(1, character="JONAS"))[0].origin
    assert (origin["cast"], origin["present"]) == ([], [])


async def test_who_is_played_is_left_to_who_plays_them(harness: SessionHarness):
    await harness.start(cast=("MAYA", "JONAS"))
    await harness.session.library.add_to_cast(harness.writer(), ["MAYA"], 7)
    speech = {"lines": 8, "kind": Kind.DIALOGUE}
    assert "MAYA" in await speakers(harness, **speech)
    await harness.change_preferences({"skip_played": True, "lock": False})
    assert await speakers(harness, **speech) == {"JONAS"}
    with pytest.raises(RequestError, match="MAYA is played by someone"):
        await harness.continue_script(1, character="MAYA")
    await harness.session.library.add_to_cast(harness.writer(), ["JONAS"], 8)
    with pytest.raises(RequestError, match="People play every character in the cast"):
        await harness.continue_script(1)
    assert (await harness.continue_script(1, kind=Kind.ACTION))[0].kind == "action"
