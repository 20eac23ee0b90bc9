"""``onbook``, or ``python -m bot`` in the repository: play, run, write, and look after the scripts.

This module imports nothing large, because ``--help`` and ``--version`` must answer at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import tyro
from tyro import conf

from . import __version__
from .app.commands import Command, explain_misspelt, run_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code, which is 1 after one sentence when it fails."""
    given = sys.argv[1:] if arguments is None else arguments
    if {"--version", "-V"} & set(given):
        print(f"On Book {__version__}")
        return 0
    if mistake := explain_misspelt(given):
        print(mistake, file=sys.stderr)
        return 2  # as tyro does
    command: Command = tyro.cli(
        Command,
        args=given,
        # Otherwise the program would be called `__main__.py`; the installed command is `onbook`.
        prog=f"python -m {__package__}" if sys.argv[0].endswith(".py") else "onbook",
        description="Write a script together with a small neural network: on Discord, on a page "
        "of your own, or in this terminal. COMMAND --help explains a command, and --version "
        "prints the version. Settings are in docs/hosting.md.",
        config=(conf.DisallowNone, conf.FlagCreatePairsOff, conf.PositionalMetavarFromFieldName),
    )
    try:
        return run_command(command)
    except KeyboardInterrupt:
        return 130  # as shells do
    except BrokenPipeError:  # such as by `| head`
        # Otherwise Python would fail once more, when it flushes the output at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())
