"""Build what SQLite and PostgreSQL express in different SQL."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import ColumnElement, Table, column, func, select, text
from sqlalchemy import table as sql_table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import String

from .schema import TABLES_WITH_PUBLIC_IDS, Base, Int64


def is_postgres(session: AsyncSession | Session) -> bool:
    """Return whether a session's database is on a PostgreSQL server, not in a SQLite file."""
    return session.get_bind().dialect.name == "postgresql"


def insert(session: AsyncSession, into: type[Base] | Table) -> sqlite.Insert | postgresql.Insert:
    """Build an INSERT that can have an ON CONFLICT clause, for a session's database."""
    return postgresql.insert(into) if is_postgres(session) else sqlite.insert(into)


class text_before_newline(FunctionElement[str]):  # noqa: N801 - named as SQL functions are
    """The text before its first newline."""

    type = String()
    inherit_cache = True


@compiles(text_before_newline, "sqlite")
def _compile_for_sqlite(element: text_before_newline, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401 - as `compiles` requires
    whole = compiler.process(element.clauses, **how)
    return f"substr({whole}, 1, instr({whole} || char(10), char(10)) - 1)"


@compiles(text_before_newline, "postgresql")
def _compile_for_postgres(element: text_before_newline, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401 - as `compiles` requires
    return f"split_part({compiler.process(element.clauses, **how)}, chr(10), 1)"


# Ids -------------------------------------------------------------------------------------------


def query_highest_id(session: AsyncSession | Session, table: str) -> ColumnElement[int | None]:
    """Build the highest id that a table has ever had, even of deleted rows; NULL for none.

    Select it while writing, when no other process adds rows.
    """
    if is_postgres(session):
        last_value = column("last_value", Int64)
        return select(last_value).select_from(sql_table(_sequence(table))).scalar_subquery()
    sequence = sql_table("sqlite_sequence", column("name"), column("seq", Int64))
    return select(sequence.c.seq).where(sequence.c.name == table).scalar_subquery()


async def note_highest_id(session: AsyncSession, table: str, number: int) -> None:
    """Record that ids up to ``number`` were inserted explicitly, which SQLite sees by itself."""
    if is_postgres(session):
        await session.execute(func.setval(_sequence(table), number))


def continue_ids_after(session: Session, table: str, number: int) -> None:
    """Make new ids greater than ``number``, which may exceed all ids of the table."""
    if is_postgres(session):
        session.execute(select(func.setval(_sequence(table), max(1, number))))
        return
    for statement in (
        "DELETE FROM sqlite_sequence WHERE name = :table",
        "INSERT INTO sqlite_sequence VALUES (:table, :number)",
    ):
        session.execute(text(statement), {"table": table, "number": number})


def continue_ids_from_now(session: Session) -> None:
    """Make new ids start at the current time in milliseconds.

    The database may be a restored backup: old buttons carry ids of rows that it lacks, and must
    never refer to new rows. No database writes one row per millisecond for long, so the time is a
    safe start.
    """
    now = time.time_ns() // 10**6
    for table in TABLES_WITH_PUBLIC_IDS:
        highest = session.scalar(select(query_highest_id(session, table))) or 0
        continue_ids_after(session, table, max(now, highest))


def _sequence(table: str) -> str:
    return f"{table}_id_seq"


# Order and plans -------------------------------------------------------------------------------


def order_by_bytes(session: AsyncSession, key: ColumnElement[Any]) -> ColumnElement[Any]:
    """Build the expression that orders a column as SQLite does: text by its bytes."""
    return key.collate("C") if is_postgres(session) and isinstance(key.type, String) else key


async def look_up_line_by_line(session: AsyncSession) -> None:
    """Make the planner look up single lines by an index until the transaction ends.

    Without statistics, which would be samples of what people wrote, PostgreSQL's planner assumes
    that one script has many lines, and would scan the whole table for each step down the tree.
    """
    if is_postgres(session):
        joins = "enable_hashjoin", "enable_mergejoin"
        await session.execute(select(*(func.set_config(join, "off", True) for join in joins)))
