"""Faults of the disk that a test causes on the bot's own connection, and repairs."""

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

from bot.storage.store import Store

Repair: TypeAlias = Callable[[], Awaitable[object]]


async def pragma(store: Store, statement: str) -> object:
    """Run a pragma, and return its value or None."""
    async with store._database.reading() as session:
        connection = await session.connection()
        result = await connection.exec_driver_sql(f"PRAGMA {statement}")
        return result.scalar() if result.returns_rows else None


async def fill(store: Store) -> Repair:
    """Leave the file no room to grow."""
    await pragma(store, f"max_page_count = {await pragma(store, 'page_count')}")
    return lambda: pragma(store, "max_page_count = 1073741823")


async def make_read_only(store: Store) -> Repair:
    """Make the connection read-only."""
    await pragma(store, "query_only = ON")
    return lambda: pragma(store, "query_only = OFF")


def make_file_read_only(path: Path) -> None:
    """Make SQLite open a file only to read it, also for root, by the format's write version."""
    with path.open("r+b") as file:
        file.seek(18)
        file.write(b"\x03")


async def lock(store: Store) -> Repair:
    """Lock the database as another program that writes and does not end."""
    other = sqlite3.connect(store._database._engine.url.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def release() -> None:
        other.rollback()
        other.close()

    return release
