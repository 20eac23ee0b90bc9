"""Transactions: what a store asks of its database, whether that is a file or a server."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Generic, TypeAlias, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from ..telemetry import SILENT, Meter

FLUSH_AGAIN = 2.0
"""Seconds after which it is tried again to flush out what was deleted, where somebody reads it."""

TOGETHER = 16
"""The most changes that share a transaction, and with it a flush of the disk."""

log = logging.getLogger("onbook.transactions")

R = TypeVar("R")


class StoreError(Exception):
    """One sentence about a database that cannot be used, and what to do about it."""


class NotKept(Exception):
    """The database could not be used just now, and nothing of a transaction was kept.

    ``reason`` is ``full``, ``readonly``, ``locked``, ``away`` (a server that cannot be reached),
    ``lost`` (another process writes in place of this one) or ``broken``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


Guard: TypeAlias = Callable[[AsyncSession], Awaitable[None]]
"""Looks, within a transaction that is to write, whether it may; raises NotKept."""


class Transactions(ABC):
    """A database: transactions, each on the disk when it has ended, and readings of what is there.

    `reading`, `writing` and `erasing` raise NotKept, also once it is being closed.
    """

    meter: Meter = SILENT
    """Is told how long transactions take."""

    def __init__(self) -> None:
        self._closed = False
        self._next_flush: asyncio.TimerHandle | None = None
        self._flushes: set[asyncio.Task[bool]] = set()

    @abstractmethod
    def reading(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A session that reads; all of it is of one moment."""

    @abstractmethod
    def writing(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A session whose changes are on the disk when it ends, or none if it fails.

        Nobody else writes meanwhile, in whatever process.
        """

    def erasing(self) -> AbstractAsyncContextManager[AsyncSession]:
        """The same, for what must not be found on the disk later: `flush_out` comes after it."""
        return self.writing()

    async def close(self) -> None:
        """Closes the database, and leaves it to the next process."""
        self._closed = True
        if self._next_flush:
            self._next_flush.cancel()
        if self._flushes:
            await asyncio.wait(self._flushes)
        await self._leave()

    async def flush_out(self) -> bool:
        """Takes from the disk what was deleted, and is in it still; returns whether it is gone.

        While another program reads it, such as a backup, it cannot be: then it is tried again and
        again, also after a restart. Where it takes long it comes later, for all deletions at once.
        """
        rest: float | None = FLUSH_AGAIN
        with suppress(NotKept):  # which is in the log, and may pass
            rest = await self._flush()
        if rest is None:
            return True
        if self._next_flush is None and not self._closed:
            if rest:
                log.info("what was deleted is taken from the disk in %.0f s", rest)
            else:
                log.warning("the database is read by somebody: it keeps what was deleted so long")
            loop = asyncio.get_running_loop()
            self._next_flush = loop.call_later(max(rest, FLUSH_AGAIN), self._flush_again)
        return False

    def _flush_again(self) -> None:
        self._next_flush = None
        task = asyncio.ensure_future(self.flush_out())
        self._flushes.add(task)
        task.add_done_callback(self._flushes.discard)

    @abstractmethod
    async def _flush(self) -> float | None:
        """None where what was deleted is gone from the disk now; raises NotKept.

        Else the seconds for which it is to be left there at least, 0 where somebody reads it.
        """

    @abstractmethod
    async def _leave(self) -> None:
        """Ends all connections, when those who have one have given it back."""


class Change(Generic[R]):
    """What somebody wants to be written, and what came of it."""

    def __init__(self, make: Callable[[AsyncSession], Awaitable[R]]) -> None:
        self.make = make
        self.outcome: asyncio.Future[R] = asyncio.get_running_loop().create_future()


class GroupCommit:
    """Changes that come while another is being flushed wait, and then share one transaction.

    The disk takes as long for sixteen of them as for one. Nobody is told of a change before it is
    on the disk, and nobody else sees it sooner. Where one of a group fails, nothing of the group is
    kept, and each is made anew by itself: so it fails, or not, as if it had come alone. Where the
    disk fails, it fails for all of them.
    """

    def __init__(
        self, writing: Callable[[], AbstractAsyncContextManager[AsyncSession]], most: int = TOGETHER
    ) -> None:
        """``writing``: gives a session whose changes are on the disk when it ends."""
        self.writing = writing
        self.most = most
        self._waiting = deque[Change[Any]]()
        self._writer: asyncio.Task[None] | None = None
        self._ended = False

    async def make(self, change: Callable[[AsyncSession], Awaitable[R]]) -> R:
        """Makes a change, which may be called twice; raises what it raises, and NotKept.

        One that has been asked for is made, also for somebody who does not wait for its end.
        """
        if self._ended:
            # It would hold the connection while that is closed.
            raise NotKept("broken")
        wanted = Change(change)
        self._waiting.append(wanted)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.ensure_future(self._write())
            self._writer.add_done_callback(self._left)
        return await asyncio.shield(wanted.outcome)

    async def end(self) -> None:
        """Waits until what was asked for is written, and takes nothing more."""
        self._ended = True
        while self._writer and not self._writer.done():
            await asyncio.wait({self._writer})

    async def _write(self) -> None:
        while self._waiting:
            some = min(self.most, len(self._waiting))
            await self._commit([self._waiting.popleft() for _ in range(some)])

    def _left(self, writer: asyncio.Task[None]) -> None:
        """Tells those who still wait that a host has cancelled what it does not know."""
        if writer.cancelled() and writer is self._writer:
            while self._waiting:
                self._waiting.popleft().outcome.cancel()

    async def _commit(self, group: Sequence[Change[Any]]) -> None:
        """Makes all of these changes in one transaction, or each in one of its own."""
        try:
            async with self.writing() as session:
                outcomes = [await one.make(session) for one in group]
        except asyncio.CancelledError:
            for one in group:
                one.outcome.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - whoever asked for the change is told
            if len(group) == 1 or isinstance(error, NotKept):
                for one in group:
                    one.outcome.set_exception(error)
                return
            for one in group:
                await self._commit([one])
            return
        for one, outcome in zip(group, outcomes, strict=True):
            one.outcome.set_result(outcome)
