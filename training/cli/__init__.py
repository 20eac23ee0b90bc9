"""Train, tune and evaluate voices from the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Annotated, Any, Union

import tyro
from tyro import conf

from .. import __version__
from ..errors import UserError
from .command import INTERRUPTED, MISUSED, PACKAGE, explain_misspelt

COMMANDS = {
    "voice": ("tune", "make a voice of your scripts: tune one, export it and install it"),
    "corpus": ("corpus", "write a corpus to train on"),
    "train": ("train", "train a voice on texts"),
    "decay": ("train", "make a voice of what a training has learned so far"),
    "tune": ("tune", "train a voice further on your own scripts"),
    "sample": ("sample", "write a scene from a run or a voice file"),
    "evaluate": ("evaluate", "measure the bits per character of texts"),
}
"""The commands, each with its module in this package and what it does. Only the module of the given
command is imported, because importing PyTorch takes seconds."""


@dataclass
class NotGiven:
    """The place of a command that is not given, whose module is not imported."""


LISTED = tuple(
    Annotated[NotGiven, conf.subcommand(name, description=text)]
    for name, (_, text) in COMMANDS.items()
)
MARKERS = (conf.DisallowNone, conf.FlagCreatePairsOff, conf.PositionalMetavarFromFieldName)
DESCRIPTION = "Train, tune and evaluate voices. COMMAND --help explains a command."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; print each error as one sentence to stderr."""
    given = sys.argv[1:] if arguments is None else arguments
    if not {"--version", "-V"}.isdisjoint(given):
        print(f"On Book {__version__}")
        return 0
    if mistake := explain_misspelt(given, COMMANDS):
        print(mistake, file=sys.stderr)
        return MISUSED
    # Otherwise, the program would be called `__main__.py`.
    program = f"python -m {PACKAGE}" if sys.argv[0].endswith(".py") else "onbook-train"
    name = next((name for name in COMMANDS if name in given[:1]), "")
    try:
        # Within the `try`, because importing PyTorch takes long enough for Ctrl-C.
        kind: Any = Union[LISTED]  # noqa: UP007 - of a variable number
        if name:
            kind = getattr(import_module(f".{COMMANDS[name][0]}", __package__), name.title())
        parse = partial(
            tyro.cli,
            kind,
            args=given[bool(name) :],
            # With the command, because an error names the help of this program.
            prog=f"{program} {name}".strip(),
            description=None if name else DESCRIPTION,
            config=MARKERS,
        )
        command = parse()
        if defaults := command.defaults():
            command = parse(default=defaults)
        code: int = command()
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of the output, such as `head`, has stopped; Python would complain when it
        # exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        advice = "check its folder's permissions and the space on the disk."
        print(f"A file cannot be read or written ({error}): {advice}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return INTERRUPTED
    return code
