"""Parse the option values of the command line, and describe each number of a training."""

from __future__ import annotations

import argparse
from collections.abc import Callable

NUMBERS = {
    "embedding": "numbers that a character is read as",
    "lower": "units of the layer that reads characters",
    "word": "units of the layer that steps once a word; 0 for none",
    "summary": "numbers by which that layer tells what it remembers",
    "upper": "units of the layer that says what comes next",
    "words": "words that have a vector from the start, at most; needs the extra `words`",
    "batch": "streams of text that are read side by side",
    "window": "characters through which gradients flow",
    "lengthen": "times as long windows as before, of as many times fewer streams",
    "warmup": "steps until the learning rate is at its highest",
    "evaluate_every": "steps between two evaluations",
    "checkpoint_minutes": "time between two checkpoints",
    "learning_rate": "the highest one",
    "clip": "the largest norm of the gradients",
    "averaging": "decay of the average of the weights, which is what is kept",
    "weight_decay": "of AdamW",
    "seed": "of all that is drawn",
    "prior": "contexts after which it is counted what comes, at most; 0 for none",
    "prior_longest": "characters of the longest context",
    "renamed": "share of a text's names that are others at each reading",
    "resets": "share of the windows that begin from no state",
    "drop_embedding": "dropout of the characters that are read",
    "drop_layers": "dropout between the layers and before the output",
    "drop_recurrent": "dropout of the recurrent weights",
    "taught": "with --teacher, the share of the streams (one at least) that read what those wrote",
    "imagined": "with --teacher, how many characters those write before --minutes begin",
}
"""The help text of each number that a training takes."""


def add_number(
    group: argparse._ActionsContainer,
    name: str,
    kind: Callable[[str], float],
    default: float | str,
) -> None:
    """Add an option for one of `NUMBERS`; a default given as text is only shown in the help."""
    flag = "--" + name.replace("_", "-")
    shown = f"{NUMBERS[name]} [{default}]"
    given = None if isinstance(default, str) else default
    group.add_argument(flag, type=kind, default=given, metavar="N", help=shown)


def positive(kind: type[int | float]) -> Callable[[str], float]:
    """Return a parser of numbers above 0."""

    def parse(text: str) -> float:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    parse.__name__ = kind.__name__
    return parse


def at_least_0(text: str) -> int:
    """Parse an integer of at least 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


def folder_and_times(text: str) -> tuple[str, int]:
    """Parse FOLDER=N."""
    folder, _, times = text.rpartition("=")
    if not folder or not times.isdecimal() or int(times) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a folder's name, =, and a number above 0")
    return folder, int(times)


def share(text: str) -> float:
    """Parse a number from 0 up to, but below, 1."""
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 up to, but below, 1")
    return value
