"""``python -m bot``: on Discord, or with ``--local`` in a browser without an account.

In an installation, ``onbook`` and ``python -m onbook`` do the same.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from discord.utils import setup_logging
from sqlalchemy import URL

from .app import client
from .app.client import RunnerError
from .inference.model import ModelError
from .log_redaction import guard_handlers
from .settings import RunnerSettings, SettingsError, parse_address, read_runner_settings
from .storage.copying import copy_database
from .storage.database import StoreError
from .storage.sqlite.backup import backup, restore

REPORTED_ERRORS = (RunnerError, SettingsError, ModelError, StoreError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bot; return the exit code, which is 1 after one sentence when it cannot run."""
    options = make_parser().parse_args(arguments)
    try:
        settings = read_runner_settings()
        setup_logging(level=logging.getLevelNamesMapping()[settings.log_level])
        guard_handlers(settings.secrets())
        if options.act == "backup":
            _back_up(settings, options.file)
        elif options.act == "restore":
            _restore(settings, options.file)
        elif options.act == "copy-database":
            _copy_database(settings, options.source, options.to)
        elif options.local:
            _run_locally(settings, options.port)
        else:
            asyncio.run(client.run_on_discord(settings))
    except REPORTED_ERRORS as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _back_up(settings: RunnerSettings, to: Path) -> None:
    _check_uses_sqlite(settings, "backup", "pg_dump")
    scripts = backup(settings.database, to)
    print(f"{to} has all that {settings.database} had: {scripts:,} scripts.")


def _restore(settings: RunnerSettings, source: Path) -> None:
    _check_uses_sqlite(settings, "restore", "pg_restore")
    old = restore(settings.database, source)
    kept = f" What was there before is in {old}." if old else ""
    print(f"{settings.database} is now as {source} was.{kept}")


def _check_uses_sqlite(settings: RunnerSettings, act: str, instead: str) -> None:
    if settings.database_url:
        raise RunnerError(
            f"`{act}` is for a file, and ONBOOK_DATABASE_URL is set: use PostgreSQL's own "
            f"{instead} (see the README)."
        )


def _copy_database(settings: RunnerSettings, source: str | None, target: str | None) -> None:
    if target is None and settings.database_url is None:
        raise RunnerError(
            "Copied to where? Set ONBOOK_DATABASE_URL, or name a database after the one to copy."
        )
    source_location, target_location = (
        _parse_database(text) if text is not None else default
        for text, default in ((source, settings.database), (target, settings.database_location))
    )
    counts = asyncio.run(copy_database(source_location, target_location))
    for table, count in counts.items():
        print(f"{table:<12}{count:>12,}")
    print(
        f"{target_location} has all that {source_location} has: {sum(counts.values()):,} rows, "
        f"each compared."
    )


def _parse_database(text: str) -> Path | URL:
    """Return the file or address that a text names; raise RunnerError without the password."""
    if "://" not in text:
        return Path(text)
    try:
        return parse_address(text)
    except ValueError as error:
        raise RunnerError(f"That is no address of a database: {error}.") from None


def _run_locally(settings: RunnerSettings, port: int) -> None:
    try:
        from .app import local  # needs simcord, which a bot on Discord does not
    except ModuleNotFoundError as error:
        if error.name != "simcord":
            raise
        raise RunnerError(
            "The simulated Discord is not installed: run `make play`, or pip install "
            "'simcord[preview]'."
        ) from error
    asyncio.run(local.run_locally(settings, port))


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        # argparse would call a module `__main__.py`; the installed command is called `onbook`.
        prog=f"python -m {__package__}" if sys.argv[0].endswith(".py") else None,
        description="On Book, on Discord or with --local in a browser without an account.",
    )
    parser.add_argument(
        "--local", action="store_true", help="inside a simulated Discord, in the browser"
    )
    parser.add_argument("--port", type=int, default=8765, help="of the page (%(default)s)")
    commands = parser.add_subparsers(
        dest="act", metavar="backup FILE | restore FILE | copy-database [FROM [TO]]"
    )
    backup_parser = commands.add_parser(
        "backup", help="copy all scripts into a file, while the bot runs or not"
    )
    backup_parser.add_argument("file", type=Path, help="a file that is not there yet")
    restoring = commands.add_parser("restore", help="go back to a backup; the bot must not run")
    restoring.add_argument("file", type=Path, help="a file that backup has made")
    copying = commands.add_parser(
        "copy-database", help="copy a file to PostgreSQL, or back, and compare; no bot may run"
    )
    copying.add_argument(
        "source", metavar="FROM", nargs="?", help="a file or an address (ONBOOK_DATABASE)"
    )
    copying.add_argument(
        "to", metavar="TO", nargs="?", help="the same, and empty (ONBOOK_DATABASE_URL)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
