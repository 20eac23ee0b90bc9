"""Test the tree of lines as people move on it: redo, history, forks, rewritten lines."""

from __future__ import annotations

from typing import Any

import discord
import pytest
import simcord
from sqlalchemy import select

from bot.cogs.history_page import REQUESTED_MARK
from bot.errors import AlreadyWritten, RequestError, StaleLine
from bot.session.turn import ContinueRequest, ScriptPosition, current_position
from bot.storage.schema import Line
from tests.bot.channel_check import assert_channel_is_true
from tests.bot.conftest import BOTH, HEADING, Stage, answer, fields, labels, moderator, start_script
from tests.bot.session_harness import SessionHarness, texts
from tests.bot.storage.test_disk_failures import only_read

DATABASES = BOTH


async def write(stage: Stage, *lines: str, by: Any = None) -> Any:
    """Write lines, and return the message of the last one."""
    await (by or stage.ann).slash(stage.channel, "write", text="\n\n".join(lines))
    return stage.messages()[-2]


def find(stage: Stage, text: str) -> list[Any]:
    """Return the messages of the channel that have a text."""
    return [message for message in stage.messages() if text in message.content]


def options(shown: Any) -> dict[str, str]:
    """Return the values of a message's menu by their labels."""
    rows = shown.components
    (menu,) = [one for row in rows for one in row["components"] if one["type"] == 3]
    return {one["label"]: one["value"] for one in menu["options"]}


async def rewrite(stage: Stage, shown: Any, text: str, by: Any = None) -> Any:
    return answer(await (by or stage.ann).submit_modal(shown, {fields(shown)["Text"]: text}))


async def test_a_jump_sets_the_way_that_redo_follows(harness: SessionHarness):
    begun = await harness.start()
    rain = (await harness.write("Rain.\n\nThunder.\n\nHail.")).lines
    await harness.jump(current_position(begun.script))
    await harness.write("Snow.")
    await harness.jump(ScriptPosition(begun.script.id, rain[1].id))
    for _ in range(2):
        await harness.undo()
    for _ in range(3):
        await harness.redo()
    assert texts(await harness.lines())[1:] == ["Rain.", "Thunder.", "Hail."]


async def test_an_old_redo_moves_nothing(harness: SessionHarness):
    await harness.start()
    written = await harness.write("Rain.")
    back = await harness.undo()
    await harness.redo()
    with pytest.raises(StaleLine):
        await harness.session.history.redo(harness.writer(), current_position(back.script))
    assert (await harness.session.library.load_script()).head == written.lines[0].id


async def test_redo_by_its_command_and_by_its_button(stage: Stage):
    await start_script(stage)
    await write(stage, "Rain.", "Wind.", by=stage.ben)
    await stage.ben.click(stage.panel(), label="Undo")
    await stage.ben.slash(stage.channel, "undo")
    await stage.ann.slash(stage.channel, "script redo")
    assert stage.panel().content.startswith("-# Ann restored the undone line.\n")
    assert labels(stage.panel()) == ["Continue", "Undo", "Redo", "Write", "More…"]
    await stage.restart()
    await stage.ben.click(stage.panel(), label="Redo")
    assert await stage.lines() == [HEADING, "Rain.", "Wind."]
    assert labels(stage.panel()) == ["Continue", "Undo", "Write", "More…"]
    await assert_channel_is_true(stage)
    refused = answer(await stage.ann.slash(stage.channel, "script redo"))
    assert (refused.ephemeral, "There is nothing to redo" in refused.content) == (True, True)


async def test_a_persons_line_is_taken_back_by_those_who_may(stage: Stage):
    await start_script(stage)
    cid = stage.guild.add_member(stage.world.create_user("Cid"))
    takes = [("Ben's own", stage.ben), ("the owner", stage.ann), ("Mo", moderator(stage))]
    for _, who in takes:
        await write(stage, "Rain.", by=stage.ben)
        look = stage.look(stage.panel())
        for refused in (
            answer(await cid.slash(stage.channel, "undo")),
            answer(await stage.press_late(cid, look, "Undo")),
        ):
            assert "would remove Ben's line" in refused.content
            assert refused.ephemeral
        assert await stage.lines() == [HEADING, "Rain."]
        await who.slash(stage.channel, "undo")
        assert await stage.lines() == [HEADING]
    await stage.continue_with_seed(stage.ann, stage.channel, seed=1)
    await cid.slash(stage.channel, "undo")  # the voice's line is anybody's
    assert await stage.lines() == [HEADING]


async def test_a_jump_is_no_way_around(harness: SessionHarness):
    begun = await harness.start()
    await harness.write("Rain.")
    await harness.session.continuation.generate(harness.writer("Ben"), ContinueRequest(seed=1))
    with pytest.raises(RequestError, match="would remove Ann's line"):
        await harness.session.history.jump_to(harness.writer("Ben"), current_position(begun.script))
    assert len(await harness.lines()) == 3
    await harness.session.history.jump_to(harness.writer("Ann"), current_position(begun.script))
    assert len(await harness.lines()) == 1


async def test_history_says_who_wrote_what(stage: Stage):
    await start_script(stage)
    await stage.continue_with_seed(stage.ann, stage.channel, seed=7, temperature=0.4)
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
    await start_script(stage)
    await stage.continue_with_seed(stage.ann, stage.channel, seed=7)

    async def how() -> str:
        shown = (await stage.ann.slash(stage.channel, "script history")).response
        return shown.content.split("\n")[-2].partition(", seed ")[2]

    assert await how() == "7"
    await stage.ann.slash(stage.channel, "settings writing", repetition=0.0, length=200)
    assert await how() == "7, repetition 0.5, length 60 characters"
    await stage.continue_with_seed(stage.ann, stage.channel, seed=8)
    assert await how() == "8"


async def test_a_page_of_the_history_has_room_for_whatever_was_set(stage: Stage):
    await start_script(stage, title="A * B " * 16)
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
    async with stage.store._database.writing() as session:
        # Speeches of the greatest length fill the page.
        for line in await session.scalars(select(Line)):
            line.text, line.credit = f"MAYA\n{'*' * 200}", "_" * 40
            line.copy_of = line.rewrite_of = line.id
    shown = (await stage.ann.slash(stage.channel, "script history")).response
    assert len(shown.content) <= 2000
    assert shown.content.count("with other settings") == 7


async def test_a_long_history_has_pages(stage: Stage):
    await start_script(stage)
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
    await start_script(stage)
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


async def test_a_fork_begins_where_the_script_stands(stage: Stage):
    await start_script(stage)
    await write(stage, "Rain.")
    await stage.ben.slash(stage.channel, "script fork", title="The *other* end")
    assert find(stage, "-# Ben forked the script. This is “The \\*other\\* end”.")
    await assert_channel_is_true(stage)
    await write(stage, "Snow.", by=stage.ben)
    assert await stage.lines() == [HEADING, "Rain.", "Snow."]
    fork, script = await stage.store.scripts.list_scripts(stage.channel.id)
    assert (fork.owner, fork.title, fork.options["temperature"]) == (
        stage.ben.id,
        "The *other* end",
        0.65,
    )
    assert [line.text for line in await stage.store.lines.load_path(script.head)] == [
        HEADING,
        "Rain.",
    ]
    assert not script.running


async def test_a_fork_keeps_the_messages_of_what_it_was_forked_from(stage: Stage):
    await start_script(stage)
    await write(stage, "Rain falls.", by=stage.ben)
    [script] = await stage.store.scripts.list_scripts(stage.channel.id)
    await stage.ann.slash(stage.channel, "script fork", title="Another")
    await stage.store.scripts.delete_script(script.id)
    asked = answer(await stage.ben.slash(stage.channel, "privacy forget"))
    await stage.ben.click(asked, label="Forget me and my text")
    assert find(stage, "Rain") == []
    await assert_channel_is_true(stage)
    await stage.ben.slash(stage.channel, "undo")
    await assert_channel_is_true(stage)


async def test_a_fork_goes_on_in_a_thread(stage: Stage):
    await start_script(stage)
    rights = stage.guild.create_role("Bot", permissions=discord.Permissions.all())
    backend = stage.world.backend
    backend.add_member_role(stage.guild.id, backend.bot_user.id, rights.id)
    told = (
        await stage.ben.slash(stage.channel, "script fork", title="Act two", thread=True)
    ).response
    (made,) = [one for one in backend.channels.values() if one.name == "Act two"]
    assert f"<#{made.id}>" in told.content
    thread = simcord.ChannelHandle(stage.world, stage.guild, made)
    assert labels(stage.panel(thread)) == ["Continue", "Undo", "Write", "More…"]
    await stage.ben.slash(thread, "write", text="Snow.")
    assert await stage.lines(thread) == [HEADING, "Snow."]
    await assert_channel_is_true(stage, thread)
    assert await stage.lines() == [HEADING]
    refused = answer(await stage.ben.slash(thread, "script fork", title="Act three", thread=True))
    assert "I cannot open a thread here" in refused.content


@pytest.mark.parametrize("may_delete", [True, False])
async def test_a_fork_that_fails_leaves_no_thread(stage: Stage, may_delete: bool):
    # The simulated Discord asks for this permission, and gives a thread's creator no rights.
    rights = discord.PermissionOverwrite(manage_channels=may_delete)
    channel = stage.guild.create_text_channel("here", overwrites={stage.guild.me: rights})
    await start_script(stage, channel)
    mend = await only_read(stage)
    refused = answer(await stage.ben.slash(channel, "script fork", title="Act two", thread=True))
    await mend()
    assert refused.ephemeral
    assert "is read-only" in refused.content
    there = [one.name for one in stage.world.backend.channels.values()]
    assert ("Act two" in there) is not may_delete
    asked_for = [(one.method, one.json) for one in stage.world.http_requests]
    assert (("PATCH", {"archived": True}) in asked_for) is not may_delete


async def test_a_fork_is_made_once(harness: SessionHarness):
    await harness.start()
    writer = harness.writer()
    await harness.session.history.fork(writer, "Fork")
    with pytest.raises(AlreadyWritten):
        await harness.session.history.fork(writer, "Fork")
    assert len(await harness.session.library.list_scripts()) == 2


async def test_a_line_is_rewritten_and_what_followed_follows(harness: SessionHarness):
    await harness.start()
    rain = (await harness.write("Rain.")).lines[0]
    [said] = await harness.continue_script(5)
    turn = await harness.rewrite(rain, "Snow.")
    [snow] = turn.lines
    lines = await harness.lines()
    assert texts(lines) == [HEADING, "Snow.", said.text]
    assert (snow.parent, snow.rewrite_of, snow.credit) == (rain.parent, rain.id, "Ann")
    copy = lines[2]
    assert (copy.copy_of, copy.origin, copy.author, copy.credit) == (
        *(said.id, said.origin, None, "tiny"),
    )
    assert await harness.state(copy) is None
    await harness.continue_script(6)
    assert await harness.state(copy) == await harness.read_from_start(lines)
    # A copy of a copy names the line that was written first.
    await harness.rewrite(snow, "Hail.")
    assert (await harness.lines())[2].copy_of == said.id


async def test_a_rewriting_that_is_refused_changes_nothing(harness: SessionHarness):
    begun = await harness.start()
    rain, wind = (await harness.write("Rain.\n\nWind.")).lines
    await harness.undo()
    for place, text, who, why in [
        (rain, "Rain.", "Ann", "already says that"),
        (rain, " ", "Ann", "text is empty"),
        (rain, "Snow.", "Ben", "would remove Ann's line"),
        (wind, "Snow.", "Ann", "not in the script now"),
    ]:
        with pytest.raises(Exception, match=why):
            await harness.session.history.rewrite(
                harness.writer(who), ScriptPosition(begun.script.id, place.id), text
            )
    assert texts(await harness.lines()) == [HEADING, "Rain."]
    assert await harness.store.lines.count_tree_lines(begun.script) == 3


async def test_edit_rewrites_a_line_in_its_message(stage: Stage):
    await start_script(stage)
    await write(stage, "Rain.", "Wind.", "Snow.")
    before = [message.id for message in stage.messages()]
    await rewrite(stage, await stage.ann.slash(stage.channel, "script edit", line=3), "Hail.")
    assert [message.id for message in stage.messages()] == before
    assert stage.panel().content.startswith("-# Ann rewrote a line.\n")
    assert await stage.lines() == [HEADING, "Rain.", "Hail.", "Snow."]
    await assert_channel_is_true(stage)
    shown = await stage.ann.slash(stage.channel, "script edit", line=3)
    assert fields(shown).keys() == {"Text"}
    await rewrite(stage, shown, "A *storm*.\n\nMAYA: Oh!")
    assert await stage.lines() == [HEADING, "Rain.", "A *storm*.", "MAYA\nOh!", "Snow."]
    await assert_channel_is_true(stage)
    for _ in range(2):
        await stage.ann.slash(stage.channel, "undo")
    await assert_channel_is_true(stage)


async def test_edit_is_for_the_last_line_if_none_is_chosen(stage: Stage):
    await start_script(stage)
    refused = answer(await stage.ann.slash(stage.channel, "script edit", line=2))
    assert "The script has only 1 line. Choose one of them." in refused.content
    shown = await stage.ann.slash(stage.channel, "script edit")
    await rewrite(stage, shown, "ext. roof - day")
    assert await stage.lines() == ["EXT. ROOF - DAY"]
    await assert_channel_is_true(stage)


async def test_edit_suggests_lines(stage: Stage):
    await start_script(stage)
    await write(stage, *(f"Knock {n}." for n in range(9)))
    found = await stage.ann.autocomplete(stage.channel, "script edit", "line", "")
    assert [one["value"] for one in found] == list(range(10, 0, -1))
    assert found[0]["name"] == "10. Knock 8."
    found = await stage.ann.autocomplete(stage.channel, "script edit", "line", "1")
    assert [one["value"] for one in found] == [10, 1]


async def test_what_cannot_be_rewritten_is_given_back(stage: Stage):
    await start_script(stage)
    shown = await stage.ann.slash(stage.channel, "script edit")
    await stage.ann.slash(stage.channel, "undo")
    refused = await rewrite(stage, shown, "Ext. roof")
    assert refused.ephemeral
    assert "not in the script now" in refused.content
    assert "Here is your text:\n```\nExt. roof\n```" in refused.content


async def test_a_message_without_a_line_is_refused(stage: Stage):
    await start_script(stage)
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
        await slash("continue")
        await actor.click(stage.panel(place), label="Undo")
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
