"""Run the script of one channel, without Discord: names and text go in and out."""

from __future__ import annotations

import asyncio
from typing import Self
from weakref import WeakValueDictionary

from ..inference.registry import ModelRegistry
from ..settings import Settings
from ..storage.database import Guard
from ..storage.records import ErasureResult, PersonalData
from ..storage.schema import utc_now
from ..storage.store import Store
from ..telemetry import NULL_METER, Meter
from .banned_words import BannedWordLists
from .continuation import Continuation
from .deadlines import Deadlines
from .history import History
from .housekeeping import Housekeeping
from .library import Library
from .notifications import Notifications
from .polls import Polls
from .posts import Posts
from .presence import Presence
from .rate_limits import RateLimits
from .reader import ScriptReader
from .rotations import Rotations, Sprints
from .stars import Stars
from .turn import Clock


class ChannelSession:
    """One channel, its running script, and all operations on the script.

    Its parts share `Library.lock`, so turns run one after the other.
    """

    def __init__(self, channel: int, shared: ChannelSessions) -> None:
        self.channel = channel
        self.store = store = shared.store
        self.reader = ScriptReader(channel, store, shared.models, shared.notifications)
        self.library = Library(self.reader, shared.settings, shared.clock, shared.limits)
        self.history = History(self.library)
        self.continuation = Continuation(self.library)
        self.polls = Polls(self.library, shared.presence)
        self.rotations = Rotations(self.library)
        self.sprints = Sprints(self.library)
        self.hearing = asyncio.Lock()
        """Held for each message that may become a line, so that lines keep the messages' order."""
        self.drawing = asyncio.Lock()
        """Held while the channel's messages are redrawn."""
        self.reminding = asyncio.Lock()
        """Held while a writer is reminded or skipped, or a sprint ends."""


class ChannelSessions:
    """The sessions that are in use, one for each channel, and the services that they share."""

    def __init__(
        self,
        store: Store,
        models: ModelRegistry,
        settings: Settings,
        clock: Clock = utc_now,
        limits: RateLimits | None = None,
    ) -> None:
        self.clock = clock
        self.limits = limits or RateLimits({})
        self.store = store
        self.models = models
        self.settings = settings
        self.notifications = Notifications()
        self.presence = Presence(clock)
        self.banned_words = BannedWordLists(store)
        self.deadlines = Deadlines(store, clock)
        self.housekeeping = Housekeeping(store, settings.states_mb * 2**20)
        self.posts = Posts(store)
        self.stars = Stars(store)
        self._sessions: WeakValueDictionary[int, ChannelSession] = WeakValueDictionary()

    @classmethod
    async def open(
        cls,
        settings: Settings,
        *,
        guard: Guard | None = None,
        meter: Meter = NULL_METER,
        clock: Clock = utc_now,
        limits: RateLimits | None = None,
    ) -> Self:
        """Open the default voice and the database.

        The guard is asked before each transaction that writes, the meter measures every
        transaction, and the limits apply to the lines that people request. Raises ModelError or
        StoreError if the voice or the database cannot be used.
        """
        models = ModelRegistry(settings.models, settings.threads, settings.rows)
        try:
            # Open the voice first, because a refused voice must not leave a new database behind.
            await models.engine(settings.model)
            store = await Store.open(settings.database_location, guard, meter)
        except BaseException:
            models.close()
            raise
        return cls(store, models, settings, clock, limits)

    async def close(self) -> None:
        """Close the voices and the database, once all work with them has finished."""
        self.models.close()
        await self.store.close()

    async def load_personal_data(self, person: int) -> PersonalData:
        return await self.store.people.load_personal_data(person)

    async def forget(self, person: int, *, text: bool) -> ErasureResult:
        """Remove a person's name from everything and, with ``text``, the text of their lines."""
        forgotten = await self.store.people.erase_person(person, text=text)
        self.notifications.forget(person)
        self.limits.forgotten[person] = utc_now()
        return forgotten

    def get(self, channel: int) -> ChannelSession:
        session = self._sessions.get(channel)
        if session is None:
            session = self._sessions[channel] = ChannelSession(channel, self)
        return session
