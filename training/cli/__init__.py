"""Train, tune, evaluate and compare voices from the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from training.errors import UserError

COMMANDS = {
    "voice": ("tune", "make a voice of your scripts: tune one, export it and install it"),
    "corpus": ("corpus", "write a corpus to train on"),
    "train": ("train", "train a voice on texts"),
    "decay": ("train", "make a voice of what a training has learned so far"),
    "tune": ("tune", "train a voice further on your own scripts"),
    "evaluate": ("evaluate", "measure the bits per character of texts"),
    "calibrate": ("evaluate", "scale a run's logits so that its confidence fits a text"),
    "compare": ("experiments", "train other models on the same text"),
    "ablate": ("experiments", "measure what single changes to the network do"),
    "benchmark": (
        "experiments",
        "compare the speed of training with a bare nn.LSTM of the same cost",
    ),
}
"""The commands, each with its module here and what it does. Only the module of the command that is
given is imported, because PyTorch takes seconds."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; print each error as one sentence to stderr."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _make_parser(next((one for one in given if one in COMMANDS), None)).parse_args(given)
    try:
        code: int = options.command(options)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return code


def _make_parser(chosen: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line, with the options of the chosen command alone."""
    parser = argparse.ArgumentParser(
        prog="onbook-train" if Path(sys.argv[0]).stem == "onbook-train" else "python -m training",
        description="Train, tune, evaluate and compare voices. COMMAND --help explains a command.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    if chosen:
        module, text = COMMANDS[chosen]
        import_module(f".{module}", __package__).add_commands(commands)
        one = commands.choices[chosen]
        one.description = one.description or f"{text[0].upper()}{text[1:]}."
    for name, (_, text) in COMMANDS.items():
        if name not in commands.choices:
            commands.add_parser(name, help=text)
    return parser
