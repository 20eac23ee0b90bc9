"""Admit the turns that people request, and show their results in the channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

import discord

from ..errors import TransactionFailed
from ..i18n.catalogue import say
from ..session.channel_session import ChannelSession
from ..session.preferences import LOOK
from ..session.turn import Job, Requester, ScriptPosition, TurnResult, current_position
from ..settings import Look
from ..storage.schema import Poll, Script
from ..ui.channels.progress import AnswerProgress, PanelProgress, ProgressDisplay
from ..ui.components import (
    LINES,
    READING_JOBS,
    Interaction,
    make_stop_button,
)
from ..ui.delivery.installations import find_installer
from ..ui.delivery.interaction_state import find_state
from ..ui.delivery.responses import check_bot_permissions, check_may_post, format_error
from ..ui.delivery.sending import (
    CONNECTION_ERRORS,
    FirstResponse,
    MessageChannel,
    complete_response,
    delete_response,
    send_ephemeral,
    try_once,
)
from ..ui.lines.line_messages import format_undeleted
from ..ui.markdown import inline
from ..ui.panels import poll_messages
from ..ui.panels.panel import delete_message
from .in_flight import StoppableJob
from .requester import get_channel, get_guild, get_message_channel, get_requester
from .services import CogServices


@dataclass(frozen=True)
class Turn:
    """A person's turn that was admitted and acknowledged."""

    interaction: Interaction
    session: ChannelSession
    requester: Requester
    channel: MessageChannel
    above: int = 0
    """The channel's last message when somebody used a command, who then looks below it, or 0."""

    @property
    def bot_is_member(self) -> bool:
        """Return whether the bot is a member of the server, and posts in its channels."""
        return find_installer(self.interaction) is None


class Turns:
    """Admit people's turns in the sessions of channels, and show the results."""

    def __init__(self, services: CogServices) -> None:
        self.services = services

    async def admit(self, interaction: Interaction) -> Turn:
        """Admit and acknowledge a turn, before anything is read for it.

        Raises what `CogServices.admit` does, and RequestError if the bot or person may not post.
        """
        check_bot_permissions(interaction)
        check_may_post(interaction)
        session = self.services.admit_to_session(interaction)
        requester, channel = get_requester(interaction), get_message_channel(interaction)
        last = getattr(channel, "last_message_id", None) or interaction.id
        above = last if interaction.command else 0
        turn = Turn(interaction, session, requester, channel, above)
        if interaction.response.type is None:
            if turn.bot_is_member:
                await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
            else:
                await self.services.answers.defer(interaction)
        return turn

    @asynccontextmanager
    async def show_progress(self, interaction: Interaction, kind: str) -> AsyncIterator[Job]:
        """Show the progress of the job that the context does, with a Stop button.

        ``kind`` is one of `components.JOB_KINDS`.
        """
        services, channel = self.services, get_channel(interaction)
        session, stop = services.sessions.get(channel), make_stop_button(interaction.id, kind)
        is_reading = kind in READING_JOBS
        display: ProgressDisplay = AnswerProgress(services.answers, interaction, session, stop)
        if not is_reading and find_installer(interaction) is None:
            message_channel = get_message_channel(interaction)
            display = PanelProgress(services.messages, message_channel, session, stop)
        is_public = not (is_reading and find_state(interaction).is_ephemeral)
        stoppable = StoppableJob(Job(), interaction.user.id, channel, is_public)
        async with services.in_flight.track_job(interaction.id, stoppable, display) as job:
            yield job

    @asynccontextmanager
    async def show_writing(self, turn: Turn) -> AsyncIterator[Job]:
        """Show everybody that the voice is writing, as soon as it is, and its progress.

        Where the bot only answers, Discord shows the former by itself.
        """
        async with self.show_progress(turn.interaction, LINES) as job:
            if not turn.bot_is_member:
                yield job
                return
            typing = asyncio.create_task(_type_once_begun(turn.channel, job))
            try:
                yield job
            finally:
                # If the typing came late, it would suggest that the voice goes on.
                typing.cancel()

    async def show(
        self,
        turn: Turn,
        result: TurnResult,
        note: str = "",
        announcement: str = "",
        remark: str = "",
        recap: str = "",
    ) -> None:
        """Show the script as it is after a turn, and tell the requester what they must know.

        The panel says the ``recap`` and the ``note``, a separate message says the ``announcement``,
        and the answer to the requester says the ``remark``. Text that quotes lines is never an
        announcement, because an announcement stays when a line is erased.
        """
        interaction, session, channel = turn.interaction, turn.session, turn.channel
        find_state(interaction).is_written = True
        announcement = announcement and f"-# {announcement}"
        sentences = list[str]()
        if result.poll:
            await self._show_takes(turn, result.poll)
        if result.failure:
            sentences.append(format_error(result.failure))
        notes = filter(None, (note, result.note, format_model_change(result)))
        # An empty row ends the quotation, which some clients would otherwise continue.
        rows = [recap and f"{recap}\n", *(f"-# {note}" for note in notes)]
        joined = "\n".join(filter(None, rows))
        if turn.bot_is_member:
            sync = self.services.messages.sync
            if left := await sync(channel, session, joined, announcement, turn.above):
                sentences.append(format_undeleted(left))
            await poll_messages.put_takes_away(channel, session, result.script.id, result.picked)
            if turn.requester.ignores_vote:
                await self.services.live_polls.end_passed(session, result.script.id)
            self.services.deadline_messages.watch_pings(result.script)
        else:
            await self.services.answers.show(
                interaction, session, result.before, result.script, joined, announcement
            )
        sentences += [*filter(None, [remark]), *format_warnings(result)]
        await self._finish(turn, result, sentences)

    async def _show_takes(self, turn: Turn, poll: Poll) -> None:
        self.services.live_polls.watch(poll)
        try:
            message = await poll_messages.post_takes(turn.channel, turn.session, poll)
            is_over = await turn.session.polls.claim_message(poll.id, message)
        except (TransactionFailed, discord.HTTPException, *CONNECTION_ERRORS):
            self.services.live_polls.show(poll)
            raise
        if is_over:
            await poll_messages.redraw_pressed_poll(turn.channel, turn.session, poll.id, message)

    async def _finish(self, turn: Turn, result: TurnResult, sentences: list[str]) -> None:
        """Tell the requester what they must know, or delete the answer that nobody else sees."""
        interaction = turn.interaction
        if await self._should_ask_for_webhooks(turn, result.script):
            sentences.append(
                say(
                    "Give me the **Manage Webhooks** permission here, and each character will "
                    "speak with its own name and face."
                )
            )
        content, is_ephemeral = " ".join(sentences), find_state(interaction).is_ephemeral
        if content and is_ephemeral:
            await complete_response(interaction, content=content)
        elif content:
            await send_ephemeral(interaction, content)
        elif is_ephemeral:
            with suppress(discord.HTTPException, *CONNECTION_ERRORS):
                await delete_response(interaction)

    async def _should_ask_for_webhooks(self, turn: Turn, script: Script) -> bool:
        """Return, once per channel, whether the requester can grant what its look needs."""
        look, channel = LOOK.of(script) or self.services.settings.look, turn.channel
        guild, webhooks = get_guild(turn.interaction), self.services.messages.line_messages.webhooks
        can_grant = guild is not None and turn.interaction.permissions.manage_roles
        if look != Look.CHARACTERS or not can_grant or not webhooks.lacks_permission(channel):
            return False
        return await self.services.sessions.posts.claim_webhook_hint(channel.id, guild)

    async def show_script(self, turn: Turn, announcement: str) -> None:
        """Show everybody the script as it is, before the voice goes on, with an announcement."""
        find_state(turn.interaction).is_written = True
        announced = f"-# {announcement}"
        await self.services.messages.sync(turn.channel, turn.session, announcement=announced)

    async def sync(self, interaction: Interaction, session: ChannelSession, note: str = "") -> None:
        """Show the script of an interaction's channel as it is now, with a note in the panel."""
        if find_installer(interaction) is None:
            await self.services.messages.sync(get_message_channel(interaction), session, note)
        else:
            await self.services.answers.restore(interaction, session)

    async def admit_press(self, interaction: Interaction, position: ScriptPosition) -> Turn:
        """Admit the turn of a panel's button, and remove that panel if it is old."""
        turn = await self.admit(interaction)
        if turn.bot_is_member:
            await self.replace_old_panel(interaction)
            return turn
        running = await turn.session.library.find_running()
        if running is None or current_position(running) != position:
            await self.services.answers.remove_panel(interaction, turn.session)
        return turn

    async def replace_old_panel(self, interaction: Interaction) -> None:
        """Delete the message whose button was pressed if it is a panel that another has replaced.

        A process that died left the old panel, and may have left the channel as it was. Where the
        bot only answers, old panels are normal: see `admit_press`.
        """
        message, in_flight = interaction.message, self.services.in_flight
        if message is None or find_installer(interaction) is not None:
            return
        if await self.services.messages.panel.is_old(message):
            channel = get_message_channel(interaction)
            in_flight.track(asyncio.create_task(delete_message(channel, message.id)))
            session = self.services.admit_to_session(interaction)
            in_flight.try_later(partial(self.sync, interaction, session))

    async def record_pressed_poll(
        self, interaction: Interaction, session: ChannelSession, poll: int
    ) -> None:
        """Record the message of a poll whose button was pressed; redraw it if the poll is over."""
        message = interaction.message
        if message is None or message.flags.ephemeral:
            return
        if await session.polls.claim_message(poll, message.id):
            channel = get_message_channel(interaction)
            redrawing = poll_messages.redraw_pressed_poll(channel, session, poll, message.id)
            self.services.in_flight.track(asyncio.create_task(redrawing))


async def _type_once_begun(channel: MessageChannel, job: Job) -> None:
    await job.begun.wait()
    await try_once(channel.typing)


def format_warnings(result: TurnResult) -> list[str]:
    """Return the sentences about what a writer cannot see in the lines of a turn."""
    sentences = list[str]()
    if result.failure and result.lines:
        sentences.append(say("The finished lines stay."))
    if result.unreadable:
        sentences.append(
            say(
                "The voice “{voice}” cannot read some of these letters or symbols. It skips them; "
                "they stay in the script.",
                voice=inline(result.script.model, 40),
            )
        )
    return sentences


def format_paused(result: TurnResult) -> str:
    """Return a space and the sentence that a turn has paused a script, or "" if it has not."""
    if result.before is None:
        return ""
    return f" {say('“{title}” is paused.', title=inline(result.before.title, 100))}"


def format_model_change(result: TurnResult) -> str:
    """Return the note that another voice has read the script, or "" if people know."""
    if not result.new_model:
        return ""
    return say(
        "The voice has changed: “{voice}” has read the script and continues it.",
        voice=inline(result.new_model, 40),
    )
