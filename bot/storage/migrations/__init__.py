"""Make the tables of the schema, or upgrade older ones with Alembic.

A new database gets its tables straight from the schema, and runs no revision. A published revision
never changes. Alembic needs 12 MB of memory, so it is imported only to upgrade tables.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from ...errors import StoreError
from ..schema import Base

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).parent

VERSIONS = [FOLDER / "versions"]
"""The folders of the revisions: a file `v0001_begin.py` holds the revision 0001."""

_version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
"""Alembic's own table, which has one row."""


def make_config() -> Config:
    """Make Alembic's configuration, which needs no file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", _escape(FOLDER))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", os.pathsep.join(map(_escape, VERSIONS)))
    config.set_main_option("file_template", "v%%(rev)s_%%(slug)s")
    return config


def find_revision(connection: Connection) -> str | None:
    """Return the revision of the tables, or None if there are none."""
    if not inspect(connection).has_table(_version.name):
        return None
    return connection.scalar(select(_version.c.version_num))


def is_outdated(connection: Connection) -> bool:
    """Return whether `upgrade` would upgrade existing tables."""
    return find_revision(connection) in list_revisions()[:-1]


def list_revisions() -> list[str]:
    """Return all revisions, the newest last."""
    names = [file.stem for folder in VERSIONS for file in folder.glob("v*_*.py")]
    return sorted(name[1:].partition("_")[0] for name in names)


def upgrade(connection: Connection, name: str) -> bool:
    """Make the tables or upgrade them, in the transaction of a connection to a database ``name``.

    On SQLite the connection must have foreign keys off, because replacing a table must not delete
    the rows that refer to it. Return whether anything has changed; raise StoreError if the revision
    of the tables is unknown here.
    """
    revision, revisions = find_revision(connection), list_revisions()
    if revision == revisions[-1]:
        return False
    if revision is None:
        # Fail if a table exists, because it belongs to another program.
        Base.metadata.create_all(connection, checkfirst=False)
        _version.create(connection)
        connection.execute(_version.insert().values(version_num=revisions[-1]))
        return True
    check_revision(revision, name)
    from alembic import command

    config = make_config()
    config.attributes.update(connection=connection, metadata=Base.metadata)
    command.upgrade(config, "head")
    return True


def check_revision(revision: str, name: str) -> None:
    """Raise StoreError if the revision of the tables in a database ``name`` is unknown here."""
    if revision not in list_revisions():
        raise StoreError(
            f"{name} is from a newer On Book (revision {revision}). Upgrade On Book, or use "
            f"another database."
        )


def _escape(path: Path) -> str:
    """Return a path for a configuration, in which a percent sign begins a variable."""
    return str(path).replace("%", "%%")
