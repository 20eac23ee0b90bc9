"""Show scripts where the bot can post nothing but answers to interactions.

An answer is one message: cards of lines, and the panel below them. When the panel is pressed, the
answer to the press edits the panel's message, and what is new stands in a follow-up. The ids of the
components say which lines a message shows, so that nothing needs to be stored.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import discord
from discord import ui

from ...i18n.catalogue import many, say
from ...session.channel_session import ChannelSession, ChannelSessions
from ...session.posts import Posts
from ...storage.schema import Line, Script
from ..components import Interaction, make_layout, make_rows
from ..delivery.sending import (
    CONNECTION_ERRORS,
    NO_MENTIONS,
    REQUEST_TIMEOUT,
    TOKEN_SECONDS,
    FirstResponse,
    delete_response,
    edit_response,
)
from ..lines.line_messages import find_colour
from ..lines.looks import format_prose, make_card
from ..markdown import LIMIT, inline, size
from ..panels.panel import is_panel
from ..panels.panel_view import load_panel

MAX_CARDS, MAX_COMPONENTS, MAX_TEXT = 10, 37, 3000
"""The most cards of a message, the most components of them and the panel, and the most text in
them, out of Discord's 40 components and 4,000 characters."""

ANNOUNCEMENT_ID, FIRST_CARD_ID, FIRST_TEXT_ID, PART = 999, 1000, 10**9 + 1000, 10**8
"""The id of the announcement above the cards, and the lowest ids of cards and of their texts.

The id of a card holds the last digits of the id of its line, below `PART`, and the id of its text
holds the first ones, because Discord's ids have 32 bits. Discord numbers the other components from
1.
"""


@dataclass(frozen=True)
class Answer:
    """The content of a message above its panel."""

    lines: Sequence[Line] = ()
    announcement: str = ""

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is left without the panel."""
        return not (self.lines or self.announcement)


@dataclass
class Posted:
    """An answer that can be edited with the token of its interaction for some minutes."""

    message: discord.Message
    answer: Answer
    has_panel: bool = True
    expires: float = field(default_factory=lambda: time.monotonic() + TOKEN_SECONDS)


class ScriptAnswers:
    """The answers that show scripts, and the panels under the newest."""

    def __init__(self, posts: Posts) -> None:
        self.posts = posts
        self._posted: dict[tuple[int, int], Posted] = {}
        """The answers that can be edited, by channel and message."""

    async def defer(self, interaction: Interaction) -> None:
        """Defer an answer: show a "thinking", or nothing if a panel was pressed."""
        await FirstResponse(interaction).defer(thinking=find_pressed(interaction) is None)

    async def show_progress(self, interaction: Interaction, content: str, stop: ui.View) -> None:
        """Show the progress of a job in place of the panel that was pressed, or in the answer.

        Raises what `edit_original_response` does.
        """
        shown: dict[str, Any] = {"content": content, "view": stop}
        if pressed := find_pressed(interaction):
            shown = {"view": await _compose(await self._read(pressed), content, stop.children)}
        await interaction.edit_original_response(allowed_mentions=NO_MENTIONS, **shown)

    async def show(
        self,
        interaction: Interaction,
        session: ChannelSession,
        before: Script | None,
        script: Script,
        note: str = "",
        announcement: str = "",
    ) -> None:
        """Show above the panel what a turn has changed, in an answer deferred by `defer`.

        The running script was ``before``, if there was one. The panel shows the ``note``; the
        ``announcement`` says which script goes on here, if another one does.
        """
        async with session.drawing:
            added, removed = await self._compare(before, script)
            places = dict[int, int]()
            if before and before.id == script.id:  # or else all its last lines are shown anew
                originals = await self.posts.load_originals(script)
                places = {original: place for place, original in enumerate(originals)}
            pressed = find_pressed(interaction)
            old = await self._read(pressed) if pressed else Answer()
            added, undone = await self._clear_others(session, pressed, added, removed, places)
            kept = replace(old, lines=_update(old.lines, added, removed, places))
            added = [line for line in added if line not in kept.lines]
            undone = _exclude(undone, old.lines)
            note = "\n".join(filter(None, (note, _format_undone(undone))))
            if pressed and added and not removed:
                new = Answer(added, announcement)
                view = await self._compose_with_panel(session, new, note)
                message: discord.Message = await self._follow_up(interaction, session, view)
                await self._edit_pressed(interaction, session, kept)
            else:
                new = Answer([*kept.lines, *added], announcement or kept.announcement)
                view = await self._compose_with_panel(session, new, note)
                message = await edit_response(interaction, content=None, view=view)
            self._posted[session.channel, message.id] = Posted(message, new)

    async def restore(self, interaction: Interaction, session: ChannelSession) -> None:
        """Show the panel, as it is now, in the message whose panel was pressed."""
        if pressed := find_pressed(interaction):
            view = await self._compose_with_panel(session, await self._read(pressed))
            await edit_response(interaction, view=view)

    async def remove_panel(self, interaction: Interaction, session: ChannelSession) -> None:
        """Remove the panel that was pressed, because it is old; the press was deferred."""
        if pressed := find_pressed(interaction):
            await self._edit_pressed(interaction, session, await self._read(pressed))

    async def redraw(self, sessions: ChannelSessions) -> None:
        """Draw the answers that show erased text again, if they can still be edited."""
        self._drop_expired()
        for channel in {channel for channel, _ in self._posted}:
            session = sessions.get(channel)
            async with session.drawing:
                posted = [answer for key, answer in self._posted.items() if key[0] == channel]
                for answer in posted:
                    await self._redraw(session, answer)

    async def _redraw(self, session: ChannelSession, posted: Posted) -> None:
        shown = posted.answer.lines
        stored = await self.posts.load_lines(line.id for line in shown if not line.removed)
        erased = {line.id: line for line in stored if line.removed}
        if not erased:
            return
        answer = replace(posted.answer, lines=[erased.get(line.id, line) for line in shown])
        compose = partial(self._compose_with_panel, session) if posted.has_panel else _compose
        with suppress(discord.HTTPException, *CONNECTION_ERRORS):
            await posted.message.edit(view=await compose(answer))
            posted.answer = answer

    async def _compare(self, before: Script | None, after: Script) -> tuple[list[Line], list[Line]]:
        """Return the lines that a turn has added, and those it has removed.

        A copy below a rewritten or cut line is neither. If none is removed, as when another script
        goes on, only the last `MAX_CARDS` are returned.
        """
        ids_before = set(await self.posts.load_path_ids(before)) if before else set()
        ids_after = await self.posts.load_path_ids(after)
        new = [line for line in ids_after if line not in ids_before]
        gone = ids_before.difference(ids_after) if before and before.id == after.id else set()
        added = await self.posts.load_lines(new if gone else new[-MAX_CARDS:])
        removed = await self.posts.load_lines(gone)
        return _exclude(added, removed), _exclude(removed, added)

    # Messages

    async def _read(self, message: discord.Message) -> Answer:
        """Return what a message shows above its panel."""
        announcement, ids = "", list[int]()
        for component in message.components:
            if isinstance(component, discord.TextDisplay) and component.id == ANNOUNCEMENT_ID:
                announcement = component.content
            elif isinstance(component, discord.Container):
                text = component.children[-1]
                if isinstance(text, discord.TextDisplay):
                    ids.append(_find_line(component.id or 0, text.id or 0))
        return Answer(await self.posts.load_lines(ids), announcement)

    async def _clear_others(
        self,
        session: ChannelSession,
        pressed: discord.Message | None,
        added: Sequence[Line],
        removed: Sequence[Line],
        places: Mapping[int, int],
    ) -> tuple[list[Line], list[Line]]:
        """Remove the panels, and lines, from the earlier answers that can still be edited.

        What takes the place of a line, or stands above one, is shown there. Return the added lines
        that none of these answers shows, and the removed lines that were taken out of none of them.
        """
        new, left = list(added), list(removed)
        self._drop_expired()
        for (channel, message), posted in sorted(self._posted.items()):
            kept = _update(posted.answer.lines, new, removed, places)
            is_right = not posted.has_panel and kept == list(posted.answer.lines)
            if channel != session.channel or is_right or (pressed and message == pressed.id):
                continue
            answer = replace(posted.answer, lines=kept)
            with suppress(discord.HTTPException, *CONNECTION_ERRORS):
                if answer.is_empty:
                    await posted.message.delete()
                else:
                    await posted.message.edit(view=await _compose(answer))
                new = [line for line in new if line not in kept]
                left = _exclude(left, posted.answer.lines)
                posted.answer, posted.has_panel = answer, False
        return new, left

    def _drop_expired(self) -> None:
        now = time.monotonic()
        self._posted = {key: answer for key, answer in self._posted.items() if answer.expires > now}

    async def _follow_up(
        self, interaction: Interaction, session: ChannelSession, view: ui.LayoutView
    ) -> discord.WebhookMessage:
        """Post a follow-up, once: a second attempt could show lines twice."""
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT):
                return await interaction.followup.send(
                    view=view, wait=True, allowed_mentions=NO_MENTIONS
                )
        except (discord.HTTPException, *CONNECTION_ERRORS):
            await self.restore(interaction, session)  # so that people can go on
            raise

    async def _edit_pressed(
        self, interaction: Interaction, session: ChannelSession, answer: Answer
    ) -> None:
        """Leave an answer without a panel in the message that was pressed, or nothing."""
        assert interaction.message is not None  # because it was pressed
        self._posted.pop((session.channel, interaction.message.id), None)
        if answer.is_empty:
            await delete_response(interaction)
            return
        message = await edit_response(interaction, view=await _compose(answer))
        self._posted[session.channel, message.id] = Posted(message, answer, has_panel=False)

    async def _compose_with_panel(
        self, session: ChannelSession, answer: Answer, note: str = ""
    ) -> ui.LayoutView:
        """Return an answer above the panel of the script that runs, if one does."""
        script = await session.library.find_running()
        if script is None:
            return await _compose(answer, note or "…")
        panel = await load_panel(self.posts, script, hears=False)
        return await _compose(answer, "\n".join(filter(None, (note, panel.text))), panel.items)


def find_pressed(interaction: Interaction) -> discord.Message | None:
    """Return the message whose panel was pressed, or None."""
    message = interaction.message
    return message if message and is_panel(message) else None


async def _compose(
    answer: Answer, text: str = "", items: Sequence[ui.Item[Any]] = ()
) -> ui.LayoutView:
    """Return an answer above a text and the buttons and menus of a panel.

    It shows the last lines that fit, and says where to read the others.
    """
    shown: list[ui.Item[Any]] = []
    if answer.announcement:
        shown.append(ui.TextDisplay(answer.announcement, id=ANNOUNCEMENT_ID))
    lines = answer.lines[-MAX_CARDS:]
    is_short = sum(size(format_prose(line.element)) for line in lines) <= MAX_TEXT
    limit = LIMIT if is_short else MAX_TEXT // len(lines)
    cards, rows = list[ui.Container[ui.LayoutView]](), make_rows(items)
    for place, line in enumerate(lines):
        colour = await find_colour(line.element)
        cards.append(make_card(line.element, colour, limit, _make_ids(line.id, place)))
    room = MAX_COMPONENTS - sum(1 + len(row.children) for row in rows)
    while sum(1 + len(card.children) for card in cards) > room:
        del cards[0]
    if len(cards) < len(answer.lines):
        shown.append(ui.TextDisplay(f"-# {say('Earlier lines are in {/script show}.')}"))
    shown += cards
    if text:
        shown.append(ui.TextDisplay(text))
    return make_layout(*shown, *rows)


def _make_ids(line: int, place: int) -> tuple[int, int]:
    """Return the ids of the card of a line and of its text, unique in all places of a message."""
    high, low = divmod(line, PART)
    return FIRST_CARD_ID + MAX_CARDS * low + place, FIRST_TEXT_ID + MAX_CARDS * high + place


def _find_line(card: int, text: int) -> int:
    """Return the line whose card and text have these ids, as `_make_ids` makes them."""
    low, high = (card - FIRST_CARD_ID) // MAX_CARDS, (text - FIRST_TEXT_ID) // MAX_CARDS
    return high * PART + low


def _exclude(lines: Sequence[Line], others: Collection[Line]) -> list[Line]:
    """Return the lines of which the others have no copy."""
    known = {line.original for line in others}
    return [line for line in lines if line.original not in known]


def _update(
    shown: Sequence[Line], added: Sequence[Line], removed: Sequence[Line], places: Mapping[int, int]
) -> list[Line]:
    """Return the shown lines without the removed ones, and with what belongs in or above them.

    That is what a line was rewritten as, or, if an edit is undone, what it had replaced or cut.
    ``places`` has the places of the script's lines by the ids of their originals; it is empty if
    another script goes on.
    """
    originals = {line.id: line.original for line in removed}
    new = [(originals.get(line.rewrite_of or 0), line) for line in added]
    replaced = {line.rewrite_of: line.original for line in reversed(removed)}
    new += [(replaced.get(line.id), line) for line in added]
    rows = (
        [rewritten for old, rewritten in new if old == line.original] or [line] for line in shown
    )
    lines = _exclude([line for row in rows for line in row], removed)

    def find_place(line: Line) -> int:
        return places.get(line.original, -1)

    last = max(map(find_place, lines), default=-1)
    above = [line for line in added if find_place(line) < last and line not in lines]
    return sorted([*lines, *above], key=find_place)


def _format_undone(lines: Sequence[Line]) -> str:
    """Return a sentence on lines that left the script and still stand in the channel, or ""."""
    if not lines:
        return ""
    text = inline(lines[0].element.one_line, 150)
    if len(lines) == 1:
        return f"-# {say('Undone: “{text}”', text=text)}"
    count = many(len(lines), "line")
    return f"-# {say('Undone: {lines}, from “{text}” onward.', lines=count, text=text)}"
