"""``python -m bot``: on Discord, or with ``--local`` in a browser without an account.

Where it is installed, ``onbook`` and ``python -m onbook`` are the same.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from discord.ext.commands import ExtensionFailed
from discord.utils import setup_logging

from . import runner
from .backup import backup, restore
from .model import ModelError
from .redaction import guard_handlers
from .runner import RunnerError
from .settings import RunnerSettings, SettingsError, runner_settings
from .store import StoreError

REFUSALS = (RunnerError, SettingsError, ModelError, StoreError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the bot; returns the exit code: 1, after one sentence, when it cannot run."""
    options = parser().parse_args(arguments)
    try:
        chosen = runner_settings()
        setup_logging(level=logging.getLevelNamesMapping()[chosen.log_level])
        token = chosen.discord_token
        guard_handlers([token.get_secret_value().strip()] if token else [])
        if options.act == "backup":
            _back_up(chosen, options.file)
        elif options.act == "restore":
            _restore(chosen, options.file)
        elif options.local:
            _run_locally(chosen, options.port)
        else:
            asyncio.run(runner.run(chosen))
    except REFUSALS as error:
        print(error, file=sys.stderr)
        return 1
    except ExtensionFailed as error:
        if not isinstance(error.original, REFUSALS):
            raise
        print(error.original, file=sys.stderr)
        return 1
    return 0


def _back_up(chosen: RunnerSettings, to: Path) -> None:
    scripts = backup(chosen.database, to)
    print(f"{to} has all that {chosen.database} had: {scripts:,} scripts.")


def _restore(chosen: RunnerSettings, source: Path) -> None:
    old = restore(chosen.database, source)
    kept = f" What was there before is in {old}." if old else ""
    print(f"{chosen.database} is now as {source} was.{kept}")


def _run_locally(chosen: RunnerSettings, port: int) -> None:
    try:
        from . import local  # needs what a bot on Discord does not
    except ModuleNotFoundError as error:
        if error.name != "simcord":
            raise
        raise RunnerError(
            "The simulated Discord is not installed: run `make play`, or pip install "
            "'simcord[preview]'."
        ) from error
    asyncio.run(local.run(chosen, port))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    one = argparse.ArgumentParser(
        prog=f"python -m {__package__}",
        description="On Book, on Discord or with --local in a browser without an account.",
    )
    one.add_argument(
        "--local", action="store_true", help="inside a simulated Discord, in the browser"
    )
    one.add_argument("--port", type=int, default=8765, help="of the page (%(default)s)")
    acts = one.add_subparsers(dest="act", metavar="backup FILE | restore FILE")
    copy = acts.add_parser("backup", help="copy all scripts into a file, while the bot runs or not")
    copy.add_argument("file", type=Path, help="a file that is not there yet")
    back = acts.add_parser("restore", help="go back to a backup; the bot must not run")
    back.add_argument("file", type=Path, help="a file that backup has made")
    return one


if __name__ == "__main__":
    sys.exit(main())
