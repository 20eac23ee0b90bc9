"""Test the panel, modals, and that the channel tells the truth about the script."""

from __future__ import annotations

import re
from typing import Any
from unittest.mock import AsyncMock

import discord
import pytest

from bot.cogs.history_page import make_line_menu
from bot.session.turn import ScriptPosition
from bot.ui import components
from bot.ui.components import make_page_buttons, make_view
from tests.bot.channel_check import assert_channel_is_true
from tests.bot.conftest import (
    HEADING,
    Stage,
    answer,
    buttons,
    fields,
    labels,
    moderator,
    start_script,
)

BY_VOICE = ["Continue", "Another take", "Undo", "Write", "More…"]
BY_PERSON = ["Continue", "Undo", "Write", "More…"]
ROOT_LINE = ["Continue", "Write", "More…"]


def and_redo(shown: list[str]) -> list[str]:
    """Return the buttons as they are where a line was taken back."""
    return [*shown[:-2], "Redo", *shown[-2:]]


async def write(stage: Stage, text: str) -> None:
    """Write lines as Ben."""
    await stage.ben.slash(stage.channel, "write", text=text)


def flat(text: str) -> str:
    """Return Fountain as it is read aloud: without forcing characters and escapes."""
    return aloud(re.sub(r"^[.!>@]|\\", "", text, flags=re.MULTILINE))


def aloud(page: str) -> str:
    """Return a page as it is read aloud, without layout and line breaks."""
    return " ".join(page.replace("\\", "").upper().split())


async def unnoted(stage: Stage, act: Any) -> None:
    """Act in a process that dies before it can record what it posts."""
    with pytest.MonkeyPatch.context() as patch:
        messages, polls = stage.store.messages, stage.store.polls
        for repository, record in (
            (messages, "record_post"),
            (messages, "record_panel"),
            (polls, "record_message"),
        ):
            patch.setattr(repository, record, AsyncMock())
        await act
    await stage.restart()


async def test_another_take_stands_in_the_place_of_the_first(stage: Stage):
    await start_script(stage)
    await stage.continue_with_seed(stage.ann, stage.channel, seed=1, character="Maya")
    old, before = (await stage.lines())[1], [message.id for message in stage.messages()]
    await stage.ben.click(stage.panel(), label="Another take")
    new = (await stage.lines())[1]
    assert new != old
    assert new.startswith("MAYA\n")
    assert [message.id for message in stage.messages()] == before
    assert labels(stage.panel()) == BY_VOICE
    await assert_channel_is_true(stage)


async def test_write_is_a_modal(stage: Stage):
    await start_script(stage)
    shown = await stage.ben.click(stage.panel(), label="Write")
    inputs = fields(shown)
    await stage.ben.submit_modal(
        shown, {inputs["Who speaks"]: " maya ", inputs["Text"]: "(quietly) Hello.\n\nCUT TO:"}
    )
    assert (await stage.lines())[1:] == ["MAYA\n(quietly)\nHello.", "CUT TO:"]
    await assert_channel_is_true(stage)


async def test_a_modal_does_not_write_where_its_writer_did_not_look(stage: Stage):
    await start_script(stage)
    shown = await stage.ben.click(stage.panel(), label="Write")
    await stage.ann.slash(stage.channel, "write", text="Meanwhile.")
    seen = stage.seen()
    shown._interaction.source_message_id = None  # simcord needs the panel, which has moved
    refused = answer(await stage.ben.submit_modal(shown, {fields(shown)["Text"]: "Later."}))
    assert refused.ephemeral
    assert refused.content.startswith("The script has moved on")
    assert refused.content.endswith("Here is your text:\n```\nLater.\n```")
    assert labels(refused) == ["Continue from here"]
    assert await stage.lines() == [HEADING, "Meanwhile."]
    assert stage.seen() == seen


async def test_the_modal_gives_back_what_cannot_be_added(stage: Stage):
    await start_script(stage)
    shown = await stage.ben.click(stage.panel(), label="Write")
    inputs = fields(shown)
    refused = answer(
        await stage.ben.submit_modal(shown, {inputs["Who speaks"]: "?", inputs["Text"]: "Hello."})
    )
    assert refused.ephemeral
    assert refused.content == (
        "A character's name needs at least one letter. Here is your text:\n```\nHello.\n```"
    )
    assert await stage.lines() == [HEADING]


async def test_a_late_press_changes_nothing_and_offers_to_continue_there(stage: Stage):
    await start_script(stage)
    await stage.continue_with_seed(stage.ann, stage.channel, seed=1)
    then, look = await stage.lines(), stage.look(stage.panel())
    await write(stage, "Rain.\n\nWind.")
    lines, seen = await stage.lines(), stage.seen()
    for label in ("Continue", "Another take", "Undo", "Write"):
        pressed = await stage.press_late(stage.ann, look, label)
        assert pressed.response.ephemeral
        assert "has moved on" in pressed.response.content
        assert labels(pressed.response) == ["Continue from here"]
        assert (await stage.lines(), stage.seen()) == (lines, seen)

    await stage.ann.click(pressed.response, label="Continue from here")
    assert stage.panel().content.startswith("-# Ann moved the script to this line.\n")
    assert await stage.lines() == then
    assert labels(stage.panel()) == and_redo(BY_VOICE)
    await assert_channel_is_true(stage)

    again = await stage.ann.click(pressed.response, label="Continue from here")
    assert answer(again).ephemeral
    assert "is already at this line" in answer(again).content


async def test_the_buttons_of_a_shelved_script_say_so(stage: Stage):
    await start_script(stage)
    look = stage.look(stage.panel())
    asked = await start_script(stage, title="The Roof", heading="Ext. roof")
    await stage.ann.click(answer(asked), label="Pause it and start the new one")
    assert "-# “The Roof” starts here." in [message.content for message in stage.messages()]
    seen = stage.seen()
    for label in labels(look):
        refused = answer(await stage.press_late(stage.ben, look, label))
        assert refused.ephemeral
        assert refused.content == "That script is paused. “The Roof” is running here now."
        assert refused.components == []
    assert stage.seen() == seen
    assert await stage.lines() == ["EXT. ROOF"]
    await assert_channel_is_true(stage)


async def test_the_panel_outlives_the_bot(stage: Stage):
    offered = answer(await stage.ann.slash(stage.channel, "continue"))
    await stage.restart()
    shown = await stage.ann.click(offered, label="Start a script")
    await stage.ann.submit_modal(shown, {fields(shown)["First scene heading"]: HEADING})
    for label in ("Continue", "Another take", "Undo"):
        await stage.restart()
        await stage.ben.click(stage.panel(), label=label)
        await assert_channel_is_true(stage)
    await stage.restart()
    shown = await stage.ann.click(stage.panel(), label="Write")
    await stage.ann.submit_modal(shown, {fields(shown)["Text"]: "Rain."})
    assert await stage.lines() == [HEADING, "Rain."]
    await assert_channel_is_true(stage)


async def test_what_could_not_be_shown_is_shown_after_a_restart(stage: Stage):
    await start_script(stage)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage.services.messages.line_messages, "post", AsyncMock(side_effect=OSError))
        told = answer(await stage.ann.slash(stage.channel, "write", text="Rain."))
    assert told.ephemeral
    assert "in the script, but could not be shown here" in told.content
    assert "Here is your text" not in told.content  # or it would be written twice
    await stage.restart()
    await assert_channel_is_true(stage)


async def test_a_long_script_has_pages(stage: Stage):
    await start_script(stage)
    text = "\n\n".join(f"Knock {knock}. {'And on. ' * 60}" for knock in range(10))
    await stage.ben.slash(stage.channel, "write", text=text)
    shown = (await stage.ann.slash(stage.channel, "script show")).response
    count = int(re.search(r"^\*\*The Diner\*\*, page (\d+) of \1\n", shown.content)[1])
    assert count >= 4
    ends = [one["disabled"] for one in shown.components[0]["components"]]
    assert ends == [False, False, True, True]
    (file,) = shown.attachments
    pages = [shown.content]
    for number in reversed(range(1, count)):
        if number % 2:
            await stage.restart()
        turned = await stage.ann.click(shown, label="Previous page")
        assert turned.response.id == shown.id
        assert shown.content.startswith(f"**The Diner**, page {number} of {count}\n")
        pages.insert(0, shown.content)
    ends = [one["disabled"] for one in shown.components[0]["components"]]
    assert ends == [True, True, False, False]
    assert [one.id for one in shown.attachments] == [file.id]
    await stage.ann.click(shown, label="Next page")
    assert shown.content == pages[1]
    blocks = "\n".join(page.split("```")[1].strip() for page in pages)
    assert flat(blocks) == flat("\n".join(await stage.lines()))


async def test_pages_follow_the_script(stage: Stage):
    await start_script(stage)
    text = "\n\n".join(f"Knock {knock}. {'And on. ' * 60}" for knock in range(10))
    await stage.ben.slash(stage.channel, "write", text=text)
    shown = (await stage.ann.slash(stage.channel, "script show")).response
    assert shown.content.startswith("**The Diner**, page 4 of 4\n")
    await stage.ann.click(shown, label="Previous page")
    assert labels(shown) == ["First page", "Previous page", "Next page", "Last page"]
    for _ in range(2):
        await stage.ben.slash(stage.channel, "undo")
    await stage.ann.click(shown, label="Next page")
    assert shown.content.startswith("**The Diner**, page 3 of 3\n")
    [heading, *_] = await stage.session.library.load_lines()
    await stage.store.lines.move_head(await stage.script(), heading.id)
    await stage.ann.click(shown, label="Previous page")
    assert shown.content == f"**The Diner**\n```\n{HEADING}\n```"
    assert shown.components == []


async def test_pages_of_a_shelved_script_say_so(stage: Stage):
    await start_script(stage)
    text = "\n\n".join(f"Knock {knock}. {'And on. ' * 60}" for knock in range(8))
    await stage.ben.slash(stage.channel, "write", text=text)
    shown = (await stage.ann.slash(stage.channel, "script show")).response
    asked = await start_script(stage, title="The Roof")
    await stage.ann.click(answer(asked), label="Pause it and start the new one")
    refused = answer(await stage.ann.click(shown, label="Previous page"))
    assert refused.ephemeral
    assert "Another script is running here now" in refused.content


async def test_a_moderator_deletes_messages(stage: Stage):
    mo = moderator(stage)
    await start_script(stage)
    await write(stage, "Rain.\n\nWind.\n\nSnow.")
    await mo.delete(stage.panel())
    await write(stage, "Hail.")
    await assert_channel_is_true(stage)
    rain = next(message for message in stage.messages() if "Rain." in message.content)
    await mo.delete(rain)
    await mo.slash(stage.channel, "undo")
    edited = await mo.slash(stage.channel, "script edit", line=2)
    await mo.submit_modal(edited, {fields(edited)["Text"]: "Drizzle."})
    assert await stage.lines() == [HEADING, "Drizzle.", "Wind.", "Snow."]
    await assert_channel_is_true(stage)


async def test_each_component_has_one_listener_and_the_bot_remembers_no_message(stage: Stage):
    await start_script(stage)
    await stage.ann.slash(stage.channel, "script history")
    await stage.ann.slash(stage.channel, "script list")
    await stage.ann.slash(stage.channel, "privacy forget")
    views = stage.world.bot._connection._view_store
    option = discord.SelectOption(label="Rain.", value="1")
    place, pages = ScriptPosition(1, 2), [("page", 3, 9), ("history", 0, 2), ("shelf", 8, 9)]
    shown = [
        components.make_continue_here_button(place),
        components.make_start_button(),
        *(components.make_stop_button(1, work) for work in components.JOB_KINDS),
        *(make_view(*make_page_buttons(book, 1, number, count)) for book, number, count in pages),
        make_line_menu(1, [option]),
    ]
    ids = [item.custom_id for view in shown for item in view.children]
    ids += [custom_id for message in stage.messages() for custom_id in buttons(message).values()]
    for custom_id in ids:
        found = [pattern for pattern in views._dynamic_items if pattern.fullmatch(custom_id)]
        assert len(found) == 1, custom_id
    assert views._views == views._synced_message_views == {}
