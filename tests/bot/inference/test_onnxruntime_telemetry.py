"""Test that onnxruntime tells its makers nothing, as people are promised."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = {
    "bot": "from bot.inference.model import Model; Model.load(path, threads=1)",
    "export": "from export.runtime import Runtime; Runtime(path.read_bytes())",
}

SUPPRESSED = ("CI", "TF_BUILD", "GITHUB_ACTIONS", "ORT_RUNNING_UNIT_TESTS", "ORT_DISABLE_TELEMETRY")
"""Variables under which onnxruntime tells nothing anyway."""


def told(program: str, voice: Path, home: Path, **environment: str) -> list[Path]:
    """Return the files in which onnxruntime keeps its id and its events, for one program."""
    kept = {k: v for k, v in os.environ.items() if k not in SUPPRESSED and "XDG" not in k}
    command = f"from pathlib import Path; path = Path({str(voice)!r}); {program}"
    subprocess.run(
        [sys.executable, "-c", command],
        env=kept | {"HOME": str(home)} | environment,
        check=True,
        timeout=100,
    )
    return [path for path in home.rglob("*") if path.is_file()]


@pytest.mark.parametrize("part", PROGRAMS)
def test_onnxruntime_tells_nothing_of_a_voice(part: str, voices: Path, tmp_path: Path):
    assert told(PROGRAMS[part], voices / "tiny.onnx", tmp_path) == []


def test_whoever_has_chosen_is_left_their_choice(voices: Path, tmp_path: Path):
    program = "import os, bot; assert os.environ['ORT_DISABLE_TELEMETRY'] == '0'"
    assert told(program, voices / "tiny.onnx", tmp_path, ORT_DISABLE_TELEMETRY="0") == []
