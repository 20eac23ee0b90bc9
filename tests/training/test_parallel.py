"""Tests of training in several processes: the result is the same, and a run resumes exactly."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.conftest import Made
from training.cli import main
from training.data.texts import collect
from training.distributed import Team
from training.errors import TrainingError
from training.pretraining import _begin, train
from training.run import Run, load

from .pair import SMALL, SURE, command
from .small_runs import assert_same, last_step

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
TORCHRUN += ["--nproc-per-node", "2", "-m"]


@pytest.fixture(scope="module")
def pair(scenes: Path, made: Made) -> Path:
    """Return the runs that two processes have trained; the last of them ended by Ctrl-C."""

    def fill(folder: Path) -> None:
        process = subprocess.Popen(
            [*TORCHRUN, "tests.training.pair", str(scenes), str(folder)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        while not Run(folder / "stopped").metrics.exists():
            assert process.poll() is None
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        out, _ = process.communicate(timeout=60)
        (folder / "out").write_text(out, encoding="utf-8")

    return made("pair", fill)


def kept(run: Path) -> dict[str, Tensor]:
    """Return all tensors that a run would resume from."""
    return load(Run(run).resume)[0]


def test_two_processes_learn_what_one_does(pair: Path, scenes: Path, tmp_path: Path):
    assert train([scenes], Run(tmp_path), SURE).run()
    ours, theirs = kept(pair / "sure"), kept(tmp_path)
    assert ours.keys() == theirs.keys()
    for name in theirs.keys() - {"random"}:
        torch.testing.assert_close(ours[name], theirs[name], rtol=0, atol=1e-5)


def test_two_interrupted_processes_resume_bit_for_bit(pair: Path):
    assert_same(Run(pair / "cut"), Run(pair / "whole"))


def test_each_process_has_its_own_dropout(pair: Path):
    first, second = kept(pair / "whole")["random"].chunk(2)
    assert not torch.equal(first, second)


def test_the_first_process_decides_when_time_is_up(pair: Path):
    timed = Run(pair / "timed")
    assert timed.config().steps == last_step(timed)


def test_ctrl_c_stops_torchrun_and_one_process_can_resume(pair: Path, scenes: Path, tmp_path: Path):
    out = (pair / "out").read_text(encoding="utf-8")
    said = "Stopped and saved. Repeat the command with --resume to continue.\n"
    assert out.endswith(said)
    assert out.count(said) == 1
    run = Run(shutil.copytree(pair / "stopped", tmp_path / "run"))
    stopped = last_step(run)
    assert stopped >= 5
    assert len(kept(run.folder)["state"]) == 8
    assert main([*command(scenes, run.folder), "--resume", "--steps", str(stopped + 2)]) == 0
    assert last_step(run) == stopped + 2


def test_streams_that_cannot_be_shared_are_refused(scenes: Path, tmp_path: Path):
    run = Run(tmp_path / "run")
    with pytest.raises(TrainingError, match="3 processes cannot share 8 streams"):
        _begin(collect([scenes]), run, SMALL, None, Team(size=3))
    assert not run.folder.exists()
