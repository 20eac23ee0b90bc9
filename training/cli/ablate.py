"""Run ``ablate``: measure what single changes to the network do."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.experiments import comparison, task
from training.experiments.ablations import VARIANTS
from training.experiments.trainee import Budget

from .arguments import Commands, add_results, positive
from .compare import run_rows


def add_command(commands: Commands) -> None:
    """Add the command to the command line."""
    one = commands.add_parser("ablate", help="measure what single changes to the network do")
    one.add_argument("file", type=Path, metavar="FILE", help="tinyshakespeare")
    one.add_argument(
        "--characters",
        type=positive(int),
        default=1_500_000,
        help="characters that each reads [%(default)s]",
    )
    add_results(one, list(VARIANTS), comparison.WRITTEN, comparison.COMMITTED)
    one.set_defaults(command=_ablate)


def _ablate(options: argparse.Namespace) -> int:
    budget = Budget(options.characters, "characters")
    return run_rows(options, task.ablations(options.file), budget, VARIANTS, comparison.ablate)
