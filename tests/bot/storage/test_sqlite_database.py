"""Test the SQLite file: its lock, its one connection, and files that cannot be used."""

import asyncio
import gc
import random
import shutil
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.errors import StoreError, TransactionFailed
from bot.storage.database import Database
from bot.storage.store import Store, open_database
from tests.bot.conftest import count, run_sql

from .disk_faults import make_file_read_only
from .scripts import opened


async def use(database: Database, chance: random.Random) -> None:
    """Read and write until the database is closed."""
    while True:
        unit_of_work = database.writing() if chance.random() < 0.5 else database.reading()
        try:
            async with unit_of_work as session:
                await session.execute(text("SELECT count(*) FROM sqlite_master"))
        except TransactionFailed:
            return


async def close_in_use(path: Path, chance: random.Random, cancels: int) -> None:
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
def test_closing_leaves_no_connection_and_no_thread(
    cancels: int, empty_database: Path, path: Path, monkeypatch: pytest.MonkeyPatch
):
    errors: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", errors.append)
    monkeypatch.setattr(threading, "excepthook", errors.append)
    shutil.copy(empty_database, path)
    for seed in range(4):
        asyncio.run(close_in_use(path, random.Random(seed), cancels))
        gc.collect()
    assert [str(error) for error in errors] == []


async def test_a_closed_database_refuses_units_of_work(path: Path):
    database = await open_database(path)
    await database.close()
    for unit_of_work in (database.reading(), database.writing()):
        with pytest.raises(TransactionFailed):
            async with unit_of_work:
                raise AssertionError
    assert not await database.purge()


async def test_readers_are_served_in_their_order(store: Store):
    order: list[int] = []

    async def read(number: int) -> None:
        await store.key_values.find_value("anything")
        order.append(number)

    reading = []
    for number in range(100):
        reading.append(asyncio.create_task(read(number)))
        await asyncio.sleep(0)  # so that some start at the moment when another ends
    await asyncio.gather(*reading)
    assert order == sorted(order)


async def test_a_file_that_is_open_is_refused(store: Store, path: Path):
    with pytest.raises(StoreError, match=f"{path} is in use by another On Book. "):
        await Store.open(path)
    await store.key_values.save_value("still", "mine")
    await store.close()
    async with opened(path) as store:
        assert await store.key_values.find_value("still") == "mine"


@pytest.mark.parametrize("name", ["100% mine?.db", "mine#1&x=y.db", "шоу.db"])
async def test_a_file_may_have_any_name(name: str, tmp_path: Path, empty_database: Path):
    async with opened(Path(shutil.copy(empty_database, tmp_path / name))) as store:
        await store.key_values.save_value("a", "b")
    assert count(tmp_path / name, "key_values") == 1


async def open_in_vain(path: Path) -> None:
    try:
        await (await Store.open(path)).close()
    finally:
        # Where SQLite cannot open a file, aiosqlite leaves a thread that still needs the loop.
        for thread in threading.enumerate():
            if "_connection_worker_thread" in thread.name:
                thread.join(timeout=10)


def test_an_unusable_file_is_refused_in_a_sentence_and_left_alone(tmp_path: Path):
    names = ("file", "folder", "missing/scripts.db", "other.db")
    file, folder, missing, other = (tmp_path / name for name in names)
    run_sql(other, "CREATE TABLE films (title)")
    films = other.read_bytes()
    content = b"INT. DINER - NIGHT\n" * 500
    file.write_bytes(content)
    folder.mkdir()
    for path, reason in (
        (file, "is not a usable database"),
        (folder, f"{folder} is a folder"),
        (missing, "There is no folder"),
        (other, "other.db contains no On Book scripts"),
    ):
        with pytest.raises(StoreError, match=reason) as refused:
            asyncio.run(open_in_vain(path))
        sentence = str(refused.value)
        assert "\n" not in sentence
        assert sentence.endswith(".")
        assert "ONBOOK_DATABASE" in sentence
    assert (file.read_bytes(), other.read_bytes()) == (content, films)
    assert not missing.parent.exists()


@pytest.mark.parametrize(
    "spoil", [make_file_read_only, lambda path: Path(f"{path}-wal").mkdir()], ids=["file", "log"]
)
def test_a_file_that_cannot_be_written_is_refused(
    path: Path, empty_database: Path, spoil: Callable[[Path], None]
):
    spoil(Path(shutil.copy(empty_database, path)))
    with pytest.raises(StoreError, match=r"cannot be opened or written\. Make it and its"):
        asyncio.run(open_in_vain(path))


def test_a_locked_file_is_not_called_damaged(path: Path, empty_database: Path):
    shutil.copy(empty_database, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            StoreError, match=r"another program has locked it\. Stop that program, or"
        ):
            asyncio.run(open_in_vain(path))
