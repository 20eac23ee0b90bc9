"""Test the pages of /script show, and that the channel shows the script as it is stored."""

import re
from unittest.mock import AsyncMock

import discord
import pytest

from bot.session.turn import ScriptPosition
from bot.storage.schema import utc_now
from bot.ui import components
from bot.ui.components import make_page_buttons, make_view
from bot.ui.pages import script_messages
from bot.ui.pages.history_page import make_line_menu
from tests.bot.channel_check import assert_channel_is_true
from tests.bot.conftest import (
    HEADING,
    Stage,
    answer,
    assert_private,
    buttons,
    fields,
    labels,
    moderator,
    start_script,
)
from tests.bot.playing import ask, edit, write
from tests.fake_discord.people import letters


async def test_a_line_that_could_not_be_posted_is_posted_after_a_restart(stage: Stage):
    await start_script(stage)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage.services.messages.line_messages, "post", AsyncMock(side_effect=OSError))
        told = await ask(stage, "write", text="Rain.")
    assert_private(told, "The script has changed, but that could not be shown here")
    assert "Here is what you wrote" not in told.content  # or it would be written twice
    await stage.restart()
    await assert_channel_is_true(stage)


async def test_pages_are_turned_and_follow_the_script(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(script_messages, "PAGE_SIZE", 200)
    await start_script(stage)
    await write(stage, "\n\n".join(f"Knock {n}. {'And on. ' * 5}" for n in range(10)))
    shown = await ask(stage, "script show")
    assert shown.content.startswith("**The Diner**, page 1 of 4\n`1` **INT")
    assert labels(shown) == ["First", "Previous", "Next", "Last"]

    def disabled() -> list[bool]:
        return [button["disabled"] for button in shown.components[0]["components"]]

    assert disabled() == [True, True, False, False]
    (file,) = shown.attachments
    pages = [shown.content]
    await stage.restart()
    for number in (2, 3, 4):
        turned = await stage.ann.click(shown, label="Next")
        assert turned.response.id == shown.id
        assert shown.content.startswith(f"**The Diner**, page {number} of 4\n")
        pages.append(shown.content)
    assert disabled() == [False, False, True, True]
    assert [attachment.id for attachment in shown.attachments] == [file.id]
    await stage.ann.click(shown, label="Previous")
    assert shown.content == pages[2]
    numbered = "".join(page.partition("\n")[2] for page in pages)
    numbers = [int(number) for number in re.findall(r"`(\d+)` ", numbered)]
    lines = await stage.session.library.load_lines()
    assert numbers == list(range(1, len(lines) + 1))
    assert letters(re.sub(r"`\d+` ", "", numbered)) == letters("".join(await stage.lines()))

    await stage.store.lines.move_head(await stage.script(), lines[4].id, (), utc_now())
    await stage.ann.click(shown, label="Last")
    assert shown.content.startswith("**The Diner**, page 2 of 2\n")
    assert "Knock 3\\." in shown.content

    asked = answer(await start_script(stage, title="The Roof"))
    await stage.ann.click(asked, label="Pause it and start the new one")
    await stage.ann.click(shown, label="Previous")
    assert shown.content.startswith("**The Diner**, page 1 of 2\n")


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
    edited = await edit(stage, mo, line="2")
    await mo.submit_modal(edited, {fields(edited)["Text"]: "Drizzle."})
    assert await stage.lines() == [HEADING, "Drizzle.", "Wind.", "Snow."]
    await assert_channel_is_true(stage)


async def test_each_component_has_one_listener_and_the_bot_remembers_no_message(stage: Stage):
    await start_script(stage)
    await stage.ann.slash(stage.channel, "script history")
    await stage.ann.slash(stage.channel, "script list")
    await stage.ann.slash(stage.channel, "privacy")
    views = stage.world.bot._connection._view_store
    option = discord.SelectOption(label="Rain.", value="1")
    position, pages = ScriptPosition(1, 2), [("page", 3, 9), ("history", 0, 2), ("shelf", 8, 9)]
    shown = [
        make_view(components.make_position_button("here", position)),
        components.make_view(*components.make_start_buttons()),
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
