"""Set the latencies and rate limits of the fake Discord, and count the bot's requests.

Latencies and limits are off until a test turns them on with `Discord.conditions`. The limits are
those of Discord's documentation ("Rate Limits", "Gateway"). The documentation does not name the
limits of routes; these are the limits that the headers of Discord's answers have reported for
years.
"""

import hashlib
import math
import random
from collections import Counter
from dataclasses import dataclass

INVALID = {401, 403, 429}
"""The statuses for which Discord bans a bot that receives too many of them."""

GLOBAL_LIMIT = 50, 1.0
"""The most requests with a bot's token, and in how many seconds.

Requests for interactions and webhooks do not count.
"""

IN_CHANNEL = "executions in a channel"
"""The limit that all webhooks of a channel share, besides their own limits."""

ROUTES = {
    "send": (5, 5.0),
    "edit": (5, 5.0),
    "delete": (5, 1.0),
    "message": (5, 1.0),
    "follow_up": (5, 2.0),
    "edit_answer": (5, 2.0),
    "delete_answer": (5, 2.0),
    "react": (1, 0.25),
    "execute": (5, 2.0),
    "edit_webhook_message": (5, 2.0),
    "delete_webhook_message": (5, 2.0),
    IN_CHANNEL: (30, 60.0),
}
"""The most requests to a route, and in how many seconds.

Each channel, interaction and webhook has its own limit.
"""

IDENTIFIES = 1000
"""The most sessions that a bot may begin in a day."""

BETWEEN_IDENTIFIES = 5.0
"""Seconds between two identifies in one rate limit bucket; see `CONCURRENCY`."""

CONCURRENCY = 1
"""Discord's ``max_concurrency``: the number of identify buckets.

A shard's bucket is its number modulo ``max_concurrency``.
"""


@dataclass
class Bucket:
    """A rate limit's bucket: ``most`` requests in ``seconds`` seconds from the first one."""

    most: int
    seconds: float
    ends: float = -math.inf
    """The time at which the bucket is refilled."""
    used: int = 0

    def take(self, now: float) -> bool:
        """Take one request from the bucket, and return whether there was one left."""
        if now >= self.ends:
            self.ends, self.used = now + self.seconds, 0
        self.used += 1
        return self.used <= self.most

    def headers(self, name: str, now: float) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.most),
            "X-RateLimit-Remaining": str(max(0, self.most - self.used)),
            "X-RateLimit-Reset": f"{self.ends:.3f}",
            "X-RateLimit-Reset-After": f"{max(0.0, self.ends - now):.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(name.encode()).hexdigest()[:32],
        }


class Conditions:
    """The conditions of one world."""

    def __init__(self, concurrency: int = 16, identify_every: float = 0.0) -> None:
        self.limited = False
        self.concurrency = concurrency
        """The number of identify buckets; see `CONCURRENCY`."""
        self.identify_every = identify_every
        """Seconds between two identifies in one bucket."""
        self.counts = Counter[str]()
        """Numbers of the bot's requests and of the answers to them, by description."""
        self._latency = 0.0, 0.0
        self._random = random.Random()
        self._global = Bucket(*GLOBAL_LIMIT)
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._identified: dict[int, float] = {}

    def set(self, least: float, most: float, limited: bool, seed: int) -> None:
        """Set the range of latencies [s], and whether limits hold."""
        self._latency, self.limited = (least, most), limited
        if limited:
            self.concurrency, self.identify_every = CONCURRENCY, BETWEEN_IDENTIFIES
        self._random.seed(seed)

    def latency(self) -> float:
        """Draw the latency [s] of an event, or of a request together with its answer."""
        return self._random.uniform(*self._latency) if self._latency[1] else 0.0

    def bucket(self, route: str, major: str) -> Bucket:
        """Return the bucket of a route in a channel or for an interaction."""
        return self._buckets.setdefault((route, major), Bucket(*ROUTES[route]))

    def global_wait(self, now: float) -> float:
        """Count a request with the bot's token, and return how long it must wait [s], usually 0."""
        return 0.0 if self._global.take(now) else self._global.ends - now

    def may_identify(self, shard: int, now: float) -> bool:
        """Count an identify, and return whether the shard may begin a session now."""
        place = shard % self.concurrency
        self.counts["identifies"] += 1
        if now < self._identified.get(place, -math.inf) + self.identify_every:
            self.counts["identifies too soon"] += 1
            return False
        self._identified[place] = now
        return True

    def sessions_left(self) -> dict[str, int]:
        """Return Discord's ``session_start_limit``."""
        return {
            "total": IDENTIFIES,
            "remaining": IDENTIFIES - self.counts["identifies"],
            "reset_after": 0,
            "max_concurrency": self.concurrency,
        }
