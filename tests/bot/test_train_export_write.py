"""Test the whole way of somebody who trains a voice: the steps of training/README.md."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from export import proof
from export.__main__ import main as export

from .conftest import Stage, start_script

SIZES = {
    "lower": 16,
    "upper": 24,
    "embedding": 16,
    "batch": 8,
    "window": 48,
    "warmup": 5,
    "prior.contexts": 500,
    "prior.longest": 2,
}
"""A network that trains in a moment, and learns no more than the look of a line."""


@pytest.fixture
def models(voices: Path, tmp_path: Path) -> Path:
    """Return a folder of the test's own with the two voices."""
    return Path(shutil.copytree(voices, tmp_path / "models"))


async def test_voice_trained_on_own_scripts_writes(
    stage: Stage, models: Path, scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    scripts, run = tmp_path / "my_scripts", tmp_path / "runs" / "mine"
    shutil.copytree(scenes / "train", scripts)
    ann, channel = stage.ann, stage.channel
    await start_script(stage)
    await ann.slash(channel, "continue")

    # The bot runs while the voice is trained.
    sizes = [f"--{name}={value}" for name, value in SIZES.items()]
    train = ["training", "train", scripts, "--out", run, "--name", "mine", "--steps", 10]
    train += ["--precision", "float32", *sizes]
    await asyncio.to_thread(subprocess.run, [sys.executable, "-m", *map(str, train)], check=True)
    monkeypatch.setattr(proof, "STEPS", 50)
    made = await asyncio.to_thread(export, [str(run), "-o", str(models / "mine.onnx")])
    assert made == 0

    told = await ann.slash(channel, "voice", voice="mine", use="script")
    assert "“mine” writes this script from now on" in told.response.content
    await ann.slash(channel, "continue")
    panel = channel.history()[-1]
    assert "“mine” has read the script and continues it" in panel.content
    shown = await ann.slash(channel, "voice", voice="mine")
    assert "own texts" in shown.response.content
