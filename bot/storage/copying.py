"""Copy all of one database into an empty one, and compare the two row by row."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Row, Table, func, literal, select, tuple_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from ..errors import StoreError, TransactionFailed
from .dialects import continue_ids_after, order_by_bytes, query_highest_id
from .repositories.key_value_repository import FORGET_SYNC
from .schema import TABLES_WITH_PUBLIC_IDS, Base
from .store import find_backend, parse_address

BATCH = 500
"""Rows that are read, written and compared together."""


async def copy_database(source: Path | URL, to: Path | URL) -> dict[str, int]:
    """Copy all rows into an empty database, compare them, and forget the sync of commands.

    Args:
        source: The path of a SQLite file, or an address; no bot may be using it. A file with an
            older schema stays as it is.
        to: A new file, or an address.

    Returns:
        The number of rows by table name.

    Raises:
        StoreError: The copy failed, and there are no rows in ``to``.
    """
    # Formatting an address omits its password.
    failure = f"{source} was not copied to {to}"
    source_url, target_url = parse_address(source), parse_address(to)
    if len({where.resolve() if isinstance(where, Path) else where for where in (source, to)}) == 1:
        raise StoreError("A database cannot be copied to itself. Name another TARGET.")
    try:
        async with (
            find_backend(source_url).open_source(source_url) as old,
            find_backend(target_url).open_target(target_url) as new,
        ):
            async with new.reading() as empty:
                for table in Base.metadata.sorted_tables:
                    if await _count(empty, table):
                        raise StoreError(
                            f"{to} is not empty: its table {table.name!r} has rows. Name an empty "
                            "database."
                        )
            async with old.reading() as reading, new.writing() as writing:
                counts = await _copy(reading, writing)
                await writing.execute(FORGET_SYNC)
                return counts
    except TransactionFailed as error:
        raise StoreError(f"{failure} ({error.reason}). See the log, then try again.") from error
    except DBAPIError as error:
        raise StoreError(f"{failure} ({error.orig}).") from None
    except (sqlite3.Error, OSError) as error:
        # The text of an OSError names the temporary copy.
        raise StoreError(f"{failure} ({getattr(error, 'strerror', error)}).") from error


async def _copy(old: AsyncSession, new: AsyncSession) -> dict[str, int]:
    """Copy and compare all tables in one transaction of the new database."""
    # Tables are sorted by their references; a line's parent has a lower id than the line.
    for table in Base.metadata.sorted_tables:
        names = table.columns.keys()
        async for rows in _batches(old, table):
            await new.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in rows])
    for name in TABLES_WITH_PUBLIC_IDS:
        before = await old.scalar(select(query_highest_id(old, name))) or 0
        highest = await new.scalar(select(query_highest_id(new, name))) or 0
        await new.run_sync(continue_ids_after, name, max(before, highest))
    return {table.name: await _compare(old, new, table) for table in Base.metadata.sorted_tables}


async def _compare(old: AsyncSession, new: AsyncSession, table: Table) -> int:
    """Return the number of rows of a table; raise StoreError if the databases differ in it."""
    count = await _count(old, table)
    if await _count(new, table) > count:
        raise StoreError(f"The copied table {table.name!r} has too many rows. Nothing was copied.")
    copies = _batches(new, table)
    async for rows in _batches(old, table):
        copied: Sequence[Row[Any]] = await anext(copies, [])
        if copied != rows:
            other = next(row for row, copy in zip_longest(rows, copied) if row != copy)
            key = _key(table, other or rows[-1])
            raise StoreError(f"The copy of {table.name} {key} differs. Nothing was copied.")
    return count


async def _batches(session: AsyncSession, table: Table) -> AsyncIterator[Sequence[Row[Any]]]:
    """Yield the rows of a table in batches, in the same order in every database."""
    keys = [order_by_bytes(session, key) for key in table.primary_key]
    batch = first = select(table).order_by(*keys).limit(BATCH)
    while rows := (await session.execute(batch)).all():
        yield rows
        last = zip(_key(table, rows[-1]), table.primary_key, strict=True)
        values = (literal(value, key.type) for value, key in last)
        batch = first.where(tuple_(*keys) > tuple_(*values))


def _key(table: Table, row: Row[Any]) -> tuple[Any, ...]:
    return tuple(row._mapping[key] for key in table.primary_key)  # noqa: SLF001 - its public name


async def _count(session: AsyncSession, table: Table) -> int:
    return await session.scalar(select(func.count()).select_from(table)) or 0
