"""Define what every database offers: units of work that are on the disk when they end.

A unit of work is a session: its changes are committed together or not at all.
"""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from typing import ClassVar, Self, TypeAlias, TypeVar

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncSession

from ..errors import TransactionFailed
from ..telemetry import NULL_METER, TRANSACTION_SECONDS, TRANSACTIONS_IN_PROGRESS, Meter
from .group_commit import GroupCommit

PURGE_RETRY = 2.0
"""Seconds between two attempts to purge deleted content that a reader still sees."""

log = logging.getLogger("onbook.database")

R = TypeVar("R")

Guard: TypeAlias = Callable[[AsyncSession], Awaitable[None]]
"""Checks within a transaction whether this process may write; raises TransactionFailed if not."""


class Database(ABC):
    """A database of one scheme, such as SQLite.

    A unit of work is a session of `reading`, `writing` or `erasing`, which raise TransactionFailed,
    including when the database is being closed.
    """

    shared: ClassVar[bool]
    """Whether several processes may write to the database at the same time."""

    meter: Meter = NULL_METER
    """Receives how long transactions take."""

    guard: Guard | None = None
    """Is called at the beginning of every transaction that writes to a shared database."""

    def __init__(self) -> None:
        self._group = GroupCommit(self.writing)
        self._closed = False
        self._next_purge: asyncio.TimerHandle | None = None
        self._purges: set[asyncio.Task[bool]] = set()

    @classmethod
    @abstractmethod
    async def open(cls, url: URL) -> Self:
        """Open a database, and make its tables; raise StoreError if it cannot be used."""

    @classmethod
    @asynccontextmanager
    async def open_source(cls, url: URL) -> AsyncIterator[Database]:
        """Open a database that is to be copied elsewhere, and close it at the end.

        Raises StoreError if there is no database to copy, or a bot is using it.
        """
        database = await cls.open(url)
        try:
            yield database
        finally:
            await database.close()

    @classmethod
    def open_target(cls, url: URL) -> AbstractAsyncContextManager[Database]:
        """Open a database that receives a copy; close it at the end, and undo it on failure.

        Raises StoreError if the database cannot be used, or a bot is using it. This default version
        needs an existing database, and leaves empty tables in it on failure.
        """
        return cls.open_source(url)

    @abstractmethod
    def reading(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Begin a unit of work that reads; all of it sees the same moment."""

    @abstractmethod
    def writing(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Begin a unit of work that is committed to the disk when it ends, unless it fails.

        No other process writes in the meantime.
        """

    def erasing(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Begin a unit of work like `writing` that deletes for good; call `purge` after it."""
        return self.writing()

    async def commit(self, change: Callable[[AsyncSession], Awaitable[R]]) -> R:
        """Make a change in a transaction with those of other channels; see `GroupCommit.commit`."""
        return await self._group.commit(change)

    async def close(self) -> None:
        """Commit the waiting changes, and close, so that another process can open the database."""
        await self._group.close()
        self._closed = True
        if self._next_purge:
            self._next_purge.cancel()
        if self._purges:
            await asyncio.wait(self._purges)
        await self._disconnect()

    async def purge(self) -> bool:
        """Remove deleted content from the disk, and return whether it is gone.

        A purge that must wait, for example because a backup reads the database, is retried until it
        succeeds, even after a restart. An expensive purge is put off so that it covers several
        deletions.
        """
        pause: float | None = PURGE_RETRY
        with suppress(TransactionFailed):  # which is logged, and may pass
            pause = await self._try_purge()
        if pause is None:
            return True
        if self._next_purge is None and not self._closed:
            if pause:
                log.info("deleted content is removed from the disk in %.0f s", pause)
            else:
                log.warning("deleted content stays on the disk as long as a reader sees it")
            loop = asyncio.get_running_loop()
            self._next_purge = loop.call_later(max(pause, PURGE_RETRY), self._retry_purge)
        return False

    def _retry_purge(self) -> None:
        self._next_purge = None
        task = asyncio.ensure_future(self.purge())
        self._purges.add(task)
        task.add_done_callback(self._purges.discard)

    @contextmanager
    def _measure(self, purpose: str) -> Iterator[None]:
        """Measure a unit of work, ``reading`` or ``writing``, with its wait for a connection."""
        began = time.perf_counter()
        with self.meter.track(TRANSACTIONS_IN_PROGRESS):
            try:
                yield
            finally:
                self.meter.observe(TRANSACTION_SECONDS, time.perf_counter() - began, purpose)

    @abstractmethod
    async def _try_purge(self) -> float | None:
        """Remove deleted content from the disk, and return None once it is gone.

        Otherwise, return for how many seconds to leave it there: 0 while a reader sees it. Raises
        TransactionFailed.
        """

    @abstractmethod
    async def _disconnect(self) -> None:
        """Close all connections, once their users have given them back."""
