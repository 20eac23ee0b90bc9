"""Make the tables of a PostgreSQL database, and bring them up to date."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    event,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ..database import StoreError
from ..dialects import dialect_of
from ..migrations import SCHEMA, STEPS
from ..schema import NUMBERED, Base

OLDEST_SERVER = (14,)
"""The first version of PostgreSQL that has all that is used."""

PEOPLE_COLUMNS = frozenset({"author", "asker", "owner"})
"""The columns with ids of people."""

onbook = Table(
    "onbook",
    MetaData(),
    Column("schema", Integer, nullable=False),
    Column("erased", BigInteger, nullable=False, comment="how often something was"),
    Column("swept", BigInteger, nullable=False, comment="how often it had been by the last sweep"),
    Column("rests", DateTime(timezone=True), comment="until when nothing is swept"),
)
"""One row about the database itself: its schema, and its erasures and vacuums."""


async def is_older(connection: AsyncConnection) -> bool:
    """Return whether the tables exist with an older schema."""
    exists = await connection.run_sync(lambda sync: inspect(sync).has_table(onbook.name))
    return exists and (await connection.scalar(select(onbook.c.schema)) or 0) < SCHEMA


async def prepare_tables(session: AsyncSession) -> None:
    """Make the tables, or bring them up to date, all or nothing.

    Raises:
        StoreError: The server is too old, or the database is not this On Book's.
    """
    connection = await session.connection()
    if (connection.dialect.server_version_info or OLDEST_SERVER) < OLDEST_SERVER:
        raise StoreError(
            f"The database server is too old. Use PostgreSQL {OLDEST_SERVER[0]} or newer."
        )
    await check_owner(connection)
    existing = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
    if onbook.name not in existing:
        if others := existing.intersection(Base.metadata.tables):
            raise StoreError(
                f"The PostgreSQL database has a foreign table {min(others)!r}. Give On Book a "
                "database of its own."
            )
        await connection.run_sync(Base.metadata.create_all)
        await connection.run_sync(onbook.metadata.create_all)
        await session.execute(insert(onbook).values(schema=SCHEMA, erased=0, swept=0))
    schema = await session.scalar(select(onbook.c.schema)) or 0
    if schema > SCHEMA:
        raise StoreError(
            f"The PostgreSQL database is from a newer On Book (schema {schema}; this one knows "
            f"{SCHEMA}). Upgrade On Book, or use another database."
        )
    for step in range(schema, SCHEMA):
        for statement in STEPS[step]:
            await connection.exec_driver_sql(statement)
    await session.execute(update(onbook).values(schema=SCHEMA))
    await _continue_ids_from_now(session)


async def check_owner(connection: AsyncConnection) -> None:
    """Raise StoreError if the tables exist, but this role may not vacuum them.

    The server would only warn, and deleted content would be taken for gone.
    """
    version = connection.dialect.server_version_info or OLDEST_SERVER
    may = (
        "has_table_privilege(oid, 'MAINTAIN')"
        if version >= (17,)
        else "pg_has_role(relowner, 'USAGE')"
    )
    others = text(
        "SELECT relname, CAST(current_user AS text) FROM pg_class WHERE relname = ANY(:names)"  # noqa: S608 - either of these
        f" AND relkind = 'r' AND pg_table_is_visible(oid) AND NOT {may} ORDER BY relname LIMIT 1"
    )
    names = [*Base.metadata.tables, onbook.name]
    if other := (await connection.execute(others, {"names": names})).one_or_none():
        table, role = other
        raise StoreError(
            f"The role {role!r} must own On Book's PostgreSQL tables to erase deleted text. Run "
            f"ALTER TABLE {table} OWNER TO {role}, and so on."
        )


async def _continue_ids_from_now(session: AsyncSession) -> None:
    """Make new ids start at the current time in milliseconds.

    The database may be a restored backup: old buttons carry ids of rows that it lacks, and must
    never refer to new rows. No database writes one row per millisecond for long, so that the time
    is a safe start.
    """
    dialect = dialect_of(session)
    now = time.time_ns() // 10**6
    for table in NUMBERED:
        highest = await dialect.highest_id(session, table)
        await dialect.continue_ids_after(session, table, max(now, highest))


def _is_personal(column: Column[Any]) -> bool:
    return isinstance(column.type, String | JSON | LargeBinary) or column.name in PEOPLE_COLUMNS


@event.listens_for(Base.metadata, "after_create")
def _disable_statistics(_metadata: MetaData, connection: Connection, **_: object) -> None:
    """Make the server keep no samples of what people wrote, because they outlive the rows."""
    if connection.dialect.name != "postgresql":
        return
    for table in Base.metadata.sorted_tables:
        for column in filter(_is_personal, table.columns):
            name = connection.dialect.identifier_preparer.format_column(column)
            alter = f"ALTER TABLE {table.name} ALTER COLUMN {name} SET"
            connection.exec_driver_sql(f"{alter} STATISTICS 0")
            if isinstance(column.type, LargeBinary):
                # Floats do not compress, so the server need not try.
                connection.exec_driver_sql(f"{alter} STORAGE EXTERNAL")
