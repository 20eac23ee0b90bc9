"""Reconnect a shard so that its session resumes.

Discord sends what people did meanwhile only to a session that resumes, and allows a bot 1000 new
sessions a day. A shard therefore keeps its session for as long as Discord does. The shards of
discord.py, unlike its client without shards, start a new session whenever one reconnection fails,
and the whole bot stops if Discord closes the connection while they retry.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Literal

import discord.shard
from discord.backoff import ExponentialBackoff
from discord.gateway import DiscordWebSocket, ReconnectWebSocket

INITIAL_MAX_DELAY, MAX_DELAY = 0.5, 30.0
"""The longest delays in seconds: after the first failure, and after any number of them."""


class Backoff(ExponentialBackoff[Literal[False]]):
    """Delays that at most double from one failure to the next.

    A connection resets the delays once its ``sequence`` has grown, because a connection that is
    lost at once is a failure, too.
    """

    def __init__(self, sequence: Callable[[], int | None]) -> None:
        super().__init__()
        self._max_delay = INITIAL_MAX_DELAY
        self._sequence = sequence
        self._last_sequence = sequence()

    def received_nothing(self) -> bool:
        """Return whether nothing was received since the last call; reset the delays otherwise."""
        before, self._last_sequence = self._last_sequence, self._sequence()
        if self._last_sequence == before:
            return True
        self._max_delay = INITIAL_MAX_DELAY
        return False

    def delay(self) -> float:
        """Return a random delay in seconds, so that many bots' shards do not all return at once."""
        self.received_nothing()
        max_delay, self._max_delay = self._max_delay, min(2 * self._max_delay, MAX_DELAY)
        return random.uniform(0, max_delay)


class Shard(discord.shard.Shard):
    """A shard that resumes its session as long as Discord keeps it."""

    _backoff: Backoff

    def launch(self) -> None:
        # The delays of discord.py grow to up to 17 minutes, and are reset only after 34.
        if not isinstance(self._backoff, Backoff):
            self._backoff = Backoff(lambda: self.ws.sequence)
        super().launch()

    async def reidentify(self, exc: ReconnectWebSocket) -> None:
        """Reconnect, to resume the session or, if there is none, to start one."""
        if self._backoff.received_nothing():
            await asyncio.sleep(self._backoff.delay())
        await self._connect(resume=exc.resume)

    async def _connect(self, *, resume: bool) -> None:
        has_session = self.ws.session_id is not None
        await super().reidentify(ReconnectWebSocket(self.id, resume=resume and has_session))

    async def reconnect(self) -> None:
        """Reconnect after a failed attempt."""
        own_gateway = self.ws.gateway
        # The session's own address may be what fails, and Discord resumes a session at any address.
        self.ws.gateway = DiscordWebSocket.DEFAULT_GATEWAY
        await self._connect(resume=True)
        self.ws.gateway = own_gateway


def install_resuming_shards() -> None:
    """Replace the shards of all sharded clients that discord.py creates from now on."""
    discord.shard.Shard = Shard  # type: ignore[misc]  # a client cannot be given its own
