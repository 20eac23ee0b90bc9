"""Run ``compare``: train other models on the same text."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

from training.experiments import comparison, task
from training.experiments.rows import NO_BUDGET, ROWS
from training.experiments.task import Task
from training.experiments.trainee import Budget, Interrupted

from .arguments import INTERRUPTED, Commands, add_results, positive


def add_command(commands: Commands) -> None:
    """Add the command to the command line."""
    one = commands.add_parser("compare", help="train other models on the same text")
    length = one.add_mutually_exclusive_group()
    length.add_argument(
        "--minutes",
        type=positive(float),
        help="time that each learns, in minutes of one core (default: 90, which two cores have in "
        "45)",
    )
    length.add_argument("--steps", type=positive(int), help="steps that each learns")
    length.add_argument(
        "--characters", type=positive(int), help="characters that each reads, in all epochs"
    )
    texts = one.add_mutually_exclusive_group()
    texts.add_argument(
        "--tinyshakespeare",
        type=Path,
        metavar="FILE",
        help="instead of the plays: the first 90%% of FILE, judged on the last 10%%",
    )
    texts.add_argument(
        "--corpus",
        type=Path,
        metavar="DIR",
        help="instead of the plays: a folder with 'train', 'validation' and perhaps 'test'",
    )
    add_results(one, list(ROWS), comparison.WRITTEN, comparison.COMMITTED)
    one.set_defaults(command=_compare)


def _compare(options: argparse.Namespace) -> int:
    if options.tinyshakespeare:
        asked = task.tinyshakespeare(options.tinyshakespeare)
    elif options.corpus:
        asked = task.of_corpus(options.corpus)
    else:
        asked = task.plays()
    budget = Budget(options.minutes or 90.0, "minutes")
    if options.steps:
        budget = Budget(options.steps, "steps")
    elif options.characters:
        budget = Budget(options.characters, "characters")
    return run_rows(options, asked, budget, ROWS, comparison.compare)


def run_rows(
    options: argparse.Namespace,
    asked: Task,
    budget: Budget,
    rows: Iterable[str],
    make: Callable[..., str],
) -> int:
    """Make the named rows and with ``--all`` all missing ones, and print the table.

    A row made with another budget counts as missing, unless the row needs no budget.
    """
    names = list(options.only)
    if options.all:
        made = comparison.read(options.results, asked, rows)
        there = {row.name for row in made if row.budget in (NO_BUDGET, str(budget))}
        names += [name for name in rows if name not in there and name not in names]
    try:
        print(make(asked, names, budget, options.results, options.work))
    except Interrupted:
        print("Stopped and saved. Repeat the command to continue.")
        return INTERRUPTED
    return 0
