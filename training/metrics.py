"""Record the metrics of a run in ``metrics.jsonl``, a line per report, and draw them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

Row = Mapping[str, float]


def read_rows(path: Path) -> list[Row]:
    """Return the metrics in order; nothing if there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def add_row(path: Path, row: Row) -> None:
    """Append a line to the metrics."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def drop_rows_after(path: Path, step: int) -> None:
    """Drop the metrics of steps that were not saved, because they will be logged again."""
    if path.exists():
        kept = [row for row in read_rows(path) if row["step"] <= step]
        path.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")


def draw_curves(path: Path, picture: Path) -> None:
    """Draw the training and validation bits to a PNG."""
    rows = read_rows(path)
    trained = [(row["step"], row["train_bits"]) for row in rows if "train_bits" in row]
    judged = [(row["step"], row["validation_bits"]) for row in rows if "validation_bits" in row]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot(
        xlabel="step",
        ylabel="bits per character",
        title="What a character costs while the voice learns",
    )
    if trained:
        axes.plot(*zip(*trained, strict=True), label="training, with dropout", lw=1, color="C0")
    if judged:
        axes.plot(*zip(*judged, strict=True), "o-", label="validation", color="C1")
        best = min(judged, key=lambda point: point[1])
        axes.annotate(
            f"{best[1]:.3f}", best, textcoords="offset points", xytext=(0, -14), ha="center"
        )
        # The first steps cost so much that their bits would flatten the rest of the curve.
        axes.set_ylim(min(b for _, b in trained + judged) - 0.1, max(judged[0][1] + 0.3, 2.5))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(picture, dpi=120)
