"""Limits: how much a person, a channel and a server may ask for within a minute.

`limits` and `aiolimiter` were looked at. The first keeps a counter for everybody who ever asked and
looks through all of them now and then, the second makes callers wait rather than say until when;
and neither takes a request that is larger than what is left, as a long script that is brought in.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from ..i18n.catalogue import many, phrase, say
from .turn import RoomError

MINUTE = 60.0

MOST_KEPT = 10_000
"""Buckets of a kind. Whoever has not asked for longest is forgotten first: they had a full one."""

TOO_MUCH = {
    "person": phrase("You asked for a lot within a minute: try again in {wait}."),
    "channel": phrase("A lot is asked for in this channel right now: try again in {wait}."),
    "guild": phrase("A lot is asked for in this server right now: try again in {wait}."),
}
"""What is said where too much is asked for, by the scope whose limit it is."""


class TooMuch(RoomError):
    """Too much was asked for within a minute."""


@dataclass(frozen=True)
class Cost:
    """What something that is asked for takes of each limit."""

    turns: float = 0
    lines: float = 0
    """Lines that a voice writes."""
    characters: float = 0
    """Characters that a voice reads, of what people write and bring in, or writes once more."""


class Buckets:
    """A bucket for each key. It holds what a minute allows, and is filled as fast (GCRA).

    Whatever is asked is answered in constant time. A rate of 0 is none: there is no limit.
    """

    def __init__(
        self, a_minute: float, clock: Callable[[], float] = time.monotonic, most: int = MOST_KEPT
    ) -> None:
        self.a_minute = a_minute
        self._clock = clock
        self._most = most
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def wait(self, key: Hashable, cost: float) -> float:
        """The seconds until so much can be taken, 0 for now.

        Of a cost that is larger than the bucket, a full bucket is asked: what is missing then is
        owed, and is filled up first.
        """
        if not self.a_minute or not cost:
            return 0.0
        now = self._clock()
        left = self._full_at.get(key, now) - now
        return max(0.0, left + min(cost / self.a_minute, 1.0) * MINUTE - MINUTE)

    def take(self, key: Hashable, cost: float) -> None:
        """Takes so much; see `wait`."""
        if not self.a_minute or not cost:
            return
        now = self._clock()
        full_at = max(self._full_at.pop(key, now), now) + cost / self.a_minute * MINUTE
        self._full_at[key] = full_at
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)

    def __len__(self) -> int:
        return len(self._full_at)


class Limits:
    """The limits of all scopes: each has its rates a minute, for turns, lines and characters."""

    def __init__(
        self,
        rates: Mapping[str, Sequence[float]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._buckets = {
            scope: [Buckets(one, clock) for one in a_minute] for scope, a_minute in rates.items()
        }

    def spend(self, keys: Mapping[str, Hashable], cost: Cost) -> None:
        """Takes a cost from the buckets of a person, a channel and a guild.

        ``keys`` are theirs by scope. Takes nothing where it raises: TooMuch, which says until when.
        """
        costs = (cost.turns, cost.lines, cost.characters)
        asked = [
            (scope, bucket, key, one)
            for scope, key in keys.items()
            for bucket, one in zip(self._buckets[scope], costs, strict=True)
        ]
        wait, scope = max((bucket.wait(key, one), scope) for scope, bucket, key, one in asked)
        if wait > 0:
            raise TooMuch(say(TOO_MUCH[scope], wait=many(math.ceil(wait), "second")))
        for _, bucket, key, one in asked:
            bucket.take(key, one)
