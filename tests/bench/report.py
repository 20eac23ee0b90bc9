"""Report the measurements as tables and a plot."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from bot.generation.provenance import find_processor_name
from tests.tools.tables import format_table

Curves = Mapping[str, Mapping[int, float]]
"""Characters a second by the number of rows, for each contestant."""

TITLES = ("figure", "measured", "against", "ratio", "bound", "met")


@dataclass(frozen=True)
class Finding:
    """A figure, and its bound."""

    what: str
    measured: str
    """The figure with its unit."""
    value: float
    """The value to compare with the bound: a ratio for a comparison, else the figure itself."""
    asked: float
    """The bound."""
    unit: str = "{:,.2f}"
    """The format of `asked`."""
    at_least: bool = False
    """True if the bound is a lower bound."""
    against: str = ""
    """The other side of a comparison."""

    @property
    def met(self) -> bool:
        """Return whether the value meets its bound."""
        return self.value >= self.asked if self.at_least else self.value < self.asked

    def format_cells(self) -> tuple[str, ...]:
        """Return the finding's row of the table."""
        ratio = self.unit.format(self.value) if self.against else ""
        asked = f"{'at least' if self.at_least else 'under'} {self.unit.format(self.asked)}"
        return (self.what, self.measured, self.against, ratio, asked, "yes" if self.met else "NO")


def limited(what: str, value: float, limit: float, unit: str) -> Finding:
    """Return a figure that must stay below a limit."""
    return Finding(what, unit.format(value), value, limit, unit)


def table(findings: Sequence[Finding]) -> str:
    """Return a table of the findings, and how many meet their bounds."""
    rows = [TITLES, *(finding.format_cells() for finding in findings)]
    met = sum(finding.met for finding in findings)
    return f"{format_table(rows)}\n\n{met} of {len(findings)} bounds are met."


def curve_table(curves: Curves) -> str:
    """Return a table of the speeds by the number of rows."""
    rows = [("characters/s by rows", *map(str, next(iter(curves.values()))))]
    for name, curve in curves.items():
        rows.append((name, *(f"{speed:,.0f}" for speed in curve.values())))
    return format_table(rows)


def where(threads: int, rounds: int, voice: str) -> dict[str, Any]:
    """Describe the machine, the software and the date."""
    return {
        "processor": find_processor_name(),
        "threads": threads,
        "python": platform.python_version(),
        **{name: version(name) for name in ("onnxruntime", "torch", "numpy")},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "rounds": rounds,
        "voice": voice,
    }


def draw(curves: Curves, picture: Path, about: Mapping[str, Any]) -> None:
    """Plot the curves in a PNG that is legible at a width of 700 pixels."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(
        xlabel="lines written side by side",
        ylabel="characters per second, all lines together",
        xscale="log",
        title=f"{about['threads']} threads of {about['processor']}",
    )
    for name, curve in curves.items():
        axes.plot(*zip(*curve.items(), strict=True), "o-", label=name)
    rows = sorted({rows for curve in curves.values() for rows in curve})
    axes.set_xticks(rows, [str(number) for number in rows])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(picture, dpi=200)
