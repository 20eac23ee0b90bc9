"""Train, tune, evaluate and compare voices from the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from training.errors import UserError

from . import ablate, benchmark, calibrate, compare, corpus, decay, evaluate, train, tune

COMMANDS = (corpus, train, decay, tune, evaluate, calibrate, compare, ablate, benchmark)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; print each error as one sentence to stderr."""
    options = parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return code


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="python -m training",
        description="Train, tune, evaluate and compare voices. COMMAND --help explains a command.",
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_command(commands)
    return top
