"""Databases: where the scripts of a bot are that is measured, a file or a server's database."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from sqlalchemy import URL

from bot.storage.copying import copy_database
from tests.postgres import AS_IT_COMES, Server, ask, server

from . import filling

LARGEST = 12
"""Parts of a database that are shown."""


class Part(NamedTuple):
    """A table or an index."""

    name: str
    size: int
    """Bytes."""
    rows: int


class Database(Protocol):
    """Where a bot keeps its scripts."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What a bot is told of it."""

    @property
    def process(self) -> int | None:
        """The process that has it, where that is not the bot's own."""

    def another(self) -> AbstractContextManager[Database]:
        """One of the same kind that has nothing to do with this one."""

    async def fill(
        self, voice: Path, places: Sequence[filling.Place], lines: int, plays: int
    ) -> None:
        """Has a play of so many lines in each place, see `filling.fill`; nothing is cached then."""

    async def as_file(self) -> Path:
        """All of it in a file of SQLite's; no bot may have it."""

    def size(self) -> int:
        """Bytes on the disk."""

    def parts(self) -> list[Part]:
        """The largest parts; none where it cannot tell."""


@dataclass(frozen=True)
class OneFile:
    """A file in a folder."""

    folder: Path
    process: None = None

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.folder / "onbook.db"

    @property
    def settings(self) -> Mapping[str, Any]:
        """See `Database`."""
        return {"database": self.path}

    @contextmanager
    def another(self) -> Iterator[Database]:
        """See `Database`."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            yield OneFile(Path(folder))

    async def fill(
        self, voice: Path, places: Sequence[filling.Place], lines: int, plays: int
    ) -> None:
        """See `Database`."""
        await filling.fill(self.path, voice, places, lines, plays=plays)
        _forget_pages(self.path)

    async def as_file(self) -> Path:
        """See `Database`."""
        return self.path

    def size(self) -> int:
        """See `Database`."""
        return self.path.stat().st_size

    def parts(self) -> list[Part]:
        """See `Database`."""
        with closing(sqlite3.connect(self.path)) as database:
            try:
                found = database.execute(
                    "SELECT name, sum(pgsize), sum(ncell) FROM dbstat WHERE aggregate = 1"
                    " GROUP BY name ORDER BY 2 DESC LIMIT ?",
                    (LARGEST,),
                ).fetchall()
            except sqlite3.OperationalError:  # a SQLite that has no such table
                return []
        return [Part(*row) for row in found]


@dataclass(frozen=True)
class OnServer:
    """A database of a PostgreSQL server that has no other."""

    folder: Path
    server: Server
    url: URL
    within: Path | None = None
    """Where the server's folder is."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """See `Database`."""
        return {"database_url": self.url.render_as_string(hide_password=False)}

    @property
    def process(self) -> int:
        """See `Database`."""
        assert self.server.process is not None
        return self.server.process.pid

    def another(self) -> AbstractContextManager[Database]:
        """See `Database`."""
        return on_a_server(self.folder, self.within)

    async def fill(
        self, voice: Path, places: Sequence[filling.Place], lines: int, plays: int
    ) -> None:
        """See `Database`: a file is filled, and copied."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            file = Path(folder) / "filled.db"
            await filling.fill(file, voice, places, lines, plays=plays)
            await copy_database(file, self.url)
        ask(self.url, "VACUUM ANALYZE")
        self.server.stop()
        for path in self.server.data.rglob("*"):
            if path.is_file():
                _forget_pages(path)
        self.server.start()

    async def as_file(self) -> Path:
        """See `Database`."""
        file = self.folder / "copied.db"
        await copy_database(self.url, file)
        return file

    def size(self) -> int:
        """See `Database`; the server's log of what it writes is not in it."""
        return int(ask(self.url, "SELECT pg_database_size(current_database())")[0][0])

    def parts(self) -> list[Part]:
        """See `Database`."""
        question = (
            "SELECT relname, pg_total_relation_size(oid) - pg_indexes_size(oid), reltuples::bigint"
            " FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " UNION ALL SELECT relname, pg_relation_size(oid), reltuples::bigint"
            " FROM pg_class WHERE relkind = 'i' AND relnamespace = 'public'::regnamespace"
            " ORDER BY 2 DESC"
        )
        found = ask(self.url, question)[:LARGEST]
        return [Part(name, int(size), int(rows)) for name, size, rows in found]


@contextmanager
def on_a_server(folder: Path, within: Path | None = None) -> Iterator[OnServer]:
    """A database of a server of its own, as long as the context lasts; the folder is for files.

    It keeps what it has written as a server does that nobody has told otherwise. ``within`` is as
    for `server`.
    """
    with server(AS_IT_COMES, within) as one:
        yield OnServer(folder, one, one.create(), within)


def _forget_pages(path: Path) -> None:
    """Lets the system forget what it has read of a file, so that it must be read from the disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)
