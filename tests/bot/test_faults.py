"""Test faults of the network: a part of ``python -m tests.soak.faults``."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.soak.faults import run


async def test_a_network_that_fails_loses_no_line_and_leaves_nobody_waiting(
    voices: Path, tmp_path: Path
):
    outcome = await asyncio.to_thread(run, voices / "tiny.onnx", tmp_path, 8, 12)
    assert outcome.fine, str(outcome)
    assert sum(outcome.happened.values()) == 12
