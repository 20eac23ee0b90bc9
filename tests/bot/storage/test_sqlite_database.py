"""Test that the one connection is given back and closed, whichever task is cancelled."""

from __future__ import annotations

import asyncio
import gc
import random
import shutil
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.errors import TransactionFailed
from bot.storage.database import Database
from bot.storage.store import open_database


async def use(database: Database, chance: random.Random) -> None:
    """Read and write until the database is closed."""
    while True:
        session = database.writing() if chance.random() < 0.5 else database.reading()
        try:
            async with session as open_session:
                await open_session.execute(text("SELECT count(*) FROM sqlite_master"))
        except TransactionFailed:
            return


async def closed_amid(path: Path, chance: random.Random, cancels: int) -> None:
    """Close the database at a random moment of three tasks, each cancelled so many times."""
    database = await open_database(path)
    users = [asyncio.ensure_future(use(database, chance)) for _ in range(3)]
    for _ in range(chance.randrange(60)):
        await asyncio.sleep(0)
    for _ in range(cancels):
        for user in users:
            user.cancel()
        await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await database.close()
        await asyncio.wait(users)


@pytest.mark.parametrize("cancels", [0, 1, 2, 3])
def test_no_connection_is_left_open_and_no_thread_answers_a_loop_that_is_gone(
    cancels: int, empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    left: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", left.append)
    monkeypatch.setattr(threading, "excepthook", left.append)
    for seed in range(4):
        path = shutil.copy(empty_database, tmp_path / f"{seed}.db")
        asyncio.run(closed_amid(Path(path), random.Random(seed), cancels))
        gc.collect()
    assert [str(one) for one in left] == []


async def test_what_is_closed_opens_no_more(tmp_path: Path):
    database = await open_database(tmp_path / "scripts.db")
    await database.close()
    for session in (database.reading(), database.writing()):
        with pytest.raises(TransactionFailed):
            async with session:
                raise AssertionError
    assert not await database.purge()
