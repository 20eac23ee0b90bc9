"""Test the cast: its members, who plays whom, and who the voice writes for."""

from __future__ import annotations

from typing import Any

import pytest

from bot.errors import RequestError
from bot.screenplay.elements import Kind
from bot.screenplay.free_text import CAST_LIMIT
from tests.bot.conftest import Stage, moderator, start_script
from tests.bot.playing import ask, write
from tests.bot.session_harness import SessionHarness


async def test_a_cast_grows_and_shrinks(stage: Stage):
    await start_script(stage)
    assert "The cast is empty" in (await ask(stage, "cast list")).content
    added = await ask(stage, "cast add", stage.ben, names="maya, jonas")
    assert not added.ephemeral
    await ask(stage, "cast add", names="Maya", player=stage.ben)
    await ask(stage, "cast lock", lock="on")
    await stage.restart()
    shown = await ask(stage, "cast list")
    assert shown.ephemeral
    assert shown.content.split("\n") == [
        f"- MAYA, played by <@{stage.ben.id}>",
        "- JONAS",
        "-# The voice writes only for the cast now.",
    ]
    await ask(stage, "cast add", names="Maya")
    assert "- MAYA\n" in (await ask(stage, "cast list")).content
    await ask(stage, "cast add", names="Maya", player=stage.ben)
    for command, options in [("remove", {"character": "Maya"}), ("lock", {"lock": "off"})]:
        refused = await ask(stage, f"cast {command}", stage.ben, **options)
        assert "Only the script's owner or a moderator" in refused.content
    await ask(stage, "cast remove", moderator(stage), character="Maya")
    await ask(stage, "cast lock", lock="off")
    shown = await ask(stage, "cast list")
    assert shown.content == "- JONAS\n-# The voice may write for others now, too."
    assert (await stage.script()).players == {}


async def test_names_are_suggested_and_bad_ones_refused(stage: Stage):
    await start_script(stage, cast="Maya, Jonas")
    await write(stage, "EMILE: Hello.")

    async def suggested(command: str, option: str, typed: str) -> list[str]:
        found = await stage.ann.autocomplete(stage.channel, f"cast {command}", option, typed)
        return [one["value"] for one in found]

    assert await suggested("remove", "character", "") == ["MAYA", "JONAS"]
    assert await suggested("add", "names", "em") == ["EMILE"]
    assert await suggested("add", "names", "Maya, na") == ["Maya, JONAS"]
    assert await suggested("add", "names", "maya,Zoë ,") == ["maya, Zoë, JONAS", "maya, Zoë, EMILE"]
    assert await suggested("add", "names", f"{'Zoë, ' * 19}jo") == [f"{'Zoë, ' * 19}JONAS"]
    assert await suggested("add", "names", f"{'Zoë, ' * 20}jo") == []
    too_many = ",".join(f"Actor {number}" for number in range(CAST_LIMIT))
    for command, options, why in [
        ("add", {"names": "1234"}, "needs at least one letter"),
        ("add", {"names": ","}, "Name a character to add"),
        ("add", {"names": too_many}, f"at most {CAST_LIMIT}"),
        ("remove", {"character": "Emile"}, "“EMILE” is not in the cast"),
    ]:
        refused = await ask(stage, f"cast {command}", **options)
        assert refused.ephemeral
        assert why in refused.content
    assert (await stage.script()).cast == ["MAYA", "JONAS"]


async def test_few_may_take_a_character_from_its_player(stage: Stage):
    cid = stage.guild.add_member(stage.world.create_user("Cid"))
    await start_script(stage, cast="Maya, Jonas")

    async def give(by: Any, names: str = "Maya, Zoë", player: Any = None) -> str:
        options = {"player": player} if player else {}
        return (await ask(stage, "cast add", by, names=names, **options)).content

    await give(stage.ann, player=stage.ben)
    for player in (None, cid, stage.ann):
        refused = await give(cid, player=player)
        assert refused.startswith(f"<@{stage.ben.id}> plays MAYA.")
    assert (await stage.script()).players == {"MAYA": stage.ben.id, "ZOË": stage.ben.id}
    assert "MAYA, played by" in await give(cid, player=stage.ben)  # nothing is taken
    assert f"JONAS, played by <@{cid.id}>" in await give(cid, "Jonas", cid)
    # The player gives a character away, and the owner and moderators take one.
    for by, player in ((stage.ben, cid), (stage.ann, stage.ben), (moderator(stage), cid)):
        assert f"MAYA, played by <@{player.id}>" in await give(by, player=player)


async def test_the_lock_and_the_players_decide_who_speaks(harness: SessionHarness):
    def cast_as(name: str, player: int):
        return harness.session.library.add_to_cast(harness.writer(), [name], player)

    async def check(allowed: list[str], present: list[str], **wish: object) -> set[str | None]:
        lines = await harness.continue_script(1, **wish)
        assert lines[0].origin["cast"] == allowed
        assert lines[0].origin["present"] == present
        return {line.element.cue for line in lines}

    both, speech = ["MAYA", "JONAS"], {"lines": 3, "kind": Kind.DIALOGUE}
    await harness.start(cast=tuple(both))  # which locks the cast
    assert await check(both, both, **speech) <= set(both)
    await harness.change_preferences({"lock": False})
    await check([], both)
    await harness.change_preferences({"lock": True})
    await cast_as("MAYA", 7)
    await check(both, both)
    await harness.change_preferences({"skip_played": True})
    await check([], [], character="JONAS")
    await check(["JONAS"], ["JONAS"])
    await harness.change_preferences({"lock": False})
    assert await check(["JONAS"], ["JONAS"], **speech) == {"JONAS"}
    with pytest.raises(RequestError, match="MAYA is played by someone"):
        await harness.continue_script(1, character="MAYA")
    await cast_as("JONAS", 8)
    with pytest.raises(RequestError, match="People play every character in the cast"):
        await harness.continue_script(1)
    assert (await harness.continue_script(1, kind=Kind.ACTION))[0].kind == "action"
