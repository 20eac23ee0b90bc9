"""Test the end of a script: its closing card, and what becomes of the script."""

from __future__ import annotations

from typing import Any
from unittest.mock import AsyncMock

import pytest

from bot.audio.table_read import TableRead
from bot.cogs.ending import Ending
from tests.bot.channel_check import assert_channel_is_true, read
from tests.bot.conftest import HEADING, Stage, answer, labels, moderator, start_script

from .test_panel import open_menu
from .test_panel_buttons import write
from .test_scripts import choose


@pytest.fixture(autouse=True)
def _quick_speech(monkeypatch: pytest.MonkeyPatch):
    """Record no real table reads, which test_listening does."""

    async def record(_: object) -> TableRead:
        return TableRead(b"mp3", 1.0, 0, 0)

    monkeypatch.setattr("bot.cogs.ending.record_table_read", record)


async def end(stage: Stage, by: Any = None) -> Any:
    """Press *The end* as Ann, or somebody else; return the answer, if there is one."""
    who = by or stage.ann
    return answer(await who.click(await open_menu(stage, who), label="The end"))


def cards(stage: Stage) -> list[Any]:
    """Return the closing cards in the channel."""
    return [one for one in stage.messages() if "Reopen" in read_labels(one)]


def read_labels(message: Any) -> list[str]:
    """Return the labels of all buttons in a message, inside of cards too."""
    found, components = list[str](), list(message.components)
    while components:
        one = components.pop()
        components += getattr(one, "children", [])
        found += filter(None, [getattr(one, "label", None)])
    return found


def panels(stage: Stage) -> list[Any]:
    return [one for one in stage.messages() if "Write" in labels(one)]


def ending(stage: Stage) -> Ending:
    bot: Any = stage.world.bot
    return bot.cogs["OnBook.ending"]


async def find_script(stage: Stage) -> Any:
    [script] = await stage.store.scripts.list_scripts(stage.channel.id)
    return script


async def test_the_end_posts_a_card_and_archives_the_script(stage: Stage):
    await start_script(stage)
    await write(stage, "MAYA: Rain.")
    await stage.ben.context_menu(stage.channel, "Star", stage.messages()[-2])
    await stage.ann.slash(stage.channel, "continue")
    assert await end(stage) is None
    assert panels(stage) == []
    [card] = cards(stage)
    title, best, wrote = read(card).split("\n### ")
    assert title.startswith("## The Diner\nThe end · 3 lines · ")
    assert best == "Best lines\n> **MAYA**\n> Rain\\.\n> -# 1 star · Ben"
    assert [row.partition("\\:")[0] for row in wrote.split("\n")] == [
        *("Who wrote", "- Ann", "- Ben", "- the voice “tiny”"),
    ]
    files = ["the-diner-stats.png", "the-diner.pdf", "the-diner.mp3"]
    assert [file.filename for file in card.attachments] == files
    assert "tiny" in card.attachments[0].description
    assert (await card.attachments[1].read()).startswith(b"%PDF")
    script = await find_script(stage)
    assert (script.archived, script.running, script.ending) == (True, False, None)
    await assert_channel_is_true(stage)


async def test_without_stars_there_are_no_best_lines(stage: Stage):
    await start_script(stage)
    await end(stage)
    [card] = cards(stage)
    assert "Best lines" not in read(card)
    assert "Who wrote" in read(card)


async def test_a_script_that_has_ended_is_not_continued_by_mistake(stage: Stage):
    await start_script(stage)
    await write(stage, "Rain.")
    look, line = stage.look(stage.panel()), stage.messages()[-2]
    await end(stage)
    for told in (
        answer(await stage.press_late(stage.ben, look, "Continue")),
        answer(await stage.ben.slash(stage.channel, "continue")),
        answer(await stage.ben.slash(stage.channel, "write", text="Snow.")),
        answer(await stage.ben.context_menu(stage.channel, "Continue from here", line)),
    ):
        assert told.ephemeral
        assert told.content.startswith("No script is running in this channel.")
    script = await find_script(stage)
    assert await stage.store.lines.count_lines(script.head) == 2


@pytest.mark.parametrize("way", ["card", "list"])
async def test_it_goes_on_where_it_stood_once_somebody_reopens_it(stage: Stage, way: str):
    await start_script(stage)
    await write(stage, "Rain.\n\nSnow.")
    await stage.ben.slash(stage.channel, "undo")
    await end(stage)
    await stage.restart()
    shown = cards(stage)[0] if way == "card" else await choose(stage, "The Diner", stage.ben)
    await stage.ben.click(shown, label="Reopen")
    assert await stage.lines() == [HEADING, "Rain."]
    assert stage.messages()[-2].content == "-# Ben resumed “The Diner”."
    assert "Redo" in labels(stage.panel())
    await assert_channel_is_true(stage)
    refused = answer(await stage.ann.click(cards(stage)[0], label="Reopen"))
    assert refused.content.startswith("That script is already running here.")
    await end(stage)
    assert len(cards(stage)) == 2


async def test_an_old_card_does_not_pause_the_script_that_runs_now(stage: Stage):
    await start_script(stage)
    await end(stage)
    await start_script(stage, title="Snow")
    refused = answer(await stage.ben.click(cards(stage)[0], label="Reopen"))
    assert refused.content.startswith("“Snow” is running here now. To reopen this script instead,")
    running = await stage.services.store.scripts.find_running_script(stage.channel.id)
    assert (running and running.title) == "Snow"
    # The list of scripts says which one it pauses.
    await stage.ben.click(await choose(stage, "The Diner", stage.ben), label="Reopen")
    assert stage.messages()[-2].content == "-# Ben resumed “The Diner”."


async def test_a_late_card_stands_above_the_panel_of_the_next_script(stage: Stage):
    await start_script(stage)
    stage.world.inject_error("POST", "/channels/*/messages", status=400, times=1)
    await end(stage)
    await start_script(stage, title="Snow")
    assert cards(stage) == []
    await stage.world.advance_time(601)
    assert [one.id for one in stage.messages()[-2:]] == [cards(stage)[0].id, stage.panel().id]
    await assert_channel_is_true(stage)


async def test_only_the_owner_and_moderators_end_a_script(stage: Stage):
    await start_script(stage)
    refused = await end(stage, stage.ben)
    assert refused.content.startswith("Only the script's owner or a moderator")
    assert stage.panel()
    assert cards(stage) == []
    await end(stage, moderator(stage))
    assert len(cards(stage)) == 1


async def test_a_script_without_a_line_has_no_end(stage: Stage):
    await start_script(stage, heading=" ")
    refused = await end(stage)
    assert refused.content.startswith("The script is empty.")
    assert (await find_script(stage)).running


async def test_a_doubled_press_ends_it_once(stage: Stage):
    await start_script(stage)
    look = stage.look(await open_menu(stage, stage.ann))
    pressed = [stage.press(stage.ann, look, "The end") for _ in range(2)]
    await stage.world.settle()
    told = [one for one in map(answer, pressed) if one]
    assert [one.content[:21] for one in told] == ["No script is running "]
    assert len(cards(stage)) == 1


async def test_a_process_that_dies_before_it_shows_the_card_leaves_it_to_the_next(stage: Stage):
    await start_script(stage)
    stage.world.backend.guilds[stage.guild.id].preferred_locale = "de"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ending(stage), "_show", AsyncMock())
        await end(stage)
    assert (await find_script(stage)).ending
    assert cards(stage) == []
    for _ in range(2):
        await stage.restart()
        await stage.world.settle()
    [card] = [one for one in stage.messages() if "Wieder öffnen" in read_labels(one)]
    assert read(card).startswith("## The Diner\nEnde · ")
    assert panels(stage) == []


async def test_a_card_that_discord_does_not_take_is_tried_again(stage: Stage):
    await start_script(stage)
    stage.world.inject_error("POST", "/channels/*/messages", status=400, times=1)
    told = await end(stage)
    assert told.content == (
        "“The Diner” has ended, but Discord did not take its closing card. I will try again in "
        "10 minutes."
    )
    assert cards(stage) == []
    assert (await find_script(stage)).archived
    await stage.world.advance_time(601)
    assert len(cards(stage)) == 1


async def test_a_card_without_the_permission_to_attach_files(stage: Stage):
    stage.channel = stage.closed(attach_files=False)
    await stage.world.settle()
    await start_script(stage)
    await end(stage)
    [card] = cards(stage)
    assert card.attachments == []
    assert "need the **Attach Files** permission" in read(card)


async def test_a_script_that_goes_on_before_its_card_is_shown_gets_none(stage: Stage):
    await start_script(stage)
    script = await find_script(stage)
    room = stage.session
    ended = await stage.store.scripts.update_script(
        script.id, archived=True, running=False, ending="1"
    )
    await stage.store.scripts.run_script(script.id)
    await ending(stage)._show(stage.world.bot.get_channel(stage.channel.id), room, ended)
    assert cards(stage) == []


async def test_a_table_read_that_fails_does_not_cost_the_card(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    async def fail(_: object) -> None:
        raise ValueError("no speech")

    monkeypatch.setattr("bot.cogs.ending.record_table_read", fail)
    await start_script(stage)
    await end(stage)
    [card] = cards(stage)
    files = [file.filename for file in card.attachments]
    assert files == ["the-diner-stats.png", "the-diner.pdf"]
