"""Lock, copy, upgrade and remove the files of SQLite databases."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import URL, NullPool, create_engine, inspect
from sqlalchemy.orm import Session

from ...errors import StoreError
from .. import migrations
from ..dialects import continue_ids_from_now
from ..repositories.key_value_repository import FORGET_SYNC

ANOTHER_FILE = "name another file (ONBOOK_DATABASE, or --database of `onbook`)"
"""The advice if a file cannot be used."""

SIDE_FILES = ("-wal", "-shm")
"""The suffixes of the files that SQLite keeps beside a database."""


def lock_file(path: Path) -> FileLock:
    """Lock a database for this process, and return the lock.

    Raises StoreError if another process has the database, or its folder cannot be used.
    """
    if not path.parent.is_dir():
        # The lock would make the folder, and a mistyped path would look like lost scripts.
        raise StoreError(f"There is no folder {path.parent}. Create it, or {ANOTHER_FILE}.")
    if path.is_dir():
        raise StoreError(f"{path} is a folder. Move it, or {ANOTHER_FILE}.")
    lock = FileLock(f"{path}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise StoreError(
            f"{path} is in use by another On Book. Stop the other one, or {ANOTHER_FILE}."
        ) from None
    except OSError as error:
        raise StoreError(
            f"{path} cannot be opened ({error.strerror}). Make its folder writable, or "
            f"{ANOTHER_FILE}."
        ) from error
    return lock


@contextmanager
def open_to_read(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database only to read it; a bot may be writing to it.

    Raises sqlite3.Error, and StoreError if it is another program's or a newer On Book's.
    """
    # SQLite leaves the log of a connection with mode=ro beside a database that nobody else has
    # open. With mode=rw, the last connection removes the log, but never that of a bot.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        connection.execute("PRAGMA query_only = ON")
        ours = "SELECT 1 FROM sqlite_schema WHERE name = 'scripts'"
        if not connection.execute(ours).fetchone():
            raise StoreError(f"{path} contains no On Book scripts. Name another file.")
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        migrations.check_revision(revision, str(path))
        yield connection


def copy_file(source: Path, to: Path) -> None:
    """Copy a database as of one moment, without making its writer wait; overwrite ``to``.

    Raises the errors of `open_to_read`, and OSError.
    """
    to.unlink(missing_ok=True)
    to.touch(0o600)  # because everything that people wrote is in it
    with open_to_read(source) as opened, closing(sqlite3.connect(to)) as copy:
        opened.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")


def upgrade_file(path: Path, *, is_copy: bool = False) -> None:
    """Make the tables in a file or upgrade them, all or nothing; no other program may use the file.

    If the file is a copy, its new ids start at the current time, and commands are synced again.
    Raises StoreError for tables of another program or of a newer On Book, and DBAPIError.
    """
    if not path.exists():
        with suppress(OSError):  # SQLite says why it cannot be made
            path.touch(0o600)  # because everything that people write will be in it
    # An engine of its own, because foreign keys must be off before the transaction begins.
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"isolation_level": None},
        poolclass=NullPool,
        hide_parameters=True,
    )
    with Session(engine) as session:
        connection = session.connection()
        connection.exec_driver_sql("PRAGMA synchronous = FULL")
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        if not migrations.find_revision(connection) and inspect(connection).get_table_names():
            raise StoreError(f"{path} contains no On Book scripts. Move it, or {ANOTHER_FILE}.")
        migrations.upgrade(connection, str(path))
        if is_copy:
            continue_ids_from_now(session)
            session.execute(FORGET_SYNC)
        session.commit()


def remove_file(path: Path) -> None:
    """Remove a database, with the files that SQLite keeps beside it."""
    for suffix in ("", *SIDE_FILES):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
