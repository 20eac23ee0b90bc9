"""Back up the scripts while the bot runs, and restore them."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from ...errors import StoreError
from .files import SIDE_FILES, copy_file, lock_file, upgrade_file

WRITE_ERRORS = {"SQLITE_FULL", "SQLITE_IOERR_WRITE"}
"""SQLite's errors that only the new file can cause."""


def backup(database: Path, to: Path) -> int:
    """Copy all scripts into a new file, and return their number; a bot may be writing.

    Raises StoreError if the backup failed; in that case, there is no new file.
    """
    if not database.is_file():
        raise StoreError(
            f"There is no database {database}. Name its file with --database, or run this in its "
            "folder."
        )
    if to.exists():
        raise StoreError(f"{to} already exists. Name a new file.")
    if not to.parent.is_dir():
        raise StoreError(f"There is no folder {to.parent}. Create it, or name a file elsewhere.")
    part = to.with_name(f"{to.name}.part")
    with _making(part, f"{database} was not copied"):
        copy_file(database, part)
        count = _check(part, database)
        _sync(part)
        part.replace(to)
    return count


def restore(database: Path, source: Path) -> Path | None:
    """Replace the database with a backup; return the path of the old one, if any, or None.

    Raises StoreError if a bot is running, or the backup cannot be used; then nothing has changed.
    """
    if not source.is_file():
        raise StoreError(f"There is no file {source}. Name a file that `backup` made.")
    if database.exists() and source.samefile(database):
        raise StoreError(f"{source} is the database itself. Name a file that `backup` made.")
    lock = lock_file(database)
    part = database.with_name(f"{database.name}.part")
    try:
        with _making(part, f"{source} cannot be used as a backup"):
            copy_file(source, part)
            _check(part, source)
            upgrade_file(part, is_copy=True)
            _sync(part)  # so that only renames remain when something first changes
            if database.exists():
                _copy_access(database, part)
            old = _set_aside(database)
            part.replace(database)
    finally:
        if not database.exists():  # so there is nothing to lock
            with suppress(OSError):  # on Windows, where the lock itself is in the way
                Path(lock.lock_file).unlink()
        lock.release()
    return old


def _check(copy: Path, source: Path) -> int:
    """Return the number of scripts in a copy; raise StoreError if the source is damaged."""
    with closing(sqlite3.connect(copy)) as connection:
        if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise StoreError(f"{source} is damaged. Use an older backup.")
        (count,) = connection.execute("SELECT count(*) FROM scripts").fetchone()
        return int(count)


def _set_aside(database: Path) -> Path | None:
    """Rename the old database, and return its new path; raise StoreError if it is in use."""
    if not database.exists():
        return None
    try:
        # The checkpoint moves the log into the file, so that the file alone is complete.
        with closing(sqlite3.connect(database, timeout=0)) as connection:
            is_busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:  # a damaged file is kept with its log
        is_busy = error.sqlite_errorname.startswith("SQLITE_BUSY")
    if is_busy:
        raise StoreError(
            f"{database} is in use by another program. Stop that program, then try again."
        )
    now = dt.datetime.now().astimezone()
    old = database.with_name(f"{database.name}.{now:%Y%m%d-%H%M%S-%f}")
    # The log first, because the new database must never stand beside it.
    for suffix in (*SIDE_FILES, ""):
        if (file := Path(f"{database}{suffix}")).exists():
            file.replace(f"{old}{suffix}")
    return old


def _copy_access(database: Path, to: Path) -> None:
    """Give a file the mode and owner of a database, so that the bot's user can write to it."""
    shutil.copymode(database, to)
    if sys.platform != "win32":
        found = database.stat()
        with suppress(PermissionError):  # only root can give files away
            os.chown(to, found.st_uid, found.st_gid)


def _sync(part: Path) -> None:
    with part.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def _making(part: Path, failure: str) -> Iterator[None]:
    """Remove an unfinished file at the end; raise StoreError, which says what failed."""
    try:
        yield
    except (OSError, sqlite3.Error, DBAPIError) as error:
        why = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(why, OSError) or getattr(why, "sqlite_errorname", "") in WRITE_ERRORS:
            # The text of an OSError names the unfinished file.
            failure = (
                f"Nothing was copied: {part.parent.absolute()} cannot be written "
                f"({getattr(why, 'strerror', why)}). Make that folder writable, or free some space."
            )
        else:
            failure += f" ({why}). Check the file."
        raise StoreError(failure) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
