"""Test that migrations make the tables of the schema, and spare a database that they cannot use."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, NullPool, create_engine

from bot.errors import StoreError
from bot.storage import migrations
from bot.storage.postgres import tables
from bot.storage.postgres.connections import connect
from bot.storage.schema import Base
from bot.storage.store import Store
from tests.bot.conftest import BOTH, AddRevision, run_sql


async def open_and_close(where: Path | URL) -> None:
    await (await Store.open(where)).close()


def read_revision(where: Path | URL) -> str:
    [[number]] = run_sql(where, "SELECT version_num FROM alembic_version")
    return number


def find_differences(connection: Connection) -> list[object]:
    """Return how the tables of a connection differ from the metadata."""
    context = MigrationContext.configure(connection)
    metadata = [Base.metadata]
    if connection.dialect.name == "postgresql":
        metadata.append(tables.erasure_counts.metadata)
    return compare_metadata(context, metadata)


async def test_migrated_tables_on_a_server_equal_the_metadata(template: URL):
    engine = connect(template)
    async with engine.connect() as connection:
        assert await connection.run_sync(find_differences) == []
    await engine.dispose()


def test_migrated_tables_in_a_file_equal_the_metadata(empty_database: Path, path: Path):
    Base.metadata.create_all(create_engine(f"sqlite:///{path}", poolclass=NullPool))
    existing = create_engine(f"sqlite:///{empty_database}", poolclass=NullPool)
    with existing.connect() as connection:
        assert find_differences(connection) == []
    # Alembic does not compare these properties.
    with (
        closing(sqlite3.connect(empty_database)) as migrated,
        closing(sqlite3.connect(path)) as new,
    ):
        assert list_properties(migrated) == list_properties(new) | {
            ("alembic_version", False, False)
        }


def list_properties(connection: sqlite3.Connection) -> set[tuple[str, bool, bool]]:
    """Return each table's name, and whether it is numbered and clustered."""
    tables = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    return {(name, "AUTOINCREMENT" in sql, "WITHOUT ROWID" in sql) for name, sql in tables}


def test_files_have_the_names_of_their_revisions():
    script = ScriptDirectory.from_config(migrations.make_config())
    newest_first = [revision.revision for revision in script.walk_revisions()]
    assert migrations.list_revisions() == newest_first[::-1]


def test_a_bot_whose_tables_are_up_to_date_does_not_import_alembic(migrated: Path):
    program = (
        "import asyncio, pathlib, sys, bot.app.runner\n"
        "from bot.storage.store import Store\n"
        "async def main():\n"
        f"    await (await Store.open(pathlib.Path({str(migrated)!r}))).close()\n"
        "asyncio.run(main())\n"
        "assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)


@pytest.mark.parametrize("where", BOTH, indirect=True)
async def test_an_unknown_revision_is_refused_and_left_alone(where: Path | URL):
    await open_and_close(where)
    newest = read_revision(where)
    await asyncio.to_thread(run_sql, where, "UPDATE alembic_version SET version_num = 'f00'")
    with pytest.raises(StoreError, match=r"newer On Book \(revision f00\)\. Upgrade On Book, or"):
        await Store.open(where)
    assert read_revision(where) == "f00"
    restored = f"UPDATE alembic_version SET version_num = '{newest}'"  # noqa: S608 - Alembic's
    await asyncio.to_thread(run_sql, where, restored)
    await open_and_close(where)


@pytest.fixture
def migrated(empty_database: Path, path: Path) -> Path:
    """Return a file with all tables of this version."""
    return Path(shutil.copy(empty_database, path))


async def test_an_earlier_revision_is_upgraded(migrated: Path, add_revision: AddRevision):
    run_sql(migrated, "INSERT INTO key_values VALUES ('a', 'b')")
    add_revision("op.execute(\"UPDATE key_values SET value = 'c'\")")
    await open_and_close(migrated)
    assert run_sql(migrated, "SELECT value FROM key_values") == [["c"]]
    assert read_revision(migrated) == "9999"


async def test_an_upgrade_that_fails_changes_nothing(migrated: Path, add_revision: AddRevision):
    newest = read_revision(migrated)
    add_revision("op.drop_table('key_values'); op.drop_table('nothing')")
    with pytest.raises(StoreError, match="is not a usable database"):
        await Store.open(migrated)
    assert read_revision(migrated) == newest
    assert run_sql(migrated, "SELECT count(*) FROM key_values") == [["0"]]


async def test_migrations_leave_the_hosts_logging_alone(path: Path):
    def read_logging() -> list[object]:
        loggers = [logging.root, *map(logging.getLogger, ("alembic", "onbook", "somebody"))]
        return [
            (logger.level, logger.disabled, logger.propagate, list(logger.handlers))
            for logger in loggers
        ]

    before = read_logging()
    await open_and_close(path)
    assert read_logging() == before
