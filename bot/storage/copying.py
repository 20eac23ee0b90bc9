"""Copying: all of one database into another that has nothing, and both compared row by row."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import URL, ColumnElement, Row, String, Table, func, insert, literal, select, tuple_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from .dialects import dialect, highest_id, number_from
from .migrations import UPGRADES, schema_of
from .postgres.database import add_rows
from .postgres.leases import check_nobody_has
from .schema import NUMBERED, Base
from .sqlite.backup import SIDE_FILES, copy_file
from .sqlite.database import locked
from .store import opened
from .transactions import NotKept, StoreError

AT_ONCE = 500
"""Rows that are read, written and compared together."""


async def copy_database(source: Path | URL, to: Path | URL) -> dict[str, int]:
    """Copies all rows, and compares them; returns how many there are, by the names of the tables.

    Each is a file of SQLite's or the address of a PostgreSQL database, which no bot may have
    meanwhile. A file of an earlier On Book stays as it is, too. Raises StoreError; then there is
    nothing in ``to``.
    """
    _check_is_there(source)
    _check_is_not_older(to)
    for url in (source, to):
        if isinstance(url, URL):
            await check_nobody_has(url)
    # An address is shown without its password.
    failed = f"{source} could not be copied to {to}"
    new = _is_new(to)
    there = await opened(to)
    with _left_out_if_it_fails(to, new=new):
        try:
            async with there.reading() as empty:
                await _check_is_empty(empty, f"{to}")
            with _of_today(source) as current:
                here = await opened(current)
                try:
                    async with here.reading() as old, there.writing() as copy:
                        return await _copy(old, copy)
                finally:
                    await here.close()
        except NotKept as error:
            raise StoreError(
                f"{failed} ({error.reason}): see what is logged, and start again."
            ) from error
        except DBAPIError as error:
            raise StoreError(f"{failed} ({error.orig}): nothing was copied.") from None
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{failed} ({error}): nothing was copied.") from error
        finally:
            await there.close()


@contextmanager
def _of_today(source: Path | URL) -> Iterator[Path | URL]:
    """What is to be copied; a file of an earlier On Book as a copy, which is brought up to date."""
    if isinstance(source, URL) or schema_of(source) not in UPGRADES:
        yield source
        return
    lock = locked(source)
    try:
        with TemporaryDirectory(dir=source.parent, prefix=f".{source.name}-") as folder:
            current = Path(folder, source.name)
            copy_file(source, current)
            yield current
    finally:
        lock.release()


@contextmanager
def _left_out_if_it_fails(to: Path | URL, *, new: bool) -> Iterator[None]:
    """Leaves no new file behind where nothing was copied."""
    try:
        yield
    except BaseException:
        if new:
            for end in ("", *SIDE_FILES):
                Path(f"{to}{end}").unlink(missing_ok=True)
        raise


def _check_is_there(source: Path | URL) -> None:
    if isinstance(source, Path) and not source.is_file():
        raise StoreError(f"There is no database {source}: name the file that is to be copied.")


def _is_new(to: Path | URL) -> bool:
    return isinstance(to, Path) and not to.exists()


def _check_is_not_older(to: Path | URL) -> None:
    """Or to open it would bring it up to date."""
    with suppress(sqlite3.Error):  # whoever opens it says what is wrong
        if isinstance(to, Path) and to.is_file() and schema_of(to) in UPGRADES:
            raise StoreError(
                f"{to} has the scripts of an earlier On Book: name a database that is empty."
            )


async def _check_is_empty(new: AsyncSession, name: str) -> None:
    for table in Base.metadata.sorted_tables:
        if await _rows(new, table):
            raise StoreError(
                f"{name} has something in its table {table.name!r}: name a database that is empty."
            )


async def _copy(old: AsyncSession, new: AsyncSession) -> dict[str, int]:
    """All in one transaction of the new one."""
    # Whatever others refer to comes before them; a line's parent has a lower id.
    for table in Base.metadata.sorted_tables:
        async for rows in _portions(old, table):
            await _add(new, table, rows)
    for name in NUMBERED:
        highest = max(await highest_id(old, name), await highest_id(new, name))
        await number_from(new, name, highest)
    return {table.name: await _compared(old, new, table) for table in Base.metadata.sorted_tables}


async def _add(new: AsyncSession, table: Table, rows: Sequence[Row[Any]]) -> None:
    if dialect(new) == "postgresql":
        await add_rows(new, table, rows)
    else:
        names = table.columns.keys()
        await new.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])


async def _compared(old: AsyncSession, new: AsyncSession, table: Table) -> int:
    """How many rows both have; raises StoreError where one has another, or one more."""
    count = await _rows(old, table)
    if await _rows(new, table) > count:
        raise StoreError(f"{table.name} has more rows than there were: nothing was copied.")
    before: Row[Any] | None = None
    while rows := await _portion(old, table, before):
        copied = await _portion(new, table, before)
        if copied != rows:
            other = next(row for row, copy in zip_longest(rows, copied) if row != copy)
            key = _key(table, other or rows[-1])
            raise StoreError(f"{table.name} {key} came out otherwise: nothing was copied.")
        before = rows[-1]
    return count


async def _portions(session: AsyncSession, table: Table) -> AsyncIterator[Sequence[Row[Any]]]:
    """The rows of a table by their keys, some at a time."""
    before: Row[Any] | None = None
    while rows := await _portion(session, table, before):
        yield rows
        before = rows[-1]


async def _portion(
    session: AsyncSession, table: Table, before: Row[Any] | None
) -> Sequence[Row[Any]]:
    """The next rows after one, or the first; in any database they are in the same order."""
    keys = [_in_order(session, key) for key in table.primary_key]
    some = select(table).order_by(*keys).limit(AT_ONCE)
    if before is not None:
        last = zip(_key(table, before), table.primary_key, strict=True)
        some = some.where(tuple_(*keys) > tuple_(*(literal(one, key.type) for one, key in last)))
    return (await session.execute(some)).all()


def _in_order(session: AsyncSession, key: ColumnElement[Any]) -> ColumnElement[Any]:
    """A part of a key, by which rows are ordered as SQLite orders them: texts by their bytes."""
    by_bytes = dialect(session) == "postgresql" and isinstance(key.type, String)
    return key.collate("C") if by_bytes else key


def _key(table: Table, row: Row[Any]) -> tuple[Any, ...]:
    return tuple(row._mapping[key] for key in table.primary_key)  # noqa: SLF001 - its public name


async def _rows(session: AsyncSession, table: Table) -> int:
    return await session.scalar(select(func.count()).select_from(table)) or 0
