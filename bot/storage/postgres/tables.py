"""Make the tables of a PostgreSQL database, and bring them up to date."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    DateTime,
    LargeBinary,
    MetaData,
    String,
    Table,
    inspect,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from ...errors import StoreError
from .. import migrations
from ..dialects import continue_ids_from_now
from ..schema import Base

NAME = "The PostgreSQL database"
"""The subject of error messages, instead of an address."""

OLDEST_SERVER = (14,)
"""The first version of PostgreSQL that has everything that is used."""

PEOPLE_COLUMNS = frozenset({"author", "asker", "owner", "person"})

erasure_counts = Table(
    "erasure_counts",
    MetaData(),
    # How often something was erased, and how often that had happened by the last vacuum.
    Column("erased", BigInteger, nullable=False),
    Column("vacuumed", BigInteger, nullable=False),
    # The moment before which no vacuum begins.
    Column("paused_until", DateTime(timezone=True)),
)
"""One row about the erasures and vacuums of the database."""


async def prepare_tables(session: AsyncSession) -> None:
    """Make the tables, or bring them up to date, all or nothing.

    Raises StoreError if the server is too old, or the database is not this On Book's.
    """
    connection = await session.connection()
    if not await check_tables(connection):
        await connection.run_sync(erasure_counts.create)
        await connection.execute(erasure_counts.insert().values(erased=0, vacuumed=0))
    if await connection.run_sync(migrations.upgrade, NAME):
        await connection.run_sync(_disable_statistics)
    await session.run_sync(continue_ids_from_now)


async def check_tables(connection: AsyncConnection) -> bool:
    """Return whether the tables exist.

    Raises StoreError if the server is too old, the database is not this On Book's, or the tables
    cannot be made.
    """
    version = connection.dialect.server_version_info or OLDEST_SERVER
    if version < OLDEST_SERVER:
        oldest = f"PostgreSQL {OLDEST_SERVER[0]}"
        raise StoreError(f"The database server is too old. Use {oldest} or newer.")
    # Without the right to vacuum, the server would only warn, and deleted content would be
    # considered gone.
    may = (
        "has_table_privilege(oid, 'MAINTAIN')"
        if version >= (17,)
        else "pg_has_role(relowner, 'USAGE')"
    )
    others = text(
        "SELECT relname, CAST(current_user AS text) FROM pg_class WHERE relname = ANY(:names)"  # noqa: S608 - either of these
        f" AND relkind = 'r' AND pg_table_is_visible(oid) AND NOT {may} ORDER BY relname LIMIT 1"
    )
    names = [*Base.metadata.tables, erasure_counts.name]
    if other := (await connection.execute(others, {"names": names})).one_or_none():
        table, role = other
        raise StoreError(
            f"The role {role!r} must own On Book's PostgreSQL tables to erase deleted text. Run "
            f"ALTER TABLE {table} OWNER TO {role}, and so on."
        )
    tables = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
    if erasure_counts.name in tables:
        if revision := await connection.run_sync(migrations.find_revision):
            migrations.check_revision(revision, NAME)
        return True
    if foreign := tables.intersection(Base.metadata.tables):
        raise StoreError(
            f"{NAME} has a foreign table {min(foreign)!r}. Give On Book a database of its own."
        )
    rights = text(
        "SELECT has_schema_privilege(current_schema(), 'CREATE'), CAST(current_user AS text)"
    )
    may_create, role = (await connection.execute(rights)).one()
    if not may_create:
        name = connection.engine.url.database
        raise StoreError(
            f"The role {role!r} must own {NAME[0].lower()}{NAME[1:]} to make its tables. Run ALTER "
            f"DATABASE {name} OWNER TO {role}."
        )
    return False


def _is_personal(column: Column[Any]) -> bool:
    return isinstance(column.type, String | JSON | LargeBinary) or column.name in PEOPLE_COLUMNS


def _disable_statistics(connection: Connection) -> None:
    """Make the server keep no samples of what people wrote, because they outlive the rows."""
    for table in Base.metadata.sorted_tables:
        for column in filter(_is_personal, table.columns):
            name = connection.dialect.identifier_preparer.format_column(column)
            alter = f"ALTER TABLE {table.name} ALTER COLUMN {name} SET"
            connection.exec_driver_sql(f"{alter} STATISTICS 0")
            if isinstance(column.type, LargeBinary):
                # Floats do not compress, so the server need not try.
                connection.exec_driver_sql(f"{alter} STORAGE EXTERNAL")
