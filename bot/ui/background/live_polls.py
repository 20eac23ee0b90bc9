"""Show the counts of open votes live, and close each vote when it is due."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import discord

from ...errors import TransactionFailed
from ...recent import Recent
from ...session.channel_session import ChannelSession, ChannelSessions
from ...sharding import Shards
from ...storage.schema import Poll
from ..channels.message_sync import MessageSync
from ..delivery.server_language import speaking_for
from ..panels import poll_messages
from .timers import Timers

RECOUNT_INTERVAL = 1.0
"""Seconds between two edits of a count, because Discord limits how often a message is edited."""

MAX_COUNTED = 1_000
"""The number of votes whose last edit is remembered: far more than change within a second."""


@dataclass
class LivePolls:
    """Close the votes of all channels when they are due."""

    client: discord.Client
    sessions: ChannelSessions
    messages: MessageSync
    timers: Timers
    group: str | None = None
    """The group of the commands in a host."""
    _counted: Recent[int, float] = field(default_factory=lambda: Recent(MAX_COUNTED), init=False)
    """The times at which the counts of votes were shown, or will be."""
    _resumed: bool = field(default=False, init=False)

    async def resume(self) -> None:
        """Time the open votes of earlier processes on this process's shards; close overdue ones.

        Show the votes that an earlier process stored but did not show. Call it when the client is
        ready, because the language of a vote is that of its server. A second call does nothing.
        Raises TransactionFailed if the votes cannot be read.
        """
        if self._resumed:
            return
        polls = await self.sessions.housekeeping.list_votes(Shards.of(self.client))
        if self._resumed:
            return  # because a second call came while the votes were read
        self._resumed = True
        for poll in polls:
            if ("vote", poll.id) in self.timers:
                continue
            if poll.message is None:
                self.show(poll)
            self.watch(poll)

    def watch(self, poll: Poll) -> None:
        """Close a vote when it is due; ignore a poll without a vote."""
        if poll.ends is None:
            return
        left = (poll.ends - discord.utils.utcnow()).total_seconds()
        self.timers.set(("vote", poll.id), left, partial(self._end, poll.id))

    def show(self, poll: Poll) -> None:
        """Show takes that no message shows; after a failure, try again."""
        self.timers.set(("takes", poll.id), 0.0, partial(self._act_in_channel, self._show, poll.id))

    def end_now(self, poll: int) -> None:
        """Close a vote in which everybody has voted, unless it is already being closed."""
        if ("vote", poll) in self.timers:
            self.timers.set(("vote", poll), 0.0, partial(self._end, poll, is_early=True))

    async def end_passed(self, session: ChannelSession, script: int) -> None:
        """Close the votes that a script has passed, because their takes will not be added."""
        with suppress(TransactionFailed):  # since the line is written; each ends when it is due
            for poll in await session.polls.list_passed_votes(script):
                self.timers.set(("vote", poll), 0.0, partial(self._end, poll, is_passed=True))

    def recount(self, poll: int) -> None:
        """Show the count of a vote, now or soon."""
        if ("count", poll) in self.timers:
            return  # the edit that is due will show this vote as well
        now = asyncio.get_running_loop().time()
        due = max(now, self._counted.get(poll, -math.inf) + RECOUNT_INTERVAL)
        self._counted[poll] = due  # of votes at the same moment, all but the first wait
        self.timers.set(("count", poll), due - now, partial(self._recount, poll), delays=())

    async def _end(self, poll: int, *, is_early: bool = False, is_passed: bool = False) -> None:
        close = partial(self._close, is_early=is_early, is_passed=is_passed)
        await self._act_in_channel(close, poll)

    async def _recount(self, poll: int) -> None:
        self._counted[poll] = asyncio.get_running_loop().time()
        await self._act_in_channel(poll_messages.redraw_poll, poll)

    async def _act_in_channel(
        self,
        action: Callable[[discord.PartialMessageable, ChannelSession, int], Awaitable[object]],
        poll: int,
    ) -> None:
        if script := await self.sessions.housekeeping.find_poll_script(poll):
            channel = self.client.get_partial_messageable(script.channel)
            # Nobody waits in a channel that is gone.
            with speaking_for(script, self.client, self.group), suppress(discord.NotFound):
                await action(channel, self.sessions.get(script.channel), poll)

    async def _show(
        self, channel: discord.PartialMessageable, session: ChannelSession, poll: int
    ) -> None:
        # A vote that ends in the meantime is drawn after this.
        async with session.drawing:
            if unshown := await session.polls.find_unshown(poll):
                await self.sessions.posts.check_may_write()  # another process may have the shard
                await poll_messages.restore_takes(channel, session, unshown, self.client.user)
        # The panel has no buttons while people vote. An earlier attempt may have failed here.
        await self.messages.sync(channel, session)

    async def _close(
        self,
        channel: discord.PartialMessageable,
        session: ChannelSession,
        poll: int,
        *,
        is_early: bool,
        is_passed: bool,
    ) -> None:
        if poll_result := await session.polls.close(poll, is_passed=is_passed):
            await poll_messages.redraw_poll(channel, session, poll)
            # If the bot may not post, the message of the takes says how the vote ended.
            with suppress(discord.NotFound, discord.Forbidden):
                await poll_messages.announce_result(channel, poll_result, is_early=is_early)
            await session.polls.mark_announced(poll)
            await poll_messages.put_takes_away(channel, session, poll_result.script.id)
            await self.end_passed(session, poll_result.script.id)
        # The panel has no buttons while people vote. An earlier attempt may have failed here.
        await self.messages.sync(channel, session)
