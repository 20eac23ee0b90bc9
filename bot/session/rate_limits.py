"""Limit how much a person, a channel and a guild may request per minute.

The libraries ``limits`` and ``aiolimiter`` do not fit. The first keeps a counter for everybody who
ever asked and searches all counters now and then. The second makes callers wait instead of saying
how long. Neither accepts a request that is larger than what is left, such as a long script.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ..errors import RateLimited
from ..i18n.catalogue import count_wait, phrase
from ..recent import Recent

MINUTE = 60.0

MAX_BUCKETS = 10_000
"""The most buckets of a kind. The least recently used one goes first: it has refilled longest."""

RATE_LIMITED = {
    "person": phrase("You have reached your limit for this minute. Try again in {wait}."),
    "channel": phrase("This channel is very busy. Try again in {wait}."),
    "guild": phrase("This server is very busy. Try again in {wait}."),
}
"""The sentences of a refusal, by the scope of the limit."""


class Cost(NamedTuple):
    """The cost of a request, for each kind of limit."""

    requests: float = 0
    """Interactions and messages that are answered."""
    lines: float = 0
    """Lines that a model writes; see `COPIES_PER_LINE` for those that a rewrite copies."""
    characters: float = 0
    """Characters that people write and import, and those of scripts replayed or exported."""


class LeakyBuckets:
    """A leaky bucket for each id, as large as what a minute allows (GCRA, ITU-T I.371).

    Every method takes constant time.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float]) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._full_at: Recent[int, float] = Recent(MAX_BUCKETS)

    def compute_wait(self, key: int, cost: float) -> float:
        """Return the seconds until a cost can be taken; 0 means now.

        A cost that is larger than the bucket needs a full bucket. The rest is owed, and the bucket
        repays it before it fills again.
        """
        now = self._clock()
        left = self._full_at.get(key, now) - now
        return max(0.0, left + min(cost / self.per_minute, 1.0) * MINUTE - MINUTE)

    def take(self, key: int, cost: float) -> None:
        """Take a cost; see `compute_wait`."""
        now = self._clock()
        full_at = max(self._full_at.get(key, now), now) + cost / self.per_minute * MINUTE
        self._full_at[key] = full_at


class RateLimits:
    """The limits by scope: rates per minute for requests, lines and characters; 0 is no limit."""

    def __init__(
        self, rates: Mapping[str, Sequence[float]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._buckets = {
            (scope, kind): LeakyBuckets(rate, clock)
            for scope, per_minute in rates.items()
            for kind, rate in zip(Cost._fields, per_minute, strict=True)
            if rate
        }
        self.forgotten: Recent[int, dt.datetime] = Recent(MAX_BUCKETS)
        """When people were forgotten, by id: *Forget me* must not lift a script's limits."""

    def charge(self, person: int, channel: int, guild: int | None, cost: Cost) -> None:
        """Charge a person, a channel and perhaps a guild.

        Raises RateLimited, which says how long to wait; in that case nothing is charged.
        """
        keys, costs = {"person": person, "channel": channel, "guild": guild}, cost._asdict()
        charges = [
            (scope, bucket, key, costs[kind])
            for (scope, kind), bucket in self._buckets.items()
            if (key := keys[scope]) is not None and costs[kind]
        ]
        waits = [
            (bucket.compute_wait(key, amount), scope) for scope, bucket, key, amount in charges
        ]
        wait, scope = max(waits, default=(0.0, ""))
        if wait > 0:
            raise RateLimited(RATE_LIMITED[scope], wait=count_wait(wait))
        for _, bucket, key, amount in charges:
            bucket.take(key, amount)
