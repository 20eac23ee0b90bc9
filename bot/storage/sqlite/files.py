"""Lock, copy, upgrade and remove the files of SQLite databases."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import URL, NullPool, create_engine
from sqlalchemy.orm import Session

from ...errors import StoreError
from .. import migrations
from ..dialects import continue_ids_from_now
from ..repositories.key_value_repository import FORGET_SYNC

SIDE_FILES = ("-wal", "-shm")
"""The suffixes of the files that SQLite keeps beside a database."""


def lock_file(path: Path) -> FileLock:
    """Lock a database for this process, and return the lock.

    Raises StoreError if another process has the database, or its folder cannot be used.
    """
    if not path.parent.is_dir():
        # The lock would make the folder, and a mistyped path would look like lost scripts.
        raise StoreError(
            f"There is no folder {path.parent}. Create it, or name another file by "
            "ONBOOK_DATABASE or --database."
        )
    lock = FileLock(f"{path}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise StoreError(
            f"{path} is in use by another On Book. Stop that one, or name another file by "
            "ONBOOK_DATABASE or --database."
        ) from None
    except OSError as error:
        raise StoreError(
            f"{path} cannot be opened ({error.strerror}). Name a file in a writable folder by "
            "ONBOOK_DATABASE or --database."
        ) from error
    return lock


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Connect to a database only to read it; a bot may write meanwhile.

    Raises sqlite3.Error if there is no such file.
    """
    # SQLite leaves the log of a connection with mode=ro beside a database that nobody else has
    # open. With mode=rw, the last connection removes the log, and never that of a bot.
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)
    connection.execute("PRAGMA query_only = ON")
    return connection


def copy_file(source: Path, to: Path) -> None:
    """Copy a database as of one moment, without making its writer wait; overwrite ``to``.

    Raises sqlite3.Error for a source that is no database, or damaged, and OSError.
    """
    to.unlink(missing_ok=True)
    with closing(connect_to_read(source)) as opened, closing(sqlite3.connect(to)) as copy:
        opened.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")


def upgrade_file(path: Path, backup: Path | None = None) -> None:
    """Make the tables in a file or upgrade them, all or nothing; no other program may use the file.

    If the file is a copy of a ``backup``, its new ids start at the current time, and commands are
    synced again. Raises StoreError for tables of a newer On Book, which names the backup or the
    file, and DBAPIError.
    """
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
        migrations.upgrade(connection, str(backup or path))
        if backup:
            continue_ids_from_now(session)
            session.execute(FORGET_SYNC)
        session.commit()


def remove_file(path: Path) -> None:
    """Remove a database, with the files that SQLite keeps beside it."""
    for suffix in ("", *SIDE_FILES):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
