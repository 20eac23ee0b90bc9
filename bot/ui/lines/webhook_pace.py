"""Post through a channel's webhook as often as Discord allows, and no more often.

``aiolimiter`` and the buckets of `session.rate_limits` do not fit. A leaky bucket that holds five
posts and regains five in two seconds lets ten pass within two seconds, and a bucket that never does
so is twice as slow as Discord asks for.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from functools import lru_cache

LIMITS = ((5, 2.0), (30, 60.0))
"""Posts in so many seconds: of one webhook, and of all webhooks of a channel.

Discord reveals the second limit only by refusing a post, and counts refusals against the bot. On
Book has one webhook in a channel, so both limits hold for the channel.
"""

MARGIN = 0.25
"""Seconds to wait beyond each limit, because posts do not all take equally long to arrive."""

MOST_KEPT = 10_000
"""The most channels to remember; the one that was used least recently is dropped first."""


class _Channel:
    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        """Held by the post that comes next. Waiting posts get it in order."""
        self.posted: deque[float] = deque([-math.inf] * LIMITS[-1][0], LIMITS[-1][0])
        """The times of the latest posts; -inf stands for a post that was never made."""


class WebhookPace:
    """The pace of posts in all channels. A post that may be sent now does not wait for anything."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._find_channel = lru_cache(MOST_KEPT)(lambda _: _Channel())

    async def take(self, channel: int) -> None:
        """Wait until a channel accepts another post, after those already waiting, and count it."""
        found = self._find_channel(channel)
        async with found.turn:
            for most, seconds in LIMITS:
                while (left := found.posted[-most] + seconds + MARGIN - self._clock()) > 0:
                    await self._sleep(left)
            found.posted.append(self._clock())
