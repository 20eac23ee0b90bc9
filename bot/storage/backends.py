"""Find a database by the scheme of its address."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import URL

from ..errors import StoreError
from .database import Database, Guard
from .postgres.postgres_database import PostgresDatabase
from .sqlite.sqlite_database import SQLiteDatabase

BACKENDS: Mapping[str, type[Database]] = {"postgresql": PostgresDatabase, "sqlite": SQLiteDatabase}
"""The databases by scheme. To add one, write a package with a `Database` and a `Dialect`."""


def parse_address(address: Path | URL) -> URL:
    """Return the address of a database, which is SQLite's for the path of a file."""
    if isinstance(address, URL):
        return address
    return URL.create("sqlite", database=str(address))


def find_backend(url: URL) -> type[Database]:
    """Return the database class for an address; raise StoreError for an unknown scheme."""
    scheme = url.get_backend_name()
    if scheme not in BACKENDS:
        raise StoreError(
            f"Databases of the kind {scheme!r} are not supported. Use one of {', '.join(BACKENDS)}."
        )
    return BACKENDS[scheme]


async def open_database(address: Path | URL, guard: Guard | None = None) -> Database:
    """Open a file or a database on a server, as `Database.open` does."""
    url = parse_address(address)
    return await find_backend(url).open(url, guard)
