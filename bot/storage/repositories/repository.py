"""Run single statements, each in a unit of work of its own."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import Executable, Select

from ..database import Database
from ..schema import Base

T = TypeVar("T")
Row = TypeVar("Row", bound=Base)


class Repository:
    """The base of the repositories. Each method is a unit of work, committed when it returns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _get(self, row: type[Row], key: object) -> Row | None:
        """Return a row by its primary key, or None."""
        async with self._database.reading() as session:
            return await session.get(row, key)

    async def _scalar(self, query: Select[T], **parameters: object) -> T | None:
        """Return the first value of a query, or None."""
        async with self._database.reading() as session:
            return await session.scalar(query, parameters)

    async def _scalars(self, query: Select[T], **parameters: object) -> list[T]:
        """Return the first value of each row of a query."""
        async with self._database.reading() as session:
            return list(await session.scalars(query, parameters))

    async def _write(self, statement: Executable) -> None:
        """Execute a statement that changes rows."""
        async with self._database.writing() as session:
            await session.execute(statement)
