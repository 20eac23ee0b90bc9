"""Dialects: the few things that SQLite and PostgreSQL are told in different words."""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import Table, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import String

from .schema import Base, Number

Insert: TypeAlias = sqlite.Insert | postgresql.Insert


def dialect(session: AsyncSession) -> str:
    """``sqlite`` or ``postgresql``."""
    return session.get_bind().dialect.name


def insert_for(dialect: str, into: type[Base] | Table) -> Insert:
    """An insert that can say what happens on a conflict."""
    return sqlite.insert(into) if dialect == "sqlite" else postgresql.insert(into)


def insert(session: AsyncSession, into: type[Base] | Table) -> Insert:
    """The same, for a session."""
    return insert_for(dialect(session), into)


# Functions -------------------------------------------------------------------------------------


class first_line(FunctionElement[str]):  # noqa: N801 - as functions of SQL are
    """The text before its first line break."""

    type = String()
    inherit_cache = True


@compiles(first_line, "sqlite")
def _by_position(element: first_line, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    whole = compiler.process(element.clauses, **how)
    return f"substr({whole}, 1, instr({whole} || char(10), char(10)) - 1)"


@compiles(first_line, "postgresql")
def _by_part(element: first_line, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    return f"split_part({compiler.process(element.clauses, **how)}, chr(10), 1)"


class each_of(FunctionElement[int]):  # noqa: N801 - as functions of SQL are
    """The numbers of a list in JSON, as a query: as many as there are, in one parameter."""

    type = Number
    inherit_cache = True


@compiles(each_of, "sqlite")
def _of_any_type(element: each_of, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    numbers = compiler.process(element.clauses, **how)
    return f"(SELECT value FROM json_each({numbers}))"  # noqa: S608 - a parameter


@compiles(each_of, "postgresql")
def _of_texts(element: each_of, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    numbers = compiler.process(element.clauses, **how)
    each = f"json_array_elements_text(CAST({numbers} AS JSON))"
    return f"(SELECT CAST(value AS BIGINT) FROM {each} AS value)"  # noqa: S608 - a parameter


# Plans -----------------------------------------------------------------------------------------


async def walk_line_by_line(session: AsyncSession) -> None:
    """Has PostgreSQL look up line after line until the transaction ends.

    It keeps no samples of what people wrote, takes the lines of one for many, and would go through
    all lines that there are for each step down a tree.
    """
    if dialect(session) == "postgresql":
        others = (func.set_config(f"enable_{one}join", "off", True) for one in ("hash", "merge"))
        await session.execute(select(*others))


# Ids -------------------------------------------------------------------------------------------


def _sequence(table: str) -> str:
    return f"{table}_id_seq"


async def highest_id(session: AsyncSession, table: str) -> int:
    """The highest id that a table has ever had: also of what was deleted. In a `writing` session,
    where nobody else adds any."""
    if dialect(session) == "sqlite":
        noted = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
        return await session.scalar(noted, {"table": table}) or 0
    sequence = text(f"SELECT last_value FROM {_sequence(table)}")  # noqa: S608 - our own name
    return await session.scalar(sequence) or 0


async def note_highest_id(session: AsyncSession, table: str, number: int) -> None:
    """Notes that a table was given ids up to this one, where the database does not see it."""
    if dialect(session) == "postgresql":
        await session.execute(func.setval(_sequence(table), number))


async def number_from(session: AsyncSession, table: str, number: int) -> None:
    """Lets ids go on after this one, which may be higher than any that the table has."""
    if dialect(session) == "postgresql":
        await note_highest_id(session, table, max(1, number))
        return
    for statement in (
        "DELETE FROM sqlite_sequence WHERE name = :table",
        "INSERT INTO sqlite_sequence VALUES (:table, :number)",
    ):
        await session.execute(text(statement), {"table": table, "number": number})
