"""Test takes, picks and votes."""

import datetime as dt
import re
from random import Random
from typing import Any

import pytest
from sqlalchemy import update

from bot.errors import RequestError
from bot.session import drafting, polls
from bot.session.polls import Polls
from bot.session.turn import PollResult, Requester, ScriptPosition
from bot.storage.schema import Line, Poll
from bot.ui.background import live_polls
from bot.ui.markdown import LIMIT, size
from bot.ui.panels import poll_messages
from bot.ui.panels.poll_messages import format_poll, format_take
from tests.bot.channel_check import assert_channel_is_true
from tests.bot.conftest import (
    HEADING,
    Stage,
    answer,
    assert_private,
    fields,
    labels,
    moderator,
    poll,
)
from tests.bot.playing import (
    BY_VOICE,
    act_unrecorded,
    click,
    edit,
    menu_options,
    pass_time_without_bot,
    replace_script,
    use_on_message,
    write_lines,
)
from tests.bot.session_harness import SessionHarness, texts
from tests.bot.storage.disk_faults import make_read_only
from tests.fake_discord.people import letters

STARTED = True

NUMBERS = ["1", "2", "3"]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch):
    """Let votes last as long as they may, because never enough people have voted."""
    monkeypatch.setattr(polls, "FEWEST_VOTERS", 99)


async def ask(stage: Stage, by: Any = None, **wishes: Any) -> Any:
    """Ask for takes, and return the message that shows them, or says why there are none."""
    wishes = {"takes": 3, "seed": 5, **wishes}
    asked = await stage.continue_with_seed(by or stage.ann, **wishes)
    return answer(asked) or poll(stage)


def is_shown(stage: Stage, message: Any) -> bool:
    return message.id in [shown.id for shown in stage.messages()]


def find_button(shown: Any, take: int) -> str:
    [found] = [label for label in labels(shown) if label.startswith(f"Take {take}")]
    return found


async def press(stage: Stage, shown: Any, take: int, by: Any = None) -> Any:
    """Press the button of a take as Ann, or as somebody else; return the answer, or None."""
    return await click(by or stage.ann, shown, find_button(shown, take))


async def vote(stage: Stage, shown: Any, take: int, by: Any = None) -> None:
    """Vote for a take, whereupon only the message of the takes changes."""
    assert (await press(stage, shown, take, by)).id == shown.id


def numbers(shown: Any) -> list[str]:
    return [label.split()[1] for label in labels(shown)]


async def write_anyway(stage: Stage, text: str) -> None:
    asked = answer(await stage.ann.slash(stage.channel, "write", text=text))
    await stage.ann.click(asked, label="Add it anyway")


async def load_takes(stage: Stage, shown: Any) -> list[str]:
    store = stage.store
    found = await store.polls.load_takes(await store.polls.find_poll_by_message(shown.id))
    return ["\n\n".join(line.text for line in lines) for lines in found.values()]


def counts(shown: Any) -> list[int]:
    """Return how many votes each take has, as everybody sees."""
    return [int(label.rpartition(" — ")[2]) for label in labels(shown)]


async def test_open_takes_are_prose_that_pings_nobody_with_a_button_each(stage: Stage):
    shown = await ask(stage)
    [row] = stage.look(shown)["components"]  # takes that are shown whole need no menu
    assert len(row["components"]) == len(NUMBERS)
    assert shown.content.startswith(
        f"-# 3 takes: <@{stage.ann.id}> or a moderator can choose one.\n"
    )
    assert re.findall(r"\*\*Take (\d)\*\*\n> ", shown.content) == NUMBERS
    [body] = [body for body in stage.sent() if body["content"] == shown.content]
    assert body["allowed_mentions"]["parse"] == []


async def test_the_asker_or_a_moderator_picks_a_take(stage: Stage):
    lines = [HEADING]
    for person in (stage.ann, moderator(stage)):
        shown = await ask(stage)
        written = await load_takes(stage, shown)
        assert_private(await press(stage, shown, 1, stage.ben), "Only a moderator")
        assert (await stage.lines(), numbers(shown)) == (lines, NUMBERS)
        await press(stage, shown, 2, person)
        lines.append(written[1])
        assert await stage.lines() == lines
        assert not is_shown(stage, shown)
    await assert_channel_is_true(stage)


async def test_open_takes_are_no_lines_that_others_may_jump_to(harness: SessionHarness):
    script = (await harness.start()).script
    history, takes = harness.session.history, await harness.generate(takes=2)
    [first], [second] = (await harness.session.polls.load_takes(takes.poll)).values()
    [ann, ben] = map(harness.writer, ("Ann", "Ben"))
    with pytest.raises(RequestError, match="whoever requested these takes"):
        await history.jump_to(ben, ScriptPosition(script.id, first.id))
    await history.jump_to(ann, ScriptPosition(script.id, first.id))
    await history.jump_to(ben, ScriptPosition(script.id, second.id))


async def test_a_button_asks_for_takes_and_a_pick_removes_all_at_its_place(stage: Stage):
    for _ in range(2):
        await stage.ben.click(stage.panel(), label="Three takes")
    first, second = (message for message in stage.messages() if "3 takes:" in message.content)
    await press(stage, second, 3, stage.ben)
    assert await stage.lines() == [HEADING, (await load_takes(stage, second))[2]]
    assert not is_shown(stage, first)
    assert not is_shown(stage, second)
    left = (
        "-# Takes that nobody chose were removed from the channel. They stay in </script history:"
    )
    assert stage.panel().content.startswith(left)
    await press(stage, await ask(stage), 1)
    assert left not in stage.panel().content
    gone = await ask(stage)
    await write_lines(stage, "Rain.", by=stage.ben)
    assert not is_shown(stage, gone)
    assert stage.panel().content.startswith(left)


async def test_a_take_is_what_its_seed_writes_alone(harness: SessionHarness):
    await harness.start()
    how = {"lines": 2, "character": "Maya", "temperature": 1.2}
    turn = await harness.generate(seed=5, takes=2, **how)
    takes = await harness.store.polls.load_takes(turn.poll)
    for seed, take in zip((5, 7), takes.values(), strict=True):
        assert texts(await harness.continue_script(seed, **how)) == texts(take)
        for _ in range(2):
            await harness.undo()


async def test_further_takes_are_others(harness: SessionHarness, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(drafting.secrets, "randbelow", lambda _: 5)
    await harness.start()
    asked = [await harness.generate(takes=2, quality="best") for _ in range(2)]
    takes = [await harness.store.polls.load_takes(turn.poll) for turn in asked]
    first, second = ({texts(take)[0] for take in found.values()} for found in takes)
    assert first.isdisjoint(second)


async def test_the_other_takes_stay_reachable(stage: Stage):
    shown = await ask(stage)
    written = await load_takes(stage, shown)
    told = await use_on_message(stage, stage.ann, "Rewrite this line", shown)
    assert_private(told, "Rewrite the chosen one in its own message, or go to one with")
    menu = await use_on_message(stage, stage.ann, "Continue from here", shown)
    assert menu.ephemeral
    await stage.ann.select(menu, [next(iter(menu_options(menu).values()))])
    assert await stage.lines() == [HEADING, written[0]]
    assert not is_shown(stage, shown)
    await assert_channel_is_true(stage)
    history = answer(await stage.ann.slash(stage.channel, "script history"))
    assert len(menu_options(history)) == 4


async def test_a_script_can_be_set_to_takes(stage: Stage):
    refused = answer(await stage.ann.slash(stage.channel, "continue", vote=30))
    assert_private(refused, "A vote needs several takes. Set `takes:`")
    await stage.ann.slash(stage.channel, "settings", setting="takes", value="2")
    await stage.ben.click(stage.panel(), label="Continue")
    assert numbers(poll(stage)) == NUMBERS[:2]
    await press(stage, poll(stage), 1, stage.ben)
    await stage.ann.click(stage.panel(), label="Another take")
    assert labels(stage.panel()) == BY_VOICE
    await stage.ann.slash(stage.channel, "continue", takes=1)
    assert len(await stage.lines()) == 3


async def test_takes_keep_to_the_rules_of_the_script(stage: Stage):
    await stage.ann.slash(stage.channel, "settings", setting="cooldown", value="60")
    await ask(stage, stage.ben)
    assert_private(await ask(stage, stage.ben), "This script has a cooldown")
    mo, role = moderator(stage), stage.guild.create_role("Cast")
    shown = await ask(stage, mo, vote=600)
    await mo.slash(stage.channel, "settings", setting="role", value=str(role.id))
    await mo.slash(stage.channel, "settings", setting="cooldown", value="0")
    for reply in (await ask(stage, stage.ben), await press(stage, shown, 1, stage.ben)):
        assert_private(reply, "limited to a role")


async def test_takes_and_votes_end_with_their_script(stage: Stage):
    shown, script = await ask(stage), await stage.script()
    await vote(stage, await ask(stage, vote=600), 3)
    await replace_script(stage)
    told = await press(stage, shown, 1)
    assert told.content == "That script is paused. “The Roof” is running here now."
    await stage.store.scripts.delete_script(script.id)
    told = await press(stage, shown, 1)
    assert told.content.startswith("These takes were deleted")
    before = len(stage.messages())
    await stage.world.advance_time(601)
    assert len(stage.messages()) == before
    assert await stage.lines() == ["EXT. ROOF"]


async def test_a_vote_closes_the_takes_beside_it(stage: Stage):
    await stage.ben.click(stage.panel(), label="Three takes")
    beside = poll(stage)
    await ask(stage, vote=600)
    await stage.world.advance_time(601)
    assert len(await stage.lines()) == 2
    assert not is_shown(stage, beside)


async def test_everybody_has_one_vote(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live_polls, "RECOUNT_INTERVAL", 0.05)
    shown = await ask(stage, vote=600)
    end = int(stage.world.now().timestamp()) + 600
    assert numbers(shown) == NUMBERS
    assert f"Voting ends <t:{end}:R>." in shown.content
    assert counts(shown) == [0, 0, 0]
    written = await load_takes(stage, shown)
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
    assert told.content == "-# Take 2 won with 2 of 3 votes."
    assert labels(stage.panel()) == BY_VOICE
    # The result is told once, and marked in the message of the takes.
    assert shown.content.startswith("-# Voting has ended. See the other takes in </script history:")
    assert shown.content.endswith(" Take 1 — 0 · **Take 2 — 2** · Take 3 — 1")
    assert "\n" not in shown.content
    await assert_channel_is_true(stage)


async def test_a_vote_ends_early_once_two_and_all_who_are_present_have_voted(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(polls, "FEWEST_VOTERS", 2)
    cy, dee = stage.member("Cy"), stage.member("Dee")
    await dee.click(stage.panel(), label="More…")
    await stage.world.advance_time(901)  # until Dee seems to have left
    await cy.click(stage.panel(), label="More…")
    shown = await ask(stage, vote=600)
    written = await load_takes(stage, shown)
    await vote(stage, shown, 2)
    assert numbers(shown) == NUMBERS  # one voter is no vote
    await vote(stage, shown, 1, stage.ben)
    assert numbers(shown) == NUMBERS  # Cy has pressed a button a moment ago
    await vote(stage, shown, 2, cy)
    assert await stage.lines() == [HEADING, written[1]]
    told = stage.messages()[-3]
    assert told.content == "-# Everybody here has voted. Take 2 won with 2 of 3 votes."
    await assert_channel_is_true(stage)


async def test_a_vote_does_not_end_early_without_those_of_before_a_restart(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(polls, "FEWEST_VOTERS", 2)
    cy = stage.member("Cy")
    await cy.click(stage.panel(), label="More…")
    await stage.world.advance_time(1)
    await stage.restart()
    # A script that begins after the restart is theirs, too.
    for _ in range(2):
        shown = await ask(stage, vote=600)
        for voter in (stage.ann, stage.ben):
            await vote(stage, shown, 2, voter)
        assert numbers(shown) == NUMBERS
        await replace_script(stage)
    await stage.world.advance_time(901)  # by then, whoever is here has pressed again
    shown = await ask(stage, vote=600)
    for voter in (stage.ann, stage.ben):
        await vote(stage, shown, 2, voter)
    assert stage.messages()[-3].content.startswith("-# Everybody here has voted.")


async def test_writing_during_a_vote_asks_first(stage: Stage):
    await stage.continue_with_seed(stage.ann, seed=3)
    shown = await ask(stage, vote=600)
    lines, end = await stage.lines(), int(stage.world.now().timestamp()) + 600
    for command, options, label in (
        ("write", {"text": "Rain."}, "Add it anyway"),
        ("continue", {}, "Continue anyway"),
    ):
        asked = answer(await stage.ben.slash(stage.channel, command, **options))
        told = f"People are voting on the next line until <t:{end}:T>. If you go ahead before then"
        assert_private(asked, told)
        assert ("Rain." in asked.content) == (command == "write")
        assert labels(asked) == [label]
        assert await stage.lines() == lines
    written = answer(await stage.ben.slash(stage.channel, "write", text="Rain."))
    await stage.ben.click(written, label="Add it anyway")
    assert await stage.lines() == [*lines, "Rain."]
    # The vote is not about the end of the script any more.
    assert shown.components == []
    assert "Voting has ended, and no take was added." in shown.content
    assert await write_lines(stage, "Snow.")
    assert (await stage.lines())[-1] == "Snow."


async def test_picking_an_older_take_during_a_vote_asks_first(stage: Stage):
    older, voted = await ask(stage), await ask(stage, stage.ben, vote=600)
    asked = await press(stage, older, 1)
    assert_private(asked, "People are voting on the next line")
    assert await stage.lines() == [HEADING]
    written = await load_takes(stage, older)
    await stage.ann.click(asked, label="Add it anyway")
    assert await stage.lines() == [HEADING, written[0]]
    await stage.world.advance_time(601)
    assert voted.content.startswith("-# Voting has ended, and no take was added.")
    assert "**" not in voted.content  # since no take of the vote was added


@pytest.mark.parametrize(
    ("leave", "lines"),
    [
        ("undo", [HEADING]),
        ("redo", [HEADING, "Rain.", "Snow."]),
        ("jump", [HEADING]),
        ("rewrite", [HEADING, "Hail."]),
        ("cut", ["Rain."]),
    ],
)
async def test_leaving_the_line_of_a_vote_asks_first(stage: Stage, leave: str, lines: list[str]):
    await write_lines(stage, "Rain.", "Snow.", by=stage.ann)
    await stage.ann.slash(stage.channel, "undo")
    panel = stage.look(stage.panel())
    [first] = [message for message in stage.messages() if "DINER" in message.content]
    shown = await ask(stage, vote=600)
    match leave:
        case "undo":
            left = await stage.ann.slash(stage.channel, "undo")
        case "redo":
            left = await stage.press_late(stage.ann, panel, "Redo")
        case "jump":
            left = await stage.ann.context_menu(stage.channel, "Continue from here", first)
        case "rewrite":
            opened = await edit(stage, line="2")
            left = await stage.ann.submit_modal(opened, {fields(opened)["Text"]: "Hail."})
        case _:
            opened = await edit(stage, line="1")
            left = await stage.ann.submit_modal(opened, {fields(opened)["Text"]: ""})
    asked = answer(left)
    assert_private(asked, "People are voting on the next line until <")
    assert ("Hail." in asked.content) == (leave == "rewrite")
    assert labels(asked) == ["Do it anyway"]
    assert await stage.lines() == [HEADING, "Rain."]
    await stage.ann.click(asked, label="Do it anyway")
    assert await stage.lines() == lines
    await stage.world.advance_time(601)
    # Nobody voted, so that nobody is told of a take.
    assert not any("Take 1 was chosen" in message.content for message in stage.messages())
    assert shown.components == []
    assert await stage.lines() == lines


async def test_a_text_that_is_refused_after_all_is_given_back(stage: Stage):
    await write_lines(stage, "Rain.", by=stage.ben)
    await ask(stage, vote=600)
    asked = answer(await stage.ben.slash(stage.channel, "write", text="Snow."))
    await stage.ann.slash(stage.channel, "settings", setting="cooldown", value="60")
    refused = await click(stage.ben, asked, "Add it anyway")
    assert_private(refused, "This script has a cooldown.", "Snow.")


async def test_an_undo_during_a_vote_spares_the_take_that_won_since(stage: Stage):
    written = await load_takes(stage, await ask(stage, vote=600))
    asked = answer(await stage.ann.slash(stage.channel, "undo"))
    [ballot] = await stage.store.polls.list_unannounced_polls()
    await stage.session.polls.close(ballot.id)
    assert_private(await click(stage.ann, asked, "Do it anyway"), "The script has moved on.")
    assert await stage.lines() == [HEADING, written[0]]


async def test_the_seed_draws_the_winner_of_a_tie(stage: Stage):
    shown = await ask(stage, vote=600)
    written = await load_takes(stage, shown)
    await vote(stage, shown, 3)
    await vote(stage, shown, 2, stage.ben)
    await stage.world.advance_time(601)
    drawn = Random(5).choice([1, 2])
    told = f"-# The vote was a tie, so take {drawn + 1} was picked at random."
    assert stage.messages()[-3].content == told
    assert "tie" not in shown.content
    assert await stage.lines() == [HEADING, written[drawn]]


async def test_a_vote_does_not_move_a_script_that_has_gone_on(stage: Stage):
    shown = await ask(stage, vote=600)
    written = await load_takes(stage, shown)
    await vote(stage, shown, 2)
    await write_anyway(stage, "Rain.")
    told = stage.messages()[-1]
    assert told.content.startswith(
        "-# Take 2 won with 1 of 1 vote, but the script has moved on without it.\n**Take 2**\n"
    )
    assert labels(told) == ["Continue from here"]
    assert shown.components == []
    await stage.ann.click(told, label="Continue from here")
    assert await stage.lines() == [HEADING, written[1]]


async def test_a_passed_vote_is_not_decided_early_by_an_undo(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    await vote(stage, await ask(stage, vote=600), 2)
    session, close = stage.session, stage.session.polls.close

    async def close_after_undo(poll: int, **how: bool) -> PollResult | None:
        await session.history.undo(Requester(stage.ann.id, "Ann", "undo"))
        return await close(poll, **how)

    monkeypatch.setattr(session.polls, "close", close_after_undo)
    await write_anyway(stage, "Rain.")
    assert await stage.lines() == [HEADING]
    [told] = [message for message in stage.messages() if "won with" in message.content]
    assert "but the script has moved on without it." in told.content


async def test_a_vote_in_a_paused_or_archived_script_changes_nothing(stage: Stage):
    written = await load_takes(stage, shown := await ask(stage, vote=600))
    await vote(stage, shown, 2)
    diner = await stage.script()
    await replace_script(stage)
    await stage.world.advance_time(601)
    told = stage.messages()[-1]
    why = "but “The Diner” is paused. Continue it with </script list:"
    assert told.content.startswith(f"-# Take 2 won with 1 of 1 vote, {why}")
    assert await stage.lines() == ["EXT. ROOF"]
    await ask(stage, vote=600)
    roof = await stage.script()
    await stage.store.scripts.update_script(roof.id, running=False, archived=True)
    await stage.world.advance_time(601)
    assert stage.messages()[-1].content.startswith(
        "-# Take 1 was chosen because nobody voted, but “The Roof” is archived. Reopen it with "
    )
    await stage.store.scripts.run_script(diner.id)
    await stage.ann.click(told, label="Continue from here")
    assert await stage.lines() == [HEADING, written[1]]


@pytest.mark.parametrize("stands", [True, False])
async def test_the_next_process_announces_once_how_a_vote_was_closed(stage: Stage, stands: bool):
    written = await load_takes(stage, shown := await ask(stage, vote=600))
    await vote(stage, shown, 2)
    await pass_time_without_bot(stage, 1)
    if not stands:
        await write_anyway(stage, "Rain.")
    await pass_time_without_bot(stage, 600)
    [ballot] = await stage.store.polls.list_unannounced_polls()
    await stage.session.polls.close(ballot.id)
    assert numbers(shown) == NUMBERS
    for _ in range(2):
        await stage.restart()
    [told] = [message for message in stage.messages() if "won with" in message.content]
    assert told.content.startswith("-# Take 2 won with 1 of 1 vote")
    assert shown.content.startswith("-# Voting has ended")
    assert shown.components == []
    assert await stage.lines() == [HEADING, written[1] if stands else "Rain."]
    assert labels(told) == ([] if stands else ["Continue from here"])
    if stands:
        await assert_channel_is_true(stage)


@pytest.mark.parametrize("fails", ["the disk", "Discord"])
async def test_a_vote_that_could_not_end_is_tried_again(stage: Stage, fails: str):
    written = await load_takes(stage, shown := await ask(stage, vote=600))
    before = len(stage.messages())
    if fails == "the disk":
        mend = await make_read_only(stage.store)
    else:
        stage.world.inject_error("POST", "/channels/*/messages", status=400, times=2)
    for seconds in (601, 6):
        await stage.world.advance_time(seconds)
        assert len(stage.messages()) == before
    if fails == "the disk":
        assert await stage.lines() == [HEADING]
        await mend()
    await stage.world.advance_time(31)
    assert await stage.lines() == [HEADING, written[0]]
    assert shown.components == []
    assert len(stage.messages()) == before + 2
    assert stage.messages()[-3].content == "-# Take 1 was chosen because nobody voted."
    await stage.world.advance_time(4000)
    assert len(stage.messages()) == before + 2
    await assert_channel_is_true(stage)


async def test_a_vote_is_over_where_nobody_can_be_told(stage: Stage):
    for status in (403, 404):
        written = await load_takes(stage, shown := await ask(stage, vote=600))
        stage.world.inject_error("POST", "/channels/*/messages", status=status, times=1)
        await stage.world.advance_time(601)
        assert await stage.store.polls.list_unannounced_polls() == []
        assert "**Take 1 — 0**" in shown.content
        assert (await stage.lines())[-1] == written[0]


async def test_a_press_redraws_a_vote_whose_end_could_not_be_drawn(stage: Stage):
    shown = await ask(stage, vote=600)
    stage.world.inject_error("PATCH", "/channels/*/messages/*", status=403, times=1)
    await stage.world.advance_time(601)
    assert numbers(shown) == NUMBERS
    assert_private(await press(stage, shown, 2), "These takes are closed.")
    assert shown.components == []
    assert "**Take 1 — 0**" in shown.content


@pytest.mark.parametrize(
    ("vote_is", "says"),
    [("open", "-# Voting has ended."), ("closed", "-# Voting has"), ("deleted", "-# 3 takes")],
)
async def test_a_press_records_the_message_of_a_vote(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, vote_is: str, says: str
):
    # The next process cannot look for it, because it may not read the channel's messages.
    monkeypatch.setattr(live_polls.LivePolls, "show", lambda *_: None)
    asked = stage.continue_with_seed(stage.ann, takes=3, seed=5, vote=600)
    await act_unrecorded(stage, asked)
    shown = poll(stage)
    if vote_is != "open":
        await stage.world.advance_time(601)
        assert numbers(shown) == NUMBERS
    if vote_is == "deleted":
        await stage.store.scripts.delete_script((await stage.script()).id)
    pressed = await press(stage, shown, 2, stage.ben)
    if vote_is == "open":
        assert counts(shown) == [0, 1, 0]
        await stage.world.advance_time(601)
    else:
        assert pressed.ephemeral
    assert shown.components == []
    assert shown.content.startswith(says)


async def test_votes_outlive_restarts_and_end_in_the_servers_language(stage: Stage):
    shown = await ask(stage, vote=600)
    written = await load_takes(stage, shown)
    await vote(stage, shown, 3)
    await stage.restart()
    await vote(stage, shown, 2, stage.ben)
    await vote(stage, shown, 2)
    await pass_time_without_bot(stage, 601)
    assert await stage.lines() == [HEADING]
    before = len(stage.messages())
    stage.world.backend.guilds[stage.guild.id].preferred_locale = "de"
    await stage.restart()
    stage.world.bot.dispatch("ready")
    await stage.world.settle()
    told = stage.messages()[before - 1]
    assert told.content.startswith("-# Fassung 2 hat")
    assert await stage.lines() == [HEADING, written[1]]
    assert stage.with_buttons() == [stage.messages()[-1].id]


def asked_to_vote(stage: Stage) -> list[dict[str, Any]]:
    """Return the bodies of all messages that asked people to vote."""
    return [body for body in stage.sent() if "everybody has one vote" in (body["content"] or "")]


async def vote_unseen(
    stage: Stage, owner: object = poll_messages, step: str = "post_takes"
) -> None:
    """Ask for a vote in a process that dies at a step, before its message is recorded."""

    async def die(*_: object) -> None:
        stage.services.timers.stop()
        raise OSError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, step, die)
        await ask(stage, vote=600)


@pytest.mark.parametrize(
    ("owner", "step"), [(poll_messages, "post_takes"), (Polls, "record_message")]
)
async def test_the_next_process_shows_a_vote_once_that_was_stored_but_not_shown(
    stage: Stage, owner: object, step: str
):
    await vote_unseen(stage, owner, step)
    await stage.restart()
    assert len(asked_to_vote(stage)) == 1
    shown = poll(stage)
    assert numbers(shown) == NUMBERS
    await vote(stage, shown, 2)
    written = await load_takes(stage, shown)
    await stage.world.advance_time(601)
    assert await stage.lines() == [HEADING, written[1]]
    await assert_channel_is_true(stage)


@pytest.mark.parametrize("why", ["it is over", "the script has gone on", "another one runs"])
async def test_an_unseen_vote_in_which_nobody_could_vote_is_not_shown(stage: Stage, why: str):
    await vote_unseen(stage)
    if why == "it is over":
        await pass_time_without_bot(stage, 601)
    elif why == "the script has gone on":
        await write_anyway(stage, "Rain.")
    else:
        await replace_script(stage)
    await stage.restart()
    assert asked_to_vote(stage) == []
    await stage.world.advance_time(601)
    await assert_channel_is_true(stage)


async def test_a_vote_that_ends_while_it_is_posted_is_shown_as_closed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    await vote_unseen(stage)
    post = poll_messages.post_takes

    async def post_late(channel: Any, session: Any, new: Poll) -> int:
        stage.services.live_polls.end_now(new.id)
        for _ in range(50):  # more than closing the vote takes
            await session.store.polls.find_poll(new.id)
        assert (await session.store.polls.find_poll(new.id)).closed
        return await post(channel, session, new)

    monkeypatch.setattr(poll_messages, "post_takes", post_late)
    await stage.restart()
    shown = next(message for message in stage.messages() if "Voting has ended" in message.content)
    assert labels(shown) == []
    await assert_channel_is_true(stage)


async def test_takes_that_discord_did_not_accept_are_shown_later(stage: Stage):
    stage.world.inject_error("POST", "/channels/*/messages", status=400, times=1)
    told = await ask(stage, vote=600)
    assert "could not be shown" in told.content
    assert numbers(poll(stage)) == NUMBERS


async def test_a_cut_take_is_read_whole_even_after_a_restart(stage: Stage):
    shown, store, services = await ask(stage, takes=2), stage.store, stage.services
    row = await store.polls.find_poll_by_message(shown.id)
    found = await store.polls.load_takes(row)
    async with store._database.writing() as session:
        for take, [line] in found.items():
            long = {"kind": "action", "text": f"Knock {take}. {'And on. ' * 180}".strip()}
            await session.execute(update(Line).where(Line.id == line.id).values(**long))
    channel = services.bot.get_channel(stage.channel.id)
    await poll_messages.redraw_poll(channel, stage.session, row.id)
    _, second = await load_takes(stage, shown)
    assert letters(second) not in letters(shown.content)
    await stage.restart()
    read = await stage.ben.select(shown, values=["1"])
    pages = [read.response, *read.followups]
    assert all(page.ephemeral for page in pages)
    first, _, text = pages[0].content.partition("\n")
    assert first == "**Take 2**"
    assert letters("".join([text, *(page.content for page in pages[1:])])) == letters(second)
    assert await stage.lines() == [HEADING]
    await press(stage, shown, 2)
    assert (await stage.lines())[1:] == second.split("\n\n")


def make_line(kind: str, text: str, credit: str = "tiny") -> Line:
    return Line(id=1, kind=kind, text=text, credit=credit)


def make_poll(**how: Any) -> Poll:
    how = {"asker": 7, "ends": None, "closed": False, "chosen": None, **how}
    return Poll(id=1, script=1, parent=None, **how)


def test_takes_are_prose_with_the_names_of_speakers():
    speech = make_line("dialogue", "MAYA (V.O.)\n(quietly)\nIt is her.")
    takes = {0: [speech], 1: [make_line("action", "Rain.")]}
    _, *rows = format_poll(make_poll(), takes, {}).split("\n")
    assert rows == [
        *("**Take 1**", "> **MAYA \\(V\\.O\\.\\)**", "> *\\(quietly\\)*", "> It is her\\."),
        *("", "**Take 2**", "> *Rain\\.*"),
    ]


def test_long_takes_are_cut_and_read_in_several_messages():
    pages = format_take(0, [make_line("action", "\U0001f600. " * 300)] * 10)
    assert len(pages) == 10
    assert all(size(page) <= LIMIT for page in pages)
    assert sum(page.count("\U0001f600") for page in pages) == 3000
    takes = {n: [make_line("action", "\U0001f600" * 700, "*" * 300)] * 6 for n in range(5)}
    ends = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    shown = format_poll(make_poll(ends=ends), takes, dict.fromkeys(range(5000), 1))
    assert 1500 < size(shown) <= LIMIT
    assert "\n> -# …" in shown
    assert size(format_poll(make_poll(closed=True, chosen=2), takes, {})) <= LIMIT
