"""Faults of the disk that a test causes on the bot's own connection, and repairs."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from tests.bot.conftest import Stage

Repair: TypeAlias = Callable[[], Awaitable[object]]


async def pragma(stage: Stage, statement: str) -> object:
    """Run a pragma, and return its value or None."""
    async with stage.store._database.reading() as session:
        connection = await session.connection()
        result = await connection.exec_driver_sql(f"PRAGMA {statement}")
        return result.scalar() if result.returns_rows else None


async def fill(stage: Stage) -> Repair:
    """Leave the file no room to grow."""
    await pragma(stage, f"max_page_count = {await pragma(stage, 'page_count')}")
    return lambda: pragma(stage, "max_page_count = 1073741823")


async def make_read_only(stage: Stage) -> Repair:
    """Make the connection read-only."""
    await pragma(stage, "query_only = ON")
    return lambda: pragma(stage, "query_only = OFF")


async def lock(stage: Stage) -> Repair:
    """Lock the database as another program that writes and does not end."""
    other = sqlite3.connect(stage.settings.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def release() -> None:
        other.rollback()
        other.close()

    return release
