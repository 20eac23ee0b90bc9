"""Run ``calibrate``: scale the logits of a run for another text."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.data.texts import read
from training.evaluation import calibrated, carried
from training.run import Run

from .arguments import Commands


def add_command(commands: Commands) -> None:
    """Add the command to the command line."""
    one = commands.add_parser(
        "calibrate", help="scale a run's logits so that its confidence fits a text"
    )
    one.add_argument("run", type=Path, metavar="RUN", help="a run folder, whose weights change")
    one.add_argument("text", type=Path, metavar="TEXT", help="a text that it has not learned")
    one.set_defaults(command=_calibrate)


def _calibrate(options: argparse.Namespace) -> int:
    run, text = Run(options.run), read(options.text)
    model, vocabulary = run.model(), run.vocabulary()
    before = carried(model, vocabulary, text.content)
    temperatures, cost = calibrated(model, vocabulary, text.content)
    run.divide_logits(temperatures, cost.per_character)
    divisors = " ".join(f"{one:g}" for one in temperatures)
    print(
        f"Its logits are divided by {divisors} now: a character of {text.name} costs "
        f"{cost.per_character:.4f} bits, and cost {before.per_character:.4f} before."
    )
    return 0
