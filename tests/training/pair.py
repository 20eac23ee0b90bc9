"""Run one of two processes for test_parallel.py, as torchrun starts them.

The module imports training alone, because both processes spend most of their time on imports.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from unittest.mock import patch

import torch

from training import cli, trainer
from training.config import Config
from training.distributed import Team, end_process, join_team
from training.errors import RunError
from training.model.network import NOTHING_DROPPED
from training.model.prior import PriorShape
from training.pretraining import train
from training.run import Run
from training.trainer import Session, Training

SMALL = Config(
    embedding=16,
    lower=16,
    upper=24,
    prior=PriorShape(contexts=60, longest=1),
    batch=8,
    window=64,
    learning_rate=0.01,
    warmup=10,
    evaluate_every=100,
    precision="float32",
    steps=8,
)

SURE = dataclasses.replace(SMALL, drop=NOTHING_DROPPED, clip=1000.0, steps=5)
"""Nothing is random, and gradients keep their size."""

TIMED = dataclasses.replace(SMALL, steps=None, minutes=0.01)


def command(scenes: Path, run: Path) -> list[str]:
    """Return the command of a training that ends by Ctrl-C alone, but for its steps."""
    names = ("lower", "upper", "batch", "window")
    sizes = [f"--{name}={getattr(SMALL, name)}" for name in names]
    more = ["--prior.contexts=60", "--prior.longest=1", "--evaluate-every=1000"]
    return ["train", str(scenes), "--out", str(run), *sizes, *more]


def main(scenes: Path, folder: Path) -> int:
    """Train each run; return the exit code of the command, which the test interrupts."""
    trainer.REPORT_EVERY = 5
    Run.draw_curves = lambda self: None  # type: ignore[method-assign]
    with join_team() as team:
        assert team.size == 2
        assert train([scenes], Run(folder / "sure"), SURE, session=Session(team=team)).run()
        assert train([scenes], Run(folder / "whole"), SMALL, session=Session(team=team)).run()
        refused(scenes, Run(folder / "whole"), team)
        cut(scenes, Run(folder / "cut"), team)
        timed(scenes, Run(folder / "timed"), team)
        with patch("training.cli.train.join_team", lambda: nullcontext(team)):
            return cli.main([*command(scenes, folder / "stopped"), "--steps", "100000"])


def refused(scenes: Path, run: Run, team: Team) -> None:
    """Refuse a run that exists: the first process reports, the other just ends."""
    with suppress(RunError if team.leads else SystemExit):
        train([scenes], run, SMALL, session=Session(team=team))
        raise AssertionError("the run was not refused")


def cut(scenes: Path, run: Run, team: Team) -> None:
    """Train until the second process is interrupted, and then resume."""
    training = train([scenes], run, SMALL, session=Session(team=team))
    if not team.leads:
        interrupt_at(training, 5)
    assert not training.run()
    assert training.step == 5
    torch.manual_seed(12345)  # an arbitrary state, as in another process
    assert train([], run, SMALL, resume=True, session=Session(team=team)).run()


def interrupt_at(training: Training, step: int) -> None:
    take = training.train_step

    def interrupted() -> float:
        bits = take()
        if training.step == step:
            os.kill(os.getpid(), signal.SIGINT)
        return bits

    training.train_step = interrupted  # type: ignore[method-assign]


def timed(scenes: Path, run: Run, team: Team) -> None:
    """Train for as long as the first process decides, whatever the second would."""
    trainer.SPEED_IS_KNOWN_AFTER = 0.1 if team.leads else 1000.0
    training = train([scenes], run, TIMED, session=Session(team=team))
    assert training.run()
    assert team.gather(training.step) == 2 * [training.config.steps]


if __name__ == "__main__":
    end_process(main(*map(Path, sys.argv[1:])))
