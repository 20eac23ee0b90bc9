"""Test that migrations make the tables of the schema, and spare a database that they cannot use."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import URL, create_engine

from bot.errors import StoreError
from bot.storage.postgres import tables
from bot.storage.postgres.connections import connect
from bot.storage.schema import Base
from bot.storage.store import Store
from tests.bot.conftest import AddRevision, run_sql

DATABASES = ["sqlite", "postgresql"]


async def open_and_close(where: Path | URL) -> None:
    await (await Store.open(where)).close()


async def revision(where: Path | URL) -> str:
    [[number]] = await asyncio.to_thread(run_sql, where, "SELECT version_num FROM alembic_version")
    return number


def differences(connection: object) -> list[object]:
    """Return in what the tables of a connection differ from the metadata."""
    context = MigrationContext.configure(connection)
    metadata = [Base.metadata]
    if connection.dialect.name == "postgresql":
        metadata.append(tables.erasure_counts.metadata)
    return compare_metadata(context, metadata)


async def test_upgraded_tables_equal_the_metadata(
    where: Path | URL, request: pytest.FixtureRequest
):
    if not isinstance(where, Path):
        where = request.getfixturevalue("postgres").create()  # no other test has used it
    await open_and_close(where)
    if isinstance(where, Path):
        with create_engine(f"sqlite:///{where}").connect() as connection:
            assert differences(connection) == []
        return
    engine = connect(where)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


def statements(connection: sqlite3.Connection) -> set[tuple[str, bool, bool]]:
    tables = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    return {(name, "AUTOINCREMENT" in sql, "WITHOUT ROWID" in sql) for name, sql in tables}


async def test_tables_are_numbered_and_clustered_as_in_the_metadata(tmp_path: Path):
    await open_and_close(tmp_path / "upgraded.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'new.db'}")
    Base.metadata.create_all(engine)
    engine.dispose()
    with (
        closing(sqlite3.connect(tmp_path / "upgraded.db")) as upgraded,
        closing(sqlite3.connect(tmp_path / "new.db")) as new,
    ):
        assert statements(upgraded) == statements(new) | {("alembic_version", False, False)}


async def test_an_unknown_revision_is_refused_and_left_alone(where: Path | URL):
    await open_and_close(where)
    await asyncio.to_thread(run_sql, where, "UPDATE alembic_version SET version_num = 'f00'")
    with pytest.raises(StoreError, match=r"newer On Book \(revision f00\)\. Upgrade On Book, or"):
        await Store.open(where)
    assert await revision(where) == "f00"
    await asyncio.to_thread(run_sql, where, "UPDATE alembic_version SET version_num = '0001'")
    await open_and_close(where)


async def test_an_earlier_revision_is_upgraded(path: Path, add_revision: AddRevision):
    store = await Store.open(path)
    await store.key_values.save_value("a", "b")
    await store.close()
    add_revision("op.execute(\"UPDATE key_values SET value = 'c'\")")
    store = await Store.open(path)
    assert await store.key_values.find_value("a") == "c"
    await store.close()
    assert await revision(path) == "next"


async def test_an_upgrade_that_fails_changes_nothing(path: Path, add_revision: AddRevision):
    await open_and_close(path)
    add_revision("op.drop_table('key_values'); op.drop_table('nothing')")
    with pytest.raises(StoreError, match="is not a usable database"):
        await Store.open(path)
    assert await revision(path) == "0001"
    assert run_sql(path, "SELECT count(*) FROM key_values") == [["0"]]


def logging_set_up() -> list[object]:
    loggers = [logging.root, *map(logging.getLogger, ("alembic", "onbook", "somebody"))]
    return [(one.level, one.disabled, one.propagate, list(one.handlers)) for one in loggers]


async def test_the_logging_of_the_host_is_left_alone(path: Path):
    before = logging_set_up()
    await open_and_close(path)
    assert logging_set_up() == before
