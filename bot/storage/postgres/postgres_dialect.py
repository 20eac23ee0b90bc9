"""Speak PostgreSQL's SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, String, Table, column, func, select
from sqlalchemy import table as sql_table
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from ..dialects import Dialect, Insert, json_integers, text_before_newline
from ..schema import Base, Int64


class PostgresDialect(Dialect):
    """The SQL in which PostgreSQL differs from other databases."""

    def insert(self, into: type[Base] | Table) -> Insert:
        return postgresql.insert(into)

    async def add_rows(
        self, session: AsyncSession, table: Table, rows: Iterable[Sequence[Any]]
    ) -> None:
        """Insert rows as `Dialect.add_rows` does, with COPY; raise DBAPIError."""
        # An optional dependency, which ships no types.
        from asyncpg import InterfaceError, PostgresError  # type: ignore[import-untyped]

        connection = await session.connection()
        processors = [
            column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
            for column in table.columns
        ]
        records = [
            [
                value if process is None else process(value)
                for process, value in zip(processors, row, strict=True)
            ]
            for row in rows
        ]
        raw = await connection.get_raw_connection()
        assert raw.driver_connection is not None  # the session has it open
        # COPY bypasses SQLAlchemy's driver, which begins a transaction with its first statement.
        await session.execute(select(1))
        try:
            await raw.driver_connection.copy_records_to_table(
                table.name, columns=table.columns.keys(), records=records
            )
        except (PostgresError, InterfaceError) as error:
            raise DBAPIError(f"COPY {table.name}", None, error, hide_parameters=True) from error

    def highest_id(self, table: str) -> ColumnElement[int | None]:
        last_value = column("last_value", Int64)
        return select(last_value).select_from(sql_table(_sequence(table))).scalar_subquery()

    async def note_highest_id(self, session: AsyncSession, table: str, number: int) -> None:
        """Move a table's sequence to ``number``, because explicit ids do not move it."""
        await session.execute(func.setval(_sequence(table), number))

    async def continue_ids_after(self, session: AsyncSession, table: str, number: int) -> None:
        await self.note_highest_id(session, table, max(1, number))

    async def look_up_line_by_line(self, session: AsyncSession) -> None:
        """Make the planner look up single lines by an index until the transaction ends.

        Without statistics, which would be samples of what people wrote, the planner takes the
        lines of one script for many, and would scan the whole table for each step down the tree.
        """
        settings = (
            func.set_config(f"enable_{join}join", "off", True) for join in ("hash", "merge")
        )
        await session.execute(select(*settings))

    def order_by_bytes(self, key: ColumnElement[Any]) -> ColumnElement[Any]:
        return key.collate("C") if isinstance(key.type, String) else key


POSTGRES = PostgresDialect()


def _sequence(table: str) -> str:
    return f"{table}_id_seq"


@compiles(text_before_newline, "postgresql")
def _compile_text_before_newline(
    element: text_before_newline,
    compiler: SQLCompiler,
    **how: Any,  # noqa: ANN401 - as `compiles` requires
) -> str:
    return f"split_part({compiler.process(element.clauses, **how)}, chr(10), 1)"


@compiles(json_integers, "postgresql")
def _compile_json_integers(element: json_integers, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401 - as `compiles` requires
    numbers = compiler.process(element.clauses, **how)
    each = f"json_array_elements_text(CAST({numbers} AS JSON))"
    return f"(SELECT CAST(value AS BIGINT) FROM {each} AS value)"  # noqa: S608 - a parameter
