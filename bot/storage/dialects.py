"""Define what databases express in different SQL."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, TypeAlias

from sqlalchemy import ColumnElement, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import String

from .schema import Base, Int64

Insert: TypeAlias = sqlite.Insert | postgresql.Insert
"""An INSERT with ON CONFLICT."""


class text_before_newline(FunctionElement[str]):  # noqa: N801 - named as SQL functions are
    """The text before its first newline; each dialect compiles the function."""

    type = String()
    inherit_cache = True


class json_integers(FunctionElement[int]):  # noqa: N801 - named as SQL functions are
    """The rows of a JSON list of integers, which is a single parameter of any length.

    Each dialect compiles the function.
    """

    type = Int64
    inherit_cache = True


class Dialect(ABC):
    """The SQL in which one kind of database differs from the others."""

    INFO: ClassVar = "dialect"
    """The key of a session's ``info`` under which its database has put the dialect."""

    @abstractmethod
    def insert(self, into: type[Base] | Table) -> Insert:
        """Build an INSERT that can have an ON CONFLICT clause."""

    async def add_rows(
        self, session: AsyncSession, table: Table, rows: Iterable[Sequence[Any]]
    ) -> None:
        """Insert many rows, each with a value for every column in the table's order."""
        names = table.columns.keys()
        values = [dict(zip(names, row, strict=True)) for row in rows]
        await session.execute(table.insert(), values)

    @abstractmethod
    def highest_id(self, table: str) -> ColumnElement[int | None]:
        """Build the highest id that a table has ever had, also of deleted rows; NULL for none.

        Select it while writing, when no other process adds rows.
        """

    @abstractmethod
    async def note_highest_id(self, session: AsyncSession, table: str, number: int) -> None:
        """Record that ids up to ``number`` were inserted explicitly."""

    @abstractmethod
    async def continue_ids_after(self, session: AsyncSession, table: str, number: int) -> None:
        """Make new ids greater than ``number``, which may exceed all ids of the table."""

    @abstractmethod
    async def look_up_line_by_line(self, session: AsyncSession) -> None:
        """Make the planner look up single lines by an index until the transaction ends."""

    def order_by_bytes(self, key: ColumnElement[Any]) -> ColumnElement[Any]:
        """Build the expression that orders a column as SQLite does: text by its bytes."""
        return key


def get_dialect(session: AsyncSession) -> Dialect:
    """Return the dialect of a session's database."""
    dialect: Dialect = session.info[Dialect.INFO]
    return dialect


def insert(session: AsyncSession, into: type[Base] | Table) -> Insert:
    """Build an INSERT that can have an ON CONFLICT clause, in a session's dialect."""
    return get_dialect(session).insert(into)
