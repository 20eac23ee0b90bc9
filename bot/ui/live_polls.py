"""Live polls: the votes that are open. Their counts are shown live, and they close when due."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

import discord

from ..i18n.catalogue import speaking
from ..session.channel_session import Room, Rooms
from ..sharding import Shards
from ..storage.database import TransactionFailed
from ..storage.schema import Poll, Script
from .delivery import LOST
from .message_poster import MessagePoster
from .message_sync import MessageSync

log = logging.getLogger("onbook.live_polls")

Channel = discord.PartialMessageable
Act = Callable[[int], Coroutine[Any, Any, None]]


class Timer(Protocol):
    """A call in the future."""

    def cancel(self) -> None:
        """Cancel the call."""


Later = Callable[[float, Callable[[], None]], Timer]
"""Calls a function on the event loop after so many seconds."""

BETWEEN_COUNTS = 1.0
"""Seconds between two edits of a count, because Discord limits how often a message is edited."""

WAITS = (5.0, 30.0, 120.0, 600.0, 3600.0)
"""Seconds before each retry of closing a vote; after the last one it waits for the next start."""


class LivePolls:
    """Times the votes of all channels. The votes are stored, and `resume` finds them again.

    Args:
        client: The client whose channels the votes are in.
        rooms: The channels' sessions.
        poster: Announces how votes end.
        messages: Draws ballots again.
        hold: Is given each task that closes or counts a vote, so that an unload waits for it.
        later: A timer, or None for that of the event loop.
        group: The group of the commands in a host.
    """

    def __init__(
        self,
        client: discord.Client,
        rooms: Rooms,
        poster: MessagePoster,
        messages: MessageSync,
        hold: Callable[[asyncio.Task[None]], None],
        later: Later | None = None,
        *,
        group: str | None = None,
    ) -> None:
        self.client = client
        self.group = group
        self.rooms = rooms
        self.poster = poster
        self.messages = messages
        self._hold = hold
        self._call_later: Later = later or asyncio.get_running_loop().call_later
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
        here, store = Shards.of(self.client), self.rooms.store
        ballots = await store.polls.list_unannounced_polls()
        self._resumed = True
        for ballot in ballots:
            script = await store.scripts.find_script(ballot.script)
            if script and here.have(script.guild) and ballot.id not in self._ends:
                self.watch(ballot)

    def watch(self, ballot: Poll) -> None:
        """Close a vote when it is due; ignore a ballot without a vote."""
        if ballot.ends is None:
            return
        left = (ballot.ends - discord.utils.utcnow()).total_seconds()
        self._later(self._ends, left, self._end, ballot.id)

    def recount(self, ballot: int) -> None:
        """Show the count of a vote, now or soon."""
        if ballot in self._counts:
            return  # the edit that is due will show this vote as well
        now = asyncio.get_running_loop().time()
        due = max(now, self._counted.get(ballot, -math.inf) + BETWEEN_COUNTS)
        self._counted[ballot] = due  # of votes at the same moment, all but the first wait
        self._later(self._counts, due - now, self._recount, ballot)

    def stop(self) -> None:
        """Close no further votes, and leave them to the next process."""
        self._stopped = True
        for handle in (*self._ends.values(), *self._counts.values()):
            handle.cancel()

    def _later(self, timers: dict[int, Timer], seconds: float, act: Act, ballot: int) -> None:
        def begin() -> None:
            timers.pop(ballot, None)
            self._hold(asyncio.ensure_future(act(ballot)))

        if self._stopped:
            return
        if seconds > 0:
            timers[ballot] = self._call_later(seconds, begin)
        else:
            begin()

    async def _end(self, ballot: int, waits: Sequence[float] = WAITS) -> None:
        """Close a vote; where that fails, retry later."""
        self._counted.pop(ballot, None)
        if not await self._do(self._close, ballot) and waits:
            again = partial(self._end, waits=waits[1:])
            self._later(self._ends, waits[0], again, ballot)

    async def _recount(self, ballot: int) -> None:
        self._counted[ballot] = asyncio.get_running_loop().time()
        await self._do(self.messages.repaint_ballot, ballot)

    async def _do(
        self, act: Callable[[Channel, Room, int], Awaitable[object]], ballot: int
    ) -> bool:
        """Act in the channel of a ballot, if the ballot exists; return False where that failed."""
        store = self.rooms.store
        try:
            found = await store.polls.find_poll(ballot)
            script = await store.scripts.find_script(found.script) if found else None
            if script is None:
                return True
            channel = self.client.get_partial_messageable(script.channel)
            with speaking(locale_of(script, self.client), self.group):
                await act(channel, self.rooms.at(script.channel), ballot)
        except (discord.HTTPException, TransactionFailed, *LOST) as error:
            log.warning("could not close or show ballot %d: %s", ballot, error)
            return False
        except Exception:
            log.exception("ballot %d failed", ballot)
            return False
        return True

    async def _close(self, channel: Channel, room: Room, ballot: int) -> None:
        """Close a vote in front of everybody."""
        outcome = await room.ballots.close(ballot)
        if outcome is None:
            return
        await self.messages.repaint_ballot(channel, room, ballot)
        shown = set[int]()
        # Nobody waits in a channel that is gone; and where the bot may not post, the message of the
        # takes says how the vote ended.
        with suppress(discord.NotFound, discord.Forbidden):
            shown = await self.poster.announce(channel, outcome)
        await self.rooms.store.polls.mark_announced(ballot)
        if outcome.turn:
            await self.messages.repaint_in(channel, room, outcome.turn, shown)


def locale_of(script: Script, client: discord.Client) -> str:
    """Return the language of a script's server, for what is said to nobody in particular."""
    guild = None if script.guild is None else client.get_guild(script.guild)
    return (guild.preferred_locale if guild else discord.Locale.american_english).value
