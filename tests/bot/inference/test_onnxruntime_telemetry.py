"""Test that onnxruntime reports nothing to its makers, as people are promised."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import bot

SILENCING = ("CI", "TF_BUILD", "GITHUB_ACTIONS", "ORT_RUNNING_UNIT_TESTS", "ORT_DISABLE_TELEMETRY")
"""Variables under which onnxruntime reports nothing anyway."""


@pytest.mark.parametrize("package", ["bot", "export"])
def test_onnxruntime_keeps_no_id_and_no_events(package: str, voices: Path, tmp_path: Path):
    kept = {k: v for k, v in os.environ.items() if k not in SILENCING and "XDG" not in k}
    path = str(voices / "tiny.onnx")
    program = f"import {package}, onnxruntime; onnxruntime.InferenceSession({path!r})"
    command = [sys.executable, "-c", program]
    subprocess.run(command, env=kept | {"HOME": str(tmp_path)}, check=True, timeout=100)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_operator_who_allows_reports_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    runpy.run_path(bot.__file__)
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "0"
