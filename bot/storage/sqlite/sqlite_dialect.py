"""Speak SQLite's SQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Table, column, select, text
from sqlalchemy import table as sql_table
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from ..dialects import Dialect, Insert, json_integers, text_before_newline
from ..schema import Base, Int64


class SQLiteDialect(Dialect):
    """The SQL in which SQLite differs from other databases."""

    def insert(self, into: type[Base] | Table) -> Insert:
        return sqlite.insert(into)

    def highest_id(self, table: str) -> ColumnElement[int | None]:
        sequence = sql_table("sqlite_sequence", column("name"), column("seq", Int64))
        return select(sequence.c.seq).where(sequence.c.name == table).scalar_subquery()

    async def note_highest_id(self, session: AsyncSession, table: str, number: int) -> None:
        """Do nothing, because SQLite sees explicit ids."""

    async def look_up_line_by_line(self, session: AsyncSession) -> None:
        """Do nothing, because SQLite's planner prefers an index."""

    async def continue_ids_after(self, session: AsyncSession, table: str, number: int) -> None:
        for statement in (
            "DELETE FROM sqlite_sequence WHERE name = :table",
            "INSERT INTO sqlite_sequence VALUES (:table, :number)",
        ):
            await session.execute(text(statement), {"table": table, "number": number})


SQLITE = SQLiteDialect()


@compiles(text_before_newline, "sqlite")
def _compile_text_before_newline(
    element: text_before_newline,
    compiler: SQLCompiler,
    **how: Any,  # noqa: ANN401 - as `compiles` requires
) -> str:
    whole = compiler.process(element.clauses, **how)
    return f"substr({whole}, 1, instr({whole} || char(10), char(10)) - 1)"


@compiles(json_integers, "sqlite")
def _compile_json_integers(element: json_integers, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401 - as `compiles` requires
    numbers = compiler.process(element.clauses, **how)
    return f"(SELECT value FROM json_each({numbers}))"  # noqa: S608 - a parameter
