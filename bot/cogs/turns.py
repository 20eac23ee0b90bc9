"""Turns: take the turn that a person asked for, and show its result in the channel."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from ..i18n.catalogue import say
from ..i18n.markdown import inline
from ..session.channel_session import Room
from ..session.rate_limits import Cost
from ..session.turn import Patience, Place, Turn, Writer
from ..ui import components
from ..ui.components import Interaction
from ..ui.delivery import reply_to, whispered
from ..ui.responses import WRITTEN, check_permissions
from .requester import writer_of
from .services import CogServices

R = TypeVar("R")
Work = Callable[[Room, Writer, Patience], Coroutine[Any, Any, Turn]]
"""A turn that takes a while, and can be stopped."""

A_WHILE = 1.5
"""Seconds until everybody sees the progress of a turn, and between two updates."""


class Turns:
    """Takes turns in the sessions of channels, and shows their results."""

    def __init__(self, services: CogServices) -> None:
        self.services = services

    async def compose(
        self,
        interaction: Interaction,
        work: Work,
        under: Place | None = None,
        *,
        kind: str = components.LINES,
        checked: bool = False,
    ) -> None:
        """Take a turn for which the voice writes or reads, with its progress shown.

        Args:
            interaction: What was asked.
            work: The turn.
            under: Where the script must still stand, if that matters.
            kind: One of `components.WORKS`.
            checked: Whether the script was just found at the place ``under``.
        """

        async def act(room: Room, writer: Writer) -> Turn:
            return await self.patiently(
                interaction, lambda patience: work(room, writer, patience), kind
            )

        await self.play(interaction, act, under, begins=checked or kind == components.SCRIPT)

    async def patiently(
        self,
        interaction: Interaction,
        work: Callable[[Patience], Coroutine[Any, Any, R]],
        kind: str = components.LINES,
    ) -> R:
        """Do work with progress and a Stop button shown to everybody, and return its result."""
        patience, turns = Patience(), self.services.in_flight.turns
        # An interaction can be delivered twice: the Stop button stops the first one.
        first = turns.setdefault(interaction.id, patience) is patience
        task = asyncio.ensure_future(work(patience))
        try:
            while not (await asyncio.wait({task}, timeout=A_WHILE))[0]:
                await self.services.poster.show_progress(interaction, patience.progress, kind)
            return await task
        finally:
            task.cancel()
            if first:
                del turns[interaction.id]

    async def play(
        self,
        interaction: Interaction,
        act: Callable[[Room, Writer], Awaitable[Turn]],
        under: Place | None = None,
        *,
        begins: bool = False,
    ) -> None:
        """Take one turn: defer, act, show the new lines, and draw the older messages again."""
        check_permissions(interaction)
        room = self.services.room(interaction)
        poster = self.services.poster
        if not begins:
            # Refuse a turn here if possible, before everybody sees that somebody asked.
            await room.script_at(under)
        await reply_to(interaction).defer(thinking=True)
        turn = await act(room, writer_of(interaction))
        interaction.extras[WRITTEN] = True
        if turn.note:
            shown = await poster.show_end(interaction, room, f"-# {turn.note}")
        elif turn.ballot:
            self.services.polls.watch(turn.ballot)
            await poster.show_ballot(interaction, turn.ballot)
            if turn.read_by:
                await whispered(interaction, news(turn))
            return
        elif turn.lines:
            shown = await poster.show_lines(interaction, turn.script, turn.lines, news(turn))
        else:
            shown = await poster.show_opening(interaction, turn)
        await self.services.messages.repaint(interaction, room, turn, shown)
        if turn.unreadable:
            await whispered(
                interaction,
                say(
                    "The voice “{voice}” does not know many of these characters. It skips them; "
                    "they stay in the script.",
                    voice=inline(turn.script.voice, 40),
                ),
            )

    async def step(
        self,
        interaction: Interaction,
        act: Callable[[Room, Writer], Awaitable[Turn]],
        note: str,
        under: Place | None = None,
    ) -> None:
        """Undo or redo: change messages in place for a button, and reply to a command."""
        check_permissions(interaction)
        room = self.services.room(interaction)
        await room.script_at(under)
        await reply_to(interaction).defer(thinking=under is None)
        turn = await act(room, writer_of(interaction))
        poster, messages = self.services.poster, self.services.messages
        shown = set() if under else await poster.show_end(interaction, room, note)
        if not await messages.repaint(interaction, room, turn, shown):
            shown = await poster.show_end(interaction, room, note, new=True)
            await messages.repaint(interaction, room, turn, shown)

    async def show_end(self, interaction: Interaction, room: Room, turn: Turn, note: str) -> None:
        """Show the script's end after a turn, under a note, and draw older messages again."""
        shown = await self.services.poster.show_end(interaction, room, note)
        await self.services.messages.repaint(interaction, room, turn, shown)

    async def charge_lines(
        self,
        interaction: Interaction,
        under: Place | None = None,
        lines: int = 1,
        takes: int | None = None,
    ) -> None:
        """Charge the lines that the voice will write; raise the errors of `play` before deferring.

        Candidates cost nothing, because a busy engine writes few of them.

        Args:
            interaction: What was asked.
            under: Where the script must still stand, if that matters.
            lines: The lines of each take.
            takes: The takes, or None for the script's setting.
        """
        check_permissions(interaction)
        script = await self.services.room(interaction).script_at(under)
        self.services.charge(interaction, Cost(lines=lines * (takes or script.takes)))

    async def meet(self, interaction: Interaction, place: Place) -> None:
        """Record the message whose button was pressed where nobody has: see `MessageSync.learn`."""
        room = self.services.room(interaction)
        if await self.services.messages.learn(interaction, place):
            self._redraw_pressed(interaction, room)

    async def meet_ballot(self, interaction: Interaction, ballot: int) -> None:
        """Record the message of a ballot where nobody has: see `MessageSync.learn_ballot`."""
        room = self.services.room(interaction)
        if await self.services.messages.learn_ballot(interaction, ballot):
            self._redraw_pressed(interaction, room)

    def _redraw_pressed(self, interaction: Interaction, room: Room) -> None:
        redrawing = self.services.messages.redraw_pressed(interaction, room)
        self.services.in_flight.hold(asyncio.create_task(redrawing))


def news(turn: Turn) -> str:
    """Return the note that another voice has read the script, or "" where people know."""
    if not turn.read_by:
        return ""
    return say(
        "-# The voice has changed: “{voice}” has read the script and continues it.",
        voice=inline(turn.read_by, 40),
    )
