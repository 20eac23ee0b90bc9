"""Run the fake Discord and the bot in processes that end with the caller's.

They are forked from a server that has imported their modules, because the imports take seconds.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from .bot import run_bot, run_command
from .server import serve_until_closed
from .state import TIME_TO_ANSWER, TOKEN

ROOT = Path(__file__).parents[2]

UNLIMITED = dict.fromkeys(("person_limits", "channel_limits", "guild_limits"), "0 0 0")
"""The settings of a bot without rate limits."""

PATIENCE = 20.0
"""Seconds in which a process must stop."""

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        *("tests.fake_discord.processes", "bot.app.commands", "bot.app.metrics", "bot.cogs"),
        # Imported by the bot only when they are used.
        *("bot.log_redaction", "bot.storage.copying", "bot.storage.sqlite.backup"),
        *("aiosqlite", "alembic.command", "asyncpg", "babel.messages.pofile"),
        "tests.fake_discord.before_forks",
    ]
)


_context: BaseContext = FORKS


@contextmanager
def whole_interpreters() -> Iterator[None]:
    """Start each process as a new interpreter, so that its memory is that of a deployed bot."""
    global _context
    _context = multiprocessing.get_context("spawn")
    try:
        yield
    finally:
        _context = FORKS


@dataclass(frozen=True)
class Process:
    """A process that takes signals."""

    process: BaseProcess

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def is_alive(self) -> bool:
        return self.process.is_alive()

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the process unless it has ended."""
        self.process.kill()

    def wait(self, seconds: float) -> int | None:
        """Wait for the end; return the exit code, or None after a timeout."""
        self.process.join(seconds)
        return self.process.exitcode


@contextmanager
def fake_discord(time_to_answer: float = TIME_TO_ANSWER, **world: float) -> Iterator[str]:
    """Start a fake Discord and yield its address; ``world`` holds further arguments of `World`.

    Unless a test is about the time to answer, it sets a long one, because the machine may be slow.
    """
    with running(serve_until_closed, {"time_to_answer": time_to_answer, **world}) as (_, told):
        yield told.recv()


@contextmanager
def running_bot(
    address: str,
    folder: Path,
    log: Path | None = None,
    hurry: float = 1,
    first: Callable[[], object] | None = None,
    **settings: object,
) -> Iterator[Process]:
    """Run ``onbook run`` in a folder at this address; each setting becomes ``ONBOOK_...``.

    The database is in the folder, so that the next bot there continues its scripts. The log is
    appended to ``log``, or goes to the standard error output. Leases expire ``hurry`` times sooner.
    ``first`` is called in the bot's process before the bot starts.
    """
    chosen = {"log_level": "WARNING", **settings}
    environment = _clean_environment() | {"DISCORD_TOKEN": TOKEN}
    environment |= {f"ONBOOK_{name.upper()}": str(value) for name, value in chosen.items()}
    if log:
        log.touch()
    with running(run_bot, address, folder, log, hurry, first, environment) as (process, _):
        yield process


def _clean_environment() -> dict[str, str]:
    """Return this process's environment without the bot's variables."""
    return {
        name: value
        for name, value in os.environ.items()
        if "ONBOOK" not in name and name != "DISCORD_TOKEN"
    }


def run_onbook(folder: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run ``onbook`` with these arguments; return its exit code, its output and its errors."""
    given = _clean_environment() | environment
    with running(run_command, folder, arguments, given) as (_, connection):
        answer: tuple[int, str, str] = connection.recv()
    return answer


@contextmanager
def running(
    target: Callable[..., None], *arguments: object
) -> Iterator[tuple[Process, Connection]]:
    """Run a function in a process that ends when its connection to the caller closes."""
    ours, theirs = _context.Pipe()
    started = _context.Process(target=target, args=(theirs, *arguments))
    with ours:
        with theirs:
            started.start()
        process = Process(started)
        try:
            yield process, ours
        finally:
            ours.close()
            process.wait(PATIENCE)
            process.kill()
