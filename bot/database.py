"""Database: the SQLite file, which one process has and one connection writes to."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Generic, Self, TypeVar
from weakref import WeakSet

from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, event, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from . import driver
from .migration import SCHEMA, upgrade
from .tables import Base
from .telemetry import SILENT, Meter

LOCKED_WAIT = 250
"""Milliseconds for which it is waited for another program that writes. Everybody waits meanwhile,
also for their first answer, which must come within three seconds."""

FLUSH_AGAIN = 2.0
"""Seconds after which the log is tried to be emptied again, where somebody reads it."""

FLUSH_WAIT = 100
"""Milliseconds for which SQLite waits for those who read, and the bot for SQLite."""

TOGETHER = 16
"""The most changes that share a transaction, and with it a flush of the disk."""

log = logging.getLogger("onbook.database")

R = TypeVar("R")

READING = "onbook_reading"
"""The option of a connection that begins no transaction."""


class StoreError(Exception):
    """One sentence about a database that cannot be used, and what to do about it."""


class NotKept(Exception):
    """The database could not be used just now, and nothing of a transaction was kept.

    ``reason`` is one of `REASONS`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


REASONS = {
    "SQLITE_FULL": "full",
    "SQLITE_READONLY": "readonly",
    "SQLITE_BUSY": "locked",
    "SQLITE_LOCKED": "locked",
}
"""Why something is not kept, by the beginning of SQLite's name for it; all else is ``broken``."""


class Database:
    """Transactions on one file, one at a time, each on the disk when it has ended.

    Use `Database.open`.
    """

    meter: Meter = SILENT
    """Is told how long transactions take."""

    def __init__(self, path: Path, lock: FileLock) -> None:
        self._connections = WeakSet[driver.Connection]()
        self._engine = engine = _connect(path, self._connections)
        self._lock = lock
        # The pool gives its connection to whoever asks when it comes back, past those who wait.
        self._in_turn = asyncio.Lock()
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        reading = engine.execution_options(**{READING: True})
        self._readings = async_sessionmaker(reading, expire_on_commit=False)
        self._closed = False
        self._next_flush: asyncio.TimerHandle | None = None
        self._flushes: set[asyncio.Task[bool]] = set()

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Opens or makes the database; raises StoreError when it cannot be used."""
        lock = locked(path)
        database = cls(path, lock)
        try:
            await database._prepare(path)
            await database.flush_out()
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Closes the file, and leaves it to the next process."""
        self._closed = True
        if self._next_flush:
            self._next_flush.cancel()
        if self._flushes:
            await asyncio.wait(self._flushes)
        # Whoever has the connection gives it back first, and nobody gets another one.
        async with self._in_turn:
            await self._engine.dispose()
        for connection in list(self._connections):
            await connection.end()
        self._lock.release()

    async def flush_out(self) -> bool:
        """Empties the log of what was written, so that what was deleted is gone from it, too.

        Returns whether it is empty. While another program reads it, such as a backup, it cannot be:
        then it is tried again and again, also after a restart, since `open` begins with this.
        """
        empty = False
        with suppress(NotKept):  # which is in the log, and may pass
            empty = await self._empty_log()
        if not empty and self._next_flush is None and not self._closed:
            log.warning("the database is read by somebody: its log keeps what was deleted so long")
            loop = asyncio.get_running_loop()
            self._next_flush = loop.call_later(FLUSH_AGAIN, self._flush_again)
        return empty

    def _flush_again(self) -> None:
        self._next_flush = None
        task = asyncio.ensure_future(self.flush_out())
        self._flushes.add(task)
        task.add_done_callback(self._flushes.discard)

    async def _empty_log(self) -> bool:
        """Whether the log could be emptied; raises NotKept."""
        async with self._turn(), self._engine.connect() as connection:
            # Outside of a transaction, where alone it can be done.
            outside = await connection.execution_options(**{READING: True})
            patience = (await outside.exec_driver_sql("PRAGMA busy_timeout")).scalar_one()
            await outside.exec_driver_sql(f"PRAGMA busy_timeout = {FLUSH_WAIT}")
            try:
                found = await outside.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                return not found.scalar_one()
            finally:
                await outside.exec_driver_sql(f"PRAGMA busy_timeout = {patience}")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session that reads; nobody else has the database meanwhile."""
        with self.meter.transaction("reading"):
            async with self._turn(), self._readings() as session:
                yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """A session whose changes are on the disk when it ends, or none if it fails."""
        with self.meter.transaction("writing"):
            async with self._turn(), self._sessions.begin() as session:
                yield session

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """The database to oneself; raises NotKept, also once it is being closed."""
        async with self._in_turn, _or_not_kept():
            if self._closed:
                raise NotKept("broken")
            yield

    async def _prepare(self, path: Path) -> None:
        try:
            await asyncio.to_thread(upgrade, path)
            async with self._engine.begin() as connection:
                version = (await connection.execute(text("PRAGMA user_version"))).scalar_one()
                if version > SCHEMA:
                    raise StoreError(
                        f"{path} comes from a newer On Book (schema {version}, this one knows "
                        f"{SCHEMA}): install that one, or set ONBOOK_DATABASE to another file."
                    )
                await connection.run_sync(Base.metadata.create_all)
                await connection.execute(text(f"PRAGMA user_version = {SCHEMA}"))
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise StoreError(
                f"{path} cannot be used as a database: set ONBOOK_DATABASE to another file, or "
                f"restore this one."
            ) from error


def locked(path: Path) -> FileLock:
    """The lock of a database, which this process has from now on; raises StoreError."""
    if not path.parent.is_dir():
        # The lock would make it, and a mistyped path would look like scripts that are lost.
        raise StoreError(
            f"There is no folder {path.parent}: make it, or set ONBOOK_DATABASE to a file in a "
            f"folder that exists."
        )
    lock = FileLock(f"{path}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise StoreError(
            f"{path} is in use by another On Book: stop that one, or set ONBOOK_DATABASE to "
            f"another file."
        ) from None
    except OSError as error:
        raise StoreError(
            f"{path} cannot be opened ({error.strerror}): set ONBOOK_DATABASE to a file in a "
            f"folder that exists and can be written to."
        ) from error
    return lock


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


@asynccontextmanager
async def _or_not_kept() -> AsyncIterator[None]:
    """Raises NotKept where the disk, or who else uses the file, allows no transaction."""
    try:
        yield
    except OperationalError as error:
        name = getattr(error.orig, "sqlite_errorname", "")
        log.error("the database cannot be used now: %s (%s)", error.orig, name)  # noqa: TRY400 - its parameters are people's text
        reasons = (why for known, why in REASONS.items() if name.startswith(known))
        raise NotKept(next(reasons, "broken")) from error


def _connect(path: Path, opened: WeakSet[driver.Connection]) -> AsyncEngine:
    """The engine of a file, and in ``opened`` its connections: another comes where one is lost."""

    def connection() -> driver.Connection:
        opened.add(made := driver.connection(path))
        return made

    # One connection: SQLite as old as 3.51.2 can damage a WAL file that two of them write to.
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        async_creator=connection,
        pool_size=1,
        max_overflow=0,
        # They are people's words, which have no place in a log.
        hide_parameters=True,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's class
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        # What a statement sets aside is people's text, which has no place in files beside this one.
        cursor.execute("PRAGMA temp_store = MEMORY")
        cursor.execute(f"PRAGMA busy_timeout = {LOCKED_WAIT}")
        # A line that was shown survives a power cut.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        # Who reads has the connection, and so the database, to itself as well.
        if not connection.get_execution_options().get(READING):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
