"""Findings: what was asked beside what was seen, and how long people waited."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.soak.machine import Memory

COUNT = "{:,.0f}"
"""The format of counts."""

MB = "{:,.0f} MB"

MEMORY = 400e6
"""Bytes that a process of the bot may take."""

PERCENTILES = (50, 95, 99, 100)


@dataclass(frozen=True)
class Finding:
    """A figure, and the upper bound that it is judged by."""

    what: str
    seen: float
    most: float
    unit: str = COUNT
    """The format of both."""

    @property
    def is_count(self) -> bool:
        """Return whether the figure depends on neither the machine's speed nor the scale."""
        return self.unit == COUNT

    @property
    def met(self) -> bool:
        """Return whether the figure meets its bound; one that was not measured does not."""
        return self.seen <= self.most

    def cells(self) -> tuple[str, ...]:
        """Return the finding's row of the table."""
        asked = "none" if not self.most else f"at most {self.unit.format(self.most)}"
        return self.what, asked, self.unit.format(self.seen), "yes" if self.met else "NO"


@dataclass
class Report:
    """The findings of one scenario."""

    title: str
    findings: list[Finding] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    """Further results, as text."""
    numbers: dict[str, Any] = field(default_factory=dict)
    """All results and more, for JSON."""

    def __str__(self) -> str:
        rows = [("", "asked", "seen", "met"), *(one.cells() for one in self.findings)]
        return "\n\n".join([self.title, table(rows), *self.tables])

    def document(self) -> dict[str, Any]:
        """Return all results, for JSON."""
        findings = [vars(one) | {"met": one.met} for one in self.findings]
        return {"title": self.title, "findings": findings, "numbers": self.numbers}


def resident(processes: Sequence[Memory]) -> list[Finding]:
    """Judge the resident memory (RSS) of each process of the bot."""
    each = zip(bots(len(processes)), processes, strict=True)
    return [
        Finding(f"memory of {who} after use (RSS)", one.resident / 1e6, MEMORY / 1e6, MB)
        for who, one in each
    ]


def bots(count: int) -> list[str]:
    """Name so many processes of the bot, by their shards."""
    if count == 1:
        return ["the bot"]
    return [f"the bot with shard {shard} of {count}" for shard in range(count)]


def table(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as a table, the first column to the left and numbers to the right."""
    rows = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides: list[Callable[[str, int], str]] = [str.ljust, *[str.rjust] * (len(widths) - 1)]
    return "\n".join(
        "  ".join(side(cell, width) for side, cell, width in zip(sides, row, widths, strict=True))
        for row in rows
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return a percentile; nan, which meets no bound, for no values."""
    return float(np.percentile(values, share)) if len(values) else float("nan")


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return the percentiles that are shown, by name."""
    return {"most" if one == 100 else f"{one} %": percentile(values, one) for one in PERCENTILES}


def waits(times: Mapping[str, Sequence[float]]) -> str:
    """Return a table of durations, in milliseconds."""
    rows = [("milliseconds", "count", *percentiles([]))]
    for what, values in times.items():
        cells = [
            f"{1000 * value:,.0f}" if values else "-" for value in percentiles(values).values()
        ]
        rows.append((what, f"{len(values):,}", *cells))
    return table(rows)
