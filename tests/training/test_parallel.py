"""Tests of training in several processes: the result is the same, and a run resumes exactly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.conftest import Made
from tests.training.pair import SMALL, SURE
from tests.training.test_train import SIZES, rows
from training.cli import main
from training.data.texts import collect
from training.distributed import Team
from training.errors import TrainingError
from training.pretraining import _begin, prepare
from training.run import Run, load

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
TORCHRUN += ["--nproc-per-node", "2", "-m"]


@pytest.fixture(scope="module")
def pair(scenes: Path, made: Made) -> Path:
    """Return the runs that two processes have trained."""

    def fill(folder: Path) -> None:
        command = [*TORCHRUN, "tests.training.pair", str(scenes), str(folder)]
        subprocess.run(command, check=True)

    return made("pair", fill)


def kept(run: Path) -> dict[str, Tensor]:
    """Return all tensors that a run would resume from."""
    return load(Run(run).resume)[0]


def test_two_processes_learn_what_one_does(pair: Path, scenes: Path, tmp_path: Path):
    assert prepare(collect([scenes]), Run(tmp_path), SURE).run()
    ours, theirs = kept(pair / "sure"), kept(tmp_path)
    assert ours.keys() == theirs.keys()
    for name in theirs.keys() - {"random"}:
        torch.testing.assert_close(ours[name], theirs[name], rtol=0, atol=1e-5)


def test_two_that_were_interrupted_equal_two_that_were_not(pair: Path):
    ours, theirs = kept(pair / "cut"), kept(pair / "whole")
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor), name


def test_each_process_drops_something_else(pair: Path):
    first, second = kept(pair / "whole")["random"].chunk(2)
    assert not torch.equal(first, second)


def test_the_first_process_says_when_time_is_up(pair: Path):
    assert Run(pair / "timed").config().steps == load(Run(pair / "timed").resume)[1]["step"]


def test_ctrl_c_stops_torchrun_and_one_process_can_go_on(scenes: Path, tmp_path: Path):
    run = Run(tmp_path / "run")
    command = ["train", str(scenes), "--out", str(run.folder), "--prior", "0"]
    command += [*SIZES, "--evaluate-every", "1000"]
    process = subprocess.Popen(
        [*TORCHRUN, "training", *command, "--steps", "100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not run.metrics.exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, _ = process.communicate(timeout=60)
    assert out.strip() == "Stopped and saved. Repeat the command with --resume to continue."
    stopped = load(run.resume)[1]["step"]
    assert stopped >= 50
    assert len(kept(run.folder)["state"]) == 8
    assert main([*command, "--resume", "--steps", str(stopped + 50)]) == 0
    learned = [row["train_bits"] for row in rows(run) if "train_bits" in row]
    assert learned[-1] < learned[0]


def test_streams_that_cannot_be_shared_are_refused_before_anything_is_written(
    scenes: Path, tmp_path: Path
):
    run = Run(tmp_path / "run")
    with pytest.raises(TrainingError, match="3 processes cannot share 8 streams"):
        _begin(collect([scenes]), run, SMALL, None, None, Team(size=3))
    assert not run.folder.exists()
