"""Test the private parts of aiosqlite on which the database relies, for want of a public API."""

from __future__ import annotations

import sqlite3

import aiosqlite

from bot.storage.sqlite.driver import USED


async def test_aiosqlite_still_has_what_the_driver_builds_on() -> None:
    async with aiosqlite.connect(":memory:") as plain:
        cursor = await plain.execute("SELECT 1")
        for one in (plain, cursor):
            missing = [name for name in USED[type(one)] if not hasattr(one, name)]
            assert missing == [], (
                f"aiosqlite {aiosqlite.__version__} lacks {missing}: change "
                f"bot/storage/sqlite/driver.py, and then the bound of its version in pyproject.toml"
            )
        assert isinstance(plain._conn, sqlite3.Connection)
        assert isinstance(cursor._cursor, sqlite3.Cursor)
        assert await plain._execute(lambda: 7) == await cursor._execute(lambda: 7) == 7
