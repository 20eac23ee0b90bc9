"""Test buttons and modals, and that the channel tells the truth about the script."""

from __future__ import annotations

import random
import re
from typing import Any
from unittest.mock import AsyncMock

import discord
import pytest

from bot.cogs.history_page import PLACEHOLDERS, make_line_menu
from bot.session.turn import ScriptPosition
from bot.ui import components
from bot.ui.components import make_page_buttons, make_view

from .conftest import Stage, answer, buttons, fields, labels

HEADING = "INT. DINER - NIGHT"

BY_VOICE = ["Continue", "Another take", "Undo", "Write", "More…"]
BY_PERSON = ["Continue", "Undo", "Write", "More…"]
ROOT_LINE = ["Continue", "Write", "More…"]


def and_redo(shown: list[str]) -> list[str]:
    """Return the buttons as they are where a line was taken back."""
    return [*shown[:-2], "Redo", *shown[-2:]]


async def begin(stage: Stage, **options: Any) -> Any:
    """Begin a script in a diner, as Ann."""
    return await stage.ann.slash(
        stage.channel, "start", **{"title": "The Diner", "heading": HEADING, **options}
    )


async def assert_true(stage: Stage, channel: Any = None) -> None:
    """Check what everybody sees against the stored script.

    Each block is in the script, each line of the script is in a block, and the last line stands
    over the only buttons, with only lines that were taken back below it.
    """
    lines = await stage.lines(channel)
    script = flat("\n".join(lines))
    seen = stage.messages(channel)
    blocks = [aloud(block) for message in seen for block in blocks_of(message)]
    for block in blocks:
        assert block in script
    for line in lines:
        assert any(flat(line) in block for block in blocks), line
    (under,) = [message for message in seen if message.components]
    if lines:
        assert aloud(blocks_of(under)[-1]).endswith(flat(lines[-1]))
        assert set(labels(under)) >= set(BY_PERSON)
    else:
        assert labels(under) in (ROOT_LINE, and_redo(ROOT_LINE))


def blocks_of(message: Any) -> list[str]:
    """Return the pages in a message."""
    return re.findall(r"^```\n(.*?)\n```$", message.content, re.DOTALL | re.MULTILINE)


def flat(text: str) -> str:
    """Return Fountain as it is read aloud: without forcing characters and escapes."""
    return aloud(re.sub(r"^[.!>@]|\\", "", text, flags=re.MULTILINE))


def aloud(page: str) -> str:
    """Return a page as it is read aloud, without layout and line breaks."""
    return " ".join(page.replace("\\", "").upper().split())


async def unnoted(stage: Stage, act: Any) -> Any:
    """Return what others see of an act in a process that dies before it can note the message."""
    with pytest.MonkeyPatch.context() as patch:
        store = stage.services.store
        for repository, record in (
            (store.messages, "record_message"),
            (store.polls, "record_message"),
        ):
            patch.setattr(repository, record, AsyncMock())
        shown = answer(await act)
    await stage.restart()
    return shown


# One after the other ---------------------------------------------------------------------------


async def test_continue(stage: Stage):
    begun = (await begin(stage)).response
    assert labels(begun) == BY_PERSON
    pressed = (await stage.ben.click(begun, label="Continue")).response
    assert len(await stage.lines()) == 2
    assert labels(pressed) == BY_VOICE
    assert begun.components == []
    assert "~~" not in begun.content
    await assert_true(stage)


async def test_another_take(stage: Stage):
    await begin(stage)
    first = (await stage.go_on(stage.ann, stage.channel, seed=1, character="Maya")).response
    old = (await stage.lines())[1]
    second = (await stage.ben.click(first, label="Another take")).response
    new = (await stage.lines())[1]
    assert new != old
    assert new.startswith("MAYA\n")
    assert first.content.startswith("-# ~~MAYA\\: ")
    assert "```" not in first.content
    assert first.content.endswith("~~\n-# tiny, seed 1")
    assert labels(second) == BY_VOICE
    await assert_true(stage)


async def test_retry(stage: Stage):
    await begin(stage)
    first = (await stage.go_on(stage.ann, stage.channel, seed=1)).response
    second = (await stage.ben.slash(stage.channel, "script retry")).response
    assert first.content.startswith("-# ~~")
    assert stage.with_buttons() == [second.id]
    assert len(await stage.lines()) == 2
    await assert_true(stage)
    written = (await stage.ben.slash(stage.channel, "write", text="Rain.")).response
    refused = answer(await stage.ann.slash(stage.channel, "script retry"))
    assert refused.ephemeral
    assert refused.content.startswith("The last line is Ben's, not the voice's")
    assert stage.with_buttons() == [written.id]
    assert len(await stage.lines()) == 3


async def test_undo_by_its_button_happens_in_place(stage: Stage):
    begun = (await begin(stage)).response
    written = (await stage.ben.slash(stage.channel, "write", text="MAYA: *Hello*.")).response
    pressed = await stage.ann.click(written, label="Undo")
    assert pressed.followups == []
    assert written.content == "-# ~~MAYA\\: \\*Hello\\*\\.~~\n-# Ben"
    assert written.components == []
    assert labels(begun) == and_redo(BY_PERSON)
    assert await stage.lines() == [HEADING]
    assert len(stage.messages()) == 2
    await assert_true(stage)


async def test_undo_by_its_command_is_seen_by_everybody(stage: Stage):
    begun = (await begin(stage)).response
    written = (await stage.ben.slash(stage.channel, "write", text="MAYA: Hello.")).response
    undone = (await stage.ann.slash(stage.channel, "undo")).response
    assert undone.content == f"-# Ann undid the last line.\n```\n{HEADING}\n```\n-# Ann"
    assert written.content.startswith("-# ~~MAYA")
    assert (begun.components, written.components) == ([], [])
    assert labels(undone) == and_redo(BY_PERSON)
    await assert_true(stage)


async def test_undo_to_before_the_first_line(stage: Stage):
    begun = (await begin(stage)).response
    await stage.ann.click(begun, label="Undo")
    said = stage.messages()[-1]
    assert said.content == (
        "-# Ann undid the last line.\n-# The script is at its start, before the first line."
    )
    assert begun.content == "**The Diner**\n-# ~~INT\\. DINER \\- NIGHT~~\n-# Ann"
    await assert_true(stage)
    pressed = (await stage.ann.click(said, label="Continue")).response
    assert stage.with_buttons() == [pressed.id]
    await assert_true(stage)


async def test_several_lines_on_a_card_are_taken_back_one_by_one(stage: Stage):
    await begin(stage)
    written = (
        await stage.ben.slash(stage.channel, "write", text="Rain.\n\nWind.\n\nSnow.")
    ).response
    await stage.ann.click(written, label="Undo")
    assert written.content == "```\nRain.\n\nWind.\n```\n-# ~~Snow\\.~~\n-# Ben"
    assert labels(written) == and_redo(BY_PERSON)
    await assert_true(stage)
    await stage.ann.click(written, label="Undo")
    assert written.content == "```\nRain.\n```\n-# ~~Wind\\.~~\n-# ~~Snow\\.~~\n-# Ben"
    assert labels(written) == and_redo(BY_PERSON)
    await assert_true(stage)
    continued = (await stage.ann.click(written, label="Continue")).response
    assert written.components == []
    await assert_true(stage)
    await stage.ann.click(continued, label="Undo")
    assert labels(written) == and_redo(BY_PERSON)
    await assert_true(stage)


async def test_the_voices_card_keeps_its_buttons_under_what_is_left_of_it(stage: Stage):
    await begin(stage)
    written = (await stage.go_on(stage.ann, stage.channel, lines=2, seed=1)).response
    await stage.ann.click(written, label="Undo")
    assert labels(written) == and_redo(BY_VOICE)
    again = (await stage.ann.click(written, label="Another take")).response
    assert written.components == []
    assert written.content.count("-# ~~") == 2
    assert "```" not in written.content
    assert stage.with_buttons() == [again.id]
    await assert_true(stage)


async def test_write_is_a_modal(stage: Stage):
    begun = (await begin(stage)).response
    shown = await stage.ben.click(begun, label="Write")
    assert stage.with_buttons() == [begun.id]
    inputs = fields(shown)
    written = await stage.ben.submit_modal(
        shown, {inputs["Who speaks"]: " maya ", inputs["Text"]: "(quietly) Hello.\n\nCUT TO:"}
    )
    assert (await stage.lines())[1:] == ["MAYA\n(quietly)\nHello.", "CUT TO:"]
    assert labels(written.response) == BY_PERSON
    await assert_true(stage)


async def test_a_modal_does_not_write_where_its_writer_did_not_look(stage: Stage):
    begun = (await begin(stage)).response
    shown = await stage.ben.click(begun, label="Write")
    await stage.ann.slash(stage.channel, "write", text="Meanwhile.")
    seen = stage.seen()
    refused = answer(await stage.ben.submit_modal(shown, {fields(shown)["Text"]: "Later."}))
    assert refused.ephemeral
    assert refused.content.startswith("The script has moved on")
    assert refused.content.endswith("Here is your text:\n```\nLater.\n```")
    assert labels(refused) == ["Continue from here"]
    assert await stage.lines() == [HEADING, "Meanwhile."]
    assert stage.seen() == seen


async def test_the_modal_gives_back_what_cannot_be_added(stage: Stage):
    begun = (await begin(stage)).response
    shown = await stage.ben.click(begun, label="Write")
    inputs = fields(shown)
    refused = answer(
        await stage.ben.submit_modal(shown, {inputs["Who speaks"]: "?", inputs["Text"]: "Hello."})
    )
    assert refused.ephemeral
    assert refused.content == (
        "A character's name needs at least one letter. Here is your text:\n```\nHello.\n```"
    )
    assert stage.with_buttons() == [begun.id]
    assert await stage.lines() == [HEADING]


@pytest.mark.parametrize("seed", range(3))
async def test_the_channel_tells_the_truth_whatever_is_done(stage: Stage, seed: int):
    choose = random.Random(seed)
    await begin(stage)
    looks: list[dict[str, Any]] = []
    for _ in range(25):
        (end,) = (message for message in stage.messages() if message.components)
        looks.append(stage.look(end))
        match choose.choice(["press", "press", "press", "late", "continue", "write", "undo"]):
            case "press":
                label = choose.choice([one for one in labels(end) if one not in ("Write", "More…")])
                await stage.ann.click(end, label=label)
            case "late":
                look = choose.choice(looks)
                label = choose.choice([one for one in labels(look) if one != "More…"])
                if buttons(look)[label] not in buttons(end).values():
                    offered = answer(await stage.press_late(stage.ben, look, label))
                    assert offered.ephemeral
                    await stage.ben.click(offered, label="Continue from here")
            case "continue":
                await stage.ben.slash(stage.channel, "continue", lines=choose.randint(1, 4))
            case "write":
                await stage.ben.slash(stage.channel, "write", text="Rain.\n\nMAYA: Oh!\n\nSnow.")
            case "undo" if await stage.lines():
                await stage.ben.slash(stage.channel, "undo")
        await assert_true(stage)


# Late ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["Continue", "Another take", "Undo", "Write"])
async def test_a_late_press_changes_nothing_and_offers_to_continue_there(stage: Stage, label: str):
    await begin(stage)
    old = (await stage.go_on(stage.ann, stage.channel, seed=1)).response
    then = await stage.lines()
    look = stage.look(old)
    new = (await stage.ben.slash(stage.channel, "write", text="Rain.\n\nWind.")).response
    lines, seen = await stage.lines(), stage.seen()
    pressed = await stage.press_late(stage.ann, look, label)
    assert pressed.response.ephemeral
    assert "has moved on" in pressed.response.content
    assert labels(pressed.response) == ["Continue from here"]
    assert (await stage.lines(), stage.seen()) == (lines, seen)

    taken = (await stage.ann.click(pressed.response, label="Continue from here")).response
    assert not taken.ephemeral
    assert taken.content.startswith("-# Ann moved the script to this line.\n```\n")
    assert await stage.lines() == then
    assert new.content == "-# ~~Rain\\.~~\n-# ~~Wind\\.~~\n-# Ben"
    assert stage.with_buttons() == [taken.id]
    assert labels(taken) == and_redo(BY_VOICE)
    await assert_true(stage)

    again = await stage.ann.click(pressed.response, label="Continue from here")
    assert answer(again).ephemeral
    assert "is already at this line" in answer(again).content
    assert stage.with_buttons() == [taken.id]


async def test_what_was_left_comes_back(stage: Stage):
    begun = (await begin(stage)).response
    written = (await stage.ben.slash(stage.channel, "write", text="Rain.\n\nWind.")).response
    look = stage.look(written)
    for _ in range(2):
        await stage.ann.slash(stage.channel, "undo")
    assert "```" not in written.content
    other = (await stage.go_on(stage.ann, stage.channel, seed=1)).response
    offered = await stage.press_late(stage.ben, look, "Continue")
    await stage.ben.click(offered.response, label="Continue from here")
    assert await stage.lines() == [HEADING, "Rain.", "Wind."]
    assert written.content == look["content"]
    assert other.content.startswith("-# ~~")
    assert begun.components == []
    await assert_true(stage)


async def test_of_two_who_press_at_once_one_is_told(stage: Stage):
    begun = (await begin(stage)).response
    look = stage.look(begun)
    first = stage.press(stage.ann, look, "Continue")
    second = stage.press(stage.ben, look, "Continue")
    await stage.world.settle()
    assert len(await stage.lines()) == 2
    assert labels(first.response) == BY_VOICE
    assert answer(second).ephemeral
    assert labels(answer(second)) == ["Continue from here"]
    assert stage.with_buttons() == [first.response.id]
    await assert_true(stage)


async def test_all_who_press_undo_at_once_take_back_one_line(stage: Stage):
    await begin(stage)
    written = (await stage.ann.slash(stage.channel, "write", text="Rain.\n\nWind.")).response
    look = stage.look(written)
    stage.press(stage.ann, look, "Undo")
    stage.press(stage.ben, look, "Undo")
    await stage.world.settle()
    assert await stage.lines() == [HEADING, "Rain."]
    await assert_true(stage)


async def test_the_buttons_of_a_shelved_script_say_so(stage: Stage):
    old = (await begin(stage)).response
    look = stage.look(old)
    asked = await begin(stage, title="The Roof", heading="Ext. roof")
    new = await stage.ann.click(asked.response, label="Pause it and start the new one")
    assert asked.response is None
    seen = stage.seen()
    for label in labels(look):
        refused = answer(await stage.press_late(stage.ben, look, label))
        assert refused.ephemeral
        assert refused.content == "That script is paused. “The Roof” is running here now."
        assert refused.components == []
    assert stage.seen() == seen
    assert await stage.lines() == ["EXT. ROOF"]
    assert stage.with_buttons() == [new.response.id]


# After a restart -------------------------------------------------------------------------------


async def test_buttons_outlive_the_bot(stage: Stage):
    offered = (await stage.ann.slash(stage.channel, "continue")).response
    await stage.restart()
    shown = await stage.ann.click(offered, label="Start a script")
    begun = (
        await stage.ann.submit_modal(shown, {fields(shown)["First scene heading"]: HEADING})
    ).response
    await stage.restart()
    continued = (await stage.ben.click(begun, label="Continue")).response
    look = stage.look(continued)
    await stage.restart()
    taken = (await stage.ben.click(continued, label="Another take")).response
    await stage.restart()
    await stage.ben.click(taken, label="Undo")
    assert labels(begun) == and_redo(BY_PERSON)
    await stage.restart()
    shown = await stage.ben.click(begun, label="Write")
    await stage.ben.submit_modal(shown, {fields(shown)["Text"]: "Rain."})
    assert await stage.lines() == [HEADING, "Rain."]
    await assert_true(stage)
    late = (await stage.press_late(stage.ben, look, "Undo")).response
    await stage.restart()
    await stage.ben.click(late, label="Continue from here")
    assert "```" in continued.content
    await assert_true(stage)


# Pages -----------------------------------------------------------------------------------------


async def test_a_long_script_has_pages(stage: Stage):
    await begin(stage)
    for scene in range(12):
        text = "\n\n".join(f"Knock {scene}-{knock}. {'And on. ' * 12}" for knock in range(6))
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
    await begin(stage)
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
    while await stage.lines() != [HEADING]:
        await stage.ben.slash(stage.channel, "undo")
    await stage.ann.click(shown, label="Previous page")
    assert shown.content == f"**The Diner**\n```\n{HEADING}\n```"
    assert shown.components == []


async def test_pages_of_a_shelved_script_say_so(stage: Stage):
    await begin(stage)
    text = "\n\n".join(f"Knock {knock}. {'And on. ' * 60}" for knock in range(8))
    await stage.ben.slash(stage.channel, "write", text=text)
    shown = (await stage.ann.slash(stage.channel, "script show")).response
    asked = await begin(stage, title="The Roof")
    await stage.ann.click(asked.response, label="Pause it and start the new one")
    refused = answer(await stage.ann.click(shown, label="Previous page"))
    assert refused.ephemeral
    assert "Another script is running here now" in refused.content


# Messages that are gone ------------------------------------------------------------------------


async def test_a_moderator_deletes_messages(stage: Stage):
    rights = stage.guild.create_role(
        "Moderators", permissions=discord.Permissions(manage_messages=True)
    )
    moderator = stage.guild.add_member(stage.world.create_user("Mod"), roles=[rights])
    begun = (await begin(stage)).response
    one = (await stage.ann.slash(stage.channel, "write", text="Rain.")).response
    two = (await stage.ann.slash(stage.channel, "write", text="Wind.")).response
    await moderator.delete(one.message)
    await moderator.click(two, label="Undo")
    assert await stage.lines() == [HEADING, "Rain."]
    (end,) = stage.with_buttons()
    await assert_true(stage)
    await moderator.delete(begun.message)
    undone = (await moderator.slash(stage.channel, "undo")).response
    assert (await stage.lines(), stage.with_buttons()) == ([HEADING], [undone.id])
    assert end != undone.id
    await assert_true(stage)
    await moderator.delete(undone.message)
    assert stage.with_buttons() == []
    continued = (await stage.ben.slash(stage.channel, "continue")).response
    assert stage.with_buttons() == [continued.id]
    await moderator.delete(continued.message)
    retried = (await stage.ben.slash(stage.channel, "script retry")).response
    assert len(await stage.lines()) == 2
    assert stage.with_buttons() == [retried.id]


# Shown by a process that died before it could note the message ---------------------------------


@pytest.mark.parametrize("lines", [("Rain.",), ("Rain.", "MAYA: Hello.", "Wind.")])
async def test_a_message_that_was_not_noted_is_known_once_it_is_pressed(
    stage: Stage, lines: tuple[str, ...]
):
    await begin(stage)
    shown = await unnoted(stage, stage.ann.slash(stage.channel, "write", text="\n\n".join(lines)))
    await stage.ann.click(shown, label="Continue")
    assert shown.components == []
    assert shown.content.count("```") == 2
    await assert_true(stage)
    for _ in range(2):
        await stage.ann.slash(stage.channel, "undo")
    assert "-# ~~" in shown.content
    await assert_true(stage)


async def test_a_message_that_was_not_noted_loses_its_buttons_where_the_script_has_gone_on(
    stage: Stage,
):
    await begin(stage)
    shown = await unnoted(stage, stage.ann.slash(stage.channel, "write", text="Rain.\n\nWind."))
    await stage.ann.slash(stage.channel, "undo")
    await stage.ann.slash(stage.channel, "write", text="Snow.")
    refused = answer(await stage.ann.click(shown, label="Continue"))
    assert refused.ephemeral
    assert shown.content == "```\nRain.\n```\n-# ~~Wind\\.~~\n-# Ann"
    await assert_true(stage)


async def test_an_opening_that_was_not_noted_is_known_once_it_is_pressed(stage: Stage):
    shown = await unnoted(stage, stage.ann.slash(stage.channel, "start", title="The Diner"))
    await stage.ann.click(shown, label="Continue")
    assert shown.components == []
    await assert_true(stage)


async def test_a_message_that_was_not_noted_loses_its_buttons_where_its_script_is_gone(
    stage: Stage,
):
    shown = await unnoted(stage, begin(stage))
    await stage.services.store.scripts.delete_script(
        (await stage.services.store.scripts.find_running_script(stage.channel.id)).id
    )
    refused = answer(await stage.ann.click(shown, label="Continue"))
    assert refused.ephemeral
    assert stage.with_buttons() == []


async def test_an_offer_for_one_person_is_no_message_of_a_script(stage: Stage):
    begun = (await begin(stage)).response
    look = stage.look(begun)
    await stage.ann.slash(stage.channel, "write", text="Rain.")
    offer = answer(await stage.press_late(stage.ann, look, "Continue"))
    assert labels(offer) == ["Continue from here"]
    await stage.ann.click(offer, label="Continue from here")
    assert await stage.services.store.messages.find_posted_lines(offer.id) is None


async def test_each_component_has_one_listener_and_the_bot_remembers_no_message(stage: Stage):
    begun = await begin(stage)
    await stage.ann.slash(stage.channel, "script history")
    await stage.ann.slash(stage.channel, "script list")
    await stage.ann.slash(stage.channel, "privacy forget")
    views = stage.world.bot._connection._view_store
    option = discord.SelectOption(label="Rain.", value="1")
    place, pages = ScriptPosition(1, 2), [("page", 3, 9), ("history", 0, 2), ("shelf", 8, 9)]
    shown = [
        components.make_line_buttons(place, by_model=True, redo=True),
        components.make_continue_here_button(place),
        components.make_start_button(),
        *(components.make_stop_button(begun.response.id, work) for work in components.JOB_KINDS),
        *(make_view(*make_page_buttons(book, 1, number, count)) for book, number, count in pages),
        *(make_line_menu(action, 1, [option]) for action in PLACEHOLDERS),
    ]
    ids = [item.custom_id for view in shown for item in view.children]
    ids += [custom_id for message in stage.messages() for custom_id in buttons(message).values()]
    for custom_id in ids:
        found = [pattern for pattern in views._dynamic_items if pattern.fullmatch(custom_id)]
        assert len(found) == 1, custom_id
    assert views._views == views._synced_message_views == {}
