"""Upgrade the tables with Alembic. A published revision never changes."""

from __future__ import annotations

import os
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from ...errors import StoreError
from ..schema import Base

FOLDER = Path(__file__).parent

VERSIONS = [FOLDER / "versions"]
"""The folders of the revisions."""

_version = Table("alembic_version", MetaData(), Column("version_num", String))
"""Alembic's own table, which has one row."""


def make_config() -> Config:
    """Make Alembic's configuration, which needs no file."""
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
    revision = find_revision(connection)
    script = ScriptDirectory.from_config(make_config())
    earlier = {revision.revision for revision in script.walk_revisions()} - {
        script.get_current_head()
    }
    return revision in earlier


def upgrade(connection: Connection, name: str) -> bool:
    """Make the tables or upgrade them, in the transaction of a connection to a database ``name``.

    On SQLite the connection must have foreign keys off, because replacing a table must not delete
    the rows that refer to it. Return whether anything has changed; raise StoreError if the revision
    of the tables is unknown here.
    """
    config = make_config()
    script = ScriptDirectory.from_config(config)
    revision = find_revision(connection)
    if revision == script.get_current_head():
        return False
    if revision and revision not in {earlier.revision for earlier in script.walk_revisions()}:
        raise StoreError(
            f"{name} is from a newer On Book (revision {revision}). Upgrade On Book, or use "
            f"another database."
        )
    config.attributes.update(connection=connection, metadata=Base.metadata)
    command.upgrade(config, "head")
    return True


def _escape(path: Path) -> str:
    """Return a path for a configuration, in which a percent sign begins a variable."""
    return str(path).replace("%", "%%")
