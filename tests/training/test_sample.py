"""Tests of ``sample``, which writes a scene from a checkpoint."""

from __future__ import annotations

import pytest

from training.cli import main
from training.run import Run


def test_a_run_writes_a_scene_that_follows_from_its_seed(
    tiny_run: Run, capsys: pytest.CaptureFixture[str]
):
    def write(*options: str) -> str:
        assert main(["sample", str(tiny_run.folder), "--length", "80", *options]) == 0
        return capsys.readouterr().out

    scene = write()
    beginning, _, text = scene.partition("\n\n")
    assert beginning == "INT. DINER - NIGHT"
    assert len(text) == 80 + len("\n")
    assert write() == scene
    assert write("--seed", "2") != scene
    assert write("--beginning", "EXT. PIER - DAY").startswith("EXT. PIER - DAY\n\n")
