"""Test a part of `python -m tests.soak.fuzz`, with another seed."""

from __future__ import annotations

from pathlib import Path

from tests.soak.fuzz import run


def test_whatever_is_sent_is_answered_and_pings_nobody(voices: Path) -> None:
    report = run(300, seeded=2, models=voices, model="tiny", threads=1)
    assert report.fine, str(report)
    assert report.inputs.total() == 300
    # So many answers mean that the inputs passed the checks which refuse at once.
    assert len(report.answers) > 30, str(report)
