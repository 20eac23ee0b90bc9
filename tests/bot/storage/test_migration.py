"""Test that older tables become those of the schema, and an unusable database is left alone."""

import asyncio
import logging
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Column, Connection, MetaData, NullPool, create_engine

from bot.errors import StoreError
from bot.storage import migrations
from bot.storage.postgres import tables
from bot.storage.postgres.connections import connect
from bot.storage.schema import Base, UTCDateTime
from bot.storage.store import Store
from tests.bot.conftest import BOTH, AddRevision, run_sql
from tests.tools import migration
from tests.tools.migration import FIRST_TABLES

FIRST_TABLES_ON_A_SERVER = Path(__file__).with_name("first_postgresql_tables.sql")
"""A dump of a PostgreSQL database of the first revision."""

COLUMNS = """
    SELECT relname, attname, attstattarget, attstorage
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0
        AND NOT attisdropped
    ORDER BY 1, 2
"""
"""A query for the properties of columns that Alembic does not compare."""


async def open_and_close(where: Path | URL) -> None:
    await (await Store.open(where)).close()


def read_revision(where: Path | URL) -> str:
    [[number]] = run_sql(where, "SELECT version_num FROM alembic_version")
    return number


async def test_the_first_tables_become_those_of_the_schema(empty_database: Path, path: Path):
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST_TABLES.read_text())
    await open_and_close(path)
    with create_engine(f"sqlite:///{path}", poolclass=NullPool).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    # Alembic does not compare these properties.
    with (
        closing(sqlite3.connect(path)) as upgraded,
        closing(sqlite3.connect(empty_database)) as new,
    ):
        assert list_properties(upgraded) == list_properties(new)


async def test_the_first_tables_on_a_server_become_the_schema_s(template: URL, bare_url: URL):
    run_sql(bare_url, FIRST_TABLES_ON_A_SERVER.read_text())
    await open_and_close(bare_url)
    engine = connect(bare_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(find_differences_on_a_server) == []
    await engine.dispose()
    assert run_sql(bare_url, COLUMNS) == run_sql(template, COLUMNS)


def find_differences_on_a_server(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection)
    return compare_metadata(context, [Base.metadata, tables.erasure_counts.metadata])


def list_properties(connection: sqlite3.Connection) -> set[tuple[str, bool, bool]]:
    """Return each table's name, and whether it is numbered and clustered."""
    tables = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    return {(name, "AUTOINCREMENT" in sql, "WITHOUT ROWID" in sql) for name, sql in tables}


async def test_a_written_revision_adds_a_time(
    migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    changed = MetaData(naming_convention=Base.metadata.naming_convention)
    for table in Base.metadata.sorted_tables:
        table.to_metadata(changed)
    changed.tables["sprints"].append_column(Column("paused", UTCDateTime()))
    monkeypatch.setattr(migration, "Base", SimpleNamespace(metadata=changed))
    versions = shutil.copytree(migrations.FOLDER / "versions", tmp_path / "versions")
    monkeypatch.setattr(migrations, "VERSIONS", [versions])
    migration.main("Pause a sprint")
    assert "bot." not in next(versions.glob("*_pause_a_sprint.py")).read_text()
    await open_and_close(migrated)
    columns = run_sql(migrated, "SELECT name, type FROM pragma_table_info('sprints')")
    assert ["paused", "DATETIME"] in columns


def test_files_have_the_names_of_their_revisions():
    script = ScriptDirectory.from_config(migrations.make_config())
    newest_first = [revision.revision for revision in script.walk_revisions()]
    assert migrations.list_revisions() == newest_first[::-1]


def test_a_bot_that_upgrades_no_tables_does_not_import_alembic(path: Path):
    program = (
        "import asyncio, pathlib, sys, bot.app.runner\n"
        "from bot.storage.store import Store\n"
        "async def main():\n"
        "    for _ in range(2):\n"
        f"        await (await Store.open(pathlib.Path({str(path)!r}))).close()\n"
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


async def test_an_upgrade_that_fails_changes_nothing(migrated: Path, add_revision: AddRevision):
    newest = read_revision(migrated)
    add_revision("op.drop_table('key_values'); op.drop_table('nothing')")
    with pytest.raises(StoreError, match="is not a usable database"):
        await Store.open(migrated)
    assert read_revision(migrated) == newest
    assert run_sql(migrated, "SELECT count(*) FROM key_values") == [["0"]]


async def test_migrations_leave_the_hosts_logging_alone(migrated: Path, add_revision: AddRevision):
    def read_logging() -> list[object]:
        loggers = [logging.root, *map(logging.getLogger, ("alembic", "onbook", "somebody"))]
        return [
            (logger.level, logger.disabled, logger.propagate, list(logger.handlers))
            for logger in loggers
        ]

    add_revision("pass")
    before = read_logging()
    await open_and_close(migrated)
    assert read_logging() == before
    assert read_revision(migrated) == "9999"
