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
from .errors import ModelError, OperatorError, RunnerError
from .log_redaction import guard_handlers
from .settings import RunnerSettings, parse_address, read_runner_settings
from .storage.copying import copy_database
from .storage.sqlite.backup import backup, restore

REPORTED_ERRORS = (OperatorError, ModelError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bot; return the exit code, which is 1 after one sentence when it cannot run."""
    options = make_parser().parse_args(arguments)
    try:
        settings = read_runner_settings()
        setup_logging(level=logging.getLevelNamesMapping()[settings.log_level])
        logging.getLogger("alembic").setLevel(logging.WARNING)
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
    print(f"Backed up {scripts:,} scripts from {settings.database} to {to}.")


def _restore(settings: RunnerSettings, source: Path) -> None:
    _check_uses_sqlite(settings, "restore", "pg_restore")
    old = restore(settings.database, source)
    kept = f" The previous database is in {old}." if old else ""
    print(f"Restored {settings.database} from {source}.{kept}")


def _check_uses_sqlite(settings: RunnerSettings, act: str, instead: str) -> None:
    if settings.database_url:
        raise RunnerError(
            f"`{act}` works on a SQLite file, but ONBOOK_DATABASE_URL is set. Use PostgreSQL's "
            f"{instead} instead (see docs/scaling.md)."
        )


def _copy_database(settings: RunnerSettings, source: str | None, target: str | None) -> None:
    if target is None and settings.database_url is None:
        raise RunnerError(
            "There is no database to copy to. Set ONBOOK_DATABASE_URL, or name one as TO."
        )
    source_location, target_location = (
        _parse_database(text) if text is not None else default
        for text, default in ((source, settings.database), (target, settings.database_location))
    )
    counts = asyncio.run(copy_database(source_location, target_location))
    for table, count in counts.items():
        print(f"{table:<12}{count:>12,}")
    print(
        f"Copied {source_location} to {target_location}: {sum(counts.values()):,} rows, "
        "all identical."
    )


def _parse_database(text: str) -> Path | URL:
    """Return the file or address that a text names; raise RunnerError without the password."""
    if "://" not in text:
        return Path(text)
    try:
        return parse_address(text)
    except ValueError as error:
        raise RunnerError(f"That is not a database address: {error}.") from None


def _run_locally(settings: RunnerSettings, port: int) -> None:
    try:
        from .app import local  # needs simcord, which a bot on Discord does not
    except ModuleNotFoundError as error:
        if error.name != "simcord":
            raise
        raise RunnerError(
            "The simulated Discord is not installed. Run `make play`, or pip install "
            "'simcord[preview]'."
        ) from error
    asyncio.run(local.run_locally(settings, port))


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        # argparse would call a module `__main__.py`; the installed command is called `onbook`.
        prog=f"python -m {__package__}" if sys.argv[0].endswith(".py") else None,
        description="Run On Book on Discord, or with --local in a browser, without an account.",
    )
    parser.add_argument(
        "--local", action="store_true", help="run in a simulated Discord in the browser"
    )
    parser.add_argument(
        "--port", type=int, default=8765, help="port of the local page (default: %(default)s)"
    )
    commands = parser.add_subparsers(
        dest="act", metavar="backup FILE | restore FILE | copy-database [FROM [TO]]"
    )
    backup_parser = commands.add_parser(
        "backup", help="back up all scripts to a file; the bot may be running"
    )
    backup_parser.add_argument("file", type=Path, help="a new file")
    restoring = commands.add_parser("restore", help="restore a backup; stop the bot first")
    restoring.add_argument("file", type=Path, help="a file that backup made")
    copying = commands.add_parser(
        "copy-database",
        help="copy a SQLite file to PostgreSQL, or back, and verify it; stop the bot first",
    )
    copying.add_argument(
        "source", metavar="FROM", nargs="?", help="a file or an address (default: ONBOOK_DATABASE)"
    )
    copying.add_argument(
        "to", metavar="TO", nargs="?", help="an empty database (default: ONBOOK_DATABASE_URL)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
