"""The database's driver: each statement is one trip to the thread in which SQLite works."""

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
"""The names of the driver's own that are used here."""


class Connection(aiosqlite.Connection):
    """A connection that leaves the event loop as rarely as it can.

    aiosqlite goes to its thread and back to make a cursor, to execute, to fetch and to close. Each
    way waits for the interpreter, which a voice that writes is using as well.

    No public way makes a cursor for SQLAlchemy in one trip, so this builds on names that aiosqlite
    may change between minor versions: `USED` has them, a test looks for them, and the version is
    bounded for their sake.
    """

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        # A process that ends without having closed it does not wait for it.
        self._thread.daemon = True

    def stop(self) -> asyncio.Future[Any] | None:
        """Ends the thread, which answers once: whoever asks again has nothing to wait for."""
        return super().stop() if self._running else None

    async def end(self) -> None:
        """Waits until the thread is gone, which was told to end, or is told so now.

        Else it may answer an event loop that is closed: to whoever was cancelled, none waits.
        """
        self.stop()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)

    @contextmanager
    async def cursor(self) -> aiosqlite.Cursor:
        """A cursor, at once."""
        return Cursor(self, self._conn.cursor())

    async def rollback(self) -> None:
        """Takes back what has begun, if anything has."""
        if self.in_transaction:
            await super().rollback()


class Cursor(aiosqlite.Cursor):
    """A cursor that brings all the rows of a statement along."""

    def __init__(self, connection: Connection, cursor: sqlite3.Cursor) -> None:
        super().__init__(connection, cursor)
        self._rows: list[sqlite3.Row] = []

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> Cursor:
        """Executes a statement and fetches what it gives."""
        execute: Any = self._execute  # which is not typed
        self._rows = await execute(self._all, sql, parameters or ())
        return self

    async def fetchall(self) -> list[sqlite3.Row]:
        """The rows that were fetched."""
        return self._rows

    async def close(self) -> None:
        """Nothing is left open: a statement ends with its last row."""

    def _all(self, sql: str, parameters: Any) -> list[sqlite3.Row]:  # noqa: ANN401 - the driver's
        self._cursor.execute(sql, parameters)
        return self._cursor.fetchall() if self._cursor.description else []


def connection(path: Path) -> Connection:
    """A connection to a file, which is opened when it is awaited."""
    # The thread works, but it is asked from the event loop whether a transaction has begun. And the
    # driver must not begin any by itself.
    return Connection(lambda: sqlite3.connect(path, isolation_level=None, check_same_thread=False))
