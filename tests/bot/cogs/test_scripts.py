"""Test all scripts of a channel: switch, rename, archive, delete."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bot.errors import RequestError
from bot.session.turn import Requester, ScriptPosition
from tests.bot.channel_check import assert_channel_is_true
from tests.bot.conftest import (
    BOTH,
    HEADING,
    Stage,
    answer,
    count,
    fields,
    labels,
    moderator,
    poll,
    start_script,
)
from tests.bot.session_harness import SessionHarness, texts

from .test_branches import options, write

DATABASES = BOTH


async def two_scripts(stage: Stage) -> None:
    """Write The Diner, which is shelved, and The Roof, which Ben began and which runs."""
    await start_script(stage)
    asked = await stage.ben.slash(stage.channel, "start", title="The Roof", heading="Ext. roof")
    await stage.ben.click(asked.response, label="Pause it and start the new one")


async def choose(stage: Stage, title: str, by: Any = None) -> Any:
    """Open the list, and choose a script; return the menu after the choice."""
    who = by or stage.ann
    shown = (await who.slash(stage.channel, "script list")).response
    await who.select(shown, [options(shown)[title]])
    return shown


async def test_all_scripts_are_listed(stage: Stage):
    refused = answer(await stage.ann.slash(stage.channel, "script list"))
    assert "This channel has no script yet" in refused.content
    await two_scripts(stage)
    shown = (await stage.ann.slash(stage.channel, "script list")).response
    assert shown.ephemeral
    roof, diner = shown.content.split("\n")
    assert re.fullmatch(
        rf"- \*\*The Roof\*\*: running here, 1 line, begun <t:\d+:d> by <@{stage.ben.id}>", roof
    )
    assert diner.startswith("- **The Diner**: paused, 1 line, begun <t:")
    assert list(options(shown)) == ["The Roof", "The Diner"]


async def test_many_scripts_have_pages(stage: Stage):
    await start_script(stage)
    room, ann = stage.session, stage.ann
    for number in range(21):
        # These titles make the longest list that fits a message.
        title = f"{number:02} {'*' * 97}"
        await room.history.fork(Requester(ann.id, "Ann", f"fork {number}"), title)
    shown = (await ann.slash(stage.channel, "script list")).response
    assert shown.content.endswith("\n-# Page 1 of 3")
    pages = [list(options(shown))]
    for label in ("Next page", "Last page"):
        await stage.restart()
        await ann.click(shown, label=label)
        pages.append(list(options(shown)))
    assert shown.content.endswith("\n-# Page 3 of 3")
    assert [len(page) for page in pages] == [10, 10, 2]
    assert pages[2][-1] == "The Diner"
    await ann.select(shown, [options(shown)["The Diner"]])
    assert shown.content.startswith("**The Diner**: paused")
    await ann.click(shown, label="All scripts")
    assert shown.content.endswith("\n-# Page 1 of 3")


async def test_the_channel_goes_on_with_another(stage: Stage):
    await two_scripts(stage)
    shown = await choose(stage, "The Diner")
    assert labels(shown) == ["Continue it", "Rename", "Archive", "Delete", "All scripts"]
    await stage.restart()
    await stage.ann.click(shown, label="Continue it")
    assert stage.messages()[-2].content == "-# Ann resumed “The Diner”."
    assert await stage.lines() == [HEADING]
    await assert_channel_is_true(stage)
    await write(stage, "Rain.")
    assert await stage.lines() == [HEADING, "Rain."]
    await assert_channel_is_true(stage)
    refused = answer(await stage.ann.click(shown, label="Continue it"))
    assert "already running here" in refused.content


async def test_a_script_gets_another_title(stage: Stage):
    await two_scripts(stage)
    shown = await choose(stage, "The Diner")
    modal = await stage.ann.click(shown, label="Rename")
    await stage.ann.submit_modal(modal, {fields(modal)["Title"]: " The  *Kitchen* "})
    assert shown.content.startswith("**The \\*Kitchen\\***: paused, started by <@")
    await stage.ann.click(shown, label="All scripts")
    assert "- **The \\*Kitchen\\***: paused" in shown.content


async def test_a_script_is_put_away_and_back(stage: Stage):
    await two_scripts(stage)
    shown = await choose(stage, "The Roof", by=stage.ben)
    await stage.ben.click(shown, label="Archive")
    assert labels(shown) == ["Reopen", "Rename", "Unarchive", "Delete", "All scripts"]
    assert stage.with_buttons() == []
    refused = answer(await stage.ben.slash(stage.channel, "continue"))
    assert "continue one with </script list:" in refused.content
    await stage.ben.click(shown, label="Unarchive")
    assert "paused" in shown.content
    await stage.ben.click(shown, label="Archive")
    await stage.ben.click(shown, label="Reopen")
    assert await stage.lines() == ["EXT. ROOF"]
    await assert_channel_is_true(stage)


async def test_a_script_is_deleted_after_a_confirmation(stage: Stage):
    await two_scripts(stage)
    look = stage.look(stage.panel())
    shown = await choose(stage, "The Roof", by=stage.ben)
    await stage.ben.click(shown, label="Delete")
    assert "Delete “The Roof” with 1 line?" in shown.content
    await stage.ben.click(shown, label="Keep it")
    assert len(await stage.store.scripts.list_scripts(stage.channel.id)) == 2
    await stage.ben.click(shown, label="Delete")
    await stage.ben.click(shown, label="Delete for good")
    assert shown.content == "“The Roof” was deleted."
    assert [one.title for one in await stage.store.scripts.list_scripts(stage.channel.id)] == [
        "The Diner"
    ]
    assert stage.with_buttons() == []
    refused = answer(await stage.press_late(stage.ben, look, "Continue"))
    assert labels(refused) == ["Start a script"]
    await stage.ann.click(await choose(stage, "The Diner"), label="Continue it")
    refused = answer(await stage.press_late(stage.ben, look, "Continue"))
    assert "That script was deleted. “The Diner” is running here now." in refused.content
    assert stage.panel().id == stage.messages()[-1].id


async def test_who_deletes_a_script_is_told_which_lines_go(stage: Stage):
    await start_script(stage)
    await write(stage, "Rain.", "Wind.")
    await stage.ann.slash(stage.channel, "undo")
    await stage.ann.slash(stage.channel, "script fork", title="Fork")
    await write(stage, "Snow.")
    sure = "with 1 line? This cannot be undone. Its messages stay."
    stays = " Its forks keep their copies of 2 lines."
    for title, more in (("Fork", ""), ("The Diner", stays)):
        shown = await choose(stage, title)
        await stage.ann.click(shown, label="Delete")
        assert shown.content == f"Delete “{title}” {sure}{more}"
    await stage.ann.click(shown, label="Delete for good")
    assert await stage.lines() == [HEADING, "Rain.", "Snow."]
    fork = await stage.script()
    assert await stage.store.scripts.count_deletion(fork) == (3, 0)


async def test_others_cannot_change_a_script(stage: Stage):
    await two_scripts(stage)
    shown = await choose(stage, "The Roof")
    await stage.ann.click(shown, label="Delete")
    modal = await stage.ann.click(await choose(stage, "The Roof"), label="Rename")
    for refused in (
        await stage.ann.click(shown, label="Delete for good"),
        await stage.ann.submit_modal(modal, {fields(modal)["Title"]: "Mine"}),
        await stage.ann.click(await choose(stage, "The Roof"), label="Archive"),
    ):
        last = [one for one in (refused.response, *refused.followups) if one][-1]
        assert "Only the script's owner or a moderator" in last.content
    assert (await stage.script()).title == "The Roof"
    mo = moderator(stage)
    shown = await choose(stage, "The Roof", by=mo)
    await mo.click(shown, label="Delete")
    await mo.click(shown, label="Delete for good")
    assert await stage.script() is None


@pytest.mark.parametrize("vote", [{}, {"vote": 600}])
async def test_open_takes_of_a_deleted_script_lose_their_buttons(
    stage: Stage, vote: dict[str, int]
):
    await start_script(stage)
    await stage.continue_with_seed(stage.ann, stage.channel, takes=2, seed=1, **vote)
    taken = poll(stage)
    assert len(labels(taken)) == 2
    shown = await choose(stage, "The Diner")
    await stage.ann.click(shown, label="Delete")
    await stage.ann.click(shown, label="Delete for good")
    assert stage.with_buttons() == []
    assert "\n> " in taken.content


async def test_lines_that_a_fork_reaches_are_spared(harness: SessionHarness):
    begun = await harness.start()
    await harness.write("Rain.\n\nWind.")
    await harness.undo()
    fork = (await harness.fork("Fork")).script
    await harness.write("Snow.")
    later = (await harness.fork("Later")).script
    await harness.session.library.delete(harness.writer(), begun.script.id)
    assert texts(await harness.lines()) == [HEADING, "Rain.", "Snow."]
    await harness.session.library.delete(harness.writer(), fork.id)
    assert texts(await harness.lines()) == [HEADING, "Rain.", "Snow."]
    assert texts(await harness.store.lines.load_tree_lines(later, 0, 9)) == [
        HEADING,
        "Rain.",
        "Snow.",
    ]
    assert later.title == "Later"
    await harness.continue_script(1)
    await harness.session.library.delete(harness.writer(), later.id)
    await harness.close()
    for table in (
        "scripts",
        "lines",
        "provenances",
        "states",
        "redo_pointers",
        "posted_lines",
    ):
        assert count(harness.settings.database_location, table) == 0
    await harness.open()


async def test_what_was_deleted_never_comes_back_under_its_number(harness: SessionHarness):
    begun = await harness.start()
    await harness.session.library.delete(harness.writer(), begun.script.id)
    again = await harness.start()
    assert again.script.id > begun.script.id
    assert again.script.head > begun.script.head
    with pytest.raises(RequestError, match="was deleted"):
        await harness.session.history.undo(
            harness.writer(), ScriptPosition(begun.script.id, begun.script.head)
        )


async def test_a_script_of_another_channel_is_not_touched(harness: SessionHarness):
    begun = await harness.start()
    other = harness.sessions.get(2)
    for act in (
        lambda: other.library.delete(harness.writer(), begun.script.id),
        lambda: other.library.switch(harness.writer(), begun.script.id),
        lambda: other.library.rename(harness.writer(), begun.script.id, "Mine"),
        lambda: other.library.archive(harness.writer(), begun.script.id, True),
    ):
        with pytest.raises(RequestError, match="no longer here"):
            await act()
    assert texts(await harness.lines()) == [HEADING]
