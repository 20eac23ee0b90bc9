"""Conditions: how far away Discord is, how much it takes, and what a bot has asked of it.

Nobody is far away and nothing is limited unless a test asks for it with `Discord.conditions`. The
limits are those that Discord's documentation names ("Rate Limits", "Gateway"), and for routes,
which it does not name, those that its answers have borne for years.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections import Counter, deque
from dataclasses import dataclass

TEN_MINUTES = 600.0

MOST_INVALID = 10_000
"""Answers with a status of `INVALID` within ten minutes, after which Discord answers nothing."""

INVALID = {401, 403, 429}

EVERYWHERE = 50, 1.0
"""Requests with a bot's token in so many seconds; interactions and webhooks are not counted."""

IN_CHANNEL = "executions in a channel"
"""The limit that all webhooks of a channel share, beside the ones of their own."""

ROUTES = {
    "send": (5, 5.0),
    "edit": (5, 5.0),
    "delete": (5, 1.0),
    "message": (5, 1.0),
    "follow_up": (5, 2.0),
    "answer_message": (5, 2.0),
    "edit_answer": (5, 2.0),
    "delete_answer": (5, 2.0),
    "execute": (5, 2.0),
    "webhook_message": (5, 2.0),
    "edit_webhook_message": (5, 2.0),
    "delete_webhook_message": (5, 2.0),
    IN_CHANNEL: (30, 60.0),
}
"""Requests in so many seconds, by the route's name, for each channel, interaction or webhook."""

IDENTIFIES = 1000
"""Sessions that a bot may begin in a day."""

BETWEEN_IDENTIFIES = 5.0
"""Seconds between two shards of the same remainder (see `CONCURRENCY`)."""

CONCURRENCY = 1
"""Number of shards that may begin a session at the same time."""

MOST_BUCKETS = 10_000
"""Number of buckets above which full ones are dropped."""


@dataclass
class Bucket:
    """A rate limit's bucket: so many requests in so many seconds, counted from the first."""

    most: int
    seconds: float
    ends: float = -math.inf
    """Time at which the bucket is full again."""
    used: int = 0

    def take(self, now: float) -> bool:
        """Take one request from the bucket, and return whether one was left."""
        if now >= self.ends:
            self.ends, self.used = now + self.seconds, 0
        self.used += 1
        return self.used <= self.most

    def headers(self, name: str, now: float) -> dict[str, str]:
        """Return the bucket's headers for an answer."""
        return {
            "X-RateLimit-Limit": str(self.most),
            "X-RateLimit-Remaining": str(max(0, self.most - self.used)),
            "X-RateLimit-Reset": f"{self.ends:.3f}",
            "X-RateLimit-Reset-After": f"{max(0.0, self.ends - now):.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(name.encode()).hexdigest()[:32],
        }


class Conditions:
    """The conditions of one world, valid from the moment at which they are set."""

    def __init__(self, concurrency: int = 16, identify_every: float = 0.0) -> None:
        self.limited = False
        self.concurrency = concurrency
        """Number of shards of different remainders that may begin a session at the same time."""
        self.identify_every = identify_every
        """Seconds between two shards of one remainder."""
        self.counts = Counter[str]()
        """Numbers of the bot's requests and of the answers to them, by description."""
        self._latency = 0.0, 0.0
        self._random = random.Random()
        self._everywhere = Bucket(*EVERYWHERE)
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._invalid = deque[float]()
        self._identified: dict[int, float] = {}

    def be(self, least: float, most: float, limited: bool, seed: int) -> None:
        """Set the range of latencies, in seconds, and whether limits hold."""
        self._latency, self.limited = (least, most), limited
        if limited:
            self.concurrency, self.identify_every = CONCURRENCY, BETWEEN_IDENTIFIES
        self._random.seed(seed)

    def latency(self) -> float:
        """Return the latency [s] of an event, or of a request together with its answer."""
        return self._random.uniform(*self._latency) if self._latency[1] else 0.0

    def bucket(self, route: str, major: str, now: float) -> Bucket:
        """Return the bucket of a route in a channel or for an interaction."""
        if len(self._buckets) > MOST_BUCKETS:
            left = {key: one for key, one in self._buckets.items() if one.ends > now}
            self._buckets = left
        return self._buckets.setdefault((route, major), Bucket(*ROUTES[route]))

    def everywhere(self, now: float) -> float:
        """Return the seconds until a request with the bot's token may come; 0 takes one."""
        return 0.0 if self._everywhere.take(now) else self._everywhere.ends - now

    def note(self, status: int, now: float) -> None:
        """Count an answer."""
        self.counts["requests"] += 1
        if status in INVALID:
            self.counts["invalid requests"] += 1
            self._invalid.append(now)

    def is_banned(self, now: float) -> bool:
        """Return whether too many requests were invalid for another one to be answered."""
        while self._invalid and self._invalid[0] < now - TEN_MINUTES:
            self._invalid.popleft()
        return self.limited and len(self._invalid) >= MOST_INVALID

    def may_identify(self, shard: int, now: float) -> bool:
        """Return whether a shard may begin a session now, and count the session."""
        place = shard % self.concurrency
        self.counts["identifies"] += 1
        if now < self._identified.get(place, -math.inf) + self.identify_every:
            self.counts["identifies too soon"] += 1
            return False
        self._identified[place] = now
        return not self.limited or self.counts["identifies"] <= IDENTIFIES

    def sessions_left(self) -> dict[str, int]:
        """Return Discord's figures on how many sessions the bot may still begin."""
        return {
            "total": IDENTIFIES,
            "remaining": max(0, IDENTIFIES - self.counts["identifies"]),
            "reset_after": 0,
            "max_concurrency": self.concurrency,
        }
