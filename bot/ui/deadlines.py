"""Ping, remind and skip writers, and end sprints, when they are due."""

from __future__ import annotations

import asyncio
import datetime as dt
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import discord

from ..i18n.catalogue import speaking
from ..screenplay.statistics import count_script
from ..session.channel_session import ChannelSession, ChannelSessions
from ..session.turn_orders import find_due
from ..sharding import Shards
from ..storage.schema import Script, Sprint, TurnOrder
from .delivery import NO_MENTIONS, post_message
from .line_messages import make_nonce
from .live_polls import find_locale
from .message_sync import MessageSync
from .panel import delete_message
from .timers import Timers
from .turn_messages import format_ping, format_reminder, format_skip, format_sprint_summary


@dataclass
class Deadlines:
    """The deadlines and pings of all scripts. `resume` finds the stored ones again.

    A line that passes a turn on needs no new timer, because it only puts off what is due: when the
    timer of the turn before runs out, a timer is set for what is due then.
    """

    client: discord.Client
    sessions: ChannelSessions
    messages: MessageSync
    timers: Timers
    group: str | None = None
    """The group of the commands in a host."""
    _resumed: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.store = self.sessions.store

    async def resume(self) -> None:
        """Watch the stored deadlines of the scripts on this process's shards.

        Call it when the client is ready, as `LivePolls.resume`. A second call does nothing. Raises
        TransactionFailed where the deadlines cannot be read.
        """
        if self._resumed:
            return
        scripts = await self.store.turn_orders.list_scripts_with_deadlines()
        self._resumed = True
        for script in scripts:
            if Shards.of(self.client).include(script.guild):
                self.watch(script.id)

    def watch(self, script: int, seconds: float = 0.0) -> None:
        """Do after some seconds what is due in a script, and set a timer for what is due next.

        Call it where something becomes due earlier than before.
        """
        self.timers.set(("script", script), seconds, partial(self._look, script))

    def watch_pings(self, script: Script) -> None:
        """Ping the writer to whom a turn has just passed, where the script's owner wishes it."""
        if script.ping:
            self.watch(script.id)

    async def _look(self, script: int) -> None:
        if due := await self._act(script):
            self.watch(script, (due - self.sessions.clock()).total_seconds())

    async def _act(self, script_id: int) -> dt.datetime | None:
        """Do what is due in a script, and return when to look again, or None."""
        script = await self.store.scripts.find_script(script_id)
        if script is None:
            return None
        session = self.sessions.get(script.channel)
        with speaking(find_locale(script, self.client), self.group):
            async with session.reminding:
                order, sprint = await self.store.turn_orders.find_order_and_sprint(script_id)
                if sprint is not None:
                    return await self._watch_sprint(session, script, sprint)
                if order is not None:
                    return await self._watch_turn(session, script, order)
        return None

    async def _watch_turn(
        self, session: ChannelSession, script: Script, order: TurnOrder
    ) -> dt.datetime | None:
        """Remind or skip the writer if that is due, and return when to look again, or None."""
        now, due, channel = self.sessions.clock(), find_due(order), self._find_channel(script)
        if order.announcement is not None:
            await self.messages.sync(channel, session, above=order.announcement)
            await self.store.turn_orders.record_shown(script.id, order.announcement)
        may_ping = script.ping and script.running and len(order.writers) > 1
        if order.must_ping and may_ping:
            await self._ping(channel, script, order)
            return now  # because the panel must come below
        if order.hours is None:
            return None
        if due is not None and due > now:
            return due
        if due is None or not script.running:
            if due is not None:  # nobody can write, so that the writer must not be reminded
                await self.store.turn_orders.extend_turn(script.id, now)
            return now + dt.timedelta(hours=order.hours)
        if order.reminded is None:
            await self._remind(script, order, now)
        else:
            mentioned = _allow_mention(order.writers[1]) if script.ping else NO_MENTIONS
            message = await self._post(
                script, format_skip(script, order), "skip", order.turn, mentioned=mentioned
            )
            await self.store.turn_orders.skip_turn(script.id, order.turn, now, message)
        return now  # because the panel must come below, and something else may be due

    async def _remind(self, script: Script, order: TurnOrder, now: dt.datetime) -> None:
        """Remind the writer, by a mention of that person alone."""
        mentioned = _allow_mention(order.writers[0])
        content = format_reminder(script, order, now)
        message = await self._post(script, content, "remind", order.turn, mentioned=mentioned)
        await self.store.turn_orders.record_reminder(script.id, order.turn, now, message)

    async def _ping(
        self, channel: discord.PartialMessageable, script: Script, order: TurnOrder
    ) -> None:
        """Tell the writer to whom the turn has passed, instead of the one before."""
        mentioned = _allow_mention(order.writers[0])
        message = await self._post(
            script, format_ping(order), "ping", order.turn, mentioned=mentioned
        )
        await self.store.turn_orders.record_ping(script.id, order.turn, message)
        if order.ping:
            await delete_message(channel, order.ping)

    async def _watch_sprint(
        self, session: ChannelSession, script: Script, sprint: Sprint
    ) -> dt.datetime:
        """End a sprint by a summary if that is due, and return when to look again."""
        now = self.sessions.clock()
        if sprint.ends > now:
            return sprint.ends
        lines = await session.store.lines.load_lines_after(script.head, sprint.after)
        statistics = await asyncio.to_thread(count_script, lines)
        content = format_sprint_summary(script, statistics)
        message = await self._post(script, content, "sprint", sprint.ends)
        await self.store.turn_orders.extend_turn(script.id, now)
        await self.messages.sync(self._find_channel(script), session, above=message)
        await self.store.sprints.delete_sprint(script.id)
        return now

    async def _post(
        self,
        script: Script,
        content: str,
        *event: object,
        mentioned: discord.AllowedMentions = NO_MENTIONS,
    ) -> int:
        """Post the message of an event, and return its id, or 0 where the bot may not post.

        A second attempt, some minutes after the first one, posts nothing.
        """
        await self.store.check_may_write()  # because another process may have the shard now
        nonce = make_nonce(script.id, *event)
        with suppress(discord.NotFound, discord.Forbidden):
            channel = self._find_channel(script)
            return (await post_message(channel, content, nonce, allowed_mentions=mentioned)).id
        return 0

    def _find_channel(self, script: Script) -> discord.PartialMessageable:
        return self.client.get_partial_messageable(script.channel)


def _allow_mention(person: int) -> discord.AllowedMentions:
    """Allow the mention of one person alone."""
    return discord.AllowedMentions(everyone=False, roles=False, users=[discord.Object(person)])
