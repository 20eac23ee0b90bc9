"""Test the tree of lines as people move on it: redo, history, forks, rewritten lines."""

from __future__ import annotations

from typing import Any

import discord
import pytest
import simcord
from sqlalchemy import select

from bot.cogs.history_page import REQUESTED_MARK
from bot.errors import AlreadyWritten, RequestError, StaleLine
from bot.session.turn import ContinueRequest, ScriptPosition
from bot.storage.schema import Line

from .conftest import BOTH, Stage, answer, fields, labels
from .test_buttons import assert_true
from .test_cog import HEADING, begin
from .test_disk import only_read
from .test_room import House, house, texts

__all__ = ["house"]

DATABASES = BOTH


def moderator(stage: Stage, name: str = "Mo", **permissions: bool) -> simcord.MemberActor:
    """Return somebody who may manage messages."""
    rights = discord.Permissions(**({"manage_messages": True} | permissions))
    role = stage.guild.create_role("Moderators", permissions=rights)
    return stage.guild.add_member(stage.world.create_user(name), roles=[role])


async def write(stage: Stage, *lines: str, by: Any = None) -> Any:
    return (await (by or stage.ann).slash(stage.channel, "write", text="\n\n".join(lines))).response


def options(shown: Any) -> dict[str, str]:
    """Return the values of a message's menu by their labels."""
    rows = shown.components
    (menu,) = [one for row in rows for one in row["components"] if one["type"] == 3]
    return {one["label"]: one["value"] for one in menu["options"]}


async def rewrite(stage: Stage, shown: Any, text: str, by: Any = None) -> Any:
    return answer(await (by or stage.ann).submit_modal(shown, {fields(shown)["Text"]: text}))


# Redo ------------------------------------------------------------------------------------------


async def test_redo_brings_back_what_undo_took(house: House):
    await house.start()
    lines = (await house.write("Rain.\n\nWind.")).lines
    for _ in lines:
        await house.session.history.undo(house.writer())
    first = await house.session.history.redo(house.writer())
    assert first.restored == {lines[0].id}
    await house.restart()
    await house.session.history.redo(house.writer())
    assert [line.id for line in await house.session.load_lines()][1:] == [line.id for line in lines]
    with pytest.raises(RequestError, match="There is nothing to redo"):
        await house.session.history.redo(house.writer())


async def test_an_old_redo_moves_nothing(house: House):
    await house.start()
    written = await house.write("Rain.")
    back = await house.session.history.undo(house.writer())
    await house.session.history.redo(house.writer())
    with pytest.raises(StaleLine):
        await house.session.history.redo(house.writer(), back.position)
    assert (await house.session.load_script()).head == written.lines[0].id


async def test_redo_by_its_command_and_by_its_button(stage: Stage):
    await begin(stage)
    written = await write(stage, "Rain.", "Wind.", by=stage.ben)
    await stage.ben.click(written, label="Undo")
    await stage.ben.slash(stage.channel, "undo")
    shown = (await stage.ann.slash(stage.channel, "script redo")).response
    assert shown.content.startswith("-# Ann restored the undone line.\n```\nRain.\n```")
    assert labels(shown) == ["Continue", "Undo", "Redo", "Write", "More…"]
    await assert_true(stage)
    await stage.restart()
    await stage.ben.click(shown, label="Redo")
    assert await stage.lines() == [HEADING, "Rain.", "Wind."]
    assert labels(written) == ["Continue", "Undo", "Write", "More…"]
    await assert_true(stage)
    refused = answer(await stage.ann.slash(stage.channel, "script redo"))
    assert (refused.ephemeral, "There is nothing to redo" in refused.content) == (True, True)


# Permissions -----------------------------------------------------------------------------------


async def test_a_persons_line_is_taken_back_by_those_who_may(stage: Stage):
    await begin(stage)
    cid = stage.guild.add_member(stage.world.create_user("Cid"))
    takes = [("Ben's own", stage.ben), ("the owner", stage.ann), ("Mo", moderator(stage))]
    for _, who in takes:
        written = await write(stage, "Rain.", by=stage.ben)
        look = stage.look(written)
        for refused in (
            answer(await cid.slash(stage.channel, "undo")),
            (await stage.press_late(cid, look, "Undo")).followups[0],
        ):
            assert "would remove Ben's line" in refused.content
            assert refused.ephemeral
        assert await stage.lines() == [HEADING, "Rain."]
        await who.slash(stage.channel, "undo")
        assert await stage.lines() == [HEADING]


async def test_a_jump_is_no_way_around(house: House):
    begun = await house.start()
    await house.write("Rain.")
    await house.session.continue_(house.writer("Ben"), ContinueRequest(seed=1))
    with pytest.raises(RequestError, match="would remove Ann's line"):
        await house.session.history.jump_to(house.writer("Ben"), begun.position)
    assert len(await house.session.load_lines()) == 3
    await house.session.history.jump_to(house.writer("Ann"), begun.position)
    assert len(await house.session.load_lines()) == 1


# History ---------------------------------------------------------------------------------------


async def test_history_says_who_wrote_what(stage: Stage):
    await begin(stage)
    await stage.go_on(stage.ann, stage.channel, seed=7, temperature=0.4)
    await stage.ann.slash(stage.channel, "undo")
    await write(stage, "MAYA: *Hello*.", by=stage.ben)
    shown = (await stage.ann.slash(stage.channel, "script history")).response
    assert shown.ephemeral
    first, by, left, how, last, who, others = shown.content.split("\n")[1:]
    assert (first, by) == ("**1** INT\\. DINER \\- NIGHT", "-# Ann: scene heading")
    assert (left[:2], left[-2:]) == ("~~", "~~")
    assert how.endswith(", seed 7, temperature 0.4")
    assert others.startswith("-# Settings that a seed does not mention are those of </settings")
    assert (last, who) == ("**2** MAYA\\: \\*Hello\\*\\.", "-# Ben: speech")
    assert [name.partition(".")[0] for name in options(shown)][::2] == ["1", "2"]


async def test_history_tells_what_is_not_as_it_is_now(stage: Stage):
    await begin(stage)
    await stage.go_on(stage.ann, stage.channel, seed=7)

    async def how() -> str:
        shown = (await stage.ann.slash(stage.channel, "script history")).response
        return shown.content.split("\n")[-2].partition(", seed ")[2]

    assert await how() == "7"
    await stage.ann.slash(stage.channel, "settings writing", repetition=0.0, length=200)
    assert await how() == "7, repetition 0.5, length 60 characters"
    await stage.go_on(stage.ann, stage.channel, seed=8)
    assert await how() == "8"


async def test_history_jumps_to_any_line_even_after_a_restart(stage: Stage):
    await begin(stage)
    continued = (await stage.go_on(stage.ann, stage.channel, seed=1)).response
    lines = await stage.lines()
    await stage.ann.slash(stage.channel, "undo")
    await write(stage, "Snow.")
    shown = (await stage.ann.slash(stage.channel, "script history")).response
    await stage.restart()
    value = list(options(shown).values())[1]
    jumped = (await stage.ann.select(shown, [value])).response
    assert not jumped.ephemeral
    assert jumped.content.startswith("-# Ann moved the script to this line.")
    assert await stage.lines() == lines
    assert "~~" not in continued.content
    await assert_true(stage)


async def test_a_page_of_the_history_has_room_for_whatever_was_set(stage: Stage):
    await begin(stage, title="A * B " * 16)
    options = {
        "temperature": 0.8765432,
        "top_p": 0.9512345,
        "min_p": 0.0512345,
        "repetition": 0.5123456,
        "company": 0.5123456,
        "seed": 2**31 - 1,
    }
    await stage.ann.slash(stage.channel, "settings writing", **options)
    await stage.ann.slash(stage.channel, "continue", lines=7, kind="dialogue")
    await stage.ann.slash(stage.channel, "settings reset", setting="everything")
    shown = (await stage.ann.slash(stage.channel, "script history")).response
    assert "temperature 0.877, top-p 0.951" in shown.content
    await stage.ann.slash(stage.channel, "settings writing", length=1500)
    async with stage.services.store._database.writing() as session:
        # Speeches of the greatest length fill the page.
        for line in await session.scalars(select(Line)):
            line.text, line.credit = f"MAYA\n{'*' * 200}", "_" * 40
            line.copy_of = line.rewrite_of = line.id
    shown = (await stage.ann.slash(stage.channel, "script history")).response
    assert len(shown.content) <= 2000
    assert shown.content.count("with other settings") == 7


async def test_a_long_history_has_pages(stage: Stage):
    await begin(stage)
    for part in range(3):
        await write(stage, *(f"Knock {part}-{knock}. {'And on. ' * 30}" for knock in range(7)))
    shown = (await stage.ann.slash(stage.channel, "script history")).response
    assert "page 3 of 3" in shown.content
    assert shown.content.count("\n-# ") == 8
    back = (await stage.ann.click(shown, label="Previous page")).response
    assert "page 2 of 3" in shown.content or "page 2 of 3" in back.content
    for label, page in [
        ("First page", 1),
        ("Last page", 3),
        ("Previous page", 2),
        ("Next page", 3),
    ]:
        await stage.ann.click(shown, label=label)
        assert f"page {page} of 3" in shown.content
    assert labels(shown) == ["First page", "Previous page", "Next page", "Last page"]


async def test_history_opens_at_a_line(stage: Stage):
    await begin(stage)
    await write(stage, *(f"Knock {knock}." for knock in range(9)))
    for _ in range(9):
        await stage.ann.slash(stage.channel, "undo")
    await write(stage, "Snow.")
    # The lines that were taken back stand in between, and have no number.
    for line, page, there in [(1, 1, "**1** INT\\. DINER \\- NIGHT"), (2, 2, "**2** Snow\\.")]:
        shown = (await stage.ann.slash(stage.channel, "script history", line=line)).response
        assert f"page {page} of 2" in shown.content
        marked = [one for one in shown.content.split("\n") if one.startswith(REQUESTED_MARK)]
        assert marked == [f"{REQUESTED_MARK}{there}"]
    assert labels(shown) == ["Previous page", "Next page"]
    refused = answer(await stage.ann.slash(stage.channel, "script history", line=3))
    assert refused.ephemeral
    assert "The script has only 2 lines. Choose one of them." in refused.content
    found = await stage.ann.autocomplete(stage.channel, "script history", "line", "")
    assert [one["value"] for one in found] == [2, 1]


# Forks -----------------------------------------------------------------------------------------


async def test_a_fork_begins_where_the_script_stands(stage: Stage):
    await begin(stage)
    old = await write(stage, "Rain.")
    forked = (await stage.ben.slash(stage.channel, "script fork", title="The *other* end")).response
    assert "Ben forked the script. This is “The \\*other\\* end”" in forked.content
    assert stage.with_buttons() == [forked.id]
    assert old.components == []
    await write(stage, "Snow.", by=stage.ben)
    assert await stage.lines() == [HEADING, "Rain.", "Snow."]
    fork, script = await stage.services.store.scripts.list_scripts(stage.channel.id)
    assert (fork.owner, fork.title, fork.options["temperature"]) == (
        stage.ben.id,
        "The *other* end",
        0.75,
    )
    assert [line.text for line in await stage.services.store.lines.load_path(script.head)] == [
        HEADING,
        "Rain.",
    ]
    assert not script.running


async def test_what_a_fork_shares_is_its_own_while_it_runs(stage: Stage):
    begun = (await begin(stage)).response
    shared = await write(stage, "Rain.")
    await stage.ann.slash(stage.channel, "script fork", title="Another")
    await stage.ann.slash(stage.channel, "undo")
    assert shared.content == "-# ~~Rain\\.~~\n-# Ann"
    assert begun.content.startswith("**The Diner**\n```\n")
    await assert_true(stage)
    taken = answer(await stage.ann.context_menu(stage.channel, "Continue from here", shared))
    assert taken.content.startswith("-# Ann moved the script to this line.")
    assert "~~" not in shared.content
    assert await stage.lines() == [HEADING, "Rain."]
    shown = await stage.ann.context_menu(stage.channel, "Rewrite this line", shared)
    await rewrite(stage, shown, "Snow.")
    assert await stage.lines() == [HEADING, "Snow."]
    assert shared.content == "```\nSnow.\n```\n-# Ann"
    await assert_true(stage)


async def test_messages_tell_of_the_script_that_is_taken_from_the_shelf(stage: Stage):
    begun = (await begin(stage)).response
    shared = await write(stage, "Rain.")
    await stage.ann.slash(stage.channel, "script fork", title="Another")
    shown = await stage.ann.context_menu(stage.channel, "Rewrite this line", shared)
    await rewrite(stage, shown, "Snow.")
    shown = await stage.ann.context_menu(stage.channel, "Rewrite this line", begun)
    await rewrite(stage, shown, "Ext. roof")
    assert begun.content.startswith("**Another**\n```\nEXT. ROOF\n```")
    await switch(stage, "The Diner")
    assert shared.content == "```\nRain.\n```\n-# Ann"
    assert begun.content.startswith(f"**The Diner**\n```\n{HEADING}\n```")
    await stage.ann.slash(stage.channel, "undo")
    assert shared.content == "-# ~~Rain\\.~~\n-# Ann"
    await switch(stage, "Another")
    assert shared.content == "```\nSnow.\n```\n-# Ann"


async def switch(stage: Stage, title: str) -> None:
    """Switch to another script of the channel, as Ann."""
    listed = (await stage.ann.slash(stage.channel, "script list")).response
    await stage.ann.select(listed, [options(listed)[title]])
    await stage.ann.click(listed, label="Continue it")


async def test_lines_of_a_fork_are_struck_through_while_another_runs(stage: Stage):
    await begin(stage)
    await stage.ann.slash(stage.channel, "script fork", title="Another")
    snow = await write(stage, "Snow.", "Ice.")
    shown = await stage.ann.slash(stage.channel, "script edit", line=2)
    await rewrite(stage, shown, "Sleet.")
    as_it_ran, left = snow.content, "-# ~~Sleet\\.~~\n-# ~~Ice\\.~~\n-# Ann"
    await switch(stage, "The Diner")
    assert snow.content == left
    await assert_true(stage)
    hail = await write(stage, "Hail.")
    await switch(stage, "Another")
    assert (snow.content, hail.content) == (as_it_ran, "-# ~~Hail\\.~~\n-# Ann")
    await assert_true(stage)
    # A script without shared lines leaves the messages of both forks as they are.
    asked = await stage.ann.slash(stage.channel, "start", title="The Roof", heading="Ext. roof")
    await stage.ann.click(asked.response, label="Pause it and start the new one")
    assert (snow.content, hail.content) == (as_it_ran, "-# ~~Hail\\.~~\n-# Ann")
    await switch(stage, "The Diner")
    assert (snow.content, hail.content) == (left, "```\nHail.\n```\n-# Ann")


async def test_lines_of_a_fork_on_the_shelf_stay_struck_through_when_somebody_is_forgotten(
    stage: Stage,
):
    await begin(stage)
    await stage.ann.slash(stage.channel, "script fork", title="Another")
    snow = await write(stage, "Snow.", by=stage.ben)
    await switch(stage, "The Diner")
    asked = answer(await stage.ben.slash(stage.channel, "privacy forget"))
    await stage.ben.click(asked, label="Forget me")
    assert snow.content == "-# ~~Snow\\.~~\n-# somebody"


async def test_a_fork_draws_the_end_that_both_have_once(stage: Stage):
    begun = (await begin(stage)).response
    before = len(stage.world.http_requests)
    await stage.ann.slash(stage.channel, "script fork", title="Another")
    asked = [(one.method, one.path) for one in stage.world.http_requests[before:]]
    assert asked.count(("PATCH", f"/channels/{stage.channel.id}/messages/{begun.id}")) == 1


async def test_a_fork_of_a_script_before_its_first_line_has_the_buttons(stage: Stage):
    await begin(stage)
    await stage.ann.slash(stage.channel, "undo")
    forked = (await stage.ann.slash(stage.channel, "script fork", title="Another")).response
    assert forked.content.endswith("\n-# The script is at its start, before the first line.")
    assert (stage.with_buttons(), labels(forked)) == ([forked.id], ["Continue", "Write", "More…"])


async def test_what_is_only_in_the_original_stays_with_it(stage: Stage):
    await begin(stage)
    theirs = await write(stage, "Rain.")
    await stage.ann.slash(stage.channel, "undo")
    await stage.ann.slash(stage.channel, "script fork", title="Another")
    refused = answer(await stage.ann.context_menu(stage.channel, "Continue from here", theirs))
    assert refused.ephemeral
    assert "That script is paused. “Another” is running here now." in refused.content
    assert await stage.lines() == [HEADING]


async def test_a_fork_keeps_the_messages_of_what_it_was_forked_from(stage: Stage):
    await begin(stage)
    await stage.ben.slash(stage.channel, "write", text="Rain falls.")
    shown = stage.messages()[-1].id
    [script] = await stage.services.store.scripts.list_scripts(stage.channel.id)
    await stage.ann.slash(stage.channel, "script fork", title="Another")
    await stage.services.store.scripts.delete_script(script.id)
    await stage.ben.slash(stage.channel, "undo")
    message = next(one for one in stage.messages() if one.id == shown)
    assert "~~" in message.content
    asked = answer(await stage.ben.slash(stage.channel, "privacy forget"))
    await stage.ben.click(asked, label="Forget me and my text")
    message = next(one for one in stage.messages() if one.id == shown)
    assert "Rain" not in message.content


async def delete(stage: Stage, title: str) -> None:
    """Delete a script of the channel, as Ann."""
    listed = (await stage.ann.slash(stage.channel, "script list")).response
    await stage.ann.select(listed, [options(listed)[title]])
    await stage.ann.click(listed, label="Delete")
    await stage.ann.click(listed, label="Delete for good")


async def test_messages_tell_of_the_original_where_its_fork_is_deleted(stage: Stage):
    await begin(stage)
    shared = await write(stage, "Rain.", "Wind.")
    await stage.ann.slash(stage.channel, "undo")
    await stage.ann.slash(stage.channel, "script fork", title="Another")
    as_it_stood = shared.content
    await rewrite(stage, await stage.ann.slash(stage.channel, "script edit", line=2), "Snow.")
    assert shared.content.startswith("```\nSnow.")
    await delete(stage, "Another")
    assert (shared.content, stage.with_buttons()) == (as_it_stood, [])
    await switch(stage, "The Diner")
    assert shared.content == as_it_stood


async def test_a_message_of_a_deleted_fork_tells_of_the_original_it_shows(stage: Stage):
    begun = (await begin(stage)).response
    await write(stage, "Rain.")
    forked = (await stage.ann.slash(stage.channel, "script fork", title="Another")).response
    await switch(stage, "The Diner")
    await delete(stage, "Another")
    assert "```\nRain.\n```" in forked.content
    await stage.ann.slash(stage.channel, "undo")
    assert forked.content == "-# ~~Rain\\.~~\n-# Ann"
    assert "~~" not in begun.content
    await stage.ann.slash(stage.channel, "script redo")
    asked = answer(await stage.ann.slash(stage.channel, "privacy forget"))
    await stage.ann.click(asked, label="Forget me and my text")
    assert "Rain" not in forked.content


async def test_a_fork_goes_on_in_a_thread(stage: Stage):
    await begin(stage)
    rights = stage.guild.create_role("Bot", permissions=discord.Permissions.all())
    backend = stage.world.backend
    backend.add_member_role(stage.guild.id, backend.bot_user.id, rights.id)
    told = (
        await stage.ben.slash(stage.channel, "script fork", title="Act two", thread=True)
    ).response
    (made,) = [one for one in backend.channels.values() if one.name == "Act two"]
    assert f"<#{made.id}>" in told.content
    thread = simcord.ChannelHandle(stage.world, stage.guild, made)
    (opening,) = stage.messages(thread)
    assert labels(opening) == ["Continue", "Undo", "Write", "More…"]
    await stage.ben.slash(thread, "write", text="Snow.")
    assert await stage.lines(thread) == [HEADING, "Snow."]
    assert await stage.lines() == [HEADING]
    refused = answer(await stage.ben.slash(thread, "script fork", title="Act three", thread=True))
    assert "I cannot open a thread here" in refused.content


@pytest.mark.parametrize("may_delete", [True, False])
async def test_a_fork_that_fails_leaves_no_thread(stage: Stage, may_delete: bool):
    # The simulated Discord asks for this permission, and gives a thread's creator no rights.
    rights = discord.PermissionOverwrite(manage_channels=may_delete)
    channel = stage.guild.create_text_channel("here", overwrites={stage.guild.me: rights})
    await begin(stage, channel)
    mend = await only_read(stage)
    refused = answer(await stage.ben.slash(channel, "script fork", title="Act two", thread=True))
    await mend()
    assert refused.ephemeral
    assert "is read-only" in refused.content
    there = [one.name for one in stage.world.backend.channels.values()]
    assert ("Act two" in there) is not may_delete
    asked_for = [(one.method, one.json) for one in stage.world.http_requests]
    assert (("PATCH", {"archived": True}) in asked_for) is not may_delete


async def test_a_fork_is_made_once(house: House):
    await house.start()
    writer = house.writer()
    await house.session.history.fork(writer, "Fork")
    with pytest.raises(AlreadyWritten):
        await house.session.history.fork(writer, "Fork")
    assert len(await house.session.library.list_scripts()) == 2


async def test_a_fork_goes_its_own_way_from_before_its_line(house: House):
    begun = await house.start()
    await house.write("Rain.")
    fork = (await house.session.history.fork(house.writer(), "Fork")).script
    await house.session.history.undo(house.writer())
    await house.write("Snow.")
    await house.session.history.jump_to(house.writer(), ScriptPosition(fork.id, fork.forked_at))
    assert texts(await house.session.load_lines())[1:] == ["Rain."]
    await house.session.library.switch(house.writer(), begun.script.id)
    assert texts(await house.session.load_lines())[1:] == ["Rain."]
    snow = (await house.store.lines.load_tree_lines(fork, 0, 9))[-1]
    with pytest.raises(RequestError, match="not in this script"):
        await house.session.history.jump_to(
            house.writer(), ScriptPosition(begun.script.id, snow.id)
        )


# Rewriting -------------------------------------------------------------------------------------


async def test_a_line_is_rewritten_and_what_followed_follows(house: House):
    begun = await house.start()
    rain = (await house.write("Rain.")).lines[0]
    [said] = await house.carry_on(5)
    turn = await house.session.history.rewrite(
        house.writer(), ScriptPosition(begun.script.id, rain.id), "Snow."
    )
    [snow] = turn.lines
    lines = await house.session.load_lines()
    assert texts(lines) == [HEADING, "Snow.", said.text]
    assert (snow.parent, snow.rewrite_of, snow.credit) == (rain.parent, rain.id, "Ann")
    copy = lines[2]
    assert (copy.copy_of, copy.origin, copy.author, copy.credit) == (
        *(said.id, said.origin, None, "tiny"),
    )
    assert (turn.removed, turn.restored) == ({rain.id, said.id}, {copy.id})
    assert await house.state(copy) is None
    await house.carry_on(6)
    assert await house.state(copy) == await house.read_from_the_start(lines)
    # A copy of a copy names the line that was written first.
    await house.session.history.rewrite(
        house.writer(), ScriptPosition(begun.script.id, snow.id), "Hail."
    )
    assert (await house.session.load_lines())[2].copy_of == said.id


async def test_a_rewriting_that_is_refused_changes_nothing(house: House):
    begun = await house.start()
    rain, wind = (await house.write("Rain.\n\nWind.")).lines
    await house.session.history.undo(house.writer())
    for place, text, who, why in [
        (rain, "Rain.", "Ann", "already says that"),
        (rain, " ", "Ann", "text is empty"),
        (rain, "Snow.", "Ben", "would remove Ann's line"),
        (wind, "Snow.", "Ann", "not in the script now"),
    ]:
        with pytest.raises(Exception, match=why):
            await house.session.history.rewrite(
                house.writer(who), ScriptPosition(begun.script.id, place.id), text
            )
    assert texts(await house.session.load_lines()) == [HEADING, "Rain."]
    assert await house.store.lines.count_tree_lines(begun.script) == 3


async def test_edit_rewrites_a_line_in_its_message(stage: Stage):
    await begin(stage)
    written = await write(stage, "Rain.", "Wind.", "Snow.")
    end = (await stage.go_on(stage.ann, stage.channel, seed=3)).response
    shown = await stage.ann.slash(stage.channel, "script edit", line=3)
    assert fields(shown).keys() == {"Text"}
    said = await rewrite(stage, shown, "A *storm*.\n\nMAYA: Oh!")
    assert said.content.startswith("-# Ann rewrote a line: A \\*storm\\*\\. MAYA: Oh\\!"[:40])
    assert written.content.startswith("```\nRain.\n\nA *storm*.\n\n ")
    assert "Wind." not in written.content
    assert (await stage.lines())[:5] == [
        *(HEADING, "Rain.", "A *storm*.", "MAYA\nOh!", "Snow."),
    ]
    assert "~~" not in end.content
    assert stage.with_buttons() == [said.id]
    await assert_true(stage)
    await stage.ann.slash(stage.channel, "undo")
    await stage.ann.slash(stage.channel, "undo")
    assert "-# ~~Snow\\.~~" in written.content
    assert "Wind" not in written.content
    await assert_true(stage)


async def test_copies_of_a_line_are_shown_as_one_where_the_line_itself_is_not(stage: Stage):
    await begin(stage)
    await write(stage, "Rain.", "Wind.")
    said = []
    for text in ("Snow.", "Hail.", "Fog."):
        shown = await stage.ann.slash(stage.channel, "script edit", line=2)
        said.append(await rewrite(stage, shown, text))
        assert [one for one, _ in stage.seen() if "~~" in one] == []
        await assert_true(stage)
    await stage.ann.slash(stage.channel, "undo")
    assert said[0].content == "-# ~~Wind\\.~~\n-# Ann"
    await assert_true(stage)


async def test_edit_is_for_the_last_line_if_none_is_chosen(stage: Stage):
    await begin(stage)
    refused = answer(await stage.ann.slash(stage.channel, "script edit", line=2))
    assert "The script has only 1 line. Choose one of them." in refused.content
    shown = await stage.ann.slash(stage.channel, "script edit")
    await rewrite(stage, shown, "ext. roof - day")
    assert await stage.lines() == ["EXT. ROOF - DAY"]
    await assert_true(stage)


async def test_edit_suggests_lines(stage: Stage):
    await begin(stage)
    await write(stage, *(f"Knock {n}." for n in range(9)))
    found = await stage.ann.autocomplete(stage.channel, "script edit", "line", "")
    assert [one["value"] for one in found] == list(range(10, 0, -1))
    assert found[0]["name"] == "10. Knock 8."
    found = await stage.ann.autocomplete(stage.channel, "script edit", "line", "1")
    assert [one["value"] for one in found] == [10, 1]


async def test_what_cannot_be_rewritten_is_given_back(stage: Stage):
    await begin(stage)
    shown = await stage.ann.slash(stage.channel, "script edit")
    await stage.ann.slash(stage.channel, "undo")
    refused = await rewrite(stage, shown, "Ext. roof")
    assert refused.ephemeral
    assert "not in the script now" in refused.content
    assert "Here is your text:\n```\nExt. roof\n```" in refused.content


# On a message ----------------------------------------------------------------------------------


async def test_continue_from_here_on_a_message(stage: Stage):
    begun = (await begin(stage)).response
    written = await write(stage, "Rain.", "Wind.")
    taken = await stage.ann.context_menu(stage.channel, "Continue from here", begun)
    assert await stage.lines() == [HEADING]
    assert taken.response.content.startswith("-# Ann moved the script to this line.")
    await assert_true(stage)
    await stage.ann.context_menu(stage.channel, "Continue from here", written)
    assert await stage.lines() == [HEADING, "Rain.", "Wind."]
    await assert_true(stage)


async def test_rewrite_this_line_on_a_message(stage: Stage):
    begun = (await begin(stage)).response
    written = await write(stage, "Rain.", "Wind.")
    shown = await stage.ann.context_menu(stage.channel, "Rewrite this line", begun)
    await rewrite(stage, shown, "Ext. roof")
    assert await stage.lines() == ["EXT. ROOF", "Rain.", "Wind."]
    assert begun.content == "**The Diner**\n```\nEXT. ROOF\n```\n-# Ann"
    asked = (await stage.ann.context_menu(stage.channel, "Rewrite this line", written)).response
    assert asked.ephemeral
    assert list(options(asked)) == ["2. Rain.", "3. Wind."]
    await stage.restart()
    shown = await stage.ann.select(asked, [options(asked)["2. Rain."]])
    await rewrite(stage, shown, "Hail.")
    assert await stage.lines() == ["EXT. ROOF", "Hail.", "Wind."]
    await assert_true(stage)


async def test_a_message_without_a_line_is_refused(stage: Stage):
    await begin(stage)
    message = await stage.ann.send(stage.channel, "Hello.")
    for name in ("Continue from here", "Rewrite this line"):
        refused = answer(await stage.ann.context_menu(stage.channel, name, message))
        assert refused.ephemeral
        assert "shows no line of a script" in refused.content


async def test_the_tree_in_a_forum_post_and_in_direct_messages(stage: Stage):
    forum = stage.guild.create_forum_channel("scripts")
    made = stage.world.backend.create_thread(forum.id, "a post", stage.ann.id)
    post = simcord.ChannelHandle(stage.world, stage.guild, made)
    await stage.world.settle()
    for place, actor in ((post, stage.ann), (stage.ann.user.dm_channel, stage.ann.user)):

        async def slash(name: str, place=place, actor=actor, **how: Any) -> Any:
            if actor is stage.ann:
                return await actor.slash(place, name, **how)
            return await actor.slash(name, **how)

        await slash("start", title="The Diner", heading=HEADING)
        await slash("write", text="Rain.")
        await slash("undo")
        await slash("script redo")
        shown = await slash("script edit")
        await actor.submit_modal(shown, {fields(shown)["Text"]: "Snow."})
        assert await stage.lines(place) == [HEADING, "Snow."]
        await slash("script fork", title="Another")
        await slash("write", text="Hail.")
        assert await stage.lines(place) == [HEADING, "Snow.", "Hail."]
        assert "Hail" in (await slash("script history")).response.content
        assert "The Diner" in (await slash("script list")).response.content
        assert len(stage.with_buttons(place)) == 1
