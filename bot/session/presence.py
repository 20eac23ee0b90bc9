"""Remember for a while who uses the bot in a channel, so that a vote can wait for them."""

from __future__ import annotations

import datetime as dt
import time

from ..recent import Recent
from .turn import Clock

PRESENT = dt.timedelta(minutes=15)
"""How long after their last request a person counts as present."""

MOST_CHANNELS = 4096
"""The number of channels remembered. In a forgotten one, only those who wrote count as present."""


class Presence:
    """The people who used the bot in each channel a short time ago.

    This object outlives the sessions, but not the process, which does not know who came before it.
    Its times are monotonic; otherwise everybody would be absent after the machine's clock is put
    forward.
    """

    def __init__(self, clock: Clock) -> None:
        self._started = clock()
        self._known_from = time.monotonic() + PRESENT.total_seconds()
        """When nobody who came before this process is present any more."""
        self._channels: Recent[int, dict[int, float]] = Recent(MOST_CHANNELS)
        """The times until which people are present, by channel and person."""

    def record(self, channel: int, person: int) -> None:
        """Record that a person uses the bot in a channel now, and forget who has left."""
        until = time.monotonic() + PRESENT.total_seconds()
        self._channels[channel] = self.find_present(channel) | {person: until}

    def is_complete(self, begun: dt.datetime) -> bool:
        """Return whether everybody present is known in a channel whose first script began then.

        The process does not know who used the channel shortly before it started.
        """
        return begun >= self._started or time.monotonic() >= self._known_from

    def find_present(self, channel: int) -> dict[int, float]:
        """Return the times until which people are present in a channel, by their ids."""
        now, seen = time.monotonic(), self._channels.get(channel, {})
        return {person: until for person, until in seen.items() if now < until}
