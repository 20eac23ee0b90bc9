"""Test all scripts of a channel: switch, rename, archive, delete."""

import re
from typing import Any

import pytest

from bot.errors import RequestError
from bot.session.turn import Requester, current_position
from tests.bot.channel_check import assert_channel_is_true
from tests.bot.conftest import (
    BOTH,
    HEADING,
    Stage,
    answer,
    assert_private,
    count,
    fields,
    labels,
    moderator,
    poll,
    start_script,
)
from tests.bot.playing import (
    ask,
    choose,
    choose_script,
    click,
    menu_options,
    replace_script,
    write_lines,
)
from tests.bot.session_harness import SessionHarness, load_tree, texts


async def start_two_scripts(stage: Stage) -> None:
    """Start The Diner as Ann, and pause it for The Roof of Ben."""
    await start_script(stage)
    await replace_script(stage, stage.ben)


async def delete_script(stage: Stage, title: str, by: Any = None) -> Any:
    """Delete a script as Ann, or as somebody else; return the message with the outcome."""
    shown = await choose_script(stage, title, by)
    for label in ("Delete", "Delete for good"):
        await (by or stage.ann).click(shown, label=label)
    return shown


async def test_all_scripts_are_listed(stage: Stage):
    assert_private(await ask(stage, "script list"), "This channel has no script yet")
    await start_two_scripts(stage)
    shown = await ask(stage, "script list")
    assert shown.ephemeral
    roof, diner = shown.content.split("\n")
    begun = rf"started <t:\d+:f> by <@{stage.ben.id}>"
    assert re.fullmatch(rf"1\. \*\*The Roof\*\*: running here, 1 line, {begun}", roof)
    assert diner.startswith("2. **The Diner**: paused, 1 line, started <t:")
    assert list(menu_options(shown)) == ["1. The Roof", "2. The Diner"]
    shown = await choose_script(stage, "The Diner")
    modal = await stage.ann.click(shown, label="Rename")
    await stage.ann.submit_modal(modal, {fields(modal)["Title"]: " The  *Kitchen* "})
    assert shown.content.startswith("**The \\*Kitchen\\***: paused, started by <@")
    await stage.ann.click(shown, label="All scripts")
    assert "2. **The \\*Kitchen\\***: paused" in shown.content


async def test_many_scripts_have_pages(stage: Stage):
    await start_script(stage)
    room, ann = stage.session, stage.ann
    for number in range(20):
        # These titles make the longest list that fits a message.
        title = f"{number:02} {'*' * 97}"
        await room.history.fork(Requester(ann.id, "Ann", f"fork {number}"), title)
    shown = await ask(stage, "script list")
    assert shown.content.endswith("\n-# Page 1 of 3")
    pages = [list(menu_options(shown))]
    for label in ("Next", "Last"):
        await ann.click(shown, label=label)
        pages.append(list(menu_options(shown)))
    assert shown.content.endswith("\n-# Page 3 of 3")
    assert [len(page) for page in pages] == [10, 10, 1]
    await ann.select(shown, [menu_options(shown)["21. The Diner"]])
    assert shown.content.startswith("**The Diner**: paused")
    await ann.click(shown, label="All scripts")
    assert shown.content.endswith("\n-# Page 1 of 3")


async def test_the_channel_goes_on_with_another_script(stage: Stage):
    await start_two_scripts(stage)
    shown = await choose_script(stage, "The Diner")
    offered = ["Continue it", "Read", "Export", "Rename", "Archive", "Delete", "All scripts"]
    assert labels(shown) == offered
    await stage.restart()
    await stage.ann.click(shown, label="Continue it")
    assert stage.messages()[-2].content == "-# Ann resumed “The Diner”. “The Roof” is paused."
    assert stage.panel().content.startswith("> **INT\\. DINER \\- NIGHT**\n\n-# **The Diner**")
    assert await stage.lines() == [HEADING]
    await assert_channel_is_true(stage)
    await write_lines(stage, "Rain.")
    assert await stage.lines() == [HEADING, "Rain."]
    await assert_channel_is_true(stage)
    assert_private(await click(stage.ann, shown, "Continue it"), "already running here")


async def test_a_resumed_script_shows_where_it_stands(stage: Stage):
    await start_script(stage, cast="Maya, Jonas")
    await write_lines(stage, *(f"Knock {number}." for number in range(4)))
    await write_lines(stage, "MAYA: (softly) Come in.", "CUT TO:", "ZOE: Hi.")
    await replace_script(stage)
    await write_lines(stage, "Snow.")
    await stage.ann.click(await choose_script(stage, "The Diner"), label="Continue it")
    *_, snow, notice, panel = stage.messages()
    assert "Snow." in snow.content
    assert notice.content == "-# Ann resumed “The Diner”. “The Roof” is paused."
    assert panel.content.split("\n")[:-2] == [
        "-# With: MAYA, JONAS and ZOE.",
        "> **INT\\. DINER \\- NIGHT**",
        *("> *Knock 2\\.*", "> *Knock 3\\.*"),
        *("> **MAYA**", "> *\\(softly\\)*", "> Come in\\."),
        *("> *CUT TO\\:*", "> **ZOE**", "> Hi\\."),
    ]
    await assert_channel_is_true(stage)


async def test_a_script_that_the_channel_no_longer_shows_is_not_shown_twice(stage: Stage):
    await start_script(stage)
    await write_lines(stage, *(f"Knock {number}." for number in range(10)))
    await replace_script(stage)
    await stage.store.messages.delete_all_messages()
    await stage.ann.click(await choose_script(stage, "The Diner"), label="Continue it")
    notice, *lines, _panel = stage.messages()[-12:]
    first, earlier = notice.content.split("\n")
    assert first == "-# Ann resumed “The Diner”. “The Roof” is paused."
    assert earlier.startswith("-# One earlier line is in </script show:")
    assert all(f"Knock {number}." in line.content for number, line in enumerate(lines))


async def test_any_script_of_the_list_is_read_and_exported(stage: Stage):
    await start_two_scripts(stage)
    shown = await choose_script(stage, "The Diner", stage.ben)
    read = await click(stage.ben, shown, "Read")
    assert_private(read, "**The Diner**\n`1` **INT\\. DINER")
    asked = await click(stage.ben, shown, "Export")
    exported = await choose(stage.ben, asked, "menu-format", "pdf")
    assert_private(exported, "“The Diner”, 1 line.")
    assert exported.attachments[0].filename == "the-diner.pdf"
    assert (await stage.script()).title == "The Roof"


async def test_a_script_is_archived_and_reopened(stage: Stage):
    await start_two_scripts(stage)
    shown = await choose_script(stage, "The Roof", by=stage.ben)
    await stage.ben.click(shown, label="Archive")
    assert labels(shown) == ["Reopen", "Read", "Export", "Rename", "Delete", "All scripts"]
    assert stage.with_buttons() == []
    assert stage.messages()[-1].content.startswith("-# Ben archived “The Roof”. Reopen it with <")
    assert_private(await ask(stage, "continue", stage.ben), "“The Roof” is archived.")
    await stage.ben.click(shown, label="Reopen")
    assert await stage.lines() == ["EXT. ROOF"]
    await assert_channel_is_true(stage)


async def test_a_script_is_deleted_after_a_confirmation(stage: Stage):
    await start_two_scripts(stage)
    look = stage.look(stage.panel())
    shown = await choose_script(stage, "The Roof", by=stage.ben)
    await stage.ben.click(shown, label="Delete")
    assert "Delete “The Roof” with its 1 line and" in shown.content
    await stage.ben.click(shown, label="Keep it")
    assert len(await stage.store.scripts.list_scripts(stage.channel.id)) == 2
    await stage.ben.click(shown, label="Delete")
    await stage.ben.click(shown, label="Delete for good")
    assert shown.content == "“The Roof” was deleted."
    [diner] = await stage.store.scripts.list_scripts(stage.channel.id)
    assert diner.title == "The Diner"
    assert stage.with_buttons() == []
    notice = stage.messages()[-1]
    assert notice.content.startswith("-# Ben deleted “The Roof”. Choose another script with <")
    refused = answer(await stage.press_late(stage.ben, look, "Continue"))
    assert labels(refused) == ["Start another", "Surprise me", "Continue it"]
    await stage.ann.click(await choose_script(stage, "The Diner"), label="Continue it")
    refused = answer(await stage.press_late(stage.ben, look, "Continue"))
    assert "That script was deleted. “The Diner” is running here now." in refused.content
    assert stage.panel().id == stage.messages()[-1].id


async def test_a_confirmation_says_which_lines_go(stage: Stage):
    await start_script(stage)
    await write_lines(stage, "Rain.", "Wind.")
    await stage.ann.slash(stage.channel, "undo")
    await stage.ann.slash(stage.channel, "script fork", title="Fork")
    await write_lines(stage, "Snow.")
    sure = "and everything that was discarded? This cannot be undone. Its messages stay."
    stays = " Its forks keep their copies of 2 lines."
    for title, lines, more in (("Fork", "3 lines", ""), ("The Diner", "2 lines", stays)):
        shown = await choose_script(stage, title)
        assert shown.content.endswith(lines)
        await stage.ann.click(shown, label="Delete")
        assert shown.content == f"Delete “{title}” with its {lines} {sure}{more}"
    seen = stage.seen()
    await stage.ann.click(shown, label="Delete for good")
    assert stage.seen() == seen  # because the script was paused
    assert await stage.lines() == [HEADING, "Rain.", "Snow."]
    assert await stage.store.scripts.count_forked_lines(await stage.script()) == 0


async def test_only_the_owner_and_moderators_change_a_script(stage: Stage):
    await start_two_scripts(stage)
    assert labels(await choose_script(stage, "The Roof")) == ["Read", "Export", "All scripts"]
    of_diner = await choose_script(stage, "The Diner", stage.ben)
    assert labels(of_diner) == ["Continue it", "Read", "Export", "All scripts"]
    # Ben moderated when he looked.
    shown = await choose_script(stage, "The Roof", stage.ben)
    look = stage.look(shown)
    await stage.ben.click(shown, label="Delete")
    for seen, label in ((stage.look(shown), "Delete for good"), (look, "Archive")):
        refused = answer(await stage.press_late(stage.ann, seen, label))
        assert "Only the script's owner or a moderator" in refused.content
    roof = await stage.script()
    with pytest.raises(RequestError, match="Only the script's owner"):
        await stage.session.library.rename(Requester(stage.ann.id, "Ann", ""), roof.id, "Mine")
    await delete_script(stage, "The Roof", moderator(stage))
    assert await stage.script() is None


async def test_open_takes_of_a_deleted_script_lose_their_buttons(stage: Stage):
    for vote in ({}, {"vote": 600}):
        await start_script(stage)
        await stage.continue_with_seed(stage.ann, takes=2, seed=1, **vote)
        taken = poll(stage)
        assert len(labels(taken)) == 2
        await delete_script(stage, "The Diner")
        assert stage.with_buttons() == []
        assert "\n> " in taken.content


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("where", BOTH, indirect=True)
async def test_deletion_spares_the_lines_of_forks(harness: SessionHarness, order: int):
    begun = await harness.start()
    await harness.write("Rain.\n\nWind.")
    await harness.undo()
    fork = (await harness.fork("Fork")).script
    await harness.write("Snow.")
    later = (await harness.fork("Later")).script
    library = harness.session.library
    for script in (begun.script, fork)[::order]:
        await library.delete(harness.writer(), script.id)
        assert texts(await harness.lines()) == [HEADING, "Rain.", "Snow."]
    tree = await load_tree(harness.store, later)
    assert texts(tree) == [HEADING, "Rain.", "Snow."]
    await harness.continue_script(1)
    await library.delete(harness.writer(), later.id)
    database = harness.settings.database_location
    for table in ("scripts", "lines", "provenances", "states", "redo_pointers", "posted_lines"):
        assert count(database, table) == 0
    # No id of the deleted is used again.
    again = await harness.start()
    assert again.script.id > later.id
    assert again.script.head > tree[-1].id
    with pytest.raises(RequestError, match="was deleted"):
        await harness.session.history.undo(harness.writer(), current_position(begun.script))


async def test_scripts_of_another_channel_are_out_of_reach(harness: SessionHarness):
    script, library = (await harness.start()).script.id, harness.sessions.get(2).library
    for act in (
        lambda: library.delete(harness.writer(), script),
        lambda: library.switch(harness.writer(), script),
        lambda: library.rename(harness.writer(), script, "Mine"),
        lambda: library.archive(harness.writer(), script),
    ):
        with pytest.raises(RequestError, match="no longer here"):
            await act()
    assert texts(await harness.lines()) == [HEADING]
