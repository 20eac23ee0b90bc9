"""Show the counts of open votes live, and close each vote when it is due."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

import discord

from ..errors import TransactionFailed
from ..i18n.catalogue import speaking
from ..session.channel_session import ChannelSession, ChannelSessions
from ..sharding import Shards
from ..storage.schema import Poll, Script
from .delivery import CONNECTION_ERRORS
from .message_sync import MessageSync
from .poll_messages import PollMessages

log = logging.getLogger("onbook.live_polls")

PollAction = Callable[[int], Coroutine[Any, Any, None]]


class Timer(Protocol):
    """A scheduled call."""

    def cancel(self) -> None:
        """Cancel the call."""


CallLater = Callable[[float, Callable[[], None]], Timer]
"""Calls a function on the event loop after so many seconds."""

RECOUNT_INTERVAL = 1.0
"""Seconds between two edits of a count, because Discord limits how often a message is edited."""

RETRY_DELAYS = (5.0, 30.0, 120.0, 600.0, 3600.0)
"""Seconds before each retry of closing a vote; after the last one it waits for the next start."""


class LivePolls:
    """Close the votes of all channels when they are due. `resume` finds the stored votes again.

    Args:
        client: The client whose channels the votes are in.
        sessions: The channels' sessions.
        polls: Shows the polls, and how votes end.
        messages: Shows the lines that won.
        track: Is given each task that closes or counts a vote, so that an unload waits for it.
        call_later: A timer, or None for that of the event loop.
        group: The group of the commands in a host.
    """

    def __init__(
        self,
        client: discord.Client,
        sessions: ChannelSessions,
        polls: PollMessages,
        messages: MessageSync,
        track: Callable[[asyncio.Task[None]], None],
        call_later: CallLater | None = None,
        *,
        group: str | None = None,
    ) -> None:
        self.client = client
        self.group = group
        self.sessions = sessions
        self.polls = polls
        self.messages = messages
        self._track = track
        self._call_later: CallLater = call_later or asyncio.get_running_loop().call_later
        self._ends: dict[int, Timer] = {}
        self._counts: dict[int, Timer] = {}
        self._counted: dict[int, float] = {}
        self._stopped = self._resumed = False

    async def resume(self) -> None:
        """Time the open votes of earlier processes on this process's shards; close those overdue.

        Call it when the client is ready, since the language of a vote is that of its server. A
        second call does nothing. Raises TransactionFailed where the votes cannot be read.
        """
        if self._resumed:
            return
        shards, store = Shards.of(self.client), self.sessions.store
        polls = await store.polls.list_unannounced_polls()
        self._resumed = True
        for poll in polls:
            script = await store.scripts.find_script(poll.script)
            if script and shards.include(script.guild) and poll.id not in self._ends:
                self.watch(poll)

    def watch(self, poll: Poll) -> None:
        """Close a vote when it is due; ignore a poll without a vote."""
        if poll.ends is None:
            return
        left = (poll.ends - discord.utils.utcnow()).total_seconds()
        self._schedule(self._ends, left, self._end, poll.id)

    def end_now(self, poll: int) -> None:
        """Close a vote before it is due, unless it is being closed already."""
        if timer := self._ends.pop(poll, None):
            timer.cancel()
            self._schedule(self._ends, 0.0, self._end, poll)

    def recount(self, poll: int) -> None:
        """Show the count of a vote, now or soon."""
        if poll in self._counts:
            return  # the edit that is due will show this vote as well
        now = asyncio.get_running_loop().time()
        due = max(now, self._counted.get(poll, -math.inf) + RECOUNT_INTERVAL)
        self._counted[poll] = due  # of votes at the same moment, all but the first wait
        self._schedule(self._counts, due - now, self._recount, poll)

    def stop(self) -> None:
        """Close no further votes, and leave them to the next process."""
        self._stopped = True
        for handle in (*self._ends.values(), *self._counts.values()):
            handle.cancel()

    def _schedule(
        self, timers: dict[int, Timer], seconds: float, action: PollAction, poll: int
    ) -> None:
        def begin() -> None:
            timers.pop(poll, None)
            self._track(asyncio.ensure_future(action(poll)))

        if self._stopped:
            return
        if seconds > 0:
            timers[poll] = self._call_later(seconds, begin)
        else:
            begin()

    async def _end(self, poll: int, delays: Sequence[float] = RETRY_DELAYS) -> None:
        """Close a vote; where that fails, retry later."""
        self._counted.pop(poll, None)
        if not await self._act_in_channel(self._close, poll) and delays:
            retry = partial(self._end, delays=delays[1:])
            self._schedule(self._ends, delays[0], retry, poll)

    async def _recount(self, poll: int) -> None:
        self._counted[poll] = asyncio.get_running_loop().time()
        await self._act_in_channel(self.polls.redraw, poll)

    async def _act_in_channel(
        self,
        action: Callable[[discord.PartialMessageable, ChannelSession, int], Awaitable[object]],
        poll: int,
    ) -> bool:
        """Act in the channel of a poll, if it exists; return False if that fails."""
        store = self.sessions.store
        try:
            row = await store.polls.find_poll(poll)
            script = await store.scripts.find_script(row.script) if row else None
            if script is None:
                return True
            channel = self.client.get_partial_messageable(script.channel)
            with speaking(find_locale(script, self.client), self.group):
                await action(channel, self.sessions.get(script.channel), poll)
        except (discord.HTTPException, TransactionFailed, *CONNECTION_ERRORS) as error:
            log.warning("could not close or show poll %d: %s", poll, error)
            return False
        except Exception:
            log.exception("poll %d failed", poll)
            return False
        return True

    async def _close(
        self, channel: discord.PartialMessageable, session: ChannelSession, poll: int
    ) -> None:
        """Close a vote in front of everybody."""
        if poll_result := await session.polls.close(poll):
            await self.polls.redraw(channel, session, poll)
            # Nobody waits in a channel that is gone; and where the bot may not post, the message
            # of the takes says how the vote ended.
            with suppress(discord.NotFound, discord.Forbidden):
                await self.polls.announce(channel, poll_result)
            await self.sessions.store.polls.mark_announced(poll)
        # The panel has no buttons while people vote. An earlier attempt may have failed here.
        await self.messages.sync(channel, session)


def find_locale(script: Script, client: discord.Client) -> str:
    """Return the language of a script's server, for what is said to nobody in particular."""
    guild = None if script.guild is None else client.get_guild(script.guild)
    return (guild.preferred_locale if guild else discord.Locale.american_english).value
