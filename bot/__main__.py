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
from .settings import RunnerSettings, SettingsError, address, runner_settings
from .storage.copying import copy_database
from .storage.database import StoreError
from .storage.sqlite.backup import backup, restore

REFUSALS = (RunnerError, SettingsError, ModelError, StoreError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bot; return the exit code, which is 1 after one sentence when it cannot run."""
    options = parser().parse_args(arguments)
    try:
        chosen = runner_settings()
        setup_logging(level=logging.getLevelNamesMapping()[chosen.log_level])
        logging.getLogger("alembic").setLevel(logging.WARNING)
        guard_handlers(chosen.secrets())
        if options.act == "backup":
            _back_up(chosen, options.file)
        elif options.act == "restore":
            _restore(chosen, options.file)
        elif options.act == "copy-database":
            _copy_database(chosen, options.source, options.to)
        elif options.local:
            _run_locally(chosen, options.port)
        else:
            asyncio.run(client.run(chosen))
    except REFUSALS as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _back_up(chosen: RunnerSettings, to: Path) -> None:
    _check_is_a_file(chosen, "backup", "pg_dump")
    scripts = backup(chosen.database, to)
    print(f"Backed up {scripts:,} scripts from {chosen.database} to {to}.")


def _restore(chosen: RunnerSettings, source: Path) -> None:
    _check_is_a_file(chosen, "restore", "pg_restore")
    old = restore(chosen.database, source)
    kept = f" The previous database is in {old}." if old else ""
    print(f"Restored {chosen.database} from {source}.{kept}")


def _check_is_a_file(chosen: RunnerSettings, act: str, instead: str) -> None:
    if chosen.database_url:
        raise RunnerError(
            f"`{act}` works on a SQLite file, but ONBOOK_DATABASE_URL is set. Use PostgreSQL's "
            f"{instead} instead (see the README)."
        )


def _copy_database(chosen: RunnerSettings, source: str | None, to: str | None) -> None:
    if to is None and chosen.database_url is None:
        raise RunnerError(
            "There is no database to copy to. Set ONBOOK_DATABASE_URL, or name one as TO."
        )
    here, there = (
        _database(one) if one is not None else default
        for one, default in ((source, chosen.database), (to, chosen.where))
    )
    counts = asyncio.run(copy_database(here, there))
    for table, count in counts.items():
        print(f"{table:<12}{count:>12,}")
    print(f"Copied {here} to {there}: {sum(counts.values()):,} rows, all identical.")


def _database(named: str) -> Path | URL:
    """Return the file or address that a text names; raise RunnerError without the password."""
    if "://" not in named:
        return Path(named)
    try:
        return address(named)
    except ValueError as error:
        raise RunnerError(f"That is not a database address: {error}.") from None


def _run_locally(chosen: RunnerSettings, port: int) -> None:
    try:
        from .app import local  # needs simcord, which a bot on Discord does not
    except ModuleNotFoundError as error:
        if error.name != "simcord":
            raise
        raise RunnerError(
            "The simulated Discord is not installed. Run `make play`, or pip install "
            "'simcord[preview]'."
        ) from error
    asyncio.run(local.run(chosen, port))


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    one = argparse.ArgumentParser(
        # argparse would call a module `__main__.py`; the installed command is called `onbook`.
        prog=f"python -m {__package__}" if sys.argv[0].endswith(".py") else None,
        description="Run On Book on Discord, or with --local in a browser, without an account.",
    )
    one.add_argument(
        "--local", action="store_true", help="run in a simulated Discord in the browser"
    )
    one.add_argument(
        "--port", type=int, default=8765, help="port of the local page (default: %(default)s)"
    )
    acts = one.add_subparsers(
        dest="act", metavar="backup FILE | restore FILE | copy-database [FROM [TO]]"
    )
    copy = acts.add_parser("backup", help="back up all scripts to a file; the bot may be running")
    copy.add_argument("file", type=Path, help="a new file")
    back = acts.add_parser("restore", help="restore a backup; stop the bot first")
    back.add_argument("file", type=Path, help="a file that backup made")
    move = acts.add_parser(
        "copy-database",
        help="copy a SQLite file to PostgreSQL, or back, and verify it; stop the bot first",
    )
    move.add_argument(
        "source", metavar="FROM", nargs="?", help="a file or an address (default: ONBOOK_DATABASE)"
    )
    move.add_argument(
        "to", metavar="TO", nargs="?", help="an empty database (default: ONBOOK_DATABASE_URL)"
    )
    return one


if __name__ == "__main__":
    sys.exit(main())
