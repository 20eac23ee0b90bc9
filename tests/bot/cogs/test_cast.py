"""Test the cast: its members, who plays whom, and who the voice writes for."""

from typing import Any

import pytest

from bot.errors import RequestError
from bot.screenplay.elements import Kind
from bot.screenplay.free_text import CAST_LIMIT
from bot.ui.panels.panel_view import CHARACTER
from tests.bot.conftest import Stage, assert_private, find_menus, labels, moderator, start_script
from tests.bot.playing import ask, choose, click, suggest, write
from tests.bot.session_harness import SessionHarness


def speakers(stage: Stage) -> list[str]:
    """Return the characters for whom the panel offers to write."""
    [menu] = find_menus(stage.panel())
    values = [option["value"] for option in menu["options"]]
    return [value.removeprefix(CHARACTER) for value in values if value.startswith(CHARACTER)]


async def test_a_cast_grows_and_shrinks(stage: Stage):
    await start_script(stage)
    assert "The cast is empty" in (await ask(stage, "cast")).content
    added = await ask(stage, "cast", stage.ben, add="maya, jonas")
    assert not added.ephemeral
    await ask(stage, "cast", add="Maya", player=stage.ben)
    await ask(stage, "cast", lock="on")
    await stage.restart()
    shown = await ask(stage, "cast")
    assert shown.ephemeral
    assert shown.content.split("\n") == [
        f"- MAYA, played by <@{stage.ben.id}>",
        "- JONAS",
        "-# The voice writes only for the cast.",
        shown.content.split("\n")[-1],
    ]
    assert "To play a character, existing or new, use </cast:" in shown.content
    await ask(stage, "cast", add="Maya")
    assert "- MAYA\n" in (await ask(stage, "cast")).content
    await ask(stage, "cast", add="Maya", player=stage.ben)
    for options in ({"remove": "Maya"}, {"lock": "off"}):
        refused = await ask(stage, "cast", stage.ben, **options)
        assert_private(refused, "Only the script's owner or a moderator")
    added = await ask(stage, "cast", add="Jnas, Guard 1, Guard 2, Jonas")
    hint = "-# JNAS is new here. If you meant JONAS, remove JNAS with `remove:`."
    assert added.content.split("\n")[-2:] == ["-# The voice writes only for the cast.", hint]
    await ask(stage, "cast", remove="Jnas, Guard 1, Guard 2")
    await ask(stage, "cast", moderator(stage), remove="Maya")
    await ask(stage, "cast", lock="off")
    await ask(stage, "cast", add="Dog, Quirk")
    refused = await ask(stage, "cast", remove="Dog, Zoë")
    assert refused.content.startswith("“ZOË” is not in the cast.")
    await ask(stage, "cast", remove="dog, quirk")
    shown = await ask(stage, "cast")
    assert shown.content.startswith("- JONAS\n-# The voice may write for others, too.\n")
    assert (await stage.script()).players == {}
    await ask(stage, "cast", remove="Jonas")
    locked = await ask(stage, "cast", lock="on")
    assert locked.content.startswith("The cast is empty, so its lock does nothing.")


async def test_names_are_suggested_and_bad_ones_refused(stage: Stage):
    await start_script(stage, cast="Maya, Jonas")
    await write(stage, "EMILE: Hello.")

    for option, typed, found in (
        ("remove", "", ["MAYA", "JONAS"]),
        ("remove", "maya, ", ["maya, JONAS"]),
        ("add", "em", ["EMILE"]),
        ("add", "Maya, na", ["Maya, JONAS"]),
        ("add", "maya,Zoë ,", ["maya, Zoë, JONAS", "maya, Zoë, EMILE"]),
        ("add", f"{'Zoë, ' * 19}jo", [f"{'Zoë, ' * 19}JONAS"]),
        ("add", f"{'Zoë, ' * 20}jo", []),
    ):
        assert await suggest(stage, "cast", option, typed) == found
    too_many = ",".join(f"Actor {number}" for number in range(CAST_LIMIT))
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"add": "1234"}, "needs at least one letter"),
        ({"add": ","}, "Name a character to add"),
        ({"add": too_many}, f"at most {CAST_LIMIT}"),
        ({"remove": ","}, "Name a character to remove"),
        ({"remove": "Zoë"}, "“ZOË” is not in the cast. See </cast:"),
        ({"remove": "Mya"}, "Did you mean “MAYA”?"),
        ({"player": stage.ben}, "Also fill in `add:` with the characters for `player:`."),
        ({"add": "Zoë", "remove": "Maya"}, "Use only one of `add:`"),
    ]
    for options, why in refusals:
        assert_private(await ask(stage, "cast", **options), why)
    assert (await stage.script()).cast == ["MAYA", "JONAS"]


async def test_few_may_take_a_character_from_its_player(stage: Stage):
    cid = stage.member("Cid")
    await start_script(stage, cast="Maya, Jonas")

    async def give(by: Any, names: str = "Maya, Zoë", **to: Any) -> str:
        return (await ask(stage, "cast", by, add=names, **to)).content

    await give(stage.ann, player=stage.ben)
    for to in ({}, {"player": cid}, {"player": stage.ann}):
        assert (await give(cid, **to)).startswith(f"<@{stage.ben.id}> plays MAYA.")
    assert (await stage.script()).players == {"MAYA": stage.ben.id, "ZOË": stage.ben.id}
    assert "MAYA, played by" in await give(cid, player=stage.ben)  # nothing is taken
    assert f"JONAS, played by <@{cid.id}>" in await give(cid, "Jonas", player=cid)
    # The player gives a character away, and the owner and moderators take one.
    for by, player in ((stage.ben, cid), (stage.ann, stage.ben), (moderator(stage), cid)):
        assert f"MAYA, played by <@{player.id}>" in await give(by, player=player)


async def test_the_panel_lists_the_cast_and_those_who_have_lines(stage: Stage):
    await start_script(stage, cast="Maya")
    await write(stage, "KEVIN (V.O.): Hi.")
    assert speakers(stage) == ["MAYA", "KEVIN"]
    await ask(stage, "cast", add="Zoe")
    assert speakers(stage) == ["MAYA", "ZOE", "KEVIN"]
    await ask(stage, "cast", remove="Maya")
    assert speakers(stage) == ["ZOE", "KEVIN"]
    refused = await ask(stage, "cast", remove="kevin")
    assert refused.content == (
        "KEVIN has lines, but is not in the cast. To remove KEVIN from the menu, undo or rewrite "
        "those lines."
    )


async def test_who_speaks_from_outside_a_locked_cast_can_join_it(stage: Stage):
    await start_script(stage, cast="Maya")
    add_kevin, add_zoe = "Add KEVIN to the cast", "Add ZOE to the cast"
    assert await ask(stage, "write", stage.ben, text="MAYA: Hi.\n\nKEVIN: Hi.") is None
    assert add_kevin in labels(stage.panel())
    await stage.restart()
    await click(stage.ben, stage.panel(), add_kevin)
    assert (await stage.script()).cast == ["MAYA", "KEVIN"]
    assert stage.panel().content.startswith("-# Ben added KEVIN to the cast.\n")
    assert add_kevin not in labels(stage.panel())
    await write(stage, "old dragon: Hello.")
    await click(stage.ben, stage.panel(), "Make it speech")
    assert "Add OLD DRAGON to the cast" in labels(stage.panel())
    await write(stage, "KEVN: Hi.")
    offered = labels(stage.panel())
    assert "Change the name to KEVIN" in offered
    assert "Add KEVN to the cast" not in offered
    await write(stage, "ZOE: Hi.")
    assert add_zoe in labels(stage.panel())
    await ask(stage, "cast", lock="off")
    assert add_zoe not in labels(stage.panel())
    await ask(stage, "cast", lock="on")
    await write(stage, "Rain.")
    assert add_zoe not in labels(stage.panel())
    for refused in (
        await choose(stage.ben, stage.panel(), "speaker", "name:ZOE"),
        await ask(stage, "continue", stage.ben, character="Zoe"),
    ):
        assert refused.content.startswith("ZOE is not in the cast.")
        assert labels(refused) == [add_zoe]
    await stage.restart()
    await stage.ben.click(refused, label=add_zoe)
    assert (refused.content, labels(refused)) == ("ZOE is now in the cast.", [])
    assert (await stage.script()).cast == ["MAYA", "KEVIN", "ZOE"]


async def test_a_late_press_takes_no_character_from_its_player(stage: Stage):
    await start_script(stage, cast="Maya")
    await write(stage, "Rain.\n\nKEVIN: Hi.\n\nRain.")
    refused = await ask(stage, "continue", stage.ben, character="Kevin")
    await ask(stage, "cast", add="Kevin", player=stage.ben)
    await stage.ben.click(refused, label="Add KEVIN to the cast")
    assert (await stage.script()).players == {"KEVIN": stage.ben.id}


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
    with pytest.raises(RequestError, match="Somebody plays MAYA"):
        await harness.continue_script(1, character="MAYA")
    await cast_as("JONAS", 8)
    with pytest.raises(RequestError, match="People play every character in the cast"):
        await harness.continue_script(1)
    assert (await harness.continue_script(1, kind=Kind.ACTION))[0].kind == "action"
