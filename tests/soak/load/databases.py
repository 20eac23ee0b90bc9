"""Keep a measured bot's scripts in an SQLite file or on a PostgreSQL server."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from bot.storage.copying import copy_database
from tests.tools.postgres_server import Server, ask

from . import filling


@dataclass(frozen=True)
class OneFile:
    """A database in a file in a folder."""

    folder: Path
    process: None = None

    @property
    def path(self) -> Path:
        return self.folder / "onbook.db"

    @property
    def settings(self) -> Mapping[str, Any]:
        """Return the bot's settings for this database."""
        return {"database": self.path}

    async def fill(self, voice: Path, places: Sequence[filling.Place], lines: int) -> None:
        """Write a play in each place, as `filling.fill` does, and drop it from the page cache."""
        await filling.fill(self.path, voice, places, lines)
        _forget_pages(self.path)

    async def as_file(self) -> Path:
        """Return the whole database as an SQLite file; no bot may have it open."""
        return self.path

    def size(self) -> int:
        """Return the size on disk [bytes]."""
        return self.path.stat().st_size


@dataclass(frozen=True)
class OnServer:
    """A database on a PostgreSQL server of its own; with the methods of `OneFile`."""

    folder: Path
    """The folder for SQLite files."""
    server: Server
    url: URL

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"database_url": self.url.render_as_string(hide_password=False)}

    @property
    def process(self) -> int:
        assert self.server.process is not None
        return self.server.process.pid

    async def fill(self, voice: Path, places: Sequence[filling.Place], lines: int) -> None:
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            file = Path(folder) / "filled.db"
            await filling.fill(file, voice, places, lines)
            await copy_database(file, self.url)
        ask(self.url, "VACUUM ANALYZE")
        self.server.stop()
        for path in self.server.data.rglob("*"):
            if path.is_file():
                _forget_pages(path)
        self.server.start()

    async def as_file(self) -> Path:
        file = self.folder / "copied.db"
        await copy_database(self.url, file)
        return file

    def size(self) -> int:
        """Return the size on disk, without the server's write-ahead log [bytes]."""
        return int(ask(self.url, "SELECT pg_database_size(current_database())")[0][0])


Database = OneFile | OnServer
"""A database for a bot's scripts."""


def _forget_pages(path: Path) -> None:
    """Drop a file from the system's page cache, so that it is read from the disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)
