"""Run each SQL statement in one trip to the thread in which SQLite works."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import aiosqlite
from aiosqlite.context import contextmanager

USED = {
    aiosqlite.Connection: ("_thread", "_conn", "_execute", "_running"),
    aiosqlite.Cursor: ("_conn", "_cursor", "_execute"),
}
"""The private names of aiosqlite that are used here."""


class Connection(aiosqlite.Connection):
    """A connection that leaves the event loop as rarely as possible.

    aiosqlite makes a trip to its thread to make a cursor, to execute, to fetch and to close. Each
    trip waits for the interpreter's lock, which a model that writes needs as well.

    No public interface makes a cursor for SQLAlchemy in one trip, so that this class uses private
    names, which aiosqlite may change between minor versions: a test looks for those in `USED`, and
    the version is bounded because of them.
    """

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        # A process that ends without closing the connection does not wait for the thread.
        self._thread.daemon = True

    def stop(self) -> asyncio.Future[Any] | None:
        """Stop the thread, which answers only once; return None if it has stopped before."""
        return super().stop() if self._running else None

    async def end(self) -> None:
        """Stop the thread, and wait until it has ended.

        Otherwise it may answer a cancelled caller on an event loop that is closed.
        """
        self.stop()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)

    @contextmanager
    async def cursor(self) -> aiosqlite.Cursor:
        """Make a cursor without a trip to the thread."""
        return Cursor(self, self._conn.cursor())

    async def rollback(self) -> None:
        """Roll back the transaction, if one has begun."""
        if self.in_transaction:
            await super().rollback()


class Cursor(aiosqlite.Cursor):
    """A cursor that fetches all rows when it executes a statement."""

    def __init__(self, connection: Connection, cursor: sqlite3.Cursor) -> None:
        super().__init__(connection, cursor)
        self._rows: list[sqlite3.Row] = []

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> Cursor:
        """Execute a statement, and fetch its rows."""
        execute: Any = self._execute  # which is not typed
        self._rows = await execute(self._all, sql, parameters or ())
        return self

    async def fetchall(self) -> list[sqlite3.Row]:
        """Return the rows that were fetched."""
        return self._rows

    async def close(self) -> None:
        """Do nothing, because a statement ends with its last row."""

    def _all(self, sql: str, parameters: Any) -> list[sqlite3.Row]:  # noqa: ANN401 - the driver's
        self._cursor.execute(sql, parameters)
        return self._cursor.fetchall() if self._cursor.description else []


def connection(path: Path) -> Connection:
    """Make a connection to a file, which is opened when the connection is awaited."""
    # check_same_thread: the event loop asks whether a transaction has begun. isolation_level: the
    # driver must not begin a transaction by itself.
    return Connection(lambda: sqlite3.connect(path, isolation_level=None, check_same_thread=False))
