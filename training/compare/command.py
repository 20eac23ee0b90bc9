"""``compare`` and ``ablate``: make the rows that are asked for, and print all there are."""

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
"""Rows that come with the repository, a folder for each task."""

WRITTEN = Path("runs/comparison")
"""Where rows are written, so that a trial replaces none of those."""

Results = Sequence[Path]
"""Folders of rows: the first is written to, and of a row that several have, its own is read."""


def compare(task: Task, names: Sequence[str], budget: Budget, results: Results, work: Path) -> str:
    """Makes the named rows anew and writes them to ``results``; returns the table of all there.

    What a row has learned lies in ``work`` until it is whole; the same call goes on from there.
    Raises `Interrupted` after Ctrl-C, RunError where a folder cannot be, and what `training.train`
    raises.
    """
    for name in names:
        _make(name, ROWS[name], task, budget, results, work)
    return of_rows(read(results, task), task.name)


def ablate(task: Task, names: Sequence[str], budget: Budget, results: Results, work: Path) -> str:
    """Trains the named variants, writes their rows, and returns the table of all there.

    It goes on where it stopped, and raises, as `compare` does.
    """
    for name in names:
        variant = VARIANTS[name]
        maker = partial(trained, name, variant.about, variant.config)
        _make(name, maker, task, budget, results, work)
    found = {row.name: row for row in read(results, task, VARIANTS)}
    return of_ablations(list(found.values()), found.get("base"))


def _make(
    name: str, maker: Maker, task: Task, budget: Budget, results: Results, work: Path
) -> None:
    written, folder = results[0] / task.name, work / task.name / name
    for one in (written, folder):
        make_folder(one)
    maker(task, budget, folder).write(written / f"{name}.json")
    shutil.rmtree(folder)


def read(results: Results, task: Task, names: Iterable[str] = ROWS) -> list[Row]:
    """The rows of these names that were made of the same texts."""
    return [row for name in names if (row := _found(results, task, name))]


def _found(results: Results, task: Task, name: str) -> Row | None:
    paths = (folder / task.name / f"{name}.json" for folder in results)
    rows = (Row.read(path) for path in paths if path.exists())
    return next((row for row in rows if row.text == task.fingerprint), None)
