"""Database: the SQLite file, which one process has and one connection writes to."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self
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

from ..migrations import SCHEMA, upgrade
from ..schema import Base
from ..transactions import NotKept, StoreError, Transactions
from . import driver

LOCKED_WAIT = 250
"""Milliseconds for which it is waited for another program that writes. Everybody waits meanwhile,
also for their first answer, which must come within three seconds."""

FLUSH_WAIT = 100
"""Milliseconds for which SQLite waits for those who read, and the bot for SQLite."""

log = logging.getLogger("onbook.database")

READING = "onbook_reading"
"""The option of a connection that begins no transaction."""


REASONS = {
    "SQLITE_FULL": "full",
    "SQLITE_READONLY": "readonly",
    "SQLITE_BUSY": "locked",
    "SQLITE_LOCKED": "locked",
}
"""Why something is not kept, by the beginning of SQLite's name for it; all else is ``broken``."""


class Database(Transactions):
    """Transactions on one file, one at a time.

    Use `Database.open`.
    """

    def __init__(self, path: Path, lock: FileLock) -> None:
        super().__init__()
        self._connections = WeakSet[driver.Connection]()
        self._engine = engine = _connect(path, self._connections)
        self._lock = lock
        # The pool gives its connection to whoever asks when it comes back, past those who wait.
        self._in_turn = asyncio.Lock()
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        reading = engine.execution_options(**{READING: True})
        self._readings = async_sessionmaker(reading, expire_on_commit=False)

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

    async def _leave(self) -> None:
        """Closes the file, and gives the lock back."""
        # Whoever has the connection gives it back first, and nobody gets another one.
        async with self._in_turn:
            await self._engine.dispose()
        for connection in list(self._connections):
            await connection.end()
        self._lock.release()

    async def _flush(self) -> float | None:
        """None where the log could be emptied, which has all that was written; raises NotKept.

        It can be left from a process that was killed, so that `open` begins with this.
        """
        async with self._turn(), self._engine.connect() as connection:
            # Outside of a transaction, where alone it can be done.
            outside = await connection.execution_options(**{READING: True})
            patience = (await outside.exec_driver_sql("PRAGMA busy_timeout")).scalar_one()
            await outside.exec_driver_sql(f"PRAGMA busy_timeout = {FLUSH_WAIT}")
            try:
                found = await outside.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                return 0.0 if found.scalar_one() else None
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
