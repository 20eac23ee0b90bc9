"""Run ``evaluate`` and ``calibrate``: measure a run on texts, and fit its confidence to one."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.data.texts import read
from training.evaluation import COLD_WINDOW, calibrated, carried, cold_windows
from training.run import Run

from .arguments import Commands, add_texts


def add_commands(commands: Commands) -> None:
    """Add ``evaluate`` and ``calibrate``."""
    one = commands.add_parser("evaluate")
    one.add_argument("run", type=Path, metavar="RUN", help="a run folder")
    add_texts(one, "the texts to read")
    one.set_defaults(command=_evaluate)

    one = commands.add_parser("calibrate")
    one.add_argument("run", type=Path, metavar="RUN", help="a run folder, whose weights change")
    one.add_argument("text", type=Path, metavar="TEXT", help="a text that it has not learned")
    one.set_defaults(command=_calibrate)


def _evaluate(options: argparse.Namespace) -> int:
    run = Run(options.run)
    model, vocabulary = run.model(), run.vocabulary()
    heads = "text", "characters", "skipped", "carried state", "cold windows"
    print("{:28} {:>10} {:>8} {:>14} {:>13}".format(*heads))
    for path in options.texts:
        text = read(path)
        cost = carried(model, vocabulary, text.content)
        cold = cold_windows(model, vocabulary, text.content)
        print(
            f"{text.name:28} {cost.characters:10,} {vocabulary.skipped(text.content):8,} "
            f"{cost.per_character:14.4f} {cold.per_character:13.4f}"
        )
    print(
        "Bits per character. Carried state: read from start to end. "
        f"Cold windows: {COLD_WINDOW} characters each, from an empty state."
    )
    return 0


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
