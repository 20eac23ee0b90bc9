"""Test voices that change while people write: a part of ``python -m tests.soak.swaps``.

That program checks the event loop's delay, too, which a busy machine cannot.
"""

from __future__ import annotations

from pathlib import Path

from tests.soak import swaps


def test_nobody_notices_a_change_of_voice_but_by_the_lines(voices: Path):
    files = [voices / "tiny.onnx", voices / "other.onnx"]
    found = swaps.measured(files, channels=3, changes=3, threads=1, before=0.1)
    assert found.failed == []
    assert found.changes == 3
    assert found.commands > 5
    assert found.voices >= {swaps.VOICE}
    assert found.late
    assert found.late_before
    assert "3 changes of voice" in found.report()


def test_the_command_fails_where_one_was_not_answered_or_the_loop_was_late():
    assert swaps.Outcome(changes=1, late=[0.01]).fine
    assert not swaps.Outcome(changes=1, late=[0.01], failed=["Too many lines"]).fine
    assert not swaps.Outcome(changes=1, late=[0.01, 2 * swaps.AT_MOST]).fine
    assert not swaps.Outcome(late=[0.01]).fine
    assert not swaps.Outcome(changes=1).fine
