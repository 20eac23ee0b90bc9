"""``compare`` and ``ablate``: make the rows that are asked for, and print all there are."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from .ablations import VARIANTS
from .budget import Budget
from .rows import ROWS, Row, trained
from .table import of_ablations, of_rows
from .task import Task

COMMITTED = Path(__file__).parent.parent / "comparison"
"""Where the rows lie, a folder for each task."""


def compare(task: Task, names: Sequence[str], budget: Budget, results: Path, work: Path) -> str:
    """Makes the named rows anew and writes them to ``results``; returns the table of all there.

    What a row has learned lies in ``work`` until it is whole; the same call goes on from there.
    Raises `Interrupted` after Ctrl-C, and what `training.train` raises.
    """
    for name in names:
        folder = work / task.name / name
        row = ROWS[name](task, budget, folder)
        row.write(results / task.name / f"{name}.json")
        shutil.rmtree(folder, ignore_errors=True)
    return of_rows(read(results / task.name), task.name)


def ablate(task: Task, names: Sequence[str], budget: Budget, results: Path, work: Path) -> str:
    """Trains the named variants, writes their rows, and returns the table of all there.

    It goes on where it stopped, and raises, as `compare` does.
    """
    for name in names:
        folder = work / task.name / name
        variant = VARIANTS[name]
        row = trained(name, variant.about, variant.config, task, budget, folder)
        row.write(results / task.name / f"{name}.json")
        shutil.rmtree(folder, ignore_errors=True)
    found = {row.name: row for row in read(results / task.name, VARIANTS)}
    return of_ablations(list(found.values()), found.get("base"))


def read(folder: Path, names: Iterable[str] = ROWS) -> list[Row]:
    """The rows of these names that were made."""
    paths = (folder / f"{name}.json" for name in names)
    return [Row.read(path) for path in paths if path.exists()]
