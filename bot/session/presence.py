"""Remember for a while who uses the bot in a channel, so that a vote can wait for them."""

from __future__ import annotations

import datetime as dt

from ..recent import Recent
from .turn import Clock

PRESENT = dt.timedelta(minutes=15)
"""The time since a person's last request for which that person counts as present."""

MOST_CHANNELS = 4096
"""The channels that are remembered; a forgotten one has only those present who wrote lines."""


class Presence:
    """The people who used the bot in each channel a short time ago.

    It outlives the sessions, but not the process, which does not know who came before it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = clock()
        self._channels: Recent[int, dict[int, dt.datetime]] = Recent(MOST_CHANNELS)

    def record(self, channel: int, person: int) -> None:
        """Record that a person uses the bot in a channel now, and forget who has left."""
        now = self._clock()
        seen = self._channels.get(channel, {})
        present = {one: at for one, at in seen.items() if now - at < PRESENT}
        self._channels[channel] = present | {person: now}

    def is_complete(self, begun: dt.datetime) -> bool:
        """Return whether everybody who is present is known, where nobody was before ``begun``."""
        return begun >= self._started or self._clock() - self._started >= PRESENT

    def find_present(self, channel: int) -> set[int]:
        """Return the ids of the people who are present in a channel."""
        now = self._clock()
        return {one for one, at in self._channels.get(channel, {}).items() if now - at < PRESENT}
