"""Train, tune, evaluate and compare voices from the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from training.errors import UserError

from . import corpus, decay, evaluate, experiments, train, tune


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; print each error as one sentence to stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m training",
        description="Train, tune, evaluate and compare voices. COMMAND --help explains a command.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (corpus, train, decay, tune, evaluate, experiments):
        module.add_commands(commands)
    options = parser.parse_args(arguments)
    try:
        code: int = options.command(options)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return code
