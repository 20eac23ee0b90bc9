"""Make rows of ``compare``, and a Markdown table of rows."""

from __future__ import annotations

import math
import shutil
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from training.run import make_folder

from .rows import Maker, Row
from .task import Task
from .trainee import Budget

COMMITTED = Path(__file__).parent / "results"
"""The rows in the repository, a folder for each task."""

WRITTEN = Path("runs/comparison")
"""The folder of new rows, so that a trial replaces no committed row."""

NATS_PER_BIT = math.log(2)

SIZES = ("budget", "trained on", "parameters", "counted")

MOST_TEXTS = 6
"""The most texts that have a column each."""

PUBLISHED = (
    ("nanoGPT, 10.65 M parameters, on a GPU", None, 1.4697),
    ("minLSTM", None, 1.555),
    ("Mamba", None, 1.575),
    ("torch-rnn, about", 1.6, None),
)
"""Nats per character on tinyshakespeare's last tenth, carried and cold, as published."""

Results = Sequence[Path]
"""Folders of rows: rows are written to the first, and its copy of a row takes precedence."""


def make_rows(
    makers: Mapping[str, Maker],
    names: Iterable[str],
    task: Task,
    budget: Budget,
    results: Results,
    work: Path,
) -> None:
    """Make the named rows and write them to the first of ``results``.

    Unfinished training is kept in ``work``, and the same call resumes it. Raises `Interrupted`
    after Ctrl-C, RunError where a folder cannot be made, and whatever the training raises.
    """
    for name in names:
        written, folder = results[0] / task.name, work / task.name / name
        for one in (written, folder):
            make_folder(one)
        makers[name](task, budget, folder).write(written / f"{name}.json")
        shutil.rmtree(folder)


def read(results: Results, task: Task, names: Iterable[str]) -> list[Row]:
    """Return the rows of these names that were made from the task's texts."""
    found = []
    for name in names:
        paths = (folder / task.name / f"{name}.json" for folder in results)
        rows = (Row.read(path) for path in paths if path.exists())
        found += [row for row in rows if row.text == task.fingerprint][:1]
    return found


def of_rows(rows: Sequence[Row], task: str) -> str:
    """Return a Markdown table of a task: bits per character, or nats on tinyshakespeare.

    More than `MOST_TEXTS` texts are summarised by their mean.
    """
    nats = task == "tinyshakespeare"
    texts = list(dict.fromkeys(name for row in rows for name in row.carried))
    if len(texts) > MOST_TEXTS:
        return of_rows([_mean(row) for row in rows], task)
    heads = ["", *SIZES, *(f"{text}, {how}" for text in texts for how in ("carried", "cold"))]
    lines = [line(heads), line(["---", *("---:" for _ in heads[1:])])]
    unit = NATS_PER_BIT if nats else 1
    for row in rows:
        every = [kind.get(text) for text in texts for kind in (row.carried, row.cold)]
        figures = ["" if bits is None else f"{bits * unit:.4f}" for bits in every]
        sizes = [_number(row.parameters), _number(row.counted)]
        lines.append(line([row.about, row.budget, _trained(row), *sizes, *figures]))
    if nats:
        for name, *published in PUBLISHED:
            figures = ["" if figure is None else f"{figure:g}" for figure in published]
            nothing = [""] * len(SIZES)
            lines.append(line([f"published: {name}", *nothing, *figures]))
    legend = (
        f"{'Nats' if nats else 'Bits'} per character. Carried: the text is read from start to end. "
        f"Cold: in windows of 256 characters, each from an empty state; not comparable with "
        f"carried. Budget: of one core where it is minutes; evaluations use up ours, and none of "
        f"the recipes'. Trained on: characters read, those of further epochs included, in minutes "
        f"of one core. Counted: numbers of a byte of a prior beside a network; what is counts "
        f"alone has no figure."
    )
    return "\n".join([*lines, "", legend])


def _mean(row: Row) -> Row:
    """Return a row with the mean over its texts in place of each text."""
    name = f"mean of {len(row.carried)} texts"
    carried, cold = (list(kind.values()) for kind in (row.carried, row.cold))
    return replace(
        row,
        carried={name: statistics.mean(carried)},
        cold={name: statistics.mean(cold)} if cold else {},
    )


def _number(size: int) -> str:
    return f"{size:,}" if size else ""


def _trained(row: Row) -> str:
    if not row.characters:
        return ""
    return f"{row.characters / 1e6:,.1f} M in {row.seconds / 60:.0f} min"


def line(cells: Iterable[str]) -> str:
    """Return a line of a Markdown table."""
    return f"| {' | '.join(cells)} |"
