"""``python -m training compare``: makes the rows that are asked for, prints all that there are."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from .budget import Budget
from .rows import ROWS, Row
from .table import of_rows
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


def read(folder: Path) -> list[Row]:
    """The rows that were made, in the order of `ROWS`."""
    paths = (folder / f"{name}.json" for name in ROWS)
    return [Row.read(path) for path in paths if path.exists()]
