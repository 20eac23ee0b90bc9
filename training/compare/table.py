"""Format the comparison as Markdown tables."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from .rows import Row

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
    for row in rows:
        figures = [
            _figure(kind.get(text), nats) for text in texts for kind in (row.carried, row.cold)
        ]
        lines.append(line([row.about, *_sizes(row), *figures]))
    if nats:
        for name, *published in PUBLISHED:
            figures = ["" if figure is None else f"{figure:g}" for figure in published]
            nothing = [""] * len(SIZES)
            lines.append(line([f"published: {name}", *nothing, *figures]))
    return "\n".join([*lines, "", _legend(nats)])


def _mean(row: Row) -> Row:
    """Return a row with the mean over its texts in place of each text."""
    name = f"mean of {len(row.carried)} texts"
    carried, cold = (list(kind.values()) for kind in (row.carried, row.cold))
    return replace(
        row,
        carried={name: statistics.mean(carried)},
        cold={name: statistics.mean(cold)} if cold else {},
    )


def _sizes(row: Row) -> list[str]:
    return [row.budget, _trained(row), _number(row.parameters), _number(row.counted)]


def _number(size: int) -> str:
    return f"{size:,}" if size else ""


def _trained(row: Row) -> str:
    if not row.characters:
        return ""
    return f"{row.characters / 1e6:,.1f} M in {row.seconds / 60:.0f} min"


def _figure(bits: float | None, nats: bool) -> str:
    if bits is None:
        return ""
    return f"{bits * NATS_PER_BIT:.4f}" if nats else f"{bits:.4f}"


def line(cells: Iterable[str]) -> str:
    """Return a line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def _legend(nats: bool) -> str:
    unit = "Nats" if nats else "Bits"
    return (
        f"{unit} per character. Carried: the text is read from start to end. Cold: in windows of "
        f"256 characters, each from an empty state; not comparable with carried. "
        f"Budget: of one core where it is minutes; evaluations use up ours, and none of the "
        f"recipes'. Trained on: characters read, those of further epochs included, in minutes of "
        f"one core. Counted: numbers of a byte of a prior beside a network; what is counts alone "
        f"has no figure."
    )


def of_ablations(rows: Sequence[Row], base: Row | None) -> str:
    """Return a Markdown table of single changes in bits per character, the best first."""
    lines = [
        line(["", "carried", "against base", "cold", "parameters", "counted", "trained on"]),
        line(["---", *["---:"] * 6]),
    ]
    for row in sorted(rows, key=lambda row: _bits(row.carried)):
        moved = f"{_bits(row.carried) / _bits(base.carried) - 1:+.2%}" if base else ""
        figures = [f"{_bits(row.carried):.4f}", moved, f"{_bits(row.cold):.4f}"]
        sizes = [_number(row.parameters), _number(row.counted)]
        lines.append(line([row.about, *figures, *sizes, _trained(row)]))
    return "\n".join(lines)


def _bits(bits: Mapping[str, float]) -> float:
    """Return the bits per character of the first text."""
    return next(iter(bits.values()))
