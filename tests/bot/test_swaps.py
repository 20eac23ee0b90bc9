"""Voices change while people write: a tenth of what ``python -m tests.swaps`` does."""

from __future__ import annotations

from pathlib import Path

from tests import swaps


def test_nobody_notices_a_change_of_voice_but_by_the_lines(voices: Path):
    files = [voices / "tiny.onnx", voices / "other.onnx"]
    found = swaps.measured(files, channels=2, changes=5, threads=1, before=0.5)
    assert found.failed == []
    assert found.changes == 5
    assert found.commands > 5
    assert found.voices >= {swaps.VOICE}
    assert found.late
    assert found.late_before
    assert "5 changes of voice" in found.report()
