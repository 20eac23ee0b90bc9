"""Take the turn that a person requests, and show its result in the channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import discord

from ..errors import OnBookError, TransactionFailed
from ..i18n.catalogue import say
from ..session.channel_session import ChannelSession
from ..session.rate_limits import Cost
from ..session.turn import Job, Requester, ScriptPosition, TurnResult, current_position
from ..storage.schema import Script
from ..ui import components
from ..ui.components import Interaction, make_cast_button, make_view
from ..ui.delivery import (
    CONNECTION_ERRORS,
    EPHEMERAL,
    FirstResponse,
    MessageChannel,
    complete_response,
    delete_response,
    send_ephemeral,
    try_once,
)
from ..ui.installations import find_installer
from ..ui.line_messages import format_undeleted
from ..ui.looks import Look
from ..ui.markdown import inline
from ..ui.panel import delete_message
from ..ui.responses import IS_WRITTEN, check_bot_permissions, format_error
from .in_flight import StoppableJob
from .requester import get_channel, get_guild, get_message_channel, get_requester
from .services import CogServices

R = TypeVar("R")
TurnFunction = Callable[[ChannelSession, Requester, Job], Coroutine[Any, Any, TurnResult]]
"""A turn; the job is for one that takes a while, and can be stopped."""

NextTurnFunction = Callable[
    [ScriptPosition, ChannelSession, Requester, Job], Coroutine[Any, Any, TurnResult]
]
"""A turn that goes on where another one has left a script."""

OUTSIDERS_SIZE = 500
"""The size of the names of new speakers outside the cast."""

PROGRESS_INTERVAL = 2.0
"""Seconds until everybody sees the progress of a turn, and between two updates."""


class Turns:
    """Take turns in the sessions of channels, and show the results."""

    def __init__(self, services: CogServices) -> None:
        self.services = services

    async def run_with_progress(
        self,
        interaction: Interaction,
        run: Callable[[Job], Coroutine[Any, Any, R]],
        kind: str,
    ) -> R:
        """Do work with progress and a Stop button shown, and return its result.

        ``kind`` is one of `components.JOB_KINDS`.
        """

        async def restore() -> None:
            if kind not in components.READING_JOBS:
                await self.sync(interaction, self.services.admit_to_session(interaction))

        is_public = not (kind in components.READING_JOBS and EPHEMERAL in interaction.extras)
        asker, channel = interaction.user.id, get_channel(interaction)
        return await self._run_job(
            interaction.id,
            StoppableJob(Job(), asker, channel, is_public),
            run,
            lambda progress: self._show_progress(interaction, progress, kind),
            restore,
        )

    async def run_for_message(
        self,
        message: int,
        author: int,
        channel: MessageChannel,
        guild: int | None,
        run: Callable[[Job], Coroutine[Any, Any, R]],
    ) -> R:
        """Do the work that a message asks for likewise, and return its result."""
        messages, session = self.services.messages, self.services.sessions.get(channel.id)

        async def show(progress: str) -> None:
            stop = components.make_stop_button(message, components.LINES)
            async with session.drawing:
                await messages.panel.show_progress(channel, guild, progress, stop)

        stoppable = StoppableJob(Job(), author, channel.id, is_public=True)
        return await self._run_job(
            message, stoppable, run, show, lambda: messages.sync(channel, session)
        )

    async def _run_job(
        self,
        delivery: int,
        stoppable: StoppableJob,
        run: Callable[[Job], Coroutine[Any, Any, R]],
        show: Callable[[str], Coroutine[Any, Any, None]],
        restore: Callable[[], Coroutine[Any, Any, object]],
    ) -> R:
        """Do work that an interaction or a message asks for, by its id, and return the result.

        ``show`` shows the progress from time to time, and whenever a line is stored, the lines with
        a progress of "". Where the work then fails, ``restore`` shows later what was there before.
        """
        job, jobs = stoppable.job, self.services.in_flight.jobs
        # It can be delivered twice: the Stop button stops the first one.
        first = jobs.setdefault(delivery, stoppable) is stoppable
        task = asyncio.ensure_future(run(job))
        is_shown = False
        try:
            while not await _wait_for_news(task, job.news):
                is_new_line = job.news.is_set()
                job.news.clear()
                await show("" if is_new_line else f"-# {components.format_progress(job.progress)}")
                is_shown = True
            return await task
        except Exception:
            if is_shown:
                self._try_later(restore)
            raise
        finally:
            task.cancel()
            if first:
                del jobs[delivery]

    async def _show_progress(self, interaction: Interaction, progress: str, kind: str) -> None:
        """Show progress in the panel's place, or in the answer where the script stays as it is."""
        stop = components.make_stop_button(interaction.id, kind)
        if kind in components.READING_JOBS or find_installer(interaction) is not None:
            if progress:
                await try_once(
                    lambda: self.services.answers.show_progress(interaction, progress, stop)
                )
            return
        channel, guild = get_message_channel(interaction), interaction.guild_id
        session, messages = self.services.admit_to_session(interaction), self.services.messages
        if not progress:
            await messages.show_stored_lines(channel, session, guild)
            return
        async with session.drawing:
            await messages.panel.show_progress(channel, guild, progress, stop)

    @asynccontextmanager
    async def typing(self, interaction: Interaction) -> AsyncIterator[None]:
        """Show everybody at once that the voice writes.

        Where the bot only answers, Discord does so by itself.
        """
        if find_installer(interaction) is not None:
            yield
            return
        channel = get_message_channel(interaction)
        task = asyncio.create_task(try_once(channel.typing))
        try:
            yield
        finally:
            # Late, it would show that the voice goes on.
            task.cancel()

    async def acknowledge(self, interaction: Interaction) -> None:
        """Acknowledge a turn, unless that was done, before anything is read for it.

        Raises what `CogServices.admit` does, and RequestError where the bot may not post.
        """
        check_bot_permissions(interaction)
        self.services.admit(interaction)
        if interaction.response.type is not None:
            return
        if find_installer(interaction) is None:
            await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
        else:
            await self.services.answers.defer(interaction)

    async def take_turn(
        self,
        interaction: Interaction,
        take: TurnFunction,
        expected: ScriptPosition | None = None,
        *,
        kind: str | None = None,
        note: str = "",
        announce: Callable[[Script], str] | None = None,
        tell: Callable[[Script], Awaitable[str]] | None = None,
        then: NextTurnFunction | None = None,
        is_checked: bool = False,
    ) -> None:
        """Take one turn: acknowledge it, act, and show the script as it is then.

        Args:
            interaction: What was asked.
            take: The turn.
            expected: Where the script must still stand, if that matters.
            kind: One of `components.JOB_KINDS` where the voice writes or reads, with its progress
                shown; None for a turn that takes no time.
            note: What has happened, which the panel says.
            announce: Returns the line that says which script goes on, if another one does.
            tell: Returns a sentence for the requester alone, or "".
            then: A turn of the voice that follows at once; where it fails, the first one stands.
            is_checked: Whether to skip the check of the position, because the caller made it, or
                because any script will do.
        """
        await self.acknowledge(interaction)
        session = self.services.admit_to_session(interaction)
        channel, is_member = get_message_channel(interaction), find_installer(interaction) is None
        if not is_checked:
            # Refuse a turn here if possible, before everybody sees its progress.
            await session.library.load_script_at(expected)
        before = None
        if not is_member:
            before = await self.services.store.scripts.find_running_script(session.channel)
        run = partial(take, session, get_requester(interaction))
        result = await (
            self.run_with_progress(interaction, run, kind) if kind is not None else run(Job())
        )
        interaction.extras[IS_WRITTEN] = True
        announcement = f"-# {announce(result.script)}" if announce else ""
        sentences = list[str]()
        if then:
            if is_member:
                await self.services.messages.sync(channel, session, announcement=announcement)
                announcement = ""
            result = await self._go_on(interaction, session, result, then)
        if result.poll:
            self.services.polls.watch(result.poll)
            await self.services.poll_messages.post(channel, result.poll)
        if result.failure:
            sentences.append(format_error(result.failure))
        notes = filter(None, (note, result.note, format_model_change(result)))
        joined = "\n".join(f"-# {one}" for one in notes)
        if is_member:
            if left := await self.services.messages.sync(channel, session, joined, announcement):
                sentences.append(format_undeleted(left))
            self.services.deadlines.watch_pings(result.script)
        else:
            await self.services.answers.show(
                interaction, session, before, result.script, joined, announcement
            )
        if tell and (told := await tell(result.script)):
            sentences.append(told)
        await self._finish(interaction, result, sentences)

    async def _go_on(
        self,
        interaction: Interaction,
        session: ChannelSession,
        first: TurnResult,
        then: NextTurnFunction,
    ) -> TurnResult:
        """Take a turn of the voice that follows the ``first`` one, which stands if it fails."""
        run = partial(then, current_position(first.script), session, get_requester(interaction))
        try:
            async with self.typing(interaction):
                return await self.run_with_progress(interaction, run, components.LINES)
        except OnBookError as error:
            return replace(first, failure=error)

    async def _finish(
        self, interaction: Interaction, result: TurnResult, sentences: list[str]
    ) -> None:
        """Tell the requester what they must know, or delete the answer that nobody else sees."""
        sentences += format_warnings(result)
        if await self._should_ask_for_webhooks(interaction, result.script):
            sentences.append(
                say(
                    "Give me the **Manage Webhooks** permission here, and each character will "
                    "speak under a name and face of its own."
                )
            )
        view = discord.utils.MISSING
        if result.outsiders:
            script = result.script.id
            view = make_view(*(make_cast_button(script, name) for name in result.outsiders))
        if EPHEMERAL not in interaction.extras:
            if sentences:
                await send_ephemeral(interaction, " ".join(sentences), view=view)
            return
        if sentences:
            await complete_response(interaction, content=" ".join(sentences), view=view)
            return
        with suppress(discord.HTTPException, *CONNECTION_ERRORS):
            await delete_response(interaction)

    async def _should_ask_for_webhooks(self, interaction: Interaction, script: Script) -> bool:
        """Return, once a channel, whether the requester can grant a permission for its look."""
        look = script.look or self.services.settings.look
        channel, messages = get_message_channel(interaction), self.services.messages
        can_grant = get_guild(interaction) is not None and interaction.permissions.manage_roles
        if look != Look.CHARACTERS or not can_grant:
            return False
        if not messages.line_messages.webhooks.lacks_permission(channel):
            return False
        known = await self.services.store.messages.find_channel(channel.id)
        if known and known.asked_for_webhooks:
            return False
        await self.services.store.messages.record_asked_for_webhooks(
            channel.id, interaction.guild_id
        )
        return True

    async def sync(self, interaction: Interaction, session: ChannelSession, note: str = "") -> None:
        """Show the script of an interaction's channel as it is now, with a note in the panel."""
        if find_installer(interaction) is None:
            await self.services.messages.sync(get_message_channel(interaction), session, note)
        else:
            await self.services.answers.restore(interaction, session)

    def _sync_later(self, interaction: Interaction) -> None:
        """Show the script as it is, after what is being answered."""
        session = self.services.admit_to_session(interaction)
        self._try_later(lambda: self.sync(interaction, session))

    def _try_later(self, show: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Show something in a task of its own, and ignore a failure."""

        async def try_to_show() -> None:
            with suppress(TransactionFailed, discord.HTTPException, *CONNECTION_ERRORS):
                await show()

        self.services.in_flight.track(asyncio.create_task(try_to_show()))

    async def charge_lines(
        self,
        interaction: Interaction,
        expected: ScriptPosition | None = None,
        lines: int = 1,
        takes: int | None = None,
    ) -> None:
        """Charge the lines that the model will write; raise what `take_turn` raises, but earlier.

        The turn is acknowledged first.

        Candidates cost nothing, because a busy engine writes few of them.

        Args:
            interaction: What was asked.
            expected: Where the script must still stand, if that matters.
            lines: The lines of each take.
            takes: The takes, or None for the script's setting.
        """
        await self.acknowledge(interaction)
        script = await self.services.admit_to_session(interaction).library.load_script_at(expected)
        self.services.charge(interaction, Cost(lines=lines * (takes or script.takes)))

    async def replace_old_panel(
        self, interaction: Interaction, position: ScriptPosition | None = None
    ) -> None:
        """Delete the message whose button was pressed if it is a panel that another has replaced.

        A process that died has left it, and may have left the channel as it was. Where the bot
        only answers, old panels are usual: remove one whose ``position`` is old.
        """
        if find_installer(interaction) is not None:
            session = self.services.admit_to_session(interaction)
            script = await self.services.store.scripts.find_running_script(session.channel)
            if position and (script is None or current_position(script) != position):
                await self.services.answers.remove_panel(interaction, session)
            return
        message = interaction.message
        if message and await self.services.messages.panel.is_old(message):
            channel = get_message_channel(interaction)
            self.services.in_flight.track(asyncio.create_task(delete_message(channel, message.id)))
            self._sync_later(interaction)

    async def record_pressed_poll(self, interaction: Interaction, poll: int) -> None:
        """Record a poll's message, as `PollMessages.record_pressed` does."""
        messages, session = self.services.poll_messages, self.services.admit_to_session(interaction)
        if interaction.message and await messages.record_pressed(interaction, poll):
            channel = get_message_channel(interaction)
            redrawing = messages.redraw_pressed(channel, session, poll, interaction.message.id)
            self.services.in_flight.track(asyncio.create_task(redrawing))


async def _wait_for_news(task: asyncio.Task[Any], news: asyncio.Event) -> bool:
    """Wait for the end of a task, for news, or for `PROGRESS_INTERVAL`; return whether it ended."""
    waiting = asyncio.ensure_future(news.wait())
    try:
        await asyncio.wait(
            {task, waiting}, timeout=PROGRESS_INTERVAL, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        waiting.cancel()
    return task.done()


def format_warnings(result: TurnResult) -> list[str]:
    """Return the sentences for a writer for whose lines the voice has limits."""
    sentences = list[str]()
    if result.unreadable:
        sentences.append(
            say(
                "The voice “{voice}” cannot read some of these letters or symbols. It skips them; "
                "they stay in the script.",
                voice=inline(result.script.voice, 40),
            )
        )
    if result.outsiders:
        names = inline(", ".join(result.outsiders), OUTSIDERS_SIZE)
        sentences.append(
            say("The cast is locked, so the voice will not write for {names}.", names=names)
        )
    return sentences


def format_model_change(result: TurnResult) -> str:
    """Return the note that another voice has read the script, or "" where people know."""
    if not result.new_model:
        return ""
    return say(
        "The voice has changed: “{voice}” has read the script and continues it.",
        voice=inline(result.new_model, 40),
    )
