"""Run the commands of the command line."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

import discord
from discord.utils import setup_logging
from sqlalchemy import URL

from ..errors import ModelError, OperatorError, RunnerError
from ..log_redaction import guard_handlers
from ..settings import RunnerSettings, parse_address, read_runner_settings
from ..storage.copying import copy_database
from ..storage.sqlite.backup import backup, restore
from .command_line import (
    Backup,
    Command,
    CopyDatabase,
    Doctor,
    Play,
    Restore,
    Run,
    Voices,
    Write,
)

REPORTED_ERRORS = (OperatorError, ModelError)


def run_command(command: Command) -> int:
    """Run a command; return its exit code, which is 1 after one sentence when it fails."""
    try:
        settings = read_runner_settings()
        level = settings.log_level if isinstance(command, Play | Run) else "ERROR"
        setup_logging(level=logging.getLevelNamesMapping()[level])
        logging.getLogger("alembic").setLevel(logging.WARNING)
        # discord.py warns that voice is not supported: it means sound in channels, and people read
        # that the voices do not work.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        guard_handlers(settings.secrets())
        match command:
            case Play(port):
                _play(settings, port)
            case Run():
                from . import runner

                asyncio.run(runner.run_on_discord(settings))
            case Write():
                from . import terminal  # imported here, because a bot on Discord needs none of it

                asyncio.run(terminal.write(settings))
            case Doctor():
                from . import doctor

                return asyncio.run(doctor.check_all(settings))
            case Voices(voice):
                from . import voice_cards

                asyncio.run(voice_cards.show(settings, voice))
            case Backup(file):
                _back_up(settings, file)
            case Restore(file):
                _restore(settings, file)
            case CopyDatabase(source, target):
                _copy_database(settings, source, target)
    except REPORTED_ERRORS as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _play(settings: RunnerSettings, port: int) -> None:
    # Simcord tries a client without intents when it is imported, and discord.py warns of that.
    logging.getLogger("discord.state").setLevel(logging.ERROR)
    try:
        from . import local  # needs simcord, which a bot on Discord does not
    except ModuleNotFoundError as error:
        if error.name != "simcord":
            raise
        raise RunnerError(
            "The local page needs the extra `local`. Run pip install 'onbook[local]', or, in On "
            "Book's repository, `make play`."
        ) from error
    asyncio.run(local.run_locally(settings, port))


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
            "There is no database to copy to. Set ONBOOK_DATABASE_URL, or name one as TARGET."
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
