"""Run single statements, each in a unit of work of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, TypeVarTuple

from sqlalchemy import Executable, Row, Select

from ..database import Database
from ..schema import Base

T = TypeVar("T")
Columns = TypeVarTuple("Columns")
Table = TypeVar("Table", bound=Base)


class Repository:
    """The base of the repositories.

    A method is one unit of work, unless it goes through many rows in batches. Its changes are
    committed when it returns.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _get(self, table: type[Table], key: object) -> Table | None:
        async with self._database.reading() as session:
            return await session.get(table, key)

    async def _scalar(self, query: Select[T], **parameters: object) -> T | None:
        """Return the first value of a query, or None."""
        async with self._database.reading() as session:
            return await session.scalar(query, parameters)

    async def _scalars(self, query: Select[T], **parameters: object) -> list[T]:
        """Return the first value of each row of a query."""
        async with self._database.reading() as session:
            return list(await session.scalars(query, parameters))

    async def _rows(self, query: Select[*Columns], **parameters: object) -> Sequence[Row[*Columns]]:
        async with self._database.reading() as session:
            return (await session.execute(query, parameters)).all()

    async def _write(self, statement: Executable) -> None:
        async with self._database.writing() as session:
            await session.execute(statement)
