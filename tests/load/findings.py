"""Findings: what was asked beside what was seen, and how long people waited."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.machine import Memory

COUNT = "{:,.0f}"
"""How what is counted is shown."""

MB = "{:,.0f} MB"

MEMORY = 400e6
"""Bytes that a process of the bot may take."""

PERCENTILES = (50, 95, 99, 100)


@dataclass(frozen=True)
class Finding:
    """One figure, and the bound that was asked of it: it must not be above that."""

    what: str
    seen: float
    most: float
    unit: str = COUNT
    """How both are shown."""

    @property
    def is_count(self) -> bool:
        """Whether it is no matter of how fast the machine is, or how large a scenario."""
        return self.unit == COUNT

    @property
    def met(self) -> bool:
        """Whether it is as good as was asked. What was not seen at all is not."""
        return self.seen <= self.most

    def cells(self) -> tuple[str, ...]:
        """Its line of the table."""
        asked = "none" if not self.most else f"at most {self.unit.format(self.most)}"
        return self.what, asked, self.unit.format(self.seen), "yes" if self.met else "NO"


@dataclass
class Report:
    """What one scenario has found."""

    title: str
    findings: list[Finding] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    """What else is worth knowing, as text."""
    numbers: dict[str, Any] = field(default_factory=dict)
    """The same and more, for JSON."""

    def __str__(self) -> str:
        rows = [("", "asked", "seen", "met"), *(one.cells() for one in self.findings)]
        return "\n\n".join([self.title, table(rows), *self.tables])

    def document(self) -> dict[str, Any]:
        """All of it, for JSON."""
        findings = [vars(one) | {"met": one.met} for one in self.findings]
        return {"title": self.title, "findings": findings, "numbers": self.numbers}


def resident(processes: Sequence[Memory]) -> list[Finding]:
    """What each process of the bot has in memory (RSS), beside what it may."""
    each = zip(bots(len(processes)), processes, strict=True)
    return [
        Finding(f"memory of {who} after use (RSS)", one.resident / 1e6, MEMORY / 1e6, MB)
        for who, one in each
    ]


def bots(count: int) -> list[str]:
    """What so many processes of the bot are called, by their shards."""
    if count == 1:
        return ["the bot"]
    return [f"the bot with shard {shard} of {count}" for shard in range(count)]


def table(rows: Iterable[Sequence[str]]) -> str:
    """Rows below one another, the first column to the left and numbers to the right."""
    rows = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides: list[Callable[[str, int], str]] = [str.ljust, *[str.rjust] * (len(widths) - 1)]
    return "\n".join(
        "  ".join(side(cell, width) for side, cell, width in zip(sides, row, widths, strict=True))
        for row in rows
    )


def percentile(values: Sequence[float], share: float) -> float:
    """A percentile; not a number of nothing, which meets no bound."""
    return float(np.percentile(values, share)) if len(values) else float("nan")


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Those that are shown, by their names."""
    return {"most" if one == 100 else f"{one} %": percentile(values, one) for one in PERCENTILES}


def waits(times: Mapping[str, Sequence[float]]) -> str:
    """A table of how long things took, in milliseconds."""
    rows = [("milliseconds", "count", *percentiles([]))]
    for what, values in times.items():
        cells = [
            f"{1000 * value:,.0f}" if values else "-" for value in percentiles(values).values()
        ]
        rows.append((what, f"{len(values):,}", *cells))
    return table(rows)
