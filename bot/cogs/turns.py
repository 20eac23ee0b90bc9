"""Take the turn that a person requests, and show its result in the channel."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from ..i18n.catalogue import say
from ..session.channel_session import ChannelSession
from ..session.rate_limits import Cost
from ..session.turn import Job, Requester, ScriptPosition, TurnResult
from ..ui import components
from ..ui.components import Interaction
from ..ui.delivery import FirstResponse, send_ephemeral
from ..ui.markdown import inline
from ..ui.responses import IS_WRITTEN, check_permissions
from .requester import get_requester
from .services import CogServices

R = TypeVar("R")
TurnFunction = Callable[[ChannelSession, Requester, Job], Coroutine[Any, Any, TurnResult]]
"""A turn that takes a while, and can be stopped."""

PROGRESS_INTERVAL = 1.5
"""Seconds until everybody sees the progress of a turn, and between two updates."""


class Turns:
    """Takes turns in the sessions of channels, and shows the results."""

    def __init__(self, services: CogServices) -> None:
        self.services = services

    async def run_job(
        self,
        interaction: Interaction,
        run: TurnFunction,
        expected: ScriptPosition | None = None,
        *,
        kind: str = components.LINES,
        checked: bool = False,
    ) -> None:
        """Take a turn for which the voice writes or reads, with its progress shown.

        Args:
            interaction: What was asked.
            run: The turn.
            expected: Where the script must still stand, if that matters.
            kind: One of `components.JOB_KINDS`.
            checked: Whether the script was just found at the place ``expected``.
        """

        async def take(session: ChannelSession, requester: Requester) -> TurnResult:
            return await self.run_with_progress(
                interaction, lambda job: run(session, requester, job), kind
            )

        await self.take_turn(
            interaction, take, expected, is_checked=checked or kind == components.SCRIPT
        )

    async def run_with_progress(
        self,
        interaction: Interaction,
        run: Callable[[Job], Coroutine[Any, Any, R]],
        kind: str = components.LINES,
    ) -> R:
        """Do work with progress and a Stop button shown to everybody, and return its result."""
        job, turns = Job(), self.services.in_flight.jobs
        # An interaction can be delivered twice: the Stop button stops the first one.
        first = turns.setdefault(interaction.id, job) is job
        task = asyncio.ensure_future(run(job))
        try:
            while not (await asyncio.wait({task}, timeout=PROGRESS_INTERVAL))[0]:
                await self.services.poster.show_progress(interaction, job.progress, kind)
            return await task
        finally:
            task.cancel()
            if first:
                del turns[interaction.id]

    async def take_turn(
        self,
        interaction: Interaction,
        take: Callable[[ChannelSession, Requester], Awaitable[TurnResult]],
        expected: ScriptPosition | None = None,
        *,
        is_checked: bool = False,
    ) -> None:
        """Take one turn: defer, act, show the new lines, and draw the older messages again."""
        check_permissions(interaction)
        session = self.services.open_session(interaction)
        poster = self.services.poster
        if not is_checked:
            # Refuse a turn here if possible, before everybody sees that somebody asked.
            await session.load_script_at(expected)
        await FirstResponse(interaction).defer(thinking=True)
        result = await take(session, get_requester(interaction))
        interaction.extras[IS_WRITTEN] = True
        if result.note:
            shown = await poster.show_end(interaction, session, f"-# {result.note}")
        elif result.poll:
            self.services.polls.watch(result.poll)
            await poster.show_poll(interaction, result.poll)
            if result.poll.ends:
                await self.services.messages.redraw_end(interaction, session, result.script)
            if result.new_model:
                await send_ephemeral(interaction, format_model_change(result))
            return
        elif result.lines:
            shown = await poster.show_lines(
                interaction, result.script, result.lines, format_model_change(result)
            )
        else:
            shown = await poster.show_opening(interaction, result)
        await self.services.messages.redraw_after_turn(interaction, session, result, shown)
        if result.unreadable:
            await send_ephemeral(
                interaction,
                say(
                    "The voice “{voice}” does not know many of these characters. It skips them; "
                    "they stay in the script.",
                    voice=inline(result.script.voice, 40),
                ),
            )

    async def move_head(
        self,
        interaction: Interaction,
        take: Callable[[ChannelSession, Requester], Awaitable[TurnResult]],
        note: str,
        expected: ScriptPosition | None = None,
    ) -> None:
        """Undo or redo: change messages in place for a button, and reply to a command."""
        check_permissions(interaction)
        session = self.services.open_session(interaction)
        await session.load_script_at(expected)
        await FirstResponse(interaction).defer(thinking=expected is None)
        result = await take(session, get_requester(interaction))
        poster, messages = self.services.poster, self.services.messages
        shown = set() if expected else await poster.show_end(interaction, session, note)
        if not await messages.redraw_after_turn(interaction, session, result, shown):
            shown = await poster.show_end(interaction, session, note, new=True)
            await messages.redraw_after_turn(interaction, session, result, shown)

    async def show_end(
        self, interaction: Interaction, session: ChannelSession, result: TurnResult, note: str
    ) -> None:
        """Show the script's end after a turn, under a note, and draw older messages again."""
        shown = await self.services.poster.show_end(interaction, session, note)
        await self.services.messages.redraw_after_turn(interaction, session, result, shown)

    async def charge_lines(
        self,
        interaction: Interaction,
        expected: ScriptPosition | None = None,
        lines: int = 1,
        takes: int | None = None,
    ) -> None:
        """Charge the lines that the model will write; raise what `take_turn` raises, but earlier.

        Candidates cost nothing, because a busy engine writes few of them.

        Args:
            interaction: What was asked.
            expected: Where the script must still stand, if that matters.
            lines: The lines of each take.
            takes: The takes, or None for the script's setting.
        """
        check_permissions(interaction)
        script = await self.services.open_session(interaction).load_script_at(expected)
        self.services.charge(interaction, Cost(lines=lines * (takes or script.takes)))

    async def record_pressed(self, interaction: Interaction, position: ScriptPosition) -> None:
        """Record the pressed button's message, as `MessageSync.record_pressed` does."""
        session = self.services.open_session(interaction)
        if await self.services.messages.record_pressed(interaction, position):
            self._redraw_pressed(interaction, session)

    async def record_pressed_poll(self, interaction: Interaction, poll: int) -> None:
        """Record a poll's message, as `MessageSync.record_pressed_poll` does."""
        session = self.services.open_session(interaction)
        if await self.services.messages.record_pressed_poll(interaction, poll):
            self._redraw_pressed(interaction, session)

    def _redraw_pressed(self, interaction: Interaction, session: ChannelSession) -> None:
        redrawing = self.services.messages.redraw_pressed(interaction, session)
        self.services.in_flight.track(asyncio.create_task(redrawing))


def format_model_change(result: TurnResult) -> str:
    """Return the note that another voice has read the script, or "" where people know."""
    if not result.new_model:
        return ""
    return say(
        "-# The voice has changed: “{voice}” has read the script and continues it.",
        voice=inline(result.new_model, 40),
    )
