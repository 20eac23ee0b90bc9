"""Board: what a channel's messages show of its script, so that they always tell the truth."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import discord

from ..generation.prefill import Progress
from ..i18n.catalogue import many, phrase, say
from ..i18n.markdown import inline
from ..screenplay.elements import Element
from ..session.channel_session import Room
from ..session.turn import Outcome, Place, Turn, place_of
from ..storage.database import NotKept
from ..storage.schema import BEFORE_THE_FIRST, Ballot, Line, Script, told_of
from ..storage.store import Store
from . import components, takes
from .cards import FULL, card, dealt, shown_by
from .components import Interaction
from .delivery import LOST, NOBODY, Channel, delivered, insisted, posted, tried
from .responses import SHOWN
from .script_messages import messages

log = logging.getLogger("onbook.board")

DRAWING_SECONDS = 60.0
"""Seconds for which an older message is drawn again, and the next ones in its channel wait."""

PAGE = 1800
"""The size of a page of /script show, which leaves room for its title."""

HELP = phrase(
    "**On Book** writes a script with you, line by line.\n"
    "1. `{/start}` begins a script in this channel: give it a title, a scene heading, a cast.\n"
    "2. `{/write}` adds your line: `INT. DINER - NIGHT`, `MAYA: Hello.`, `CUT TO:`, or anything "
    "that happens.\n"
    "3. `{/continue}` lets the voice write on; `{*character}` says who speaks.\n"
    "-# `{/undo}` and `{/retry}` take the last line back or write it again, `{/script show}` shows "
    "it all, and the buttons under the newest line do the same. `{/history}` goes back to any line."
)


NOBODY_VOTED = {
    True: phrase("Nobody has voted, and the first take is taken."),
    False: phrase("Nobody has voted, which leaves the first take."),
}
"""What is said of a vote without votes, by whether its take is in the script."""

NOT_TAKEN = {
    "moved": phrase("The script has gone on since, and stays as it is."),
    "shelf": phrase("“{title}” is on the shelf, and stays as it is: {/scripts} goes on with it."),
    "archived": phrase("“{title}” was archived, and stays as it is: {/scripts} goes on with it."),
}
"""Why a take that won is not in the script."""


@dataclass(frozen=True)
class _Teller:
    """A script, for the messages that show lines of it.

    "The Diner" has the lines 1, 2 and 3, and a message shows 2 and 3. "Act two" is forked from it
    there, and in that 3 is rewritten as 4, which comes into the same message, beside what it stands
    for. As long as "Act two" runs, it is the teller: 1, 2 and 4 stand in it, 1, 2 and 3 are above
    its fork, so that it has all four, and the message shows 2 and 4. Once "The Diner" runs again,
    that is the teller. It does not have 4, which is not `told` then: even when 3 is taken back, the
    message shows 3 struck through, and never what only "Act two" has instead.
    """

    script: Script
    standing: frozenset[int]
    """The ids of the lines that stand in it."""
    above: frozenset[int]
    """The ids of those above its fork, which are another script's as well."""

    def has(self, line: Line) -> bool:
        """Whether a line is in the script's tree."""
        return line.script == self.script.id or line.id in self.above

    def told(self, lines: Sequence[Line]) -> list[Line]:
        """Those lines of a message that are shown, without what only another script has instead."""
        return [line for line in lines if self.has(line) or not (line.copy_of or line.rewrite_of)]


def _of(tellers: Sequence[_Teller], lines: Sequence[Line]) -> _Teller | None:
    """The first script that has any line of a message.

    The one that runs comes first: it tells of what two scripts share. What only the other one has,
    written before it went on the shelf, that one tells of.
    """
    return next((one for one in tellers if any(map(one.has, lines))), None)


class Painted(NamedTuple):
    """What came of drawing messages again."""

    placed: bool
    """Whether the script's buttons are under one of them."""
    failed: set[int]
    """Those that could not be drawn, but are there."""


class Board:
    """The messages in which lines stand. It is told of each turn, after the room has taken it."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def show_lines(
        self, interaction: Interaction, script: Script, lines: Sequence[Line], note: str = ""
    ) -> set[int]:
        """Shows new lines, the buttons under the last; returns the messages' ids.

        A note stands above the first of them until they are drawn again.
        """
        cards = dealt(lines)
        shown: set[int] = set()
        for group in cards:
            content = _content(script, group, {line.id for line in group})
            view = await self._buttons(script, group[-1]) if group is cards[-1] else None
            if group is cards[0]:
                content = f"{note}\n{content}" if note else content
                message: Any = await delivered(interaction, content=content, view=view)
                interaction.extras[SHOWN] = True
            else:
                message = await _post_below(interaction, content, view)
            await self.store.posts.record(message.id, script.id, group)
            shown.add(message.id)
        return shown

    async def show_opening(self, interaction: Interaction, turn: Turn) -> set[int]:
        """Shows that a script begins which has no line yet; returns the message's id."""
        script = turn.script
        message = await delivered(
            interaction,
            content=say(
                "**{title}** begins. Write the first line with {/write}, or let the voice begin.",
                title=inline(script.title, 100),
            ),
            view=components.under_line(turn.place, by_voice=False),
        )
        interaction.extras[SHOWN] = True
        await self.store.posts.record(message.id, script.id, [])
        return {message.id}

    async def show_ballot(self, interaction: Interaction, ballot: Ballot) -> None:
        """Shows takes, of which one is to be chosen."""
        content, view = takes.drawn(ballot, await self.store.polls.load_takes(ballot), {})
        message = await delivered(interaction, content=content, view=view)
        interaction.extras[SHOWN] = True
        await self.store.polls.record_message(ballot.id, message.id)

    async def repaint_ballot(self, channel: Channel, room: Room, ballot: int) -> bool:
        """Draws takes again: how many are for each, or which one was chosen.

        Returns whether all is as it should be, as where their message is gone.
        """
        async with room.painting:
            found = await self.store.polls.find(ballot)
            if found is None or found.message is None:
                return True
            there, votes = (
                await self.store.polls.load_takes(found),
                await self.store.polls.load_votes(ballot),
            )
            content, view = takes.drawn(found, there, votes)
            try:
                message = discord.PartialMessage(channel=channel, id=found.message)
                await _drawn(message, content=content, view=view)
            except discord.NotFound:
                return True
            except (discord.HTTPException, *LOST) as error:
                # What was voted is noted, be it seen or not.
                log.warning("ballot %d could not be drawn again: %s", ballot, error)
                return False
        return True

    async def announce(self, channel: Channel, outcome: Outcome) -> set[int]:
        """Shows how a vote ended, and the lines that won; returns the new messages' ids.

        Where that failed in the middle, it goes on there, however late: no card comes twice.
        """
        note, script = _ended(outcome), outcome.script
        last = outcome.lines[-1].id
        cards, shown = dealt(outcome.lines), set[int]()
        for number, group in enumerate(cards):
            name = told_of(outcome.ballot.id, number)
            if await self.store.facts.find(name):
                continue  # It was posted before something failed.
            content = _content(script, group, {line.id for line in group} if outcome.turn else ())
            view: discord.ui.View | None = None
            if outcome.turn is None and group is cards[-1]:
                view = components.from_here(Place(script.id, last))
            elif script.running and group[-1].id == script.head:
                view = await self._buttons(script, group[-1])
            message = await posted(
                channel,
                content if number else f"{note}\n{content}",
                nonce=name,
                view=view or discord.utils.MISSING,
            )
            await self.store.posts.record(message.id, script.id, group)
            shown.add(message.id)
            if group is not cards[-1]:
                await self.store.facts.record(name, str(message.id))
        return shown

    async def show_progress(self, interaction: Interaction, progress: Progress, work: str) -> None:
        """Shows that one of the `views.WORKS` takes a while, how far it is, and how to stop it."""
        content, view = f"-# {_how_far(progress)}", components.stop(interaction.id, work)
        await tried(
            lambda: interaction.edit_original_response(
                content=content, view=view, allowed_mentions=NOBODY
            )
        )

    async def show_end(
        self, interaction: Interaction, room: Room, note: str, *, new: bool = False
    ) -> set[int]:
        """Shows the last line again, under a note of what happened; returns the message's id."""
        script = await room.script()
        line = None if script.head is None else await self.store.lines.find(script.head)
        before = f"-# {say('The script stands before its first line.')}"
        end = card([line], {line.id}) if line else before
        content, view = f"{note}\n{end}", await self._buttons(script, line)
        message: Any
        if new:
            message = await _post_below(interaction, content, view)
        else:
            message = await delivered(interaction, content=content, view=view)
        interaction.extras[SHOWN] = True
        await self.store.posts.record(message.id, script.id, [line] if line else [])
        return {message.id}

    async def repaint(
        self, interaction: Interaction, room: Room, turn: Turn, shown: set[int]
    ) -> bool:
        """Makes older messages tell the truth: what is in the script, and where its buttons are.

        Returns whether they are under its last line now, which may stand in no message any more.
        """
        channel = interaction.channel
        return not isinstance(channel, Channel) or await self.repaint_in(channel, room, turn, shown)

    async def repaint_in(self, channel: Channel, room: Room, turn: Turn, shown: set[int]) -> bool:
        """The same, in a channel."""
        # One after the other, each from what is true then: a slow one cannot undo a later one.
        async with room.painting:
            if turn.shelved is not None and not _touches(turn, turn.shelved):
                await self._paint(channel, turn.shelved, {place_of(turn.shelved).line}, shown)
            return (await self._paint(channel, turn.script, turn.touched, shown)).placed

    async def _paint(
        self, channel: Channel, was: Script, lines: set[int], shown: set[int]
    ) -> Painted:
        """Draws the messages that show these lines; those just ``shown`` are as they should be.

        The script's buttons come under the newest of them that can have them.

        A script has the lines 1, 2 and 3, each in a message of its own: A, B and C, with the
        buttons under C. Somebody takes 3 back by the button. The head was at 3 and is at 2, so that
        these are the ``lines``, and nothing is ``shown``. From the newest on: C has nothing that
        stands, so that its line is struck and its buttons go; B ends where the script does, and
        gets them. A is not looked at.

        By the command, there is an answer as well: a message D with line 2 and the buttons, which
        is ``shown``. It is the newest, and ends where the script does. It stays as it is, the
        buttons have their place, and B is drawn without.
        """
        script = await self.store.scripts.get(was.id)
        running = (
            script if script.running else await self.store.scripts.find_running(script.channel)
        )
        told = list({one.id: one for one in (running, script) if one}.values())
        # Others act between a turn and its message, which then shows where they had got to, as
        # theirs do: whoever comes last sees all of them.
        ends = {place_of(one).line for one in told}
        posts = await self.store.posts.load_showing(script, lines | ends, shown)
        tellers = await self._told(told, posts.values())
        placed, failed = False, set[int]()
        for message, there in sorted(posts.items(), reverse=True):
            teller = _of(tellers, there) if there else await self._beginner(tellers, message)
            if teller is None:
                continue
            by, there = teller.script, teller.told(there)
            last = by.running and not placed and _ends_at(there, teller.standing, by)
            if last and message in shown and _last_of(there) == by.head:
                placed = True
                continue
            end = next((line for line in there if line.id == by.head), None)
            view = await self._buttons(by, end) if last else None
            title = await self._begun(teller, there)
            content = _content(title, there, teller.standing) if there else None
            drawn = await self._edit(channel, message, content, view)
            placed = placed or (last and drawn is True)
            if drawn is False:
                failed.add(message)
        return Painted(placed, failed)

    async def _beginner(self, tellers: Sequence[_Teller], message: int) -> _Teller | None:
        """The script that a message without lines was shown of: no line tells whose it is."""
        found = await self.store.posts.find(message)
        return next((one for one in tellers if found and one.script.id == found[0]), None)

    async def shown_in(self, message: int) -> tuple[Script, list[Line]] | None:
        """The script that a message tells of, and its lines there that stand in it, or else all.

        That is the one that runs in the channel, if it has any of them, be it by a fork: where two
        scripts share lines, the message is about that on which people write. None for a message
        that shows no line.
        """
        found = await self.store.posts.find(message)
        if found is None or not found[1]:
            return None
        script, lines = await self.store.scripts.get(found[0]), found[1]
        running = (
            script if script.running else await self.store.scripts.find_running(script.channel)
        )
        told = [one for one in (running, script) if one]
        teller = _of(await self._tellers(told, [lines]), lines)
        if teller is None:
            return None
        there = [line for line in lines if teller.has(line)]
        return teller.script, [line for line in there if line.id in teller.standing] or there

    async def _told(
        self, told: Sequence[Script], shown: Collection[Sequence[Line]]
    ) -> list[_Teller]:
        """Scripts, and after them the owners of such lines as none of these has.

        Where the first of them runs, it says of all that share lines with it what stands: between
        its own lines those of another fork would be read as parts of it.
        """
        tellers = await self._tellers(told, shown)
        strange = {line.script for there in shown if not _of(tellers, there) for line in there}
        found = [await self.store.scripts.find(script) for script in sorted(strange)]
        tellers += await self._tellers(filter(None, found), shown)
        now, *others = tellers
        if not now.script.running:
            return tellers
        return [now, *[await self._beside(now, one) for one in others]]

    async def _beside(self, now: _Teller, other: _Teller) -> _Teller:
        """Another script, as it is told of beside the one that runs."""
        if await self.store.scripts.share_lines(now.script, other.script):
            return replace(other, standing=now.standing)
        return other

    async def _tellers(
        self, scripts: Iterable[Script], shown: Collection[Sequence[Line]]
    ) -> list[_Teller]:
        """Scripts with as much of their trees as these lines need."""
        since = min((line.id for lines in shown for line in lines), default=0)
        return [
            _Teller(
                script,
                frozenset(await self.store.lines.load_path_ids(script.head, since)),
                frozenset(await self.store.lines.load_path_ids(script.forked_at, since)),
            )
            for script in scripts
        ]

    async def _begun(self, teller: _Teller, lines: Sequence[Line]) -> Script:
        """The script whose title stands above lines: a fork's, if it has begun anew."""
        script = teller.script
        shown = [line for line in lines if line.id in teller.standing] or lines
        if not shown or shown[0].parent is not None or shown[0].script == script.id:
            return script
        return await self.store.scripts.get(shown[0].script)

    async def _edit(
        self, channel: Channel, message: int, content: str | None, view: discord.ui.View | None
    ) -> bool | None:
        """Draws a message again, and returns whether it could; None for one that is gone.

        Its content stays if there is no other.
        """
        partial = discord.PartialMessage(channel=channel, id=message)
        now = {} if content is None else {"content": content}
        try:
            await _drawn(partial, **now, view=view)
        except discord.NotFound:
            await self.store.posts.delete(message)
            return None
        except (discord.HTTPException, *LOST) as error:
            # The script is right, if not its picture; whoever reads on will see.
            log.warning("message %d could not be drawn again: %s", message, error)
            return False
        return True

    async def redraw(
        self, channel: Channel, room: Room, script: Script, messages: Collection[int]
    ) -> set[int]:
        """Draws messages of a script again; returns those that are as they should be, or gone."""
        failed = set[int]()
        for message in messages:
            ballot = await self.store.polls.find_by_message(message)
            if ballot and not await self.repaint_ballot(channel, room, ballot.id):
                failed.add(message)
        async with room.painting:
            shown = await self.store.posts.load_showing(script, (), messages)
            lines = {line.id for there in shown.values() for line in there}
            if lines:
                failed |= (await self._paint(channel, script, lines, set())).failed
        return set(messages) - failed

    async def learn(self, interaction: Interaction, place: Place) -> bool:
        """Notes the message whose button was pressed, where a process has shown it and died.

        Returns whether it must be drawn again: until now nobody has, whatever came after it.
        """
        message = interaction.message
        if message is None or message.flags.ephemeral or await self.store.posts.find(message.id):
            return False
        script = await self.store.scripts.find(place.script)
        if script is None:
            return True
        if script.channel != interaction.channel_id:
            return False
        if place.line != BEFORE_THE_FIRST and not await self.store.scripts.has_line(
            script, place.line
        ):
            return False
        lines = await self.store.lines.load_last(place.line or None, FULL)
        await self.store.posts.record(message.id, script.id, shown_by(message.content, lines))
        return True

    async def learn_ballot(self, interaction: Interaction, ballot: int) -> bool:
        """The same for a message that shows takes."""
        message = interaction.message
        if message is None or message.flags.ephemeral:
            return False
        found = await self.store.polls.find(ballot)
        if found is None:
            return True
        if found.message is not None:
            return False
        script = await self.store.scripts.get(found.script)
        if script.channel != interaction.channel_id:
            return False
        await self.store.polls.record_message(ballot, message.id)
        return found.closed

    async def redraw_pressed(self, interaction: Interaction, room: Room) -> None:
        """Draws the message whose button was pressed; without any where its script is gone."""
        message, channel = interaction.message, interaction.channel
        if message is None or not isinstance(channel, Channel):
            return
        ballot, shown = (
            await self.store.polls.find_by_message(message.id),
            await self.store.posts.find(message.id),
        )
        of = ballot.script if ballot else shown[0] if shown else None
        script = None if of is None else await self.store.scripts.find(of)
        if script is None:
            await self.strip(interaction, room, [message.id])
            return
        with suppress(NotKept):  # which is in the log
            await self.redraw(channel, room, script, [message.id])

    async def bare(self, interaction: Interaction, room: Room, script: Script) -> None:
        """Draws the end of a script again, without buttons where it runs no more."""
        channel = interaction.channel
        if isinstance(channel, Channel):
            async with room.painting:
                await self._paint(channel, script, {place_of(script).line}, set())

    async def messages_of(self, script: Script) -> list[int]:
        """The messages that may have buttons of a script: those of its end, and of open takes."""
        ballots = await self.store.polls.list_messages(script.id)
        if not script.running:
            return ballots
        return [*await self.store.posts.load_showing(script, [place_of(script).line]), *ballots]

    async def strip(self, interaction: Interaction, room: Room, messages: Iterable[int]) -> None:
        """Takes the buttons from messages of a script that is gone."""
        if not isinstance(interaction.channel, Channel):
            return
        async with room.painting:  # whoever draws takes just now has seen them before
            for message in messages:
                with suppress(discord.HTTPException, *LOST):
                    partial = discord.PartialMessage(channel=interaction.channel, id=message)
                    await _drawn(partial, view=None)

    async def open_at(self, channel: discord.TextChannel | discord.Thread) -> None:
        """Shows a channel where its script stands, or how to begin one, without being asked."""
        script = await self.store.scripts.find_running(channel.id)
        if script is None:
            await posted(channel, say(HELP), view=components.start())
            return
        lines = await self.store.lines.load_path(script.head)
        last = dealt(lines)[-1] if lines else []
        content = f"**{inline(script.title, 100)}**"
        if last:
            content += "\n" + card(last, {line.id for line in last})
        view = await self._buttons(script, last[-1] if last else None)
        message = await posted(channel, content, view=view)
        await self.store.posts.record(message.id, script.id, last)

    async def _buttons(self, script: Script, line: Line | None) -> discord.ui.View:
        """The buttons under the last line of a script, None before the first."""
        return components.under_line(
            place_of(script),
            by_voice=line is not None and line.author is None,
            redo=await self.store.lines.find_redo(script.id, script.head) is not None,
        )


async def _post_below(
    interaction: Interaction, content: str, view: discord.ui.View | None
) -> discord.Message:
    """A further message for everybody, under the answer to an interaction."""
    view = view or discord.utils.MISSING
    if isinstance(interaction.channel, Channel):
        return await posted(interaction.channel, content, view=view)
    return await interaction.followup.send(content, view=view, wait=True, allowed_mentions=NOBODY)


async def _drawn(message: discord.PartialMessage, **now: Any) -> None:  # noqa: ANN401 - of its edit
    """A message looks different from now on."""
    await insisted(lambda: message.edit(allowed_mentions=NOBODY, **now), DRAWING_SECONDS)


def _how_far(progress: Progress) -> str:
    if progress.share_read is not None:
        return say("The voice reads the script: {share:.0%}.", share=progress.share_read)
    if progress.to_prove:
        return say(
            "Written again and compared: {written:,} of {all:,} lines.",
            written=progress.written,
            all=progress.to_prove,
        )
    if progress.written:
        return say(
            "The voice writes. Lines that are finished: {written:,}.", written=progress.written
        )
    return say("The voice writes.")


def _ended(outcome: Outcome) -> str:
    votes, script = sum(outcome.counts.values()), outcome.script
    sentence = say(NOBODY_VOTED[outcome.turn is not None])
    if votes:
        sentence = say(
            "The vote is over: take {take} won, with {most:,} of {votes}.",
            take=outcome.won + 1,
            most=outcome.counts[outcome.won],
            votes=many(votes, "vote"),
        )
    if outcome.turn is None:
        why = "moved" if script.running else "archived" if script.archived else "shelf"
        sentence += f" {say(NOT_TAKEN[why], title=inline(script.title, 100))}"
    return f"-# {sentence}"


def _touches(turn: Turn, script: Script) -> bool:
    """Whether the messages in which a script's last line stands are drawn with those of a turn."""
    return script.head is not None and script.head in turn.touched


def _content(script: Script, lines: Sequence[Line], in_script: Collection[int]) -> str:
    """What a message shows; the title stands above the line that a script begins with."""
    title = f"**{inline(script.title, 100)}**\n" if lines[0].parent is None else ""
    return title + card(lines, in_script)


def _ends_at(lines: Sequence[Line], in_script: Collection[int], script: Script) -> bool:
    """Whether a message shows the script's end, with nothing below but what was taken back."""
    left = [line.id for line in lines if line.id in in_script]
    return left[-1] == script.head if left else not lines and script.head is None


def _last_of(lines: Sequence[Line]) -> int | None:
    return lines[-1].id if lines else None


async def page(
    script: Script, elements: Sequence[Element], number: int
) -> tuple[str, discord.ui.View]:
    """One page of a script; a number past the end is the last page."""
    pages = await asyncio.to_thread(messages, elements, PAGE)
    number = min(number, len(pages) - 1) % len(pages)
    title = page_title(script, number, len(pages))
    view = components.with_pages(
        discord.ui.View(timeout=None), "page", script.id, number, len(pages)
    )
    return f"{title}\n{pages[number]}", view


def page_title(script: Script, number: int, pages: int) -> str:
    """What stands above page ``number``, from 0, of a script or of its history."""
    title = f"**{inline(script.title, 100)}**"
    if pages == 1:
        return title
    return say("{title}, page {number:,} of {pages:,}", title=title, number=number + 1, pages=pages)
