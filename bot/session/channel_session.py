"""Room: one channel's script in play. It knows no Discord: names and text go in and out."""

from __future__ import annotations

import asyncio
import datetime as dt
from weakref import WeakValueDictionary

from ..inference.registry import ModelRegistry
from ..settings import Settings
from ..storage.schema import Line, Script
from ..storage.store import Store
from .ballots import Ballots
from .continuation import Clock, Continuation
from .cursor import Cursor
from .drafting import Drafter
from .library import Library
from .notices import Notices
from .reader import Reader
from .turn import Place


def utc_now() -> dt.datetime:
    """Return the time, in UTC."""
    return dt.datetime.now(dt.UTC)


class Room:
    """One channel, the script that runs in it, and everything that can be done with it.

    Its parts share one lock: turns come one after the other.
    """

    def __init__(
        self,
        channel: int,
        store: Store,
        voices: ModelRegistry,
        settings: Settings,
        notices: Notices | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self.channel = channel
        self.store = store
        self.reader = Reader(channel, store, voices, notices or Notices())
        self.drafter = Drafter(channel, settings)
        self.library = Library(channel, store, voices, settings, self.reader)
        self.cursor = Cursor(self.library, self.reader)
        self.continuation = Continuation(self.library, self.reader, self.drafter, clock)
        self.ballots = Ballots(self.library, clock)
        self.painting = asyncio.Lock()
        """Held while the channel's messages are drawn again."""

    async def script(self) -> Script:
        """Return the script that runs; raises NoScript."""
        return await self.library.script()

    async def script_at(self, under: Place | None) -> Script:
        """Return the script if it still stands at a place; raises NoScript and LineIsOld."""
        return await self.library.script_at(under)

    async def begun(self) -> Script:
        """Return the script if it has a line; raises NoScript, and RoomError where it has none."""
        return await self.library.begun()

    async def lines(self) -> list[Line]:
        """Return the lines of the script that runs, from the first to the last."""
        return await self.library.lines()


class Rooms:
    """The rooms that are in use, one a channel."""

    def __init__(
        self, store: Store, voices: ModelRegistry, settings: Settings, clock: Clock = utc_now
    ) -> None:
        self.clock = clock
        self.store = store
        self.voices = voices
        self.settings = settings
        self.notices = Notices()
        self._rooms: WeakValueDictionary[int, Room] = WeakValueDictionary()

    def at(self, channel: int) -> Room:
        """Return the room of a channel."""
        room = self._rooms.get(channel)
        if room is None:
            room = Room(channel, self.store, self.voices, self.settings, self.notices, self.clock)
            self._rooms[channel] = room
        return room
