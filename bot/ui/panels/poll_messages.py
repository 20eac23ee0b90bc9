"""Show polls: several takes in one message, to pick or vote for one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

import discord
from discord import ui

from ...errors import TransactionFailed
from ...i18n.catalogue import many, phrase, say
from ...session.channel_session import ChannelSession
from ...session.polls import count_votes, find_leaders
from ...session.turn import PollResult, ScriptPosition
from ...storage.schema import Line, Poll
from ..components import (
    CUSTOM_ID_PREFIX,
    ID_PATTERN,
    has_component,
    make_options,
    make_position_button,
    make_view,
)
from ..delivery.sending import (
    CONNECTION_ERRORS,
    REQUEST_TIMEOUT,
    MessageChannel,
    edit_message,
    post_message,
)
from ..lines.looks import format_scene, split_scene
from ..markdown import LIMIT, inline, mention, size
from .panel import delete_message

log = logging.getLogger("onbook.poll_messages")

NEWEST = 100
"""The number of messages that one request reads to find what an earlier process posted."""

CUT_MARK = "-# …"
"""Stands below a take that is shown in part."""

TAKE = phrase("Take {take}")
"""The name of a take, above its lines and in its button."""

OUTCOMES = {
    "taken": phrase("{result}."),
    "moved": phrase("{result}, but the script has moved on without it."),
    "shelf": phrase("{result}, but “{title}” is paused. Continue it with {/script list}."),
    "archived": phrase("{result}, but “{title}” is archived. Reopen it with {/script list}."),
}
"""The sentences about a vote that has ended, by what became of the take that won."""

TAKE_ID = rf"{CUSTOM_ID_PREFIX}poll:(?P<poll>{ID_PATTERN}):take:(?P<take>\d{{1,2}})"
READ_TAKE_ID = rf"{CUSTOM_ID_PREFIX}poll:(?P<poll>{ID_PATTERN}):read"


async def post_takes(channel: MessageChannel, session: ChannelSession, poll: Poll) -> int:
    """Post takes; return the message."""
    content, view = draw_poll(poll, await session.polls.load_takes(poll), {})
    nonce = f"poll {poll.id}"
    return (await post_message(channel, content, nonce, view=view or discord.utils.MISSING)).id


async def restore_takes(
    channel: MessageChannel, session: ChannelSession, poll: Poll, bot: discord.ClientUser | None
) -> None:
    """Find the message in which an earlier process of a bot has posted takes, or post them."""
    message = await _find(channel, poll.id, bot) or await post_takes(channel, session, poll)
    await session.polls.record_message(poll.id, message)


async def redraw_poll(channel: MessageChannel, session: ChannelSession, poll: int) -> bool:
    """Redraw a poll; return False if its message exists and could not be drawn.

    Delete the message of a closed poll without a vote: the line that was picked stands in the
    channel, and all other takes in the history.
    """
    async with session.drawing:
        board = await session.polls.load_board(poll)
        if board is None or board.poll.message is None:
            return True
        if board.poll.closed and board.poll.ends is None:
            await delete_message(channel, board.poll.message)
            return True
        content, view = draw_poll(board.poll, board.takes, board.votes)
        try:
            await edit_message(channel, board.poll.message, content=content, view=view)
        except (discord.HTTPException, *CONNECTION_ERRORS) as error:
            # The votes are stored, although their numbers are not shown.
            log.warning("could not draw poll %d again: %s", poll, error)
            return False
    return True


async def put_takes_away(
    channel: MessageChannel, session: ChannelSession, script: int, picked: int | None = None
) -> None:
    """Put away the takes without a vote that a script has passed, and the poll that was picked."""
    with suppress(TransactionFailed):  # since the line is written; the next turn tries it again
        for poll in (picked, *await session.polls.close_passed(script)):
            if poll is not None:
                await redraw_poll(channel, session, poll)


async def announce_result(
    channel: MessageChannel, poll_result: PollResult, *, is_early: bool
) -> None:
    """Say how a vote ended, with the winning take if it is not in the script.

    A second attempt, some minutes after the first, posts nothing. Nothing is posted either if
    nobody voted before the script went on, because whoever went on was told so.
    """
    has_votes = any(poll_result.counts.values())
    if poll_result.script.running and not poll_result.taken and not has_votes:
        return
    content, view = _format_poll_result(poll_result, is_early), discord.utils.MISSING
    if not poll_result.taken:
        first, *_ = format_take(poll_result.winner, poll_result.lines, size(content) + 1)
        content = f"{content}\n{first}"
        position = ScriptPosition(poll_result.script.id, poll_result.lines[-1].id)
        view = make_view(make_position_button("here", position))
    await post_message(channel, content, nonce=f"vote {poll_result.poll}", view=view)


async def remove_buttons(
    channel: MessageChannel, session: ChannelSession, messages: Iterable[int]
) -> None:
    """Remove the buttons from messages of polls that are gone."""
    async with session.drawing:  # because a poll that is being drawn was read before
        for message in messages:
            with suppress(discord.HTTPException, *CONNECTION_ERRORS):
                await edit_message(channel, message, view=None)


async def redraw_pressed_poll(
    channel: MessageChannel, session: ChannelSession, poll: int, message: int
) -> None:
    """Redraw the poll whose button was pressed; remove the buttons of a deleted one."""
    if await session.polls.load_board(poll):
        await redraw_poll(channel, session, poll)
    else:
        await remove_buttons(channel, session, [message])


async def _find(channel: MessageChannel, poll: int, bot: discord.ClientUser | None) -> int | None:
    """Return a message of takes that is among the newest, if the bot may read them, or None."""
    with suppress(discord.Forbidden):
        async with asyncio.timeout(REQUEST_TIMEOUT):
            async for message in channel.history(limit=NEWEST):
                if message.author == bot and has_component(message, f"poll:{poll}"):
                    return message.id
    return None


def draw_poll(
    poll: Poll, takes: Mapping[int, Sequence[Line]], votes: Mapping[int, int]
) -> tuple[str, ui.View | None]:
    """Return the content of a poll's message, and the components below.

    There is a button for each take and, if a take is cut, a menu to read all of it. A poll that is
    closed has no components. Takes have numbers from 0, and votes are by the people's ids.
    """
    content = format_poll(poll, takes, votes)
    if poll.closed:
        return content, None
    counts = count_votes(takes, votes.values())
    names = {take: say(TAKE, take=take + 1) for take in takes}
    items: list[ui.Item[ui.View]] = [
        ui.Button(
            label=_format_count(take, counts[take]) if poll.ends else name,
            style=discord.ButtonStyle.primary,
            custom_id=f"{CUSTOM_ID_PREFIX}poll:{poll.id}:take:{take}",
        )
        for take, name in names.items()
    ]
    if CUT_MARK in content:
        items.append(
            ui.Select(
                custom_id=f"{CUSTOM_ID_PREFIX}poll:{poll.id}:read",
                placeholder=say("Read a take in full…"),
                options=make_options({str(take): name for take, name in names.items()}, None),
            )
        )
    return content, make_view(*items)


def format_take(take: int, lines: Sequence[Line], reserved: int = 0) -> list[str]:
    """Return a take, by its number from 0, as messages of at most 2,000 characters each.

    Each message leaves room for a text of the size ``reserved``.
    """
    title = _format_title(take)
    room = LIMIT - reserved - size(title) - 1
    first, *rest = split_scene((line.element for line in lines), room)
    return [f"{title}\n{first}", *rest]


def _format_title(take: int) -> str:
    return f"**{say(TAKE, take=take + 1)}**"


def format_poll(poll: Poll, takes: Mapping[int, Sequence[Line]], votes: Mapping[int, int]) -> str:
    """Return the takes or, of a closed poll, how many votes each got, in at most 2,000 characters.

    The arguments are those of `draw_poll`.
    """
    if poll.closed:
        counts = count_votes(takes, votes.values())
        results = {take: _format_count(take, count) for take, count in counts.items()}
        if poll.chosen is None:
            top = say(
                "Voting has ended, and no take was added. See the takes in {/script history}."
            )
        else:
            top = say("Voting has ended. See the other takes in {/script history}.")
            results[poll.chosen] = f"**{results[poll.chosen]}**"
        return f"-# {top} {' · '.join(results.values())}"
    top, titles = _format_open(poll, len(takes)), [_format_title(take) for take in takes]
    scenes = _fit_takes(list(takes.values()), LIMIT - size("\n".join([top, *titles])))
    # A blank line ends a quotation.
    shown = "\n\n".join(f"{title}\n{scene}" for title, scene in zip(titles, scenes, strict=True))
    return f"{top}\n{shown}"


def _format_open(poll: Poll, takes: int) -> str:
    count = many(takes, "take")
    if poll.ends is None:
        asker = mention(poll.asker)
        status = say("{takes}: {asker} or a moderator can choose one.", takes=count, asker=asker)
    else:
        ends = discord.utils.format_dt(poll.ends, "R")
        status = say("{takes}: everybody has one vote. Voting ends {when}.", takes=count, when=ends)
    return f"-# {status}"


def _format_count(take: int, votes: int) -> str:
    return f"{say(TAKE, take=take + 1)} — {votes}"


def _fit_takes(takes: Sequence[Sequence[Line]], space: int) -> list[str]:
    """Return each take as prose, cut so that all of them fit into ``space`` characters.

    Three line breaks go with each take. Short takes leave their room to long ones.
    """
    scenes = [""] * len(takes)
    by_length = sorted(range(len(takes)), key=lambda n: sum(len(line.text) for line in takes[n]))
    for place, n in enumerate(by_length):
        share = space // (len(takes) - place) - 3
        scenes[n] = format_scene((line.element for line in takes[n]), share, CUT_MARK)
        space -= size(scenes[n]) + 3
    return scenes


def _format_poll_result(poll_result: PollResult, is_early: bool) -> str:
    """Return the result of a vote and what became of the take that won, as one sentence."""
    script, outcome = poll_result.script, "taken"
    if not poll_result.taken:
        outcome = "moved" if script.running else "archived" if script.archived else "shelf"
    title = inline(script.title, 100)
    sentence = say(OUTCOMES[outcome], result=_format_winner(poll_result), title=title)
    if is_early:
        sentence = say("Everybody here has voted. {result}", result=sentence)
    return f"-# {sentence}"


def _format_winner(poll_result: PollResult) -> str:
    """Return which take has won a vote, and why, without a full stop."""
    take, counts = poll_result.winner + 1, poll_result.counts
    votes, most = sum(counts.values()), counts[poll_result.winner]
    if not votes:
        return say("Take {take} was chosen because nobody voted", take=take)
    if len(find_leaders(counts)) > 1:
        return say("The vote was a tie, so take {take} was picked at random", take=take)
    return say(
        "Take {take} won with {most:,} of {votes}", take=take, most=most, votes=many(votes, "vote")
    )
