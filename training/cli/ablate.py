"""Run ``ablate``: measure what single changes to the network do."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from training.experiments import comparison, task
from training.experiments.ablations import VARIANTS
from training.experiments.trainee import Budget

from .arguments import Commands, add_results, positive
from .compare import run_rows


def add_command(commands: Commands) -> None:
    """Add the command to the command line."""
    one = commands.add_parser("ablate", help="measure what single changes to the network do")
    one.add_argument("folder", type=Path, metavar="DIR", help="a corpus, such as data/drama")
    length = one.add_mutually_exclusive_group()
    length.add_argument(
        "--minutes",
        type=positive(float),
        default=3.0,
        help="time that each learns, in minutes of one core [%(default)s]",
    )
    length.add_argument("--characters", type=positive(int), help="characters that each reads")
    one.add_argument("--keep", action="store_true", help="keep the run folders in --work")
    add_results(one, list(VARIANTS), comparison.WRITTEN, comparison.COMMITTED)
    one.set_defaults(command=_ablate)


def _ablate(options: argparse.Namespace) -> int:
    budget = Budget(options.minutes, "minutes")
    if options.characters:
        budget = Budget(options.characters, "characters")
    make = partial(comparison.ablate, kept=options.keep)
    return run_rows(options, task.ablations(options.folder), budget, VARIANTS, make)
