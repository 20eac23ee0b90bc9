"""Processes: the fake Discord and the bot, each in one of its own that ends with the caller's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TextIO

from .state import TIME_TO_ANSWER, TOKEN

ROOT = Path(__file__).parents[2]

UNLIMITED = dict.fromkeys(("person_limits", "channel_limits", "guild_limits"), "0 0 0")
"""The settings of a bot of which one person may ask more a minute than people do."""

PATIENCE = 20.0
"""Seconds in which a process must end."""


@contextmanager
def fake_discord(time_to_answer: float = TIME_TO_ANSWER, **world: float) -> Iterator[str]:
    """Start a fake Discord, whose ``world`` is as `World` takes it, and yield its address.

    A test that is not about the time to answer sets a longer one, or a slow machine fails it.
    """
    given = {"time_to_answer": time_to_answer, **world}
    options = (f"--{name.replace('_', '-')}={value}" for name, value in given.items())
    arguments = ["-m", "tests.fake_discord", *options]
    with _running(arguments, ROOT, {}) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()


@contextmanager
def running_bot(
    address: str, folder: Path, log: Path | None = None, hurry: float = 1, **settings: object
) -> Iterator[subprocess.Popen[str]]:
    """Run ``onbook run`` in a folder at this address; settings are its ``ONBOOK_...``.

    The database is in the folder, so that the next bot there goes on with the scripts. The log is
    appended to ``log``, or goes to the standard error output. Leases run out ``hurry`` times
    sooner.
    """
    names = {f"ONBOOK_{name.upper()}": str(value) for name, value in settings.items()}
    chosen = {"DISCORD_TOKEN": TOKEN, "ONBOOK_LOG_LEVEL": "WARNING"} | names
    with ExitStack() as stack:
        errors = stack.enter_context(log.open("a")) if log else None
        arguments = ["-m", "tests.fake_discord.bot", address, str(hurry)]
        yield stack.enter_context(_running(arguments, folder, chosen, errors))


@contextmanager
def _running(
    arguments: list[str],
    folder: Path,
    environment: dict[str, str],
    errors: TextIO | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """Run a Python process, which ends when its standard input closes."""
    clean = {name: value for name, value in os.environ.items() if "ONBOOK" not in name}
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=clean | {"PYTHONPATH": str(ROOT)} | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
