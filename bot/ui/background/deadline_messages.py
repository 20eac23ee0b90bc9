"""Ping, remind and skip writers, and end sprints, when they are due."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import discord

from ...screenplay.statistics import count_script
from ...session.channel_session import ChannelSession, ChannelSessions
from ...session.deadlines import Due, Event
from ...session.preferences import PING
from ...sharding import Shards
from ...storage.schema import Rotation, Script, Sprint
from ..channels.message_sync import MessageSync
from ..delivery.sending import NO_MENTIONS, post_message
from ..delivery.server_language import speaking_for
from ..lines.line_messages import make_nonce
from ..panels.panel import delete_message
from ..panels.rotation_messages import (
    format_ping,
    format_reminder,
    format_skip,
    format_sprint_summary,
)
from .timers import Timers


@dataclass
class DeadlineMessages:
    """The deadlines and pings of all scripts. `resume` finds the stored ones again.

    A line that passes a turn on needs no new timer, because it only puts off what is due: when the
    timer of the previous turn runs out, a timer is set for what is due then.
    """

    client: discord.Client
    sessions: ChannelSessions
    messages: MessageSync
    timers: Timers
    group: str | None = None
    """The group of the commands in a host."""
    _resumed: bool = field(default=False, init=False)

    async def resume(self) -> None:
        """Watch the stored deadlines of the scripts on this process's shards.

        Call it when the client is ready, like `LivePolls.resume`. A second call does nothing.
        Raises TransactionFailed if the deadlines cannot be read.
        """
        if self._resumed:
            return
        scripts = await self.sessions.housekeeping.list_deadlines(Shards.of(self.client))
        self._resumed = True
        for script in scripts:
            self.watch(script.id)

    def watch(self, script: int, seconds: float = 0.0) -> None:
        """After some seconds, do what is due in a script, and set a timer for what is due next.

        Call it when something becomes due earlier than before.
        """
        self.timers.set(("script", script), seconds, partial(self._act, script))

    def watch_pings(self, script: Script) -> None:
        """Ping the writer to whom a turn has just passed, if the script's owner wishes it."""
        if PING.of(script):
            self.watch(script.id)

    async def _act(self, script_id: int) -> None:
        """Show what is due in a script, and set a timer for what is due next."""
        script = await self.sessions.housekeeping.find_script(script_id)
        if script is None:
            return
        session = self.sessions.get(script.channel)
        with speaking_for(script, self.client, self.group):
            async with session.reminding:
                due = await self.sessions.deadlines.find_due(script)
                if due.sprint and due.event:
                    await self._end_sprint(session, script, due, due.sprint)
                elif due.rotation and due.event:
                    await self._show_turn(session, script, due, due.rotation)
        if due.again:
            self.watch(script.id, (due.again - self.sessions.clock()).total_seconds())

    async def _show_turn(
        self, session: ChannelSession, script: Script, due: Due, rotation: Rotation
    ) -> None:
        """Ping, remind or skip a writer, or show the panel below the message of a skip."""
        channel, message = self.client.get_partial_messageable(script.channel), 0
        if due.event is Event.SHOW:
            await self.messages.sync(channel, session, above=rotation.announcement or 0)
        elif due.event:
            content, person = self._write(script, due, rotation)
            message = await self._post(script, content, due.event.value, rotation.turn, ping=person)
        if not await self.sessions.deadlines.record(script, due, message):
            await delete_message(channel, message)  # somebody wrote while it was posted
        if due.event is Event.PING and rotation.ping:
            await delete_message(channel, rotation.ping)  # which has told the writer before

    def _write(self, script: Script, due: Due, rotation: Rotation) -> tuple[str, int | None]:
        """Return what is posted about an event, and the person whom it pings, or None."""
        if due.event is Event.SKIP:
            return format_skip(script, rotation), rotation.writers[1] if PING.of(script) else None
        if due.event is Event.PING:
            return format_ping(rotation), rotation.writers[0]
        return format_reminder(script, rotation, self.sessions.clock()), rotation.writers[0]

    async def _end_sprint(
        self, session: ChannelSession, script: Script, due: Due, sprint: Sprint
    ) -> None:
        lines = await session.sprints.load_lines(script, sprint)
        statistics = await asyncio.to_thread(count_script, lines)
        content = format_sprint_summary(script, statistics)
        message = await self._post(script, content, Event.SPRINT.value, sprint.ends)
        await self.sessions.deadlines.record(script, due, message)
        channel = self.client.get_partial_messageable(script.channel)
        await self.messages.sync(channel, session, above=message)
        await self.sessions.deadlines.end_sprint(script)

    async def _post(
        self, script: Script, content: str, *event: object, ping: int | None = None
    ) -> int:
        """Post the message of an event, and return its id, or 0 if the bot may not post.

        It pings nobody but the person ``ping``. A second attempt, some minutes after the first,
        posts nothing.
        """
        # Another process may have the shard now.
        await self.sessions.posts.check_may_write()
        nonce = make_nonce(script.id, *event)
        users = [discord.Object(ping)] if ping else []
        mentions = NO_MENTIONS.merge(discord.AllowedMentions(users=users))
        with suppress(discord.NotFound, discord.Forbidden):
            channel = self.client.get_partial_messageable(script.channel)
            return (await post_message(channel, content, nonce, allowed_mentions=mentions)).id
        return 0
