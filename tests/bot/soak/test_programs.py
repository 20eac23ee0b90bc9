"""Test small parts of the programs in ``tests.soak``, whose docstrings explain what they check."""

import asyncio
from pathlib import Path

import pytest

from bot.settings import Look, RunnerSettings
from tests.soak import board, faults, fuzz


@pytest.mark.parametrize(("seed", "look"), list(enumerate(Look)))
async def test_the_channel_shows_each_line_once_in_order(
    chosen: RunnerSettings, seed: int, look: str
):
    settings = chosen.model_copy(update={"look": look})
    assert await board.rehearse(settings, seed, 12) == []


async def test_network_faults_lose_no_line_and_leave_nobody_waiting(voices: Path, tmp_path: Path):
    outcome = await asyncio.to_thread(faults.run, voices / "tiny.onnx", tmp_path, 6, 8)
    assert outcome.fine, str(outcome)
    assert sum(outcome.happened.values()) == 8


def test_invalid_input_is_answered_and_pings_nobody(voices: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fuzz, "CHANNELS", 5)
    report = fuzz.run(200, seeded=1, models=voices, model="tiny", threads=1)
    assert report.fine, str(report)
    assert report.inputs.total() == 200
    # So many answers mean that the inputs passed the checks which refuse at once.
    assert len(report.answers) > 20, str(report)
