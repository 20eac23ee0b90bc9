"""Gateway: how a shard connects anew to Discord when its connection is lost.

What people do meanwhile, Discord tells whoever resumes the session, and nobody else; and it lets a
bot begin 1000 sessions a day. A session is therefore kept for as long as Discord has it. The shards
of discord.py begin another one wherever a connection could not be made at once, unlike its client
without shards, and the whole bot ends where Discord hangs up while they try again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Literal

import discord.shard
from discord.backoff import ExponentialBackoff
from discord.gateway import DiscordWebSocket, ReconnectWebSocket

FIRST, LONGEST = 0.5, 30.0
"""Seconds within which it is tried again, after the first failure, and however many there were."""


class Backoff(ExponentialBackoff[Literal[False]]):
    """How long to wait after each of several failures: up to twice as long as the time before.

    It begins anew after a connection on which something was told, as its ``sequence`` says: one
    that is made, and lost at once, is a failure as well.
    """

    def __init__(self, sequence: Callable[[], int | None]) -> None:
        super().__init__()
        self._most = FIRST
        self._sequence = sequence
        self._then = sequence()

    def came_to_nothing(self) -> bool:
        """Whether nothing was told since this was last asked."""
        before, self._then = self._then, self._sequence()
        if self._then == before:
            return True
        self._most = FIRST
        return False

    def delay(self) -> float:
        """Seconds, at random: the shards of many bots do not all come back at once."""
        self.came_to_nothing()
        most, self._most = self._most, min(2 * self._most, LONGEST)
        return random.uniform(0, most)


class Shard(discord.shard.Shard):
    """A shard that goes on with its session as long as Discord has it."""

    _backoff: Backoff

    def launch(self) -> None:
        """Listens to the connection that was made."""
        # That of discord.py grows up to 17 minutes, and remembers failures for 34 minutes.
        if not isinstance(self._backoff, Backoff):
            self._backoff = Backoff(lambda: self.ws.sequence)
        super().launch()

    async def reidentify(self, exc: ReconnectWebSocket) -> None:
        """Connects anew: to go on with the session, or where there is none, to begin one."""
        if self._backoff.came_to_nothing():
            await asyncio.sleep(self._backoff.delay())
        await self._connect(resume=exc.resume)

    async def _connect(self, *, resume: bool) -> None:
        known = self.ws.session_id is not None
        await super().reidentify(ReconnectWebSocket(self.id, resume=resume and known))

    async def reconnect(self) -> None:
        """Connects anew after a connection could not be made."""
        own = self.ws.gateway
        # The session's own address may be what is out of order. Discord knows it at any.
        self.ws.gateway = DiscordWebSocket.DEFAULT_GATEWAY
        await self._connect(resume=True)
        self.ws.gateway = own


def use_shards_that_resume() -> None:
    """Has every client with several shards that discord.py makes from now on use these."""
    discord.shard.Shard = Shard  # type: ignore[misc]  # a client cannot be given its own
