"""Run ``compare``, ``ablate`` and ``benchmark``: measure On Book's network beside others."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from training.config import PRESETS
from training.experiments import comparison, task, throughput
from training.experiments.ablations import VARIANTS
from training.experiments.rows import NO_BUDGET, ROWS, Maker, Row, trained
from training.experiments.task import Task
from training.experiments.trainee import Budget, Interrupted, Unit

from .arguments import INTERRUPTED, Commands, Options, add_precision, positive


def add_commands(commands: Commands) -> None:
    """Add ``compare``, ``ablate`` and ``benchmark``."""
    one = commands.add_parser("compare")
    length = one.add_mutually_exclusive_group()
    length.add_argument(
        "--minutes",
        type=positive(float),
        default=90.0,
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
    _add_results(one, ROWS)
    one.set_defaults(command=_compare, keep=False)

    one = commands.add_parser("ablate")
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
    _add_results(one, VARIANTS)
    one.set_defaults(command=_ablate, steps=None)

    one = commands.add_parser("benchmark")
    one.add_argument(
        "--rounds", type=positive(int), default=7, help="timed rounds of each [%(default)s]"
    )
    one.add_argument(
        "--preset", choices=list(PRESETS), default="standard", help="sizes [%(default)s]"
    )
    add_precision(one)
    one.add_argument(
        "--compile", action="store_true", help="also time torch.compile, which needs a C++ compiler"
    )
    one.set_defaults(command=_benchmark, precision="auto")


def _add_results(options: Options, names: Iterable[str]) -> None:
    """Add the options that say which rows to make, and where rows are stored."""
    options.add_argument(
        "--only",
        action="append",
        default=[],
        choices=list(names),
        metavar="NAME",
        help=f"make this row, then print the table; can be repeated ({', '.join(names)})",
    )
    options.add_argument("--all", action="store_true", help="make all missing rows")
    options.add_argument(
        "--results",
        type=Path,
        nargs=1,
        default=(comparison.WRITTEN, comparison.COMMITTED),
        metavar="DIR",
        help=f"where rows are written and read (default: {comparison.WRITTEN}, then the rows "
        f"committed in training/experiments/results)",
    )
    options.add_argument(
        "--work",
        type=Path,
        default=Path("runs/compare"),
        metavar="DIR",
        help="where unfinished rows are kept, to be resumed [%(default)s]",
    )


def _compare(options: argparse.Namespace) -> int:
    if options.tinyshakespeare:
        asked = task.tinyshakespeare(options.tinyshakespeare)
    else:
        asked = task.of_corpus(options.corpus) if options.corpus else task.plays()
    return _make_rows(options, asked, ROWS, lambda rows: comparison.of_rows(rows, asked.name))


def _ablate(options: argparse.Namespace) -> int:
    makers = {name: partial(trained, name, one.about, one.config) for name, one in VARIANTS.items()}
    return _make_rows(options, task.ablations(options.folder), makers, comparison.of_ablations)


def _make_rows(
    options: argparse.Namespace,
    asked: Task,
    makers: Mapping[str, Maker],
    table: Callable[[list[Row]], str],
) -> int:
    """Make the named rows and with ``--all`` all missing ones, and print the table.

    A row made with another budget counts as missing, unless the row needs no budget.
    """
    units: tuple[Unit, ...] = ("steps", "characters", "minutes")
    budget = next(Budget(n, unit) for unit in units if (n := getattr(options, unit)))
    names = list(options.only)
    if options.all:
        made = comparison.read(options.results, asked, makers)
        there = {row.name for row in made if row.budget in (NO_BUDGET, str(budget))}
        names += [name for name in makers if name not in there and name not in names]
    try:
        comparison.make_rows(
            makers, names, asked, budget, options.results, options.work, kept=options.keep
        )
    except Interrupted:
        print("Stopped and saved. Repeat the command to continue.")
        return INTERRUPTED
    print(table(comparison.read(options.results, asked, makers)))
    return 0


def _benchmark(options: argparse.Namespace) -> int:
    config = dataclasses.replace(PRESETS[options.preset], precision=options.precision)
    print(throughput.report(options.rounds, config, compiled=options.compile))
    return 0
