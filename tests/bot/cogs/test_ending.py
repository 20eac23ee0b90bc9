"""Test the end of a script: its closing card, and what becomes of the script."""

import io
from typing import Any
from unittest.mock import AsyncMock

import discord
import pytest

from bot.cogs.ending import Ending
from bot.screenplay.statistics import ScriptStatistics, WriterStatistics
from bot.storage.schema import Line, Script
from bot.ui.cards.closing_card import make_closing_card
from tests.bot.channel_check import assert_channel_is_true, read
from tests.bot.conftest import (
    HEADING,
    Stage,
    answer,
    assert_private,
    labels,
    moderator,
    start_script,
)
from tests.bot.playing import (
    ask,
    choose_script,
    click,
    open_menu,
    press_star,
    replace_script,
    suggest,
    use_on_message,
    write,
)

pytestmark = pytest.mark.usefixtures("record_table_read")

STARTED = True


async def end(stage: Stage, by: Any = None) -> Any:
    """End the script as Ann, or somebody else; return what they are told, or None."""
    who = by or stage.ann
    return await click(who, await open_menu(stage, who, "The end"), "End it")


def find_cards(stage: Stage, label: str = "Reopen") -> list[Any]:
    """Return the messages of the channel with a button, by default the closing cards."""
    return [message for message in stage.messages() if label in labels(message)]


def ending(stage: Stage) -> Ending:
    return stage.world.bot.cogs["OnBook.ending"]


async def find_script(stage: Stage) -> Any:
    [script] = await stage.store.scripts.list_scripts(stage.channel.id)
    return script


async def test_the_end_posts_a_card_and_archives_the_script(stage: Stage):
    await write(stage, "MAYA: Rain.")
    await press_star(stage, stage.ben, stage.messages()[-2])
    await stage.ann.slash(stage.channel, "continue")
    assert await end(stage) is None
    assert find_cards(stage, "Write") == []
    [card] = find_cards(stage)
    title, best = read(card).split("\n### ")
    assert title.startswith("## The Diner\nThe end · 3 lines · ")
    assert best == "Best lines\n> **MAYA**\n> Rain\\.\n> -# Ben · 1 star"
    assert labels(card) == ["Start another", "Surprise me", "Reopen"]
    files = ["the-diner-stats.png", "the-diner.pdf", "the-diner.mp3"]
    assert [file.filename for file in card.attachments] == files
    assert "tiny" in card.attachments[0].description
    assert (await card.attachments[1].read()).startswith(b"%PDF")
    script = await find_script(stage)
    assert (script.archived, script.running, script.ending) == (True, False, None)
    await assert_channel_is_true(stage)


async def test_a_card_quotes_what_the_script_went_on_about_where_few_lines_have_stars(stage: Stage):
    await ask(stage, "cast", add="Maya, Jonas")
    await write(stage, "MAYA: Who let the walrus in?\n\nJONAS: It is raining, Maya.")
    link = "https://example.com/walrus-soup.gif"
    await write(stage, f"MAYA: Bring snow.\n\nMAYA: Bring snow.\n\n{link}")
    await write(stage, "JONAS: The walrus pays for the soup.\n\nThe walrus nods.")
    await press_star(stage, stage.ann, stage.messages()[-2])
    await stage.ann.slash(stage.channel, "write", text="MAYA: Then no soups are warm.")
    await end(stage)
    [card] = find_cards(stage)
    _, best = read(card).split("\n### ")
    assert best.split("\n\n") == [
        "Best lines\n> *The walrus nods\\.*\n> -# Ben · 1 star",
        "> **MAYA**\n> Who let the walrus in?\n> -# Ben",
        "> **JONAS**\n> The walrus pays for the soup\\.\n> -# Ben",
    ]
    await stage.ben.click(card, label="Surprise me")
    assert (await stage.last_line()).credit == "tiny"


def test_a_card_has_no_more_text_than_discord_takes():
    often = [WriterStatistics("x" * 60, lines=2, words=2, rewritten=2)] * 10
    once = [WriterStatistics("x" * 60, lines=1, words=1)] * 40
    statistics = ScriptStatistics(60, 60, 1, 1.0, (), (*often, *once), ())
    quote = Line(id=1, kind="action", text="Rain. " * 200, author=1, credit="x" * 60)
    script = Script(id=1, title="x" * 95)
    card = make_closing_card(script, statistics, [(quote, 5)] * 5, [], ["x" * 80])
    assert 3500 < card.content_length() <= 4000
    picture = discord.File(io.BytesIO(), "stats.png")
    card = make_closing_card(script, statistics, [], [picture], [])
    assert "Who wrote" in str(card.to_components())  # because the picture names ten writers


async def test_an_ended_script_is_not_continued_by_mistake(stage: Stage):
    await write(stage, "Rain.")
    look, line = stage.look(stage.panel()), stage.messages()[-2]
    asked = await open_menu(stage, stage.ann, "The end")
    question, hint = asked.content.split("\n")
    assert question == (
        "End “The Diner”? Everybody here will see its closing card, and you can reopen it later."
    )
    assert "⭐" in hint
    assert await stage.lines() == [HEADING, "Rain."]
    pressed = [stage.press(stage.ann, stage.look(asked), "End it") for _ in range(2)]
    await stage.world.settle()
    [doubled] = filter(None, map(answer, pressed))
    assert len(find_cards(stage)) == 1
    for told in (
        doubled,
        answer(await stage.press_late(stage.ben, look, "Continue")),
        await ask(stage, "continue"),
        await ask(stage, "write", text="Snow."),
        await use_on_message(stage, stage.ben, "Continue from here", line),
    ):
        assert_private(told, "“The Diner” is archived. Reopen it, or start another script.")
        assert labels(told) == ["Start another", "Surprise me", "Reopen"]
    assert await stage.store.lines.count_lines((await find_script(stage)).head) == 2
    await stage.ben.click(told, label="Reopen")
    assert await stage.lines() == [HEADING, "Rain."]
    assert await ask(stage, "continue", stage.ben) is None


async def test_the_script_in_which_somebody_wrote_last_is_offered(stage: Stage):
    await replace_script(stage)
    await stage.ann.click(await choose_script(stage, "The Diner"), label="Continue it")
    await write(stage, "Rain.")
    await stage.ann.click(await choose_script(stage, "The Roof"), label="Continue it")
    await stage.ann.click(await choose_script(stage, "The Roof"), label="Archive")
    told = await ask(stage, "continue", stage.ben)
    assert told.content == "“The Diner” is paused. Continue it, or start another script."
    assert labels(told) == ["Start another", "Surprise me", "Continue it"]
    await stage.ben.click(told, label="Continue it")
    assert await stage.lines() == [HEADING, "Rain."]


@pytest.mark.parametrize(
    ("command", "options", "shows"),
    [
        ("script show", {"everyone": True}, "**The Diner**\n"),
        ("script export", {"format": "txt", "everyone": True}, "“The Diner”, 2 lines."),
        ("script history", {}, "**The Diner**\n"),
        ("cast", {}, "The cast is empty."),
        ("script stats", {"everyone": True}, "**The Diner**: "),
        ("script stats", {"what": "guesses", "everyone": True}, "How well “tiny” guessed"),
        ("script stats", {"what": "replay", "everyone": True}, "**The Diner**: "),
    ],
)
async def test_an_ended_script_is_read_where_none_runs(
    stage: Stage, command: str, options: dict[str, Any], shows: str
):
    await write(stage, "Rain.")
    await end(stage)
    told = await ask(stage, command, stage.ben, **options)
    assert told.content.startswith(shows)
    assert told.ephemeral is not ("everyone" in options)
    assert await suggest(stage, "script history", "line", "rain") == ["2"]


async def test_a_reopened_script_continues_where_it_stood(stage: Stage):
    await write(stage, "Rain.\n\nSnow.")
    await stage.ben.slash(stage.channel, "undo")
    await end(stage)
    await stage.restart()
    await stage.ben.click(find_cards(stage)[0], label="Reopen")
    assert await stage.lines() == [HEADING, "Rain."]
    assert stage.messages()[-2].content == "-# Ben resumed “The Diner”."
    assert "Redo" in labels(stage.panel())
    await assert_channel_is_true(stage)
    refused = await click(stage.ann, find_cards(stage)[0], "Reopen")
    assert_private(refused, "That script is already running here.")
    await end(stage)
    assert len(find_cards(stage)) == 2


async def test_an_old_card_does_not_pause_the_running_script(stage: Stage):
    await end(stage)
    await start_script(stage, title="Snow")
    refused = await click(stage.ben, find_cards(stage)[0], "Reopen")
    assert_private(refused, "“Snow” is running here now. To reopen this script instead,")
    assert (await stage.script()).title == "Snow"


async def test_only_the_owner_and_moderators_end_a_script(stage: Stage):
    menu = await open_menu(stage, stage.ann)
    asked = await open_menu(stage, stage.ann, "The end")
    # Somebody who moderated when the question was asked may not end the script any more.
    for look, label in ((stage.look(menu), "The end"), (stage.look(asked), "End it")):
        refused = answer(await stage.press_late(stage.ben, look, label))
        assert refused.content == (
            "Only the script's owner or a moderator (Manage Messages) can end it. Ask "
            f"<@{stage.ann.id}>."
        )
    assert stage.panel()
    assert find_cards(stage) == []
    await write(stage, "MAYA: Rain.\n\nJONAS: Snow.")
    await end(stage, moderator(stage))
    [card] = find_cards(stage)
    assert "Best lines" not in read(card)  # because nothing is said again
    assert "Who wrote" not in read(card)  # because the picture says so


async def test_a_card_is_shown_by_the_next_process_in_the_servers_language(stage: Stage):
    stage.world.backend.guilds[stage.guild.id].preferred_locale = "de"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ending(stage), "_show", AsyncMock())
        await end(stage)
    assert (await find_script(stage)).ending
    assert find_cards(stage) == []
    await stage.restart()
    await ending(stage)._show_due()
    [card] = find_cards(stage, "Wieder öffnen")
    assert read(card).startswith("## The Diner\nEnde · ")
    assert find_cards(stage, "Schreiben") == []


async def test_a_refused_card_is_posted_later_above_the_panel_of_the_next_script(stage: Stage):
    stage.world.inject_error("POST", "/channels/*/messages", status=400, times=1)
    told = await end(stage)
    assert told.content == (
        "“The Diner” has ended, but Discord did not accept its closing card. I will try again in "
        "10 minutes."
    )
    assert (await find_script(stage)).archived
    await start_script(stage, title="Snow")
    assert find_cards(stage) == []
    await stage.world.advance_time(601)
    [card] = find_cards(stage)
    assert [message.id for message in stage.messages()[-2:]] == [card.id, stage.panel().id]
    await assert_channel_is_true(stage)


async def test_a_card_is_posted_without_the_files_that_are_missing(
    stage: Stage, record_table_read: AsyncMock
):
    record_table_read.side_effect = ValueError("no speech")
    await end(stage)
    [card] = find_cards(stage)
    assert [file.filename for file in card.attachments] == ["the-diner-stats.png", "the-diner.pdf"]
    stage.channel = stage.closed(attach_files=False)
    await start_script(stage)
    await end(stage)
    [card] = find_cards(stage)
    assert card.attachments == []
    assert "I need the **Attach Files** permission" in read(card)
    assert "\n### Who wrote\n- One line: Ann\n" in read(card)


async def test_a_script_that_is_reopened_before_its_card_is_shown_gets_none(stage: Stage):
    script, scripts = await find_script(stage), stage.store.scripts
    ended = await scripts.update_script(script.id, archived=True, running=False, ending="1")
    await scripts.run_script(script.id)
    channel = stage.world.bot.get_channel(stage.channel.id)
    await ending(stage)._show(channel, stage.session, ended)
    assert find_cards(stage) == []
