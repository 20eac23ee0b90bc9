"""Keep scripts in a SQLite file that one process has open, with one connection."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from weakref import WeakSet

import aiosqlite
from filelock import FileLock
from sqlalchemy import URL, Connection, event
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from ...errors import StoreError, TransactionFailed
from ..database import Database
from .files import ANOTHER_FILE, copy_file, lock_file, remove_file, upgrade_file

LOCK_TIMEOUT = 250
"""Milliseconds to wait for another program that writes. All channels wait that long, even those
whose interaction must be answered within three seconds."""

READER_TIMEOUT = 100
"""Milliseconds for which a purge waits for readers, and all channels for the purge."""

READING = "onbook_reading"
"""The execution option of a connection that begins no transaction."""

REASONS = {
    "SQLITE_FULL": "full",
    "SQLITE_IOERR_SHMSIZE": "full",
    "SQLITE_READONLY": "readonly",
    "SQLITE_CANTOPEN": "readonly",
    "SQLITE_BUSY": "locked",
    "SQLITE_LOCKED": "locked",
}
"""The reasons of `TransactionFailed` by the beginning of SQLite's error; others are ``broken``."""

ADVICE = {
    "full": "cannot be used: the disk is full. Free some space",
    "readonly": "cannot be opened or written. Make it and its folder readable and writable",
    "locked": "cannot be used: another program has locked it. Stop that program",
    "broken": "is not a usable database ({error}). Check the file, restore a backup",
}
"""The failure at the start, and what to do about it, by the reason."""

SMALLEST_CHANGE = "PRAGMA user_version = 0"
"""A statement that fails on a read-only file, and changes no rows."""

log = logging.getLogger("onbook.database")


class SQLiteDatabase(Database):
    """One file, with one unit of work at a time."""

    shared = False

    def __init__(self, path: Path, lock: FileLock) -> None:
        super().__init__()
        self._connections = WeakSet[aiosqlite.Connection]()
        self._engine = engine = _connect(path, self._connections)
        self._lock = lock
        # The pool would give its connection to whoever asks first, ahead of those who wait longer.
        self._connection_lock = asyncio.Lock()
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        reading = engine.execution_options(**{READING: True})
        self._readings = async_sessionmaker(reading, expire_on_commit=False)

    @classmethod
    async def open(cls, url: URL) -> Self:
        path = _path_of(url)
        database = cls(path, lock_file(path))
        try:
            await database._prepare(path)
            # A process that was killed may have left deleted content in the log.
            await database.purge()
        except BaseException:
            await database.close()
            raise
        return database

    @classmethod
    @asynccontextmanager
    async def open_source(cls, url: URL) -> AsyncIterator[Database]:
        """Open a copy of the file, because opening a file of an older schema upgrades it."""
        if not (path := _path_of(url)).is_file():
            raise StoreError(f"There is no database {path}. Name the file to copy.")
        lock = lock_file(path)
        try:
            # Copied beside the file, because a folder for temporary files may be in memory.
            with TemporaryDirectory(dir=path.parent) as folder:
                copy = Path(folder, path.name)
                await asyncio.to_thread(copy_file, path, copy)
                async with super().open_source(url.set(database=str(copy))) as database:
                    yield database
        except StoreError as error:
            raise StoreError(str(error).replace(str(copy), str(path))) from error
        finally:
            lock.release()

    @classmethod
    @asynccontextmanager
    async def open_target(cls, url: URL) -> AsyncIterator[Database]:
        path = _path_of(url)
        is_new = not path.exists()
        database = await cls.open(url)
        try:
            try:
                yield database
            finally:
                await database.close()
        except BaseException:
            if is_new:
                remove_file(path)
            raise

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        with self._measure("reading"):
            async with self._connection_slot(), self._readings() as session:
                yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        with self._measure("writing"):
            async with self._connection_slot(), self._sessions.begin() as session:
                yield session

    async def _disconnect(self) -> None:
        # The unit of work that has the connection ends first, and no other one begins.
        async with self._connection_lock:
            await self._engine.dispose()
        # A thread may still be running the statement of a cancelled caller, and would answer it on
        # an event loop that is closed.
        for connection in list(self._connections):
            connection.stop()
            thread = connection._thread  # noqa: SLF001 - aiosqlite offers nothing to wait for
            await asyncio.to_thread(thread.join)
        self._lock.release()

    async def _try_purge(self) -> float | None:
        """Empty the write-ahead log; return None, or 0 if a reader prevents it."""
        async with self._connection_slot(), self._engine.connect() as connection:
            # A checkpoint is possible only outside of a transaction.
            outside = await connection.execution_options(**{READING: True})
            await outside.exec_driver_sql(f"PRAGMA busy_timeout = {READER_TIMEOUT}")
            try:
                busy = await outside.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                return 0.0 if busy.scalar_one() else None
            finally:
                await outside.exec_driver_sql(f"PRAGMA busy_timeout = {LOCK_TIMEOUT}")

    @asynccontextmanager
    async def _connection_slot(self) -> AsyncIterator[None]:
        """Queue for the only connection; raise TransactionFailed.

        The disk, or another user of the file, can make a transaction fail.
        """
        async with self._connection_lock:
            if self._closed:
                raise TransactionFailed("broken")
            try:
                yield
            except OperationalError as error:
                name, reason = _find_reason(error.orig)
                log.error("the database cannot be used now: %s (%s)", error.orig, name)  # noqa: TRY400 - its parameters are people's text
                raise TransactionFailed(reason) from error

    async def _prepare(self, path: Path) -> None:
        try:
            await asyncio.to_thread(upgrade_file, path)
            async with self._engine.begin() as connection:
                # On a read-only file, SQLite refuses the first change, but not a transaction.
                await connection.exec_driver_sql(SMALLEST_CHANGE)
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise StoreError(explain_failure(path, getattr(error, "orig", error))) from error


def explain_failure(path: Path, error: object) -> str:
    """Return why SQLite cannot use a file, and what to do."""
    advice = ADVICE[_find_reason(error)[1]].format(error=error)
    return f"{path} {advice}, or {ANOTHER_FILE}."


def _path_of(url: URL) -> Path:
    return Path(url.database or "")


def _find_reason(error: object) -> tuple[str, str]:
    """Return SQLite's name of an error, and the reason of `TransactionFailed`."""
    name = getattr(error, "sqlite_errorname", "")
    reasons = (reason for known, reason in REASONS.items() if name.startswith(known))
    return name, next(reasons, "broken")


def _connect(path: Path, opened: WeakSet[aiosqlite.Connection]) -> AsyncEngine:
    """Make the engine of a file, which adds its connections to ``opened``.

    There is one connection at a time; the pool opens another one if it is lost.
    """
    # One connection, because SQLite before 3.51.3 can damage a WAL file to which two of them write.
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        # The driver must not begin a transaction by itself.
        connect_args={"isolation_level": None},
        pool_size=1,
        max_overflow=0,
        # Parameters are people's words, which must not be logged.
        hide_parameters=True,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's class
        opened.add(connection.driver_connection)
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        # Temporary tables hold people's text, which must not get into files beside this one.
        cursor.execute("PRAGMA temp_store = MEMORY")
        cursor.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT}")
        # A line that was shown survives a power cut.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        # Reading needs no transaction, because no other connection writes in the meantime.
        if not connection.get_execution_options().get(READING):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
