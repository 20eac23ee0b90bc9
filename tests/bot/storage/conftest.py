"""Fixtures: a store, and databases of a test's own on the server."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from bot.storage.store import Store
from tests.tools.postgres_server import Server

from .scripts import opened


@pytest.fixture
async def store(where: Path | URL, empty_database: Path) -> AsyncIterator[Store]:
    """Open a store in the file or the server's database."""
    if isinstance(where, Path):
        shutil.copy(empty_database, where)
    async with opened(where) as store:
        yield store


@pytest.fixture(scope="session")
def template(postgres: Server) -> URL:
    """Create a database that has all tables, which takes long to make, and nothing in them."""
    url = postgres.create()

    async def make_tables() -> None:
        await (await Store.open(url)).close()

    asyncio.run(make_tables())
    return url


@pytest.fixture
def own_url(postgres: Server, template: URL) -> URL:
    """Return the address of a new database with empty tables."""
    return postgres.create(template)


@pytest.fixture
def bare_url(postgres: Server) -> URL:
    """Return the address of a new database without tables."""
    return postgres.create()
