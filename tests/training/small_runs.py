"""Small runs: a configuration that trains in a moment, and how to begin, cut and compare runs."""

import dataclasses
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from tests.tiny_voice import TINY
from training.config import Config
from training.evaluation import measure_carried
from training.model.prior import PriorShape
from training.pretraining import prepare_training
from training.run import Run, load
from training.trainer import Session, Training

FEW = dataclasses.replace(
    TINY,
    steps=12,
    evaluate_every=5,
    lower=16,
    upper=24,
    prior=PriorShape(contexts=500, longest=2, rows=100),
)
"""A small network, and a prior whose tables are laid out quickly."""

SIZES = [
    *("--prior.contexts=60", "--prior.longest=1"),
    *(f"--{name}={getattr(FEW, name)}" for name in ("lower", "upper")),
    *("--batch=8", "--window=64"),
]
"""The sizes of `FEW`, as options of ``train``, with a prior that takes even less."""


def begin(folder: Path, scenes: Path, config: Config, session: Session | None = None) -> Training:
    """Return a training before its first step."""
    return prepare_training([scenes], Run(folder), config, session=session)


def resume(folder: Path) -> Training:
    """Return a training as another process would resume it, as far as can be told."""
    torch.manual_seed(12345)  # an arbitrary state, as in another process
    return prepare_training([], Run(folder), Run(folder).config(), resume=True)


def take_steps(training: Training, last: int) -> Training:
    """Train up to a step, without evaluations."""
    while training.step < last:
        training.train_step()
    return training


def measure_validation(training: Training) -> float:
    """Return the bits per character of the validation text by the averaged weights."""
    read = training.average, training.vocabulary, training.validation, training.streams
    return measure_carried(*read).per_character


@contextmanager
def interrupted_at_step_3(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Press Ctrl-C while a training takes its third step."""
    take = Training.train_step

    def interrupted(training: Training) -> float:
        bits = take(training)
        if training.step == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return bits

    with monkeypatch.context() as patch:
        patch.setattr(Training, "train_step", interrupted)
        yield


def last_step(run: Run) -> int:
    """Return the step of a run's checkpoint."""
    step: int = load(run.checkpoint_path)[1]["step"]
    return step


def assert_same(ours: Run, theirs: Run) -> None:
    """Check that two runs would resume from the same tensors, bit for bit."""
    first, other = load(ours.checkpoint_path)[0], load(theirs.checkpoint_path)[0]
    assert first.keys() == other.keys()
    assert [name for name in first if not torch.equal(first[name], other[name])] == []
