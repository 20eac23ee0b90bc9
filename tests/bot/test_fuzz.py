"""Test a tenth of `python -m tests.soak.fuzz`, with another seed."""

from __future__ import annotations

from tests.soak.fuzz import run


def test_whatever_is_sent_is_answered_and_pings_nobody() -> None:
    report = run(1000, seeded=2)
    assert report.fine, str(report)
    assert report.inputs.total() == 1000
    # So many answers mean that the inputs passed the checks which refuse at once.
    assert len(report.answers) > 50, str(report)
