"""Show the progress of a job, with a Stop button, in the panel's place or in an answer."""

from __future__ import annotations

from dataclasses import dataclass

from discord import ui

from ...session.channel_session import ChannelSession
from ..components import Interaction
from ..delivery.sending import MessageChannel, try_once
from .message_sync import MessageSync
from .script_answers import ScriptAnswers


@dataclass(frozen=True)
class PanelProgress:
    """Show everybody the progress in the panel's place."""

    messages: MessageSync
    channel: MessageChannel
    session: ChannelSession
    stop: ui.View

    async def show_progress(self, progress: str) -> None:
        """Show the progress below the lines, instead of the panel."""
        async with self.session.drawing:
            await self.messages.panel.show_progress(self.channel, progress, self.stop)

    async def show_lines(self) -> None:
        """Show the lines that were stored, without a panel."""
        await self.messages.show_stored_lines(self.channel, self.session)

    async def restore(self) -> None:
        await self.messages.sync(self.channel, self.session)


@dataclass(frozen=True)
class AnswerProgress:
    """Show the progress in the answer to an interaction."""

    answers: ScriptAnswers
    interaction: Interaction
    session: ChannelSession
    stop: ui.View

    async def show_progress(self, progress: str) -> None:
        await try_once(lambda: self.answers.show_progress(self.interaction, progress, self.stop))

    async def show_lines(self) -> None:
        """Show nothing yet, because the answer shows all lines with the result."""

    async def restore(self) -> None:
        """Show the panel again, if one was pressed."""
        await self.answers.restore(self.interaction, self.session)


ProgressDisplay = PanelProgress | AnswerProgress
"""A place where people see the progress of a job."""
