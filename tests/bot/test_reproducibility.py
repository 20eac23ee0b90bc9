"""Test that a line is the same, bit for bit, however it is written: 70 of the lines."""

from __future__ import annotations

from pathlib import Path

from tests.soak.reproducibility import ROWS, examine


async def test_lines_are_the_same_alone_among_others_cancelled_and_read_again(voices: Path):
    found = await examine(voices / "tiny.onnx", lines=70)
    assert found.differing == 0
    # Few lines have nothing left to say, so most lines were compared.
    assert found.speechless < 7
    assert len(found.rows) > ROWS // 2
    assert max(found.rows) == ROWS
