"""Backup: a copy of the scripts while the bot runs, and the way back."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ..migrations import SCHEMA, upgrade
from ..schema import NUMBERED
from ..transactions import StoreError
from .database import locked

SIDE_FILES = ("-wal", "-shm")
"""What SQLite keeps beside a database, by the ends of the names."""


def backup(database: Path, to: Path) -> int:
    """Copies all scripts into a new file, while a bot writes or not; returns how many there are.

    Raises StoreError; then there is no new file.
    """
    if not database.is_file():
        raise StoreError(
            f"There is no database {database}: set ONBOOK_DATABASE to the file that is to be "
            f"copied, or start in the folder where it lies."
        )
    if to.exists():
        raise StoreError(f"{to} is there already: name a file that is not.")
    if not to.parent.is_dir():
        raise StoreError(f"There is no folder {to.parent}: make it, or name a file elsewhere.")
    part = to.with_name(f"{to.name}.part")
    with _or_store_error(f"{database} could not be copied to {to}"), _removed(part):
        copy_file(database, part)
        count = _check(part)
        _flush(part)
        part.replace(to)
    return count


def restore(database: Path, source: Path) -> Path | None:
    """Puts a backup in the place of the database; returns where the old one is kept, if any.

    Raises StoreError, as where a bot runs; then nothing has changed.
    """
    if not source.is_file():
        raise StoreError(f"There is no file {source}: name one that `backup` has made.")
    lock = locked(database)
    part = database.with_name(f"{database.name}.part")
    try:
        with _or_store_error(f"{source} cannot be used as a backup"), _removed(part):
            copy_file(source, part)
            _check(part)
            upgrade(part)
            _number_anew(part)
            _flush(part)  # so that all but two renamings is done before anything changes
            old = _set_aside(database)
            part.replace(database)
    finally:
        lock.release()
    return old


def copy_file(source: Path, to: Path) -> None:
    """Copies a database as it is at one moment, which its writer need not wait for.

    What is in ``to`` is lost. Raises sqlite3.Error and OSError.
    """
    to.unlink(missing_ok=True)
    # Reading alone, it neither changes nor ends the log of a bot that writes.
    opened = sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
    with closing(opened), closing(sqlite3.connect(to)) as copy:
        opened.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")


def _check(file: Path) -> int:
    """The scripts in a file; raises StoreError for what is damaged, or is no database of ours."""
    with closing(sqlite3.connect(file)) as connection:
        if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise StoreError(f"{file} is damaged: use an older backup.")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA:
            raise StoreError(
                f"The backup comes from a newer On Book (schema {version}, this one knows "
                f"{SCHEMA}): install that one first."
            )
        (count,) = connection.execute("SELECT count(*) FROM scripts").fetchone()
        return int(count)


def _number_anew(part: Path) -> None:
    """Lets what will be written have ids that nothing has had, also since the copy was made.

    Old buttons bear the ids of what is not in a copy, and must never mean anything else. So ids go
    on from the time, in milliseconds: no database writes as fast as that passes.
    """
    now = time.time_ns() // 10**6
    with closing(sqlite3.connect(part)) as connection, connection:
        for table in NUMBERED:  # SQLite has no number yet of one in which nothing was written
            had = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,))
            highest = max([now, *(seq for (seq,) in had)])
            connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
            connection.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, highest))


def _set_aside(database: Path) -> Path | None:
    if not database.exists():
        return None
    # What is still in its log goes into the file, so that the file alone is all of it.
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    now = dt.datetime.now().astimezone()
    old = database.with_name(f"{database.name}.{now:%Y%m%d-%H%M%S-%f}")
    database.replace(old)
    for end in SIDE_FILES:
        database.with_name(database.name + end).unlink(missing_ok=True)
    return old


def _flush(part: Path) -> None:
    """Waits until a finished file is on the disk."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def _removed(part: Path) -> Iterator[None]:
    """Leaves nothing half-made behind."""
    try:
        yield
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _or_store_error(what: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{what} ({error}): check the files and the room on the disk.") from error
