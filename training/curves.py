"""Draw the learning curves of a run."""

from __future__ import annotations

import json
from pathlib import Path

from matplotlib.figure import Figure


def draw(metrics: Path, picture: Path) -> None:
    """Draw the training and validation bits of ``metrics.jsonl`` to a PNG."""
    rows = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    trained = [(r["step"], r["train_bits"]) for r in rows if "train_bits" in r]
    judged = [(r["step"], r["validation_bits"]) for r in rows if "validation_bits" in r]
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
