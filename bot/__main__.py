"""``onbook``, or ``python -m bot`` in the repository: play, run, write, and look after the scripts.

This module imports nothing large, because ``--help`` and ``--version`` must answer at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import __version__
from .app import LOCAL_PORT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code, which is 1 after one sentence when it fails."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 2
    from .app.commands import run_command

    return run_command(options)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        # argparse would call a module `__main__.py`; the installed command is called `onbook`.
        prog=f"python -m {__package__}" if sys.argv[0].endswith(".py") else "onbook",
        description="Write a script together with a small neural network: on Discord, on a page "
        "of your own, or in this terminal.",
        epilog="COMMAND --help explains a command. Settings are in docs/hosting.md.",
    )
    parser.add_argument("--version", action="version", version=f"On Book {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    play = commands.add_parser("play", help="write in a simulated Discord in the browser")
    play.add_argument(
        "--port", type=int, default=LOCAL_PORT, help="port of the page [%(default)s; 0: any]"
    )
    commands.add_parser("run", help="run the bot on Discord; needs DISCORD_TOKEN")
    commands.add_parser("write", help="write in this terminal")
    commands.add_parser("doctor", help="check the token, the database, the voices and the ports")

    voices = commands.add_parser("voices", help="list the voices, or check one and show its card")
    voices.add_argument(
        "voice", metavar="VOICE", nargs="?", help="a voice's name, or a file such as mine.onnx"
    )

    backup = commands.add_parser(
        "backup", help="back up all scripts to a file; the bot may be running"
    )
    backup.add_argument("file", type=Path, metavar="FILE", help="a new file")
    restore = commands.add_parser("restore", help="restore a backup; stop the bot first")
    restore.add_argument("file", type=Path, metavar="FILE", help="a file that backup made")
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
