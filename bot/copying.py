"""Copying: all of one database into another that has nothing, and both compared row by row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Row, Table, func, insert, literal, select, tuple_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from .dialects import highest_id, number_from
from .store import opened
from .tables import NUMBERED, Base
from .transactions import NotKept, StoreError

AT_ONCE = 500
"""Rows that are read, written and compared together."""


async def copy_database(source: Path | URL, to: Path | URL) -> dict[str, int]:
    """Copies all rows, and compares them; returns how many there are, by the names of the tables.

    Each is a file of SQLite's, which no bot may have meanwhile, or the address of a PostgreSQL
    database. One of an earlier On Book is brought up to date. Raises StoreError; then there is
    nothing in ``to``.
    """
    _check_is_there(source)
    # An address is shown without its password.
    failed = f"{source} could not be copied to {to}"
    here = await opened(source)
    try:
        there = await opened(to)
        try:
            async with here.reading() as old, there.writing() as new:
                await _check_is_empty(new, f"{to}")
                return await _copy(old, new)
        except NotKept as error:
            raise StoreError(
                f"{failed} ({error.reason}): see what is logged, and start again."
            ) from error
        except DBAPIError as error:
            raise StoreError(f"{failed} ({error.orig}): nothing was copied.") from None
        finally:
            await there.close()
    finally:
        await here.close()


def _check_is_there(source: Path | URL) -> None:
    if isinstance(source, Path) and not source.is_file():
        raise StoreError(f"There is no database {source}: name the file that is to be copied.")


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
            await new.execute(insert(table), [dict(row._mapping) for row in rows])  # noqa: SLF001 - its public name
    for name in NUMBERED:
        highest = max(await highest_id(old, name), await highest_id(new, name))
        await number_from(new, name, highest)
    return {table.name: await _compared(old, new, table) for table in Base.metadata.sorted_tables}


async def _compared(old: AsyncSession, new: AsyncSession, table: Table) -> int:
    """How many rows both have; raises StoreError where one has another, or one more."""
    keys = list(table.primary_key)
    async for rows in _portions(old, table):
        wanted = tuple_(*keys).in_([_key(table, row) for row in rows])
        copied = {_key(table, row): row for row in await new.execute(select(table).where(wanted))}
        for row in rows:
            key = _key(table, row)
            if copied.get(key) != row:
                raise StoreError(f"{table.name} {key} came out otherwise: nothing was copied.")
    count = await _rows(old, table)
    # Each row of the old one was found by its key, so that the new one can only have more.
    if await _rows(new, table) != count:
        raise StoreError(f"{table.name} has more rows than there were: nothing was copied.")
    return count


async def _portions(session: AsyncSession, table: Table) -> AsyncIterator[Sequence[Row[Any]]]:
    """The rows of a table by their keys, some at a time."""
    keys = list(table.primary_key)
    some = select(table).order_by(*keys).limit(AT_ONCE)
    rows = (await session.execute(some)).all()
    while rows:
        yield rows
        last = zip(_key(table, rows[-1]), keys, strict=True)
        after = tuple_(*keys) > tuple_(*(literal(value, key.type) for value, key in last))
        rows = (await session.execute(some.where(after))).all()


def _key(table: Table, row: Row[Any]) -> tuple[Any, ...]:
    return tuple(row._mapping[key] for key in table.primary_key)  # noqa: SLF001 - its public name


async def _rows(session: AsyncSession, table: Table) -> int:
    return await session.scalar(select(func.count()).select_from(table)) or 0
