"""Test takes, picks and votes."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import sys
from random import Random
from typing import Any

import pytest

from bot.app.client import Bot
from bot.session import polls
from bot.session.polls import count_votes, find_winner
from bot.session.preferences import MAX_TAKES
from bot.storage.schema import Poll
from bot.ui import live_polls
from bot.ui.live_polls import LivePolls
from bot.ui.markdown import LIMIT, size
from bot.ui.poll_messages import format_poll, format_take
from bot.ui.timers import Timers
from tests.bot.channel_check import assert_channel_is_true, letters
from tests.bot.conftest import HEADING, Stage, answer, labels, moderator, poll, start_script
from tests.bot.storage.test_disk_failures import only_read

from .test_branches import options, write
from .test_panel_buttons import BY_VOICE, unnoted

NUMBERS = ["1", "2", "3"]


@pytest.fixture(autouse=True)
def _absent(monkeypatch: pytest.MonkeyPatch):
    """Let votes last as long as they may, because nobody counts as present."""
    monkeypatch.setattr(polls, "PRESENT", dt.timedelta(days=-9999))


async def ask(stage: Stage, by: Any = None, **wishes: Any) -> Any:
    """Ask for takes, and return the message that shows them, or says why there are none."""
    wishes = {"takes": 3, "seed": 5, **wishes}
    asked = await stage.continue_with_seed(by or stage.ann, stage.channel, **wishes)
    return answer(asked) or poll(stage)


async def press(stage: Stage, shown: Any, label: str, by: Any = None) -> Any:
    """Press a button; “Take 2” and “Vote for 2” are the button of the second take."""
    return answer(await (by or stage.ann).click(shown, label=find_button(shown, label)))


async def vote(stage: Stage, shown: Any, take: int, by: Any = None) -> None:
    """Vote for a take, which nobody is told."""
    label = find_button(shown, f"Vote for {take}")
    pressed = await (by or stage.ann).click(shown, label=label)
    assert (pressed.response.id, pressed.followups) == (shown.id, [])


def find_button(shown: Any, label: str) -> str:
    """Return the label that the button of a take has in a message."""
    if not re.fullmatch(r"(Take|Vote for) \d", label):
        return label
    [found] = [one for one in labels(shown) if one.startswith(f"{label[-1]} · ")]
    return found


def numbers(shown: Any) -> list[str]:
    """Return the numbers of the takes that have buttons."""
    return [label.partition(" · ")[0] for label in labels(shown)]


async def takes(stage: Stage, shown: Any) -> list[str]:
    """Return the stored takes of a message."""
    store = stage.store
    found = await store.polls.load_takes(await store.polls.find_poll_by_message(shown.id))
    return ["\n\n".join(line.text for line in lines) for lines in found.values()]


def counts(shown: Any) -> list[int]:
    """Return how many votes each take has, as everybody sees."""
    if labels(shown):
        return [int(label.rpartition(" — ")[2]) for label in labels(shown)]
    found = re.findall(r"^-# .* — (\d+) votes?(?:\*\*)?$", shown.content, re.MULTILINE)
    return list(map(int, found))


async def test_who_asked_picks_a_take(stage: Stage):
    await start_script(stage)
    shown = await ask(stage)
    assert numbers(shown) == NUMBERS
    [row] = stage.look(shown)["components"]  # takes that are there whole need no menu
    assert len(row["components"]) == len(NUMBERS)
    assert shown.content.startswith(f"-# 3 takes: <@{stage.ann.id}> or a moderator chooses one.\n")
    assert re.findall(r"\*\*Take (\d)\*\*\n> ", shown.content) == NUMBERS
    assert "```" not in shown.content
    assert "seed" not in shown.content
    (body,) = [one for one in stage.sent() if one["content"] == shown.content]
    assert body["allowed_mentions"]["parse"] == []
    assert await stage.lines() == [HEADING]
    written = await takes(stage, shown)
    await press(stage, shown, "Take 2")
    assert await stage.lines() == [HEADING, written[1]]
    assert labels(stage.panel()) == BY_VOICE
    assert shown.components == []
    assert shown.content.startswith("-# Take 2 was chosen.")
    assert [row[:7] for row in shown.content.split("\n")[1:]] == ["-# 1 · ", "-# **2 ", "-# 3 · "]
    await assert_channel_is_true(stage)


async def test_takes_are_prose_with_the_names_of_speakers(stage: Stage):
    await start_script(stage)
    poll = await stage.store.polls.find_poll_by_message((await ask(stage, takes=2)).id)
    assert poll
    takes = await stage.store.polls.load_takes(poll)
    takes[0][0].kind, takes[0][0].text = "dialogue", "MAYA (V.O.)\n(quietly)\nIt is her."
    takes[1][0].kind, takes[1][0].text = "action", "Rain."
    _, *rows = format_poll(poll, takes, {}).split("\n")
    assert rows == [
        "**Take 1**",
        "> **MAYA \\(V\\.O\\.\\)**",
        "> *\\(quietly\\)*",
        "> It is her\\.",
        "",
        "**Take 2**",
        "> *Rain\\.*",
    ]


async def test_nobody_else_but_a_moderator_picks(stage: Stage):
    await start_script(stage)
    shown = await ask(stage)
    refused = await press(stage, shown, "Take 1", stage.ben)
    assert refused.ephemeral
    assert refused.content.startswith("Only a moderator")
    assert await stage.lines() == [HEADING]
    assert numbers(shown) == NUMBERS
    written = await takes(stage, shown)
    await press(stage, shown, "Take 3", moderator(stage))
    assert await stage.lines() == [HEADING, written[2]]


async def test_a_take_is_what_its_seed_writes_alone(stage: Stage):
    await start_script(stage)
    shown = await ask(stage, lines=2, takes=2, character="Maya", temperature=1.2)
    written = await takes(stage, shown)
    for seed, take in zip((5, 7), written, strict=True):
        alone = {"lines": 2, "seed": seed, "character": "Maya", "temperature": 1.2}
        await stage.continue_with_seed(stage.ben, stage.channel, **alone)
        assert "\n\n".join((await stage.lines())[1:]) == take
        await stage.ben.slash(stage.channel, "undo")
        await stage.ben.slash(stage.channel, "undo")


async def test_the_other_takes_are_a_way_back(stage: Stage):
    await start_script(stage)
    shown = await ask(stage)
    written = await takes(stage, shown)
    await press(stage, shown, "Take 1")
    menu = answer(await stage.ben.context_menu(stage.channel, "Continue from here", shown))
    assert menu.ephemeral
    ways = list(options(menu).values())
    await stage.ben.select(menu, values=[ways[2]])
    assert await stage.lines() == [HEADING, written[2]]
    await assert_channel_is_true(stage)
    history = answer(await stage.ann.slash(stage.channel, "script history"))
    assert len(options(history)) == 4


async def test_a_take_of_a_script_that_has_gone_on_offers_the_way_to_it(stage: Stage):
    await start_script(stage)
    shown = await ask(stage)
    written = await takes(stage, shown)
    await write(stage, "Rain.")
    told = await press(stage, shown, "Take 2")
    assert told.ephemeral
    assert told.content == "The script has moved on since these takes were written."
    await stage.ann.click(told, label="Continue from here")
    assert await stage.lines() == [HEADING, written[1]]
    await stage.ann.slash(stage.channel, "undo")
    await press(stage, shown, "Take 3")
    assert await stage.lines() == [HEADING, written[2]]
    await assert_channel_is_true(stage)


async def test_a_script_can_be_set_to_takes(stage: Stage):
    await start_script(stage)
    await stage.ann.slash(stage.channel, "settings writing", takes=2)
    await press(stage, stage.panel(), "Continue", stage.ben)
    assert numbers(poll(stage)) == NUMBERS[:2]
    await press(stage, poll(stage), "Take 1", stage.ben)
    await press(stage, stage.panel(), "Another take")
    assert labels(stage.panel()) == BY_VOICE
    await stage.ann.slash(stage.channel, "continue", takes=1)
    assert len(await stage.lines()) == 3


async def test_takes_keep_to_the_rules_of_the_script(stage: Stage):
    await start_script(stage)
    await stage.ann.slash(stage.channel, "settings turns", cooldown=60)
    await ask(stage, stage.ben)
    refused = await ask(stage, stage.ben)
    assert refused.content.startswith("This script has a cooldown")
    rule = stage.guild.create_role("Cast")
    shown = await ask(stage, moderator(stage), vote=600)
    await moderator(stage, "Max").slash(stage.channel, "settings turns", role=rule, cooldown=0)
    for one in (await ask(stage, stage.ben), await press(stage, shown, "Vote for 1", stage.ben)):
        assert one.ephemeral
        assert "limited to a role" in one.content


async def test_takes_of_a_script_that_is_gone_say_so(stage: Stage):
    await start_script(stage)
    shown = await ask(stage)
    script = await stage.script()
    asked = await start_script(stage, title="The Roof", heading="Ext. roof")
    await stage.ann.click(asked.response, label="Pause it and start the new one")
    told = await press(stage, shown, "Take 1")
    assert told.content == "That script is paused. “The Roof” is running here now."
    await stage.store.scripts.delete_script(script.id)
    told = await press(stage, shown, "Take 1")
    assert told.content.startswith("These takes were deleted")
    assert await stage.lines() == ["EXT. ROOF"]


async def test_everybody_has_one_vote(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live_polls, "RECOUNT_INTERVAL", 0.05)
    await start_script(stage)
    shown = await ask(stage, vote=600)
    end = int(stage.world.now().timestamp()) + 600
    assert numbers(shown) == NUMBERS
    assert f"Voting ends <t:{end}:R>." in shown.content
    assert counts(shown) == [0, 0, 0]
    written = await takes(stage, shown)
    await vote(stage, shown, 3, stage.ben)
    assert counts(shown) == [0, 0, 1]
    await vote(stage, shown, 1)
    await vote(stage, shown, 2, moderator(stage))
    await vote(stage, shown, 2)
    await vote(stage, shown, 2)
    await stage.world.advance_time(1.5)
    assert counts(shown) == [0, 2, 1]
    assert await stage.lines() == [HEADING]
    await stage.world.advance_time(601)
    assert await stage.lines() == [HEADING, written[1]]
    told = stage.messages()[-3]
    assert told.content == "-# Voting has ended. Take 2 won with 2 of 3 votes."
    assert labels(stage.panel()) == BY_VOICE
    assert shown.content.startswith("-# Take 2 won the vote.")
    assert counts(shown) == [0, 2, 1]
    await assert_channel_is_true(stage)


async def test_a_tie_is_told_and_drawn_by_the_seed(stage: Stage):
    await start_script(stage)
    shown = await ask(stage, vote=600)
    written = await takes(stage, shown)
    await vote(stage, shown, 3)
    await vote(stage, shown, 2, stage.ben)
    await stage.world.advance_time(601)
    drawn = Random(5).choice([1, 2])
    assert stage.messages()[-3].content.startswith(
        f"-# Voting has ended in a tie of 2 takes, with 1 vote each. Take {drawn + 1} was drawn."
    )
    assert shown.content.startswith(f"-# The vote was a tie, and take {drawn + 1} was drawn.")
    assert await stage.lines() == [HEADING, written[drawn]]


async def test_without_votes_the_first_take_is_chosen(stage: Stage):
    await start_script(stage)
    shown = await ask(stage, vote=600)
    written = await takes(stage, shown)
    await stage.world.advance_time(601)
    assert stage.messages()[-3].content == "-# Nobody voted, so take 1 was chosen."
    assert shown.content.startswith("-# Nobody voted, so take 1 was chosen.")
    assert await stage.lines() == [HEADING, written[0]]


async def test_a_vote_does_not_move_a_script_that_has_gone_on(stage: Stage):
    await start_script(stage)
    shown = await ask(stage, vote=600)
    written = await takes(stage, shown)
    await vote(stage, shown, 2)
    await write(stage, "Rain.")
    await stage.world.advance_time(601)
    assert await stage.lines() == [HEADING, "Rain."]
    told = stage.messages()[-1]
    assert told.content.startswith(
        "-# Voting has ended. Take 2 won with 1 of 1 vote. The script has moved on, so it was "
        "not changed.\n**Take 2**\n"
    )
    assert labels(told) == ["Continue from here"]
    assert shown.components == []
    await stage.ann.click(told, label="Continue from here")
    assert await stage.lines() == [HEADING, written[1]]


async def test_a_vote_says_that_its_script_is_on_the_shelf_or_archived(stage: Stage):
    await start_script(stage)
    written = await takes(stage, shown := await ask(stage, vote=600))
    await vote(stage, shown, 2)
    asked = await start_script(stage, title="The Roof", heading="Ext. roof")
    await stage.ann.click(asked.response, label="Pause it and start the new one")
    await stage.world.advance_time(601)
    told = stage.messages()[-1]
    assert told.content.startswith(
        "-# Voting has ended. Take 2 won with 1 of 1 vote. “The Diner” is paused and "
        "was not changed. Continue it with </script list:"
    )
    assert await stage.lines() == ["EXT. ROOF"]
    script = await stage.script()
    await ask(stage, vote=600)
    await stage.store.scripts.update_script(script.id, running=False, archived=True)
    await stage.world.advance_time(601)
    assert stage.messages()[-1].content.startswith(
        "-# Nobody voted. “The Roof” is archived and was not changed. Continue it with </script"
    )
    diner = (await stage.store.scripts.list_scripts(stage.channel.id))[0]
    await stage.store.scripts.run_script(diner.id)
    await stage.ann.click(told, label="Continue from here")
    assert await stage.lines() == [HEADING, written[1]]


async def end_of_process(stage: Stage) -> None:
    """Let time pass while no bot runs."""
    with stage.world._bot_scope():
        stage.services.timers.stop()
    await stage.world.advance_time(601)


@pytest.mark.parametrize("stands", [True, False])
async def test_a_vote_that_was_closed_by_a_process_that_died_is_announced_once(
    stage: Stage, stands: bool
):
    await start_script(stage)
    written = await takes(stage, shown := await ask(stage, vote=600))
    await vote(stage, shown, 2)
    if not stands:
        await write(stage, "Rain.")
    await end_of_process(stage)
    [ballot] = await stage.store.polls.list_unannounced_polls()
    await stage.session.polls.close(ballot.id)
    assert numbers(shown) == NUMBERS
    for _ in range(2):
        await stage.restart()
        await stage.world.settle()
    [told] = [one for one in stage.messages() if one.content.startswith("-# Voting")]
    assert told.content.startswith("-# Voting has ended. Take 2 won with 1 of 1 vote.")
    assert shown.content.startswith("-# Take 2 won the vote.")
    assert shown.components == []
    assert await stage.lines() == [HEADING, written[1] if stands else "Rain."]
    assert labels(told) == ([] if stands else ["Continue from here"])
    if stands:
        await assert_channel_is_true(stage)


async def test_votes_of_other_shards_are_left_to_their_processes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    await start_script(stage)
    await ask(stage, vote=600)
    await end_of_process(stage)
    bot, its_shard = stage.world.bot, (stage.guild.id >> 22) % 3
    for shard in range(3):
        bot.shard_count, bot.shard_id = 3, shard
        its, watched = stage.services, list[Poll]()
        timers = Timers(its.in_flight.track)
        polls = LivePolls(bot, its.sessions, its.messages, timers)
        monkeypatch.setattr(polls, "watch", watched.append)
        await polls.resume()
        assert len(watched) == (shard == its_shard)


@pytest.mark.parametrize("fails", ["the disk", "Discord"])
async def test_a_vote_that_could_not_end_is_tried_again(stage: Stage, fails: str):
    await start_script(stage)
    written = await takes(stage, shown := await ask(stage, vote=600))
    before = len(stage.messages())
    if fails == "the disk":
        mend = await only_read(stage)
    else:
        stage.world.inject_error("POST", "/channels/*/messages", status=400, times=2)
    await stage.world.advance_time(601)
    assert len(stage.messages()) == before
    await stage.world.advance_time(6)
    assert len(stage.messages()) == before
    if fails == "the disk":
        assert await stage.lines() == [HEADING]
        await mend()
    await stage.world.advance_time(31)
    assert await stage.lines() == [HEADING, written[0]]
    assert shown.components == []
    assert len(stage.messages()) == before + 2
    await stage.world.advance_time(4000)
    assert len(stage.messages()) == before + 2
    await assert_channel_is_true(stage)


@pytest.mark.parametrize("status", [403, 404])
async def test_a_vote_is_over_where_nobody_can_be_told(stage: Stage, status: int):
    await start_script(stage)
    written = await takes(stage, shown := await ask(stage, vote=600))
    stage.world.inject_error("POST", "/channels/*/messages", status=status, times=1)
    await stage.world.advance_time(601)
    assert await stage.store.polls.list_unannounced_polls() == []
    assert shown.content.startswith("-# Nobody voted, so take 1 was chosen.")
    assert await stage.lines() == [HEADING, written[0]]


async def test_takes_in_a_message_that_was_not_noted_end_once_it_is_pressed(stage: Stage):
    await start_script(stage)
    asked = stage.continue_with_seed(stage.ann, stage.channel, takes=3, seed=5, vote=600)
    await unnoted(stage, asked)
    shown = poll(stage)
    await press(stage, shown, "Vote for 2", stage.ben)
    assert counts(shown) == [0, 1, 0]
    await stage.world.advance_time(601)
    assert shown.content.startswith("-# Take 2 won the vote.")
    assert shown.components == []


@pytest.mark.parametrize("deleted", [False, True])
async def test_takes_in_a_message_that_was_not_noted_lose_their_buttons_where_all_is_over(
    stage: Stage, deleted: bool
):
    await start_script(stage)
    asked = stage.continue_with_seed(stage.ann, stage.channel, takes=3, seed=5, vote=600)
    await unnoted(stage, asked)
    shown = poll(stage)
    await stage.world.advance_time(601)
    assert numbers(shown) == NUMBERS
    if deleted:
        await stage.store.scripts.delete_script((await stage.script()).id)
    late = await press(stage, shown, "Vote for 2")
    assert late.ephemeral
    assert shown.components == []
    assert shown.content.startswith("-# 3 takes" if deleted else "-# Nobody voted")


async def test_takes_are_not_rewritten_where_they_are_chosen(stage: Stage):
    await start_script(stage)
    shown = await ask(stage)
    told = answer(await stage.ann.context_menu(stage.channel, "Rewrite this line", shown))
    assert told.ephemeral
    assert told.content.startswith("These takes are still open. Choose one")


@pytest.mark.parametrize("meanwhile", [False, True])
async def test_a_vote_outlives_a_restart(stage: Stage, meanwhile: bool):
    await start_script(stage)
    shown = await ask(stage, vote=600)
    written = await takes(stage, shown)
    await vote(stage, shown, 3)
    if meanwhile:
        await end_of_process(stage)
        assert await stage.lines() == [HEADING]
    await stage.restart()
    if not meanwhile:
        assert await stage.lines() == [HEADING]
        await vote(stage, shown, 2, stage.ben)
        await vote(stage, shown, 2)
        await stage.world.advance_time(601)
    await stage.world.settle()
    assert await stage.lines() == [HEADING, written[2 if meanwhile else 1]]
    await assert_channel_is_true(stage)


class Slow(Bot):
    """A bot that learns of its servers only after the work of its start."""

    async def setup_hook(self) -> None:
        """Wait for the tasks of the start."""
        await super().setup_hook()
        if tasks := self.services.in_flight.tasks:
            await asyncio.wait(tasks)


async def test_a_vote_that_ended_meanwhile_is_told_of_once_and_in_the_servers_language(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys.modules[Stage.__module__], "Bot", Slow)
    await start_script(stage)
    await ask(stage, vote=600)
    await end_of_process(stage)
    before = len(stage.messages())
    stage.world.backend.guilds[stage.guild.id].preferred_locale = "de"
    await stage.restart()
    stage.world.bot.dispatch("ready")
    await stage.world.settle()
    told = stage.messages()[before - 1]
    assert told.content.startswith("-# Niemand hat abgestimmt")


async def test_a_vote_in_a_script_that_was_deleted_ends_with_it(stage: Stage):
    await start_script(stage)
    await vote(stage, await ask(stage, vote=600), 3)
    script = await stage.script()
    await stage.store.scripts.delete_script(script.id)
    seen = len(stage.messages())
    await stage.world.advance_time(601)
    assert len(stage.messages()) == seen


async def test_a_vote_needs_takes(stage: Stage):
    await start_script(stage)
    refused = answer(await stage.ann.slash(stage.channel, "continue", vote=30))
    assert refused.ephemeral
    assert refused.content.startswith("A vote needs several takes. Set takes")
    assert await stage.lines() == [HEADING]


def test_who_wins():
    assert find_winner(count_votes([0, 1, 2], []), 7) == 0
    assert find_winner(count_votes([0, 1, 2], [2, 1, 1]), 7) == 1
    drawn = {find_winner(count_votes([0, 1, 2], [2, 1, 1, 2]), seed) for seed in range(20)}
    assert drawn == {1, 2}
    assert count_votes([1, 0], [1, 1]) == {0: 0, 1: 2}


async def test_a_take_that_is_cut_is_read_whole_even_after_a_restart(stage: Stage):
    await start_script(stage)
    shown = await ask(stage, takes=MAX_TAKES, lines=7)
    _, second, *_ = await takes(stage, shown)
    assert letters(second) not in letters(shown.content)
    await stage.restart()
    read = await stage.ben.select(shown, values=["1"])
    pages = [read.response, *read.followups]
    assert all(page.ephemeral for page in pages)
    first, _, text = pages[0].content.partition("\n")
    assert first == "**Take 2**"
    assert letters("".join([text, *(page.content for page in pages[1:])])) == letters(second)
    assert await stage.lines() == [HEADING]
    await press(stage, shown, "Take 2")
    assert (await stage.lines())[1:] == second.split("\n\n")


async def test_a_take_of_many_long_lines_is_read_in_several_messages(stage: Stage):
    await start_script(stage)
    ballot = await stage.store.polls.find_poll_by_message((await ask(stage)).id)
    [line, *_] = (await stage.store.polls.load_takes(ballot))[0]
    line.kind, line.text = "action", "\U0001f600. " * 300
    pages = format_take(0, [line] * 10)
    assert len(pages) == 10
    assert all(size(page) <= LIMIT for page in pages)
    assert sum(page.count("\U0001f600") for page in pages) == 3000


async def test_long_takes_are_cut(stage: Stage):
    await start_script(stage)
    shown = await ask(stage, takes=MAX_TAKES, lines=6)
    assert 1500 < size(shown.content) <= LIMIT
    assert "\n> -# …" in shown.content
    ballot = await stage.store.polls.find_poll_by_message(shown.id)
    found = await stage.store.polls.load_takes(ballot)
    for lines in found.values():
        for line in lines:
            line.text, line.credit = "\U0001f600" * 700, "*" * 300
    assert size(format_poll(ballot, found, dict.fromkeys(range(5000), 1))) <= LIMIT
    ballot.closed, ballot.chosen = True, 2
    assert size(format_poll(ballot, found, {})) <= LIMIT
