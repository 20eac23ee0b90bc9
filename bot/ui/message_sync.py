"""Keep the messages of a channel in sync with its script."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Any, NamedTuple

import discord

from ..errors import TransactionFailed
from ..session.channel_session import ChannelSession
from ..session.turn import ScriptPosition, TurnResult, current_position
from ..storage.schema import ROOT_LINE, Line, Script
from ..storage.store import Store
from .cards import CARD_SIZE, find_shown_lines
from .components import Interaction
from .delivery import CONNECTION_ERRORS, NO_MENTIONS, MessageChannel, send_with_retries
from .message_poster import load_line_buttons
from .perspective import Perspectives, find_perspective, format_message
from .poll_messages import draw_poll

log = logging.getLogger("onbook.message_sync")

EDIT_SECONDS = 60.0
"""Seconds for which the edit of a message is retried, while the next ones in its channel wait."""


class DrawResult(NamedTuple):
    """The result of redrawing messages."""

    has_buttons: bool
    """Whether the script's buttons are under one of the messages."""
    failed: set[int]
    """The messages that could not be drawn, but exist."""


class MessageSync:
    """Redraw older messages after each turn, once the turn is committed."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.perspectives = Perspectives(store)

    # After a turn

    async def redraw_after_turn(
        self, interaction: Interaction, session: ChannelSession, result: TurnResult, shown: set[int]
    ) -> bool:
        """Redraw older messages as `redraw_in_channel` does, in the channel of an interaction.

        Return whether the buttons are under the script's last line, which may stand in no message
        any more.
        """
        channel = interaction.channel
        return not isinstance(channel, MessageChannel) or await self.redraw_in_channel(
            channel, session, result, shown
        )

    async def redraw_in_channel(
        self, channel: MessageChannel, session: ChannelSession, result: TurnResult, shown: set[int]
    ) -> bool:
        """Redraw the messages that a turn has changed, but for those that it has just shown."""
        # One at a time, each from what is stored then, so that a slow one cannot undo a later one.
        async with session.drawing:
            if result.shelved is not None and not _shows_last_line(result, result.shelved):
                await self._redraw_showing(
                    channel, result.shelved, {current_position(result.shelved).line}, shown
                )
            return (
                await self._redraw_showing(channel, result.script, result.changed_lines, shown)
            ).has_buttons

    async def redraw_poll(
        self, channel: MessageChannel, session: ChannelSession, poll: int
    ) -> bool:
        """Redraw a poll, with their votes or the one that was chosen.

        Return False where their message exists and could not be drawn.
        """
        async with session.drawing:
            row = await self.store.polls.find_poll(poll)
            if row is None or row.message is None:
                return True
            shown_lines, votes = (
                await self.store.polls.load_takes(row),
                await self.store.polls.load_votes(poll),
            )
            content, view = draw_poll(row, shown_lines, votes)
            try:
                message = discord.PartialMessage(channel=channel, id=row.message)
                await _edit(message, content=content, view=view)
            except discord.NotFound:
                return True
            except (discord.HTTPException, *CONNECTION_ERRORS) as error:
                # The votes are stored, although their numbers are not shown.
                log.warning("could not draw ballot %d again: %s", poll, error)
                return False
        return True

    async def _redraw_showing(
        self, channel: MessageChannel, stale_script: Script, lines: set[int], shown: set[int]
    ) -> DrawResult:
        """Redraw the messages that show these lines, but for those that were just ``shown``.

        The script's buttons come under the newest message that can have them.

        A script has the lines 1, 2 and 3, each in a message of its own: A, B and C, with the
        buttons under C. Somebody takes 3 back by the button. The head was at 3 and is at 2, so that
        these are the ``lines``, and nothing is ``shown``. From the newest on: C has nothing that
        stands, so that its line is struck and its buttons go; B ends where the script does, and
        gets them. A is not looked at.

        By the command, there is an answer as well: a message D with line 2 and the buttons, which
        is ``shown``. It is the newest, and ends where the script does. It stays as it is, the
        buttons have their place, and B is drawn without.
        """
        script = await self.store.scripts.get_script(stale_script.id)
        running = (
            script
            if script.running
            else await self.store.scripts.find_running_script(script.channel)
        )
        scripts = list(
            {script_row.id: script_row for script_row in (running, script) if script_row}.values()
        )
        # The ends are drawn as well, because others act between a turn and its message: the last
        # one to draw sees the messages of all.
        ends = {current_position(script_row).line for script_row in scripts}
        posts = await self.store.messages.load_messages_showing(script, lines | ends, shown)
        perspectives = await self.perspectives.load_all(scripts, posts.values())
        has_buttons, failed = False, set[int]()
        for message, shown_lines in sorted(posts.items(), reverse=True):
            perspective = (
                find_perspective(perspectives, shown_lines)
                if shown_lines
                else await self.perspectives.find_for_empty_message(perspectives, message)
            )
            if perspective is None:
                continue
            script_shown, shown_lines = perspective.script, perspective.select_shown(shown_lines)
            last = script_shown.running and not has_buttons and perspective.ends_with(shown_lines)
            if last and message in shown and _last_id(shown_lines) == script_shown.head:
                has_buttons = True
                continue
            end = next((line for line in shown_lines if line.id == script_shown.head), None)
            view = await load_line_buttons(self.store, script_shown, end) if last else None
            title = await self.perspectives.find_titled_script(perspective, shown_lines)
            content = (
                format_message(title, shown_lines, perspective.current) if shown_lines else None
            )
            drawn = await self._redraw_message(channel, message, content, view)
            has_buttons = has_buttons or (last and drawn is True)
            if drawn is False:
                failed.add(message)
        return DrawResult(has_buttons, failed)

    async def _redraw_message(
        self,
        channel: MessageChannel,
        message: int,
        content: str | None,
        view: discord.ui.View | None,
    ) -> bool | None:
        """Redraw a message; without ``content``, only its buttons.

        Return whether that succeeded, or None for a message that is gone.
        """
        partial = discord.PartialMessage(channel=channel, id=message)
        fields = {} if content is None else {"content": content}
        try:
            await _edit(partial, **fields, view=view)
        except discord.NotFound:
            await self.store.messages.delete_message(message)
            return None
        except (discord.HTTPException, *CONNECTION_ERRORS) as error:
            # The script is right, although this message is not.
            log.warning("could not draw message %d again: %s", message, error)
            return False
        return True

    # Without a turn

    async def redraw_messages(
        self,
        channel: MessageChannel,
        session: ChannelSession,
        script: Script,
        messages: Collection[int],
    ) -> set[int]:
        """Redraw messages of a script, and return those that are now correct, or deleted."""
        failed = set[int]()
        for message in messages:
            poll = await self.store.polls.find_poll_by_message(message)
            if poll and not await self.redraw_poll(channel, session, poll.id):
                failed.add(message)
        async with session.drawing:
            shown = await self.store.messages.load_messages_showing(script, (), messages)
            lines = {line.id for shown_lines in shown.values() for line in shown_lines}
            if lines:
                failed |= (await self._redraw_showing(channel, script, lines, set())).failed
        return set(messages) - failed

    async def redraw_pressed(self, interaction: Interaction, session: ChannelSession) -> None:
        """Redraw the message whose button was pressed; remove its buttons if its script is gone."""
        message, channel = interaction.message, interaction.channel
        if message is None or not isinstance(channel, MessageChannel):
            return
        poll, shown = (
            await self.store.polls.find_poll_by_message(message.id),
            await self.store.messages.find_posted_lines(message.id),
        )
        script_id = poll.script if poll else shown[0] if shown else None
        script = None if script_id is None else await self.store.scripts.find_script(script_id)
        if script is None:
            await self.remove_buttons(interaction, session, [message.id])
            return
        with suppress(TransactionFailed):  # which the store has logged
            await self.redraw_messages(channel, session, script, [message.id])

    async def redraw_end(
        self, interaction: Interaction, session: ChannelSession, script: Script
    ) -> None:
        """Redraw the end of a script, without buttons if it no longer runs."""
        channel = interaction.channel
        if isinstance(channel, MessageChannel):
            async with session.drawing:
                await self._redraw_showing(channel, script, {current_position(script).line}, set())

    async def list_messages(self, script: Script) -> list[int]:
        """Return the messages that may have buttons of a script: its end, and open takes."""
        polls = await self.store.polls.list_open_poll_messages(script.id)
        if not script.running:
            return polls
        return [
            *await self.store.messages.load_messages_showing(
                script, [current_position(script).line]
            ),
            *polls,
        ]

    async def remove_buttons(
        self, interaction: Interaction, session: ChannelSession, messages: Iterable[int]
    ) -> None:
        """Remove the buttons from messages of a script that is gone."""
        if not isinstance(interaction.channel, MessageChannel):
            return
        async with session.drawing:  # because a ballot that is being drawn was read before
            for message in messages:
                with suppress(discord.HTTPException, *CONNECTION_ERRORS):
                    partial = discord.PartialMessage(channel=interaction.channel, id=message)
                    await _edit(partial, view=None)

    # Messages of a process that died between posting and recording

    async def record_pressed(self, interaction: Interaction, position: ScriptPosition) -> bool:
        """Record the message whose button was pressed, if the process that posted it has not.

        Return whether the message must be redrawn, because no turn since has done so.
        """
        message = interaction.message
        if (
            message is None
            or message.flags.ephemeral
            or await self.store.messages.find_posted_lines(message.id)
        ):
            return False
        script = await self.store.scripts.find_script(position.script)
        if script is None:
            return True
        if script.channel != interaction.channel_id:
            return False
        if position.line != ROOT_LINE and not await self.store.scripts.has_line(
            script, position.line
        ):
            return False
        lines = await self.store.lines.load_last_lines(position.line or None, CARD_SIZE)
        await self.store.messages.record_message(
            message.id, script.id, find_shown_lines(message.content, lines)
        )
        return True

    async def record_pressed_poll(self, interaction: Interaction, poll: int) -> bool:
        """Record the message of a ballot as `record_pressed` does that of a line."""
        message = interaction.message
        if message is None or message.flags.ephemeral:
            return False
        row = await self.store.polls.find_poll(poll)
        if row is None:
            return True
        if row.message is not None:
            return False
        script = await self.store.scripts.get_script(row.script)
        if script.channel != interaction.channel_id:
            return False
        await self.store.polls.record_message(poll, message.id)
        return row.closed


async def _edit(message: discord.PartialMessage, **fields: Any) -> None:  # noqa: ANN401 - of its edit
    await send_with_retries(
        lambda: message.edit(allowed_mentions=NO_MENTIONS, **fields), EDIT_SECONDS
    )


def _shows_last_line(result: TurnResult, script: Script) -> bool:
    """Return whether drawing a turn's messages draws those of a script's last line as well."""
    return script.head is not None and script.head in result.changed_lines


def _last_id(lines: list[Line]) -> int | None:
    return lines[-1].id if lines else None
