"""Compare figures with their bounds, and summarise waiting times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.tools.tables import format_table

COUNT = "{:,.0f}"
"""The format of counts."""

MB = "{:,.0f} MB"

MEMORY = 400e6
"""The most resident memory of a process of the bot [bytes]."""

PERCENTILES = (50, 95, 99, 100)


@dataclass(frozen=True)
class Finding:
    """A figure, and its upper bound."""

    what: str
    seen: float
    most: float
    unit: str = COUNT
    """The format of both."""

    @property
    def is_count(self) -> bool:
        """Return whether the figure is a count, which does not depend on the machine's speed."""
        return self.unit == COUNT

    @property
    def met(self) -> bool:
        """Return whether the figure meets its bound; nan does not."""
        return self.seen <= self.most

    def format_cells(self) -> tuple[str, ...]:
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

    def __str__(self) -> str:
        rows = [("", "bound", "measured", "met"), *(item.format_cells() for item in self.findings)]
        return "\n\n".join([self.title, format_table(rows), *self.tables])


def resident(processes: Sequence[int], most: float = MEMORY) -> list[Finding]:
    """Judge the resident memory (RSS) of each process of the bot [bytes]."""
    return [
        Finding(f"memory of {who} after use (RSS)", memory / 1e6, most / 1e6, MB)
        for who, memory in zip(bots(len(processes)), processes, strict=True)
    ]


def bots(count: int) -> list[str]:
    """Return the names of the bot's processes, by their shards."""
    if count == 1:
        return ["the bot"]
    return [f"the bot with shard {shard} of {count}" for shard in range(count)]


def percentile(values: Sequence[float], share: float) -> float:
    """Return a percentile of values, or nan, which meets no bound, if there are no values."""
    return float(np.percentile(values, share)) if len(values) else float("nan")


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return the `PERCENTILES` of values, by name."""
    return {
        "most" if percent == 100 else f"{percent} %": percentile(values, percent)
        for percent in PERCENTILES
    }


def waits(times: Mapping[str, Sequence[float]]) -> str:
    """Return a table of durations [s], in milliseconds."""
    rows = [("milliseconds", "count", *percentiles([]))]
    for what, values in times.items():
        cells = (
            f"{1000 * value:,.0f}" if values else "-" for value in percentiles(values).values()
        )
        rows.append((what, f"{len(values):,}", *cells))
    return format_table(rows)
