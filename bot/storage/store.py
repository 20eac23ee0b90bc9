"""Find a database by the scheme of its address, open it, and hold its repositories."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from sqlalchemy import URL

from ..telemetry import NULL_METER, Meter
from .database import Database, Guard
from .postgres.postgres_database import PostgresDatabase
from .repositories.banned_word_repository import BannedWordRepository
from .repositories.guild_repository import GuildRepository
from .repositories.key_value_repository import KeyValueRepository
from .repositories.line_repository import LineRepository
from .repositories.message_repository import MessageRepository
from .repositories.person_repository import PersonRepository
from .repositories.poll_repository import PollRepository
from .repositories.rotation_repository import RotationRepository, SprintRepository
from .repositories.script_repository import ScriptRepository
from .repositories.star_repository import StarRepository
from .repositories.state_repository import StateRepository
from .sqlite.sqlite_database import SQLiteDatabase

BACKENDS: Mapping[str, type[Database]] = {"postgresql": PostgresDatabase, "sqlite": SQLiteDatabase}
"""The databases by scheme."""


def parse_address(address: Path | URL) -> URL:
    """Return the address of a database; for the path of a file, it is SQLite's."""
    if isinstance(address, URL):
        return address
    return URL.create("sqlite", database=str(address))


def find_backend(url: URL) -> type[Database]:
    return BACKENDS[url.get_backend_name()]


async def open_database(address: Path | URL) -> Database:
    """Open a file or a database on a server, as `Database.open` does."""
    url = parse_address(address)
    return await find_backend(url).open(url)


class Store:
    """All that the bot keeps, in a file or on a server.

    The changes of a repository's method are on the disk when the method returns.
    Appended lines and recorded posts of all channels share transactions; a moved head does not.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.scripts = ScriptRepository(database)
        self.lines = LineRepository(database)
        self.states = StateRepository(database)
        self.stars = StarRepository(database)
        self.polls = PollRepository(database)
        self.rotations = RotationRepository(database)
        self.sprints = SprintRepository(database)
        self.messages = MessageRepository(database)
        self.people = PersonRepository(database)
        self.guilds = GuildRepository(database)
        self.banned_words = BannedWordRepository(database)
        self.key_values = KeyValueRepository(database)

    @classmethod
    async def open(
        cls, address: Path | URL, guard: Guard | None = None, meter: Meter = NULL_METER
    ) -> Self:
        """Open a file or a database on a server, with the `guard` and `meter` of a `Database`."""
        database = await open_database(address)
        database.guard, database.meter = guard, meter
        return cls(database)

    async def check_may_write(self) -> None:
        """Raise TransactionFailed if the guard refuses the transactions of this process."""
        async with self._database.writing():
            pass

    async def close(self) -> None:
        """Close the database, so that another process can open it."""
        await self._database.close()
