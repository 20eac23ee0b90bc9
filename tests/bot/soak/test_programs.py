"""Test small parts of the programs in ``tests.soak``, whose docstrings explain what they check."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.inference.model import Model
from bot.settings import Look, RunnerSettings
from tests.bot.conftest import opened, staged
from tests.soak import deletions, faults, fuzz, reproducibility, swaps
from tests.soak.board import Rehearsal
from tests.soak.obedience import find_common_words, random_voice, write_kinds, write_without
from training.data.corpora.shakespeare import read_play

LINES = 60
"""Lines of each kind, by each of two voices."""


@pytest.mark.parametrize(("seed", "look"), list(enumerate(Look)))
async def test_the_channel_shows_each_line_once_in_order(
    chosen: RunnerSettings, seed: int, look: str
):
    settings: Any = chosen.model_copy(update={"look": look})
    async with opened(settings) as world:
        stage = await staged(world, settings)
        stage.permit(manage_webhooks=True)
        rehearsal = Rehearsal(stage, seed)
        assert await rehearsal.run(12) == [], rehearsal.acts


async def test_network_faults_lose_no_line_and_leave_nobody_waiting(voices: Path, tmp_path: Path):
    outcome = await asyncio.to_thread(faults.run, voices / "tiny.onnx", tmp_path, 6, 8)
    assert outcome.fine, str(outcome)
    assert sum(outcome.happened.values()) == 8


def test_no_confirmed_text_stays_visible(voices: Path):
    found = deletions.run(voices / "tiny.onnx", len(deletions.LOSSES))
    assert not any(counts[deletions.HIDDEN] for counts in found.values()), found
    assert found["nothing"][deletions.REMOVED] == found["all three"][deletions.TOLD] == 1


def test_invalid_input_is_answered_and_pings_nobody(voices: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fuzz, "CHANNELS", 5)
    report = fuzz.run(100, seeded=2, models=voices, model="tiny", threads=1)
    assert report.fine, str(report)
    assert report.inputs.total() == 100
    # So many answers mean that the inputs passed the checks which refuse at once.
    assert len(report.answers) > 20, str(report)


async def test_a_line_is_the_same_in_all_circumstances(
    voices: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reproducibility, "ROWS", 32)
    found = await reproducibility.examine(voices / "tiny.onnx", lines=40)
    assert found.differing == 0
    # Few lines have nothing left to say, so most lines were compared.
    assert found.speechless < 4
    assert len(found.rows) > reproducibility.ROWS // 2
    assert max(found.rows) == reproducibility.ROWS


@pytest.fixture(params=["tiny", "random"])
def voice(model: Model, tmp_path: Path, request: pytest.FixtureRequest) -> Model:
    """Return a voice that was trained, and one that was not."""
    return model if request.param == "tiny" else random_voice(tmp_path / "random.onnx", model)


async def test_lines_are_of_the_requested_kind(voice: Model):
    for kind, found in (await write_kinds(voice, LINES)).items():
        assert found.wrong == 0, (kind, found.example)


async def test_banned_words_do_not_occur(voice: Model):
    words = find_common_words(read_play("hamlet"))
    assert {"the", "and", "to"} <= set(words)
    found = await write_without(voice, words, LINES)
    assert (found.wrong, found.empty) == (0, 0), found.example


def test_changes_of_voice_fail_no_command(voices: Path):
    # The program checks the event loop's delay, too, which a busy machine cannot.
    files = [voices / "tiny.onnx", voices / "other.onnx"]
    found = swaps.measure(files, channels=3, changes=2, threads=1, before=0.1)
    assert found.failed == []
    assert found.changes == 2
    assert found.commands > 5
    assert found.voices >= {swaps.VOICE}
    assert found.late
    assert found.late_before
    assert "2 changes of voice" in found.report()
