"""Define the commands of the command line: tyro fills in their fields, and explains them.

This module imports nothing large, because ``--help`` must answer at once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from tyro.conf import Positional, arg

from .. import __version__
from ..errors import ModelError, OperatorError, RunnerError
from . import LOCAL_PORT

if TYPE_CHECKING:
    from sqlalchemy import URL

    from ..settings import RunnerSettings


PAGE_DATABASE = Path("play.db")
"""The database of the local page, which forgets its messages: a bot on Discord needs its own."""

# An option without a default needs no words about its default.
UNSET = arg(help_behavior_hint="")


@dataclass(frozen=True, kw_only=True)
class Configured:
    """A command that reads settings."""

    env_file: Annotated[Path | None, UNSET] = None
    """A file of settings, instead of .env; variables of the environment come first."""

    def read_settings(self) -> RunnerSettings:
        """Read the settings; raise SettingsError."""
        from ..settings import read_runner_settings

        changes = {
            name: value
            for name in ("database", "log_level")
            if (value := getattr(self, name, None)) is not None
        }
        # `doctor` names the command that it checks; the others read settings for themselves.
        command = getattr(self, "command", type(self).__name__.lower())
        if command == "play":
            changes.setdefault("database", PAGE_DATABASE)
        if command != "run":
            changes["shards"] = None
        return read_runner_settings(self.env_file, **changes)


@dataclass(frozen=True, kw_only=True)
class Stored(Configured):
    """A command that needs the database."""

    database: Annotated[Path | None, UNSET] = None
    """A SQLite file, instead of the database of the settings."""


@dataclass(frozen=True, kw_only=True)
class Logged(Stored):
    """A command that writes a log."""

    # Checked with the settings, because tyro would offer the choice "None", too.
    log_level: Annotated[
        str | None, arg(metavar="{DEBUG,INFO,WARNING,ERROR}", help_behavior_hint="")
    ] = None
    """How much to log, instead of ONBOOK_LOG_LEVEL."""


@dataclass(frozen=True, kw_only=True)
class Play(Logged):
    """Write in a simulated Discord in the browser."""

    database: Annotated[Path | None, UNSET] = None
    """A SQLite file, instead of play.db; never that of a bot on Discord."""
    port: int = LOCAL_PORT
    """The port of the page; 0 for any."""

    def __call__(self, settings: RunnerSettings) -> None:
        if find_spec("simcord") is None:
            raise RunnerError(
                "The local page is not installed. In On Book's folder, run make play, or pip "
                'install --editable ".[local]".'
            )
        # On import, simcord tries a client without intents, and discord.py warns about that.
        logging.getLogger("discord.state").setLevel(logging.ERROR)
        from . import local

        asyncio.run(local.run_locally(settings, self.port))


@dataclass(frozen=True, kw_only=True)
class Run(Logged):
    """Run the bot on Discord; needs DISCORD_TOKEN."""

    def __call__(self, settings: RunnerSettings) -> None:
        from . import runner

        asyncio.run(runner.run_on_discord(settings))


@dataclass(frozen=True, kw_only=True)
class Write(Stored):
    """Write in this terminal."""

    def __call__(self, settings: RunnerSettings) -> None:
        from . import terminal

        asyncio.run(terminal.write(settings))


@dataclass(frozen=True, kw_only=True)
class Doctor(Stored):
    """Check the settings, token, servers, database, voices and ports, and say what to fix."""

    command: Annotated[Positional[Literal["all", "run", "play", "write"]], UNSET] = "all"
    """What you want to use: run, play or write. What keeps it from working is marked !!.
    What only limits it, or concerns other commands, is marked --.
    With all, the default, only what keeps all three from working is marked !!."""
    json: bool = False
    """Print the findings as JSON."""

    def __call__(self, settings: RunnerSettings) -> int:
        from . import doctor

        checking = doctor.check_all(settings, self.command, self.env_file, as_json=self.json)
        return asyncio.run(checking)


@dataclass(frozen=True, kw_only=True)
class Voices(Configured):
    """List the voices, or check one and show its card."""

    voice: Annotated[Positional[str | None], UNSET] = None
    """A voice's name, or a file such as mine.onnx."""
    json: bool = False
    """Print what the voices' files say as JSON."""

    def __call__(self, settings: RunnerSettings) -> None:
        from . import model_listing

        asyncio.run(model_listing.show(settings, self.voice, as_json=self.json))


@dataclass(frozen=True, kw_only=True)
class Export(Stored):
    """Export a script to a file; the bot may be running."""

    script: Positional[str]
    """The title or the id of a script."""
    file: Positional[Path]
    """A new file, whose ending names the format, such as .pdf."""
    paper: Literal["letter", "a4"] = "letter"
    """The size of a PDF's pages."""

    def __call__(self, settings: RunnerSettings) -> None:
        from . import script_files

        left_out = asyncio.run(script_files.export(settings, self.script, self.file, self.paper))
        print(f"Exported {self.file}. {left_out}".rstrip())


@dataclass(frozen=True, kw_only=True)
class Backup(Stored):
    """Back up all scripts to a file; the bot may be running."""

    file: Positional[Path]
    """A new file."""

    def __call__(self, settings: RunnerSettings) -> None:
        from ..storage.sqlite.backup import backup

        _check_uses_sqlite(settings, "backup", "pg_dump")
        scripts = backup(settings.database, self.file)
        print(f"Backed up {settings.database} to {self.file} (scripts: {scripts:,}).")


@dataclass(frozen=True, kw_only=True)
class Restore(Stored):
    """Restore a backup; stop the bot first."""

    file: Positional[Path]
    """A file that `onbook backup` made."""

    def __call__(self, settings: RunnerSettings) -> None:
        from ..storage.sqlite.backup import restore

        _check_uses_sqlite(settings, "restore", "pg_restore")
        old = restore(settings.database, self.file)
        kept = f" The previous database is in {old}." if old else ""
        print(f"Restored {settings.database} from {self.file}.{kept}")


@dataclass(frozen=True, kw_only=True)
class CopyDatabase(Configured):
    """Copy a SQLite file to PostgreSQL, or back, and verify it; stop the bot first."""

    source: Annotated[Positional[str | None], UNSET] = None
    """A file or an address, instead of ONBOOK_DATABASE."""
    target: Annotated[Positional[str | None], UNSET] = None
    """An empty database, instead of ONBOOK_DATABASE_URL."""

    def __call__(self, settings: RunnerSettings) -> None:
        from ..storage.copying import copy_database

        if self.target is None and settings.database_url is None:
            raise RunnerError(
                "There is no database to copy to. Name both: onbook copy-database SOURCE TARGET."
            )
        source = settings.database if self.source is None else _parse_database(self.source)
        target = settings.database_location if self.target is None else _parse_database(self.target)
        counts = asyncio.run(copy_database(source, target))
        for table, count in counts.items():
            print(f"{table:<16}{count:>12,}")
        print(f"Copied {source} to {target}: {sum(counts.values()):,} rows, all identical.")


Command = Play | Run | Write | Doctor | Voices | Export | Backup | Restore | CopyDatabase

NAMES = [re.sub(r"\B([A-Z])", r"-\1", kind.__name__).lower() for kind in get_args(Command)]
"""The commands as people type them."""


def explain_misspelt(given: Sequence[str]) -> str:
    """Return which command was meant if the first word is misspelt, or else an empty string."""
    word = given[0] if given else ""
    near = get_close_matches(word, NAMES, n=1)
    if not near or near[0] == word or word.startswith("-"):
        return ""
    return f"There is no command {word}: did you mean {near[0]}?"


def run_command(command: Command) -> int:
    """Run a command; return its exit code, which is 1 after one sentence when it fails."""
    import discord
    from discord.utils import setup_logging

    from ..log_redaction import guard_handlers
    from ..settings import ENV_FILE, warn_of_mistakes

    try:
        settings = command.read_settings()
        # The other commands write no log.
        level = settings.log_level if isinstance(command, Logged) else "ERROR"
        setup_logging(level=logging.getLevelNamesMapping()[level])
        logging.getLogger("alembic").setLevel(logging.WARNING)
        # discord.py warns that voice is not supported: it means sound in channels, but people would
        # think that the voices do not work.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        guard_handlers(settings.secrets())
        if isinstance(command, Logged):
            warn_of_mistakes(command.env_file or ENV_FILE)
        return command(settings) or 0
    except (OperatorError, ModelError) as error:
        if isinstance(command, Doctor) and command.json:
            finding = {"part": "Settings", "grade": "fault", "text": str(error)}
            print(json.dumps({"version": __version__, "findings": [finding]}, indent=2))
        else:
            print(error, file=sys.stderr)
        return 1


def _check_uses_sqlite(settings: RunnerSettings, act: str, instead: str) -> None:
    if settings.database_url:
        raise RunnerError(
            f"`{act}` works on a SQLite file, but ONBOOK_DATABASE_URL is set. Use PostgreSQL's "
            f"{instead} instead (see docs/scaling.md)."
        )


def _parse_database(text: str) -> Path | URL:
    """Return the file or address that a text names; raise RunnerError without the password."""
    from ..settings import parse_address

    if "://" not in text:
        return Path(text)
    try:
        return parse_address(text)
    except ValueError as error:
        raise RunnerError(f"That is not a database address: {error}.") from None
