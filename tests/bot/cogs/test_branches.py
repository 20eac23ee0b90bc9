"""Test the tree of lines as people move on it: redo, history, forks, rewritten lines."""

import functools
import threading
from dataclasses import replace
from typing import Any

import discord
import pytest
import simcord

from bot.errors import RequestError, StaleLine
from bot.generation.options import OPTIONS_BY_NAME
from bot.screenplay.drafts import ERASED_NAME
from bot.screenplay.speakers import fold
from bot.session import history
from bot.session.history import LINES_PER_PAGE
from bot.session.replay import replay_script
from bot.session.turn import Job, Requester, ScriptPosition, current_position
from bot.settings import read_settings
from bot.storage.schema import Line, Provenance, utc_now
from bot.ui.markdown import size
from bot.ui.pages.history_page import REQUESTED_MARK, format_lines
from bot.ui.pages.replay_report import format_table
from tests.bot.channel_check import assert_channel_is_true
from tests.bot.conftest import (
    BOTH,
    HEADING,
    Stage,
    answer,
    assert_private,
    fields,
    labels,
    moderator,
    on_a_server,
    start_script,
)
from tests.bot.playing import (
    BY_PERSON,
    PAUSE,
    ask,
    choose,
    click,
    edit,
    forget,
    menu_options,
    open_window,
    rewrite,
    suggest,
    use_on_message,
    write_lines,
)
from tests.bot.session_harness import SessionHarness, texts
from tests.bot.storage.disk_faults import make_read_only

STARTED = True


def find(stage: Stage, text: str) -> list[Any]:
    return [message for message in stage.messages() if text in message.content]


@on_a_server  # the random commands check a file
async def test_redo_follows_a_jump(harness: SessionHarness):
    start = current_position((await harness.start()).script)
    _, thunder, _ = (await harness.write("Rain.\n\nThunder.\n\nHail.")).lines
    with pytest.raises(RequestError, match="would remove Ann's line"):
        await harness.session.history.jump_to(harness.writer("Ben"), start)
    await harness.jump(start)
    await harness.write("Snow.")
    await harness.jump(ScriptPosition(start.script, thunder.id))
    back = await harness.undo()
    await harness.undo()
    for _ in range(3):
        await harness.redo()
    assert texts(await harness.lines())[1:] == ["Rain.", "Thunder.", "Hail."]
    with pytest.raises(StaleLine):
        await harness.session.history.redo(harness.writer(), current_position(back.script))
    assert len(await harness.lines()) == 4


async def test_redo_by_its_button(stage: Stage):
    await write_lines(stage, "Rain.", "Wind.", by=stage.ben)
    await stage.ben.click(stage.panel(), label="Undo")
    await stage.ben.slash(stage.channel, "undo")
    await stage.ann.click(stage.panel(), label="Redo")
    assert stage.panel().content.startswith("-# Ann restored the undone line.\n")
    assert labels(stage.panel()) == ["Continue", "Three takes", "Undo", "Redo", "Write", "More…"]
    await stage.restart()
    old = stage.look(stage.panel())
    await stage.ben.click(stage.panel(), label="Redo")
    assert await stage.lines() == [HEADING, "Rain.", "Wind."]
    assert labels(stage.panel()) == BY_PERSON
    await assert_channel_is_true(stage)
    refused = answer(await stage.press_late(stage.ann, old, "Redo"))
    assert_private(refused, "The script has moved on")


async def test_a_command_brings_the_panel_below_a_chat(stage: Stage):
    await write_lines(stage, "Rain.", "Wind.", "Snow.")
    first = stage.panel().id
    await stage.ann.slash(stage.channel, "undo")
    await stage.ben.send(stage.channel, "Nice!")
    await stage.ann.click(stage.panel(), label="Undo")
    assert stage.panel().id == first
    await stage.ann.slash(stage.channel, "undo")
    assert stage.messages()[-1] == stage.panel()
    assert stage.panel().content.startswith("-# Ann undid the last line.\n")
    await assert_channel_is_true(stage)


async def test_the_writer_the_owner_and_moderators_undo_a_persons_line(stage: Stage):
    cid = stage.member("Cid")
    for who in (stage.ben, stage.ann, moderator(stage)):
        await write_lines(stage, "Rain.", by=stage.ben)
        for refused in (await ask(stage, "undo", cid), await click(cid, stage.panel(), "Undo")):
            assert_private(refused, "would remove Ben's line")
        assert await stage.lines() == [HEADING, "Rain."]
        await who.slash(stage.channel, "undo")
        assert await stage.lines() == [HEADING]
    await stage.continue_with_seed(stage.ann, seed=1)
    await cid.slash(stage.channel, "undo")  # anybody may undo the voice's line
    assert await stage.lines() == [HEADING]


async def test_history_says_how_each_line_was_written(stage: Stage):
    await stage.continue_with_seed(stage.ann, seed=7, temperature=0.4)
    await stage.ann.slash(stage.channel, "undo")
    await write_lines(stage, "MAYA: *Hello*.", by=stage.ben)
    shown = await ask(stage, "script history")
    assert shown.ephemeral
    first, by, left, how, last, who, others = shown.content.split("\n")[1:]
    assert (first, by) == ("**1** INT\\. DINER \\- NIGHT", "-# Ann: scene heading")
    assert (left[:2], left[-2:]) == ("~~", "~~")
    assert how.endswith(", seed 7, temperature 0.4")
    assert others.startswith("-# Settings are listed where they differ from those in </settings")
    assert (last, who) == ("**2** MAYA\\: \\*Hello\\*\\.", "-# Ben: speech")
    assert [name.partition(".")[0] for name in menu_options(shown)][::2] == ["1", "2"]
    # Settings that differ from the present ones are listed.
    for setting, value in (("repetition", "0"), ("length", "200")):
        await stage.ann.slash(stage.channel, "settings", setting=setting, value=value)
    how = (await ask(stage, "script history")).content.split("\n")[4]
    assert how.endswith(", seed 7, temperature 0.4, repetition 0.5, length 60 characters")
    await stage.continue_with_seed(stage.ann, seed=8)
    assert (await ask(stage, "script history")).content.split("\n")[-2].endswith(", seed 8")


def test_a_page_of_the_history_has_room_for_all_settings():
    settings = {"temperature": 0.8765432, "top_p": 0.9512345, "min_p": 0.0512345, "length": 60}
    settings |= {"repetition": 0.5123456, "company": 0.5123456}
    origin = Provenance(content=Provenance.serialize(settings))
    # Speeches of the greatest length fill the page.
    speech = {"text": f"MAYA\n{'*' * 200}", "credit": "_" * 40, "seed": 2**31 - 1}
    speech |= {"kind": "dialogue", "shared_provenance": origin}
    ids = range(1, LINES_PER_PAGE + 1)
    lines = [Line(id=n, copy_of=n, rewrite_of=n, **speech) for n in ids]
    present = dict.fromkeys(OPTIONS_BY_NAME, 1)
    assert "temperature 0.877, top-p 0.951" in format_lines(lines[:1], {}, present, read_settings())
    numbers = dict(zip(ids, ids, strict=True))
    shown = format_lines(lines, numbers, present, read_settings(), max_size=1800)
    assert size(shown) <= 1800
    assert shown.count("with other settings") == LINES_PER_PAGE


async def test_history_has_pages_and_opens_at_a_line(stage: Stage):
    for part in range(2):
        knocks = (f"Knock {part}-{knock}. {'And on. ' * 30}" for knock in range(9))
        await write_lines(stage, *knocks)
    shown = await ask(stage, "script history")
    assert "page 3 of 3" in shown.content
    assert shown.content.count("\n-# ") == 8
    for label, page in [("Previous", 2), ("First", 1), ("Last", 3), ("Previous", 2), ("Next", 3)]:
        await stage.ann.click(shown, label=label)
        assert f"page {page} of 3" in shown.content
    assert labels(shown) == ["First", "Previous", "Next", "Last"]
    [heading, *_] = await stage.session.library.load_lines()
    await stage.store.lines.move_head(await stage.script(), heading.id, (), utc_now())
    await write_lines(stage, "Snow.")
    # The lines that were undone stand in between, and have no number.
    for line, page, there in [(1, 1, "**1** INT\\. DINER \\- NIGHT"), (2, 3, "**2** Snow\\.")]:
        shown = await ask(stage, "script history", line=str(line))
        assert f"page {page} of 3" in shown.content
        marked = [line for line in shown.content.split("\n") if line.startswith(REQUESTED_MARK)]
        assert marked == [f"{REQUESTED_MARK}{there}"]
    refused = await ask(stage, "script history", line="3")
    assert_private(refused, "The script has only 2 lines. Choose an existing line.")


async def test_a_fork_begins_where_the_script_stands(stage: Stage):
    await write_lines(stage, "Rain.")
    await stage.ben.slash(stage.channel, "script fork", title="The *other* end")
    said = "-# Ben forked the script. This is “The \\*other\\* end”. “The Diner” is paused."
    assert find(stage, said)
    await assert_channel_is_true(stage)
    await write_lines(stage, "Snow.", by=stage.ben)
    assert await stage.lines() == [HEADING, "Rain.", "Snow."]
    fork, script = await stage.store.scripts.list_scripts(stage.channel.id)
    assert (fork.owner, fork.title) == (stage.ben.id, "The *other* end")
    assert fork.preferences["temperature"] == 0.65
    assert texts(await stage.store.lines.load_path(script.head)) == [HEADING, "Rain."]
    assert not script.running


@pytest.mark.parametrize("thread", [False, True])
async def test_a_fork_says_that_it_has_no_turns(stage: Stage, thread: bool):
    await stage.ben.click(await ask(stage, "script turns", stage.ben), label="Join")
    stage.permit(administrator=True)
    told = await ask(stage, "script fork", title="Act two", thread=thread)
    said = told.content if thread else stage.messages()[-2].content
    assert "In the fork, everybody may write. To take turns, use </script turns:" in said


async def test_a_fork_keeps_the_messages_of_its_original(stage: Stage):
    await write_lines(stage, "Rain falls.", by=stage.ben)
    script = await stage.script()
    await stage.ann.slash(stage.channel, "script fork", title="Another")
    await stage.store.scripts.delete_script(script.id)
    await forget(stage, stage.ben)
    assert find(stage, "Rain") == []
    await assert_channel_is_true(stage)
    await stage.ben.slash(stage.channel, "undo")
    await assert_channel_is_true(stage)


async def fork_in_thread(stage: Stage, by: Any) -> simcord.ChannelHandle:
    """Fork the script in a thread of its own, and return the thread."""
    stage.permit(administrator=True)
    told = await ask(stage, "script fork", by, title="Act two", thread=True)
    [made] = [place for place in stage.world.backend.channels.values() if place.name == "Act two"]
    assert f"<#{made.id}>" in told.content
    return simcord.ChannelHandle(stage.world, stage.guild, made)


async def test_a_fork_goes_on_in_a_thread(stage: Stage):
    thread = await fork_in_thread(stage, stage.ben)
    assert labels(stage.panel(thread)) == BY_PERSON
    await stage.ben.slash(thread, "write", text="Snow.")
    assert await stage.lines(thread) == [HEADING, "Snow."]
    await assert_channel_is_true(stage, thread)
    assert await stage.lines() == [HEADING]
    refused = answer(await stage.ben.slash(thread, "script fork", title="Act three", thread=True))
    assert "I cannot open a thread here" in refused.content


async def test_who_may_open_no_thread_opens_none_by_a_fork(stage: Stage):
    rights = discord.PermissionOverwrite(create_public_threads=False)
    channel = stage.guild.create_text_channel("here", overwrites={stage.ben: rights})
    await start_script(stage, channel)
    refused = answer(await stage.ben.slash(channel, "script fork", title="Act two", thread=True))
    assert_private(refused, "You need the **Create Public Threads** permission")
    there = [channel.name for channel in stage.world.backend.channels.values()]
    assert "Act two" not in there


async def test_lines_that_a_thread_shares_have_details_and_are_forgotten_there(stage: Stage):
    await write_lines(stage, "Rain falls.", by=stage.ben)
    thread = await fork_in_thread(stage, stage.ann)
    [shared] = [message for message in stage.messages(thread) if "Rain" in message.content]
    fork = await stage.store.scripts.find_running_script(thread.id)
    for running in (False, True):
        await stage.store.scripts.update_script(fork.id, running=running)
        details = answer(await stage.ann.context_menu(thread, "Details", shared))
        assert "Rain falls" in details.content
        assert "bits per character" in details.content
    stage.world.backend.edit_channel(thread.id, {}, thread_metadata={"archived": True})
    told = await forget(stage, stage.ben)
    assert told.content == "You are forgotten. Your name and text were removed from 1 line."
    assert not stage.world.backend.get_channel(thread.id).thread_metadata.archived
    for channel in (stage.channel, thread):
        assert not [message for message in stage.messages(channel) if "Rain" in message.content]
        await assert_channel_is_true(stage, channel)


@pytest.mark.parametrize("may_delete", [True, False])
async def test_a_failed_fork_leaves_no_thread(stage: Stage, may_delete: bool):
    # The simulated Discord asks for this permission, and gives a thread's creator no rights.
    rights = discord.PermissionOverwrite(manage_channels=may_delete)
    channel = stage.guild.create_text_channel("here", overwrites={stage.guild.me: rights})
    await start_script(stage, channel)
    mend = await make_read_only(stage.store)
    refused = answer(await stage.ben.slash(channel, "script fork", title="Act two", thread=True))
    await mend()
    assert_private(refused, "is read-only")
    there = [channel.name for channel in stage.world.backend.channels.values()]
    assert ("Act two" in there) is not may_delete
    asked_for = [(request.method, request.json) for request in stage.world.http_requests]
    assert (("PATCH", {"archived": True}) in asked_for) is not may_delete


@pytest.mark.parametrize("where", BOTH, indirect=True)
async def test_a_rewritten_line_keeps_what_followed(harness: SessionHarness):
    await harness.start()
    [rain] = (await harness.write("Rain.")).lines
    [said] = await harness.continue_script(5)
    [snow] = (await harness.rewrite(rain, "Snow.")).lines
    lines = await harness.lines()
    assert texts(lines) == [HEADING, "Snow.", said.text]
    assert (snow.parent, snow.rewrite_of, snow.credit) == (rain.parent, rain.id, "Ann")
    copy = lines[2]
    assert (copy.copy_of, copy.origin) == (said.id, said.origin)
    assert (copy.author, copy.credit) == (None, "tiny")
    assert await harness.state(copy) is None
    await harness.continue_script(6)
    assert await harness.state(copy) == await harness.read_from_start(lines)
    await harness.undo()
    assert texts(await harness.lines()) == [HEADING, "Snow.", said.text]
    await harness.undo()
    assert texts(await harness.lines()) == [HEADING, "Rain.", said.text]
    await harness.redo()
    # A copy of a copy names the line that was written first.
    await harness.rewrite(snow, "Hail.")
    assert (await harness.lines())[2].copy_of == said.id


async def test_edit_rewrites_a_line_in_its_message(stage: Stage):
    refused = await ask(stage, "script edit", line="2")
    assert_private(refused, "The script has only 1 line. Choose an existing line.")
    # By default, it is for the last line.
    await rewrite(stage, await edit(stage), "ext. roof - day")
    assert await stage.lines() == ["EXT. ROOF - DAY"]
    await write_lines(stage, "Rain.", "Wind.", "Snow.")
    before = [message.id for message in stage.messages()]
    asked = [await stage.ann.slash(stage.channel, "script edit", line="3") for _ in range(2)]
    offered, stale = map(answer, asked)
    opened = await stage.ann.click(offered, label="Rewrite this line")
    assert_private(await rewrite(stage, opened, "Wind."), "The line already says that.")
    await rewrite(stage, await stage.ann.click(offered, label="Rewrite this line"), "Hail.")
    late = await stage.ann.click(stale, label="Rewrite this line")
    assert late.modal is None
    assert_private(answer(late), "no longer in the script. Choose another with </script edit:")
    assert list(map(answer, asked)) == [None, None]  # nothing is left to press
    assert [message.id for message in stage.messages()] == before
    assert stage.panel().content.startswith("-# Ann rewrote line 3.\n")
    assert (await stage.lines())[1:] == ["Rain.", "Hail.", "Snow."]
    await assert_channel_is_true(stage)
    assert_private(await ask(stage, "script edit", stage.ben, line="3"), "would change Ann's line")
    shown = await edit(stage, line="3")
    assert fields(shown).keys() == {"Text"}
    await rewrite(stage, shown, "A *storm*.\n\nMAYA: Oh!")
    assert (await stage.lines())[1:] == ["Rain.", "A *storm*.", "MAYA\nOh!", "Snow."]
    await assert_channel_is_true(stage)
    shown = await stage.ann.slash(stage.channel, "script edit")
    for _ in range(3):  # two edits and a line
        await stage.ann.slash(stage.channel, "undo")
    await assert_channel_is_true(stage)
    # The line of the window is undone by now.
    refused = await rewrite(stage, shown, "Ext. roof")
    assert_private(
        refused, "no longer in the script", "Here is what you wrote:\n```\nExt. roof\n```"
    )
    message = await stage.ann.send(stage.channel, "Hello.")
    for name in ("Continue from here", "Rewrite this line"):
        told = await use_on_message(stage, stage.ann, name, message)
        assert_private(told, "does not show a line of a script")


async def test_a_line_above_those_that_the_channel_shows_is_rewritten_quietly(stage: Stage):
    play = "\n\n".join(f"JO\nRain {number}." for number in range(1, 31)).encode()
    asked = await ask(stage, "script import", file=("a.fountain", play))
    await click(stage.ann, asked, PAUSE)
    shown = [message.id for message in stage.messages()]
    await rewrite(stage, await edit(stage, line="3"), "Hail.\n\nSnow.")
    assert len(await stage.lines()) == 31
    assert [message.id for message in stage.messages()] == shown
    await assert_channel_is_true(stage)
    await rewrite(stage, await edit(stage, line="25"), "Sleet.")
    assert [message.id for message in stage.messages()] == shown
    await assert_channel_is_true(stage)


async def test_a_line_without_text_is_cut(stage: Stage):
    await write_lines(stage, "MAYA: Rain.", "Wind.", "Snow.", by=stage.ann)
    before = await stage.session.library.load_lines()
    refused = await ask(stage, "script edit", stage.ben, line="3")
    assert_private(refused, "would change Ann's line")
    shown = [message.id for message in stage.messages() if not message.components]
    await rewrite(stage, await edit(stage, line="2"), "")
    assert await stage.lines() == [HEADING, "Wind.", "Snow."]
    # The other messages stay as they are.
    del shown[2]  # the first one announced the script
    assert [message.id for message in stage.messages() if not message.components] == shown
    assert stage.panel().content.startswith("-# Ann cut line 2. It stays in </script history:")
    await assert_channel_is_true(stage)
    # The last one goes as it does by undo, and so comes back.
    await rewrite(stage, await edit(stage), " ")
    assert await stage.lines() == [HEADING, "Wind."]
    said = "-# Ann cut the last line. To restore it, press **Redo**.\n"
    assert stage.panel().content.startswith(said)
    await click(stage.ann, stage.panel(), "Redo")
    assert await stage.lines() == [HEADING, "Wind.", "Snow."]
    await rewrite(stage, await edit(stage, line="1"), "")
    assert await stage.lines() == ["Wind.", "Snow."]
    await assert_channel_is_true(stage)
    # The first version is where it was.
    await choose(stage.ann, await ask(stage, "script history"), "line", str(before[-1].id))
    assert await stage.lines() == texts(before)
    await assert_channel_is_true(stage)


async def test_undo_takes_an_edit_back_and_redo_makes_it_again(stage: Stage):
    await write_lines(stage, "Rain.", "Wind.", by=stage.ben)
    await write_lines(stage, "Snow.", by=stage.ann)
    before = await stage.lines()
    await rewrite(stage, await edit(stage, stage.ben, line="2"), "Hail.", stage.ben)
    edited = [HEADING, "Hail.", "Wind.", "Snow."]
    offered = await ask(stage, "script edit", stage.ben, line="3")
    await click(stage.ben, offered, "Cut it")
    assert await stage.lines() == [HEADING, "Hail.", "Snow."]
    for lines in (edited, before):
        # Ann's line stays, though another copy of it, so that Ben may do this.
        await click(stage.ben, stage.panel(), "Undo")
        assert await stage.lines() == lines
        assert stage.panel().content.startswith("-# Ben undid the last edit.\n")
        await assert_channel_is_true(stage)
    await click(stage.ben, stage.panel(), "Redo")
    assert await stage.lines() == edited
    assert stage.panel().content.startswith("-# Ben restored the undone edit.\n")
    await assert_channel_is_true(stage)
    # What somebody else rewrote is theirs, as what they wrote is.
    cy = stage.member("Cy")
    refused = answer(await cy.slash(stage.channel, "undo"))
    assert_private(refused, "That would change Ben's line.")
    await cy.click(refused, label="Ask to undo it")
    [asked] = [message for message in stage.messages() if "asks to undo" in message.content]
    await stage.ben.click(asked, label="Agree and undo")
    assert await stage.lines() == before
    await write_lines(stage, "Fog.", by=stage.ann)
    for lines in (before, before[:-1]):
        await stage.ann.slash(stage.channel, "undo")
        assert await stage.lines() == lines
    # An edit by somebody else keeps nobody from taking back their own last line, or the voice's.
    for write in (write_lines(stage, "Sun.", by=cy), stage.continue_with_seed(cy, seed=3)):
        before = await stage.lines()
        await write
        await rewrite(stage, await edit(stage, line="2"), f"Sleet {len(stage.sent())}.")
        await cy.slash(stage.channel, "undo")
        assert (await stage.lines())[2:] == before[2:]


async def test_a_window_follows_its_line_into_a_copy(stage: Stage):
    await write_lines(stage, "Rain.", "Wind.", by=stage.ann)
    opened = await edit(stage)
    await rewrite(stage, await edit(stage, line="2"), "Hail.\n\nSleet.")
    await rewrite(stage, opened, "Snow.")
    assert await stage.lines() == [HEADING, "Hail.", "Sleet.", "Snow."]
    assert stage.panel().content.startswith("-# Ann rewrote line 4.\n")


@pytest.mark.parametrize("where", BOTH, indirect=True)
async def test_the_history_has_earlier_versions_once(harness: SessionHarness):
    await harness.start()
    [rain, *_] = (await harness.write("Rain.\n\nWind.\n\nFog.")).lines
    [snow] = (await harness.rewrite(rain, "Snow.")).lines
    await harness.write("Sun.")
    await harness.undo()
    [hail] = (await harness.rewrite(snow, "Hail.")).lines
    cut = (await harness.rewrite(hail, "")).script
    ended = ["Rain.", "Wind.", "Fog.", "Snow.", "Fog.", "Sun.", "Hail.", "Fog."]
    lines = harness.store.lines
    assert texts(await lines.load_history(cut, 0, 99)) == [HEADING, *ended, "Wind.", "Fog."]
    # Without a heading, the line below it is the first.
    cut = (await harness.rewrite((await harness.lines())[0], "")).script
    assert [(line.text, line.parent is None) for line in await harness.lines()] == [
        ("Wind.", True),
        ("Fog.", False),
    ]
    history = await lines.load_history(cut, 0, 99)
    assert texts(history) == [HEADING, *ended, "Fog.", "Wind.", "Fog."]
    page = await harness.session.history.load_page(cut, 1)
    assert [line.id for line in page.lines] == [line.id for line in history[-LINES_PER_PAGE:]]
    assert list(page.numbers.items()) == [(line.id, at) for at, line in enumerate(history[-2:], 1)]
    assert await harness.session.history.find_page(cut, history[-1].id) == page.number
    # A fork has the copies whose originals it has not.
    await harness.fork("Another")
    cut = (await harness.rewrite((await harness.lines())[0], "")).script
    assert texts(await lines.load_history(cut, 0, 99)) == ["Wind.", "Fog.", "Fog."]


async def test_rewritten_speech_keeps_its_speaker(stage: Stage):
    await write_lines(stage, "HELEN (V.O.): Get me down.", "Rain.", by=stage.ann)
    await rewrite(stage, await edit(stage, line="2"), "Let me stay.")
    assert (await stage.lines())[1:] == ["HELEN (V.O.)\nLet me stay.", "Rain."]
    [message] = find(stage, "Let me stay")
    offered = await stage.ann.context_menu(stage.channel, "Rewrite this line", message)
    await rewrite(stage, await open_window(stage.ann, offered), "No.\nShe jumps.\nJO: Oh!")
    spoken = ["HELEN (V.O.)\nNo.", "She jumps.", "JO\nOh!"]
    assert (await stage.lines())[1:] == [*spoken, "Rain."]
    # What is marked as action becomes action, and what was action stays so.
    await rewrite(stage, await edit(stage, line="2"), "*She waves.*")
    await rewrite(stage, await edit(stage, line="5"), "")
    await write_lines(stage, "HELEN: Hello.", by=stage.ann)
    await rewrite(stage, await edit(stage), "!She waves.")
    assert (await stage.lines())[1:] == ["She waves.", *spoken[1:], "!She waves."]


async def test_a_rewritten_line_still_credits_whose_it_was(stage: Stage):
    await write_lines(stage, "MAYA: Good morrow.", by=stage.ben)
    await rewrite(stage, await edit(stage, line="2"), "MAYA: Good night.")
    shown = await ask(stage, "script history")
    assert "\n-# Ann, after Ben: speech, rewritten" in shown.content
    assert "speech by Ann, after Ben" in str(shown.components)
    [message] = find(stage, "Good night")
    details = await use_on_message(stage, stage.ben, "Details", message)
    assert "-# Ann, after Ben, <t:" in details.content
    sent = await ask(stage, "script export", stage.ben, format="fountain")
    page = (await sent.attachments[0].read()).decode()
    assert "\n    Ann\n    Ben\n" in page
    assert "\n    Ben: 0 lines, 0 words (0%), plus 1 line that others rewrote\n" in page
    [picture] = (await ask(stage, "script stats", stage.ben)).attachments
    assert picture.description.endswith("Ben 0 words in 0 lines, plus 1 line that others rewrote.")
    replayed = await replay_script(stage.session, Job())
    assert "\tAnn, after Ben\t" in format_table(replayed)


@pytest.mark.parametrize("where", BOTH, indirect=True)
async def test_former_writers_outlive_copies_but_not_their_wish_to_be_forgotten(
    harness: SessionHarness,
):
    await harness.start()
    people, session = harness.store.people, harness.session
    first, ben, cy = (await harness.write("Rain.")).lines[0], *map(harness.writer, ("Ben", "Cy"))
    await harness.store.scripts.update_script(first.script, owner=ben.id)
    await harness.write("Thunder.")

    async def rewrite(number: int, by: Requester, text: str) -> Line:
        line = (await harness.lines())[number]
        by = replace(by, delivery=harness.writer().delivery, moderator=True)
        await session.history.rewrite(by, ScriptPosition(line.script, line.id), text)
        return (await harness.lines())[number]

    ann = harness.writer()
    await rewrite(1, ben, "Snow.")
    snow = await rewrite(1, cy, "Sleet.")
    assert (snow.credit, snow.former_credits) == ("Cy", ["Ann", "Ben"])
    # The writer of a line is not beside themselves.
    assert (await rewrite(1, ben, "Hail.")).former_credits == ["Ann", "Cy"]
    # A copy keeps what its original has.
    await rewrite(0, ben, "int. roof")
    assert (await harness.lines())[1].former_credits == ["Ann", "Cy"]
    assert (await harness.lines())[2].former_credits == []
    found = [line.text for line, _ in (await people.load_personal_data(cy.id)).rewritten]
    assert found == ["Hail."]
    await people.erase_person(cy.id, text=False)
    assert (await harness.lines())[1].former_credits == ["Ann", ERASED_NAME]
    assert not await people.load_personal_data(cy.id)
    assert (await people.load_personal_data(ann.id)).rewritten


async def test_lines_are_suggested(stage: Stage):
    await write_lines(stage, *(f"Knock {n}." for n in range(9)))
    for command in ("script edit", "script history"):
        found = await suggest(stage, command, "line", "")
        assert found == [str(number) for number in range(10, 0, -1)]
        assert await suggest(stage, command, "line", "1") == ["10", "1"]


async def test_lines_are_searched_off_the_event_loop(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    threads = set[threading.Thread]()

    def fold_in_thread(text: str) -> str:
        threads.add(threading.current_thread())
        return fold(text)

    await write_lines(stage, "Knock.")
    monkeypatch.setattr(history, "fold", fold_in_thread)
    assert await suggest(stage, "script edit", "line", "knock") == ["2"]
    assert fields(await edit(stage, line="knock"))
    assert threads
    assert threading.main_thread() not in threads


async def test_lines_are_found_by_their_words_and_speakers(stage: Stage):
    await write_lines(stage, "HÉLÈN: The knife is gone.", "JONAS: Which knife?", "Rain falls.")
    for typed, found in (
        ("knife", ["3. JONAS: Which knife?", "2. HÉLÈN: The knife is gone."]),
        ("gone helen", ["2. HÉLÈN: The knife is gone."]),
        ("ràin", ["4. Rain falls."]),
        ("RAIN", ["4. Rain falls."]),
        ("spoon", []),
    ):
        suggested = await stage.ann.autocomplete(stage.channel, "script edit", "line", typed)
        assert [choice["name"] for choice in suggested] == found
    assert fields(await edit(stage, line="helen knife"))
    for wanted in ("spoon", "5", "0"):
        refused = await ask(stage, "script edit", line=wanted)
        assert refused.ephemeral
    assert refused.content.startswith("The script has only 4 lines.")
    await rewrite(stage, await edit(stage, line="helen knife"), "HÉLÈN: It is here.")
    assert (await stage.lines())[1] == "HÉLÈN\nIt is here."


async def test_the_tree_in_a_forum_post_and_in_direct_messages(stage: Stage):
    forum = stage.guild.create_forum_channel("scripts")
    made = stage.world.backend.create_thread(forum.id, "a post", stage.ann.id)
    post = simcord.ChannelHandle(stage.world, stage.guild, made)
    in_post = functools.partial(stage.ann.slash, post)
    private = stage.ann.user
    for place, actor, slash in (
        (post, stage.ann, in_post),
        (private.dm_channel, private, private.slash),
    ):
        await slash("start", title="The Diner", heading=HEADING)
        await slash("continue")
        await actor.click(stage.panel(place), label="Undo")
        await slash("write", text="Rain.")
        await slash("undo")
        await actor.click(stage.panel(place), label="Redo")
        shown = await slash("script edit")
        await actor.submit_modal(shown, {fields(shown)["Text"]: "Snow."})
        assert await stage.lines(place) == [HEADING, "Snow."]
        await slash("script fork", title="Another")
        await slash("write", text="Hail.")
        assert await stage.lines(place) == [HEADING, "Snow.", "Hail."]
        assert "Hail" in (await slash("script history")).response.content
        assert "The Diner" in (await slash("script list")).response.content
        assert len(stage.with_buttons(place)) == 1
