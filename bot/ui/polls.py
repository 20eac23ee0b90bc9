"""Polls: the votes that go on. They are counted live, and end when their time has come."""

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
from ..storage.database import NotKept
from ..storage.schema import Ballot, Script
from .delivery import LOST
from .message_sync import Board

log = logging.getLogger("onbook.polls")

Channel = discord.PartialMessageable
Act = Callable[[int], Coroutine[Any, Any, None]]


class Timer(Protocol):
    """Something that will happen."""

    def cancel(self) -> None:
        """Makes it not happen."""


Later = Callable[[float, Callable[[], None]], Timer]
"""Calls a function on the event loop after so many seconds."""

BETWEEN_COUNTS = 1.0
"""Seconds after which a count may be shown again; Discord limits how often a message is edited."""

WAITS = (5.0, 30.0, 120.0, 600.0, 3600.0)
"""Seconds after which a vote that could not be ended is tried again, one after the other; what
fails each time is left to the next run."""


class Polls:
    """The votes of all channels. What it waits for is stored, and `resume` finds it again.

    ``later`` is the event loop's own timer, unless another one is given; ``group`` is the one under
    which the commands lie in somebody else's bot.
    """

    def __init__(
        self,
        client: discord.Client,
        rooms: Rooms,
        board: Board,
        later: Later | None = None,
        *,
        group: str | None = None,
    ) -> None:
        self.client = client
        self.group = group
        self.rooms = rooms
        self.board = board
        self._call_later: Later = later or asyncio.get_running_loop().call_later
        self._ends: dict[int, Timer] = {}
        self._counts: dict[int, Timer] = {}
        self._counted: dict[int, float] = {}
        self._stopped = self._resumed = False
        self.acts: set[asyncio.Task[None]] = set()
        """What is being closed or counted."""

    async def resume(self) -> None:
        """Goes on with the votes of an earlier run, and announces those that have ended.

        Those of other shards are left to the processes that have these.

        For the client to be ready, or it would not know in which language; a second time, as after
        a new connection, it does nothing. Raises NotKept where it has not found out what there is.
        """
        if self._resumed:
            return
        here, store = Shards.of(self.client), self.rooms.store
        ballots = await store.polls.list_unannounced()
        self._resumed = True
        for ballot in ballots:
            script = await store.scripts.find(ballot.script)
            if script and here.have(script.guild) and ballot.id not in self._ends:
                self.watch(ballot)

    def watch(self, ballot: Ballot) -> None:
        """Closes a vote when its time has come; does nothing where there is none."""
        if ballot.ends is None:
            return
        left = (ballot.ends - discord.utils.utcnow()).total_seconds()
        self._later(self._ends, left, self._end, ballot.id)

    def recount(self, ballot: int) -> None:
        """Shows how many are for each take, at once or soon."""
        if ballot in self._counts:
            return  # It is about to be shown, and this vote with it.
        now = asyncio.get_running_loop().time()
        due = max(now, self._counted.get(ballot, -math.inf) + BETWEEN_COUNTS)
        self._counted[ballot] = due  # of those who vote at once, all but the first wait
        self._later(self._counts, due - now, self._recount, ballot)

    def stop(self) -> None:
        """Closes no further vote, and leaves them to the next run."""
        self._stopped = True
        for handle in (*self._ends.values(), *self._counts.values()):
            handle.cancel()

    def _later(self, timers: dict[int, Timer], seconds: float, act: Act, ballot: int) -> None:
        def begin() -> None:
            timers.pop(ballot, None)
            task = asyncio.ensure_future(act(ballot))
            self.acts.add(task)
            task.add_done_callback(self.acts.discard)

        if self._stopped:
            return
        if seconds > 0:
            timers[ballot] = self._call_later(seconds, begin)
        else:
            begin()

    async def _end(self, ballot: int, waits: Sequence[float] = WAITS) -> None:
        """Ends a vote; where that fails, it is tried again later."""
        self._counted.pop(ballot, None)
        if not await self._do(self._close, ballot) and waits:
            again = partial(self._end, waits=waits[1:])
            self._later(self._ends, waits[0], again, ballot)

    async def _recount(self, ballot: int) -> None:
        self._counted[ballot] = asyncio.get_running_loop().time()
        await self._do(self.board.repaint_ballot, ballot)

    async def _do(
        self, act: Callable[[Channel, Room, int], Awaitable[object]], ballot: int
    ) -> bool:
        """Acts in the channel of a ballot, if that is there; returns whether nothing failed."""
        store = self.rooms.store
        try:
            found = await store.polls.find(ballot)
            script = await store.scripts.find(found.script) if found else None
            if script is None:
                return True
            channel = self.client.get_partial_messageable(script.channel)
            with speaking(locale_of(script, self.client), self.group):
                await act(channel, self.rooms.at(script.channel), ballot)
        except (discord.HTTPException, NotKept, *LOST) as error:
            log.warning("ballot %d could not be ended or shown: %s", ballot, error)
            return False
        except Exception:
            log.exception("ballot %d failed", ballot)
            return False
        return True

    async def _close(self, channel: Channel, room: Room, ballot: int) -> None:
        """Ends a vote in front of everybody."""
        outcome = await room.ballots.close(ballot)
        if outcome is None:
            return
        await self.board.repaint_ballot(channel, room, ballot)
        shown = set[int]()
        # In a channel that is gone nobody is waiting, and where the bot may not speak the message
        # of the takes says how it ended.
        with suppress(discord.NotFound, discord.Forbidden):
            shown = await self.board.announce(channel, outcome)
        await self.rooms.store.polls.mark_announced(ballot)
        if outcome.turn:
            await self.board.repaint_in(channel, room, outcome.turn, shown)


def locale_of(script: Script, client: discord.Client) -> str:
    """The language of a script's server: what happens by itself is said to nobody in particular."""
    guild = None if script.guild is None else client.get_guild(script.guild)
    return (guild.preferred_locale if guild else discord.Locale.american_english).value
