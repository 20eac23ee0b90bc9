"""Run ``compare`` and ``ablate``: make the requested rows, and print all rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from training.run import make_folder

from .ablations import VARIANTS
from .budget import Budget
from .rows import ROWS, Maker, Row, trained
from .table import of_ablations, of_rows
from .task import Task

COMMITTED = Path(__file__).parent.parent / "comparison"
"""The rows in the repository, a folder for each task."""

WRITTEN = Path("runs/comparison")
"""The folder of new rows, so that a trial replaces no committed row."""

Results = Sequence[Path]
"""Folders of rows: rows are written to the first, and its copy of a row takes precedence."""


def compare(task: Task, names: Sequence[str], budget: Budget, results: Results, work: Path) -> str:
    """Make the named rows and write them to ``results``; return the table of all rows.

    Unfinished training is kept in ``work``, and the same call resumes it. Raises `Interrupted`
    after Ctrl-C, RunError where a folder cannot be made, and whatever `training.train` raises.
    """
    for name in names:
        _make(name, ROWS[name], task, budget, results, work)
    return of_rows(read(results, task), task.name)


def ablate(
    task: Task,
    names: Sequence[str],
    budget: Budget,
    results: Results,
    work: Path,
    *,
    kept: bool = False,
) -> str:
    """Train the named variants and write their rows; return the table of all rows.

    The call resumes interrupted work and raises as `compare` does. With ``kept``, the run folders
    stay in ``work``.
    """
    for name in names:
        variant = VARIANTS[name]
        maker = partial(trained, name, variant.about, variant.config)
        _make(name, maker, task, budget, results, work, kept=kept)
    found = {row.name: row for row in read(results, task, VARIANTS)}
    return of_ablations(list(found.values()), found.get("base"))


def _make(
    name: str,
    maker: Maker,
    task: Task,
    budget: Budget,
    results: Results,
    work: Path,
    *,
    kept: bool = False,
) -> None:
    written, folder = results[0] / task.name, work / task.name / name
    for one in (written, folder):
        make_folder(one)
    maker(task, budget, folder).write(written / f"{name}.json")
    if not kept:
        shutil.rmtree(folder)


def read(results: Results, task: Task, names: Iterable[str] = ROWS) -> list[Row]:
    """Return the rows of these names that were made from the task's texts."""
    return [row for name in names if (row := _found(results, task, name))]


def _found(results: Results, task: Task, name: str) -> Row | None:
    paths = (folder / task.name / f"{name}.json" for folder in results)
    rows = (Row.read(path) for path in paths if path.exists())
    return next((row for row in rows if row.text == task.fingerprint), None)
