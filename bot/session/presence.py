"""Remember for a while who uses the bot in a channel, so that a vote can wait for them."""

from __future__ import annotations

import datetime as dt
import time

from ..recent import Recent
from .turn import Clock

PRESENT = dt.timedelta(minutes=15)
"""The time since a person's last request for which that person counts as present."""

MOST_CHANNELS = 4096
"""The channels that are remembered; a forgotten one has only those present who wrote lines."""


class Presence:
    """The people who used the bot in each channel a short time ago.

    It outlives the sessions, but not the process, which does not know who came before it. Its times
    are monotonic, because everybody would be absent when the machine's clock is put forward.
    """

    def __init__(self, clock: Clock) -> None:
        self._started = clock()
        self._known_from = time.monotonic() + PRESENT.total_seconds()
        """When nobody is present who came before this process."""
        self._channels: Recent[int, dict[int, float]] = Recent(MOST_CHANNELS)
        """The times until which people are present, by channel and person."""

    def record(self, channel: int, person: int) -> None:
        """Record that a person uses the bot in a channel now, and forget who has left."""
        until = time.monotonic() + PRESENT.total_seconds()
        self._channels[channel] = self.find_present(channel) | {person: until}

    def is_complete(self, begun: dt.datetime) -> bool:
        """Return whether everybody present is known in a channel whose first script began then.

        Unknown is who used the channel shortly before this process started.
        """
        return begun >= self._started or time.monotonic() >= self._known_from

    def find_present(self, channel: int) -> dict[int, float]:
        """Return the times until which people are present in a channel, by their ids."""
        now, seen = time.monotonic(), self._channels.get(channel, {})
        return {person: until for person, until in seen.items() if now < until}
