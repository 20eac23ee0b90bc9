"""Define the commands of the command line: tyro fills in their fields, and explains them.

This module imports nothing large, because ``--help`` must answer at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from . import LOCAL_PORT


@dataclass(frozen=True)
class Play:
    """Write in a simulated Discord in the browser."""

    port: int = LOCAL_PORT
    """The port of the page; 0 for any."""


@dataclass(frozen=True)
class Run:
    """Run the bot on Discord; needs DISCORD_TOKEN."""


@dataclass(frozen=True)
class Write:
    """Write in this terminal."""


@dataclass(frozen=True)
class Doctor:
    """Check the token, the database, the voices and the ports."""


@dataclass(frozen=True)
class Voices:
    """List the voices, or check one and show its card."""

    voice: Positional[str | None] = None
    """A voice's name, or a file such as mine.onnx."""


@dataclass(frozen=True)
class Backup:
    """Back up all scripts to a file; the bot may be running."""

    file: Positional[Path]
    """A new file."""


@dataclass(frozen=True)
class Restore:
    """Restore a backup; stop the bot first."""

    file: Positional[Path]
    """A file that ``backup`` made."""


@dataclass(frozen=True)
class CopyDatabase:
    """Copy a SQLite file to PostgreSQL, or back, and verify it; stop the bot first."""

    source: Positional[str | None] = None
    """A file or an address, instead of ONBOOK_DATABASE."""
    target: Positional[str | None] = None
    """An empty database, instead of ONBOOK_DATABASE_URL."""


Command = Play | Run | Write | Doctor | Voices | Backup | Restore | CopyDatabase
