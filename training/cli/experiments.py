"""Run ``compare``: measure On Book's network beside others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import UseAppendAction, arg, create_mutex_group

from training.errors import UserError
from training.experiments import comparison, task
from training.experiments.rows import NO_BUDGET, ROWS, Maker, Row
from training.experiments.task import Task
from training.experiments.trainee import Budget, Interrupted, Unit
from training.ranges import OptionalPositiveInt, PositiveFloat

from .command import INTERRUPTED, UNSET, Command

LENGTH = create_mutex_group(required=False)
CORPUS = create_mutex_group(required=False)


def _list_names(rows: Iterable[str]) -> Any:  # noqa: ANN401 - tyro's annotation has no type
    """Return the help of ``--only``."""
    return arg(help=f"Make this row, then print the table: {', '.join(rows)}.")


@dataclass(frozen=True, kw_only=True)
class Rows(Command):
    """A command that makes rows of a table."""

    only: tuple[str, ...] = ()
    all: bool = False
    """Make all missing rows."""
    results: Annotated[Path | None, UNSET] = None
    """The folder of rows, instead of runs/comparison and training/experiments/results."""
    work: Path = Path("runs/compare")
    """The folder where unfinished rows are kept, to be resumed."""

    def make(
        self,
        asked: Task,
        makers: Mapping[str, Maker],
        table: Callable[[list[Row]], str],
    ) -> int:
        """Make the named rows and with ``--all`` all missing ones, and print the table.

        A row made with another budget counts as missing, unless the row needs no budget.
        """
        if unknown := set(self.only) - makers.keys():
            raise UserError(f"There is no row {unknown.pop()}: choose from {', '.join(makers)}.")
        units: tuple[Unit, ...] = ("steps", "characters", "minutes")
        budget = next(Budget(n, unit) for unit in units if (n := getattr(self, unit, None)))
        folders = [self.results] if self.results else [comparison.WRITTEN, comparison.COMMITTED]
        names = list(self.only)
        if self.all:
            made = comparison.read(folders, asked, makers)
            there = {row.name for row in made if row.budget in (NO_BUDGET, str(budget))}
            names += [name for name in makers if name not in there and name not in names]
        try:
            comparison.make_rows(makers, names, asked, budget, folders, self.work)
        except Interrupted:
            print("Stopped and saved. Repeat the command to continue.")
            return INTERRUPTED
        print(table(comparison.read(folders, asked, makers)))
        return 0


@dataclass(frozen=True, kw_only=True)
class Compare(Rows):
    """Train other models on the same text."""

    only: Annotated[UseAppendAction[tuple[str, ...]], _list_names(ROWS)] = ()
    minutes: Annotated[PositiveFloat, LENGTH] = 90.0
    """The time that each learns, in minutes of one core: two cores have 90 in 45."""
    steps: Annotated[OptionalPositiveInt, LENGTH] = None
    """The steps that each learns."""
    characters: Annotated[OptionalPositiveInt, LENGTH] = None
    """The characters that each reads, in all epochs."""
    tinyshakespeare: Annotated[Path | None, CORPUS, UNSET] = None
    """Instead of the plays: the first 90% of this file, judged on the last 10%."""
    corpus: Annotated[Path | None, CORPUS, UNSET] = None
    """Instead of the plays: a folder with `train`, `validation` and perhaps `test`."""

    def __call__(self) -> int:
        """Make rows, and print the table of all models."""
        if self.tinyshakespeare:
            asked = task.tinyshakespeare(self.tinyshakespeare)
        else:
            asked = task.of_corpus(self.corpus) if self.corpus else task.plays()
        return self.make(asked, ROWS, lambda rows: comparison.of_rows(rows, asked.name))
