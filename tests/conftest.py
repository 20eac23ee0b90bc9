"""What the tests share: real plays, and a tiny voice that was really trained on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.__main__ import main as export
from training import corpus
from training.model import Regularisation
from training.ngrams import MemoryShape
from training.prior import PriorShape
from training.run import Config, Run
from training.train import train

TINY = Config(
    name="tiny",
    corpus="a few scenes of Shakespeare",
    licence="public domain",
    embedding=16,
    hidden=64,
    layers=2,
    memory=MemoryShape(places=2039),
    prior=PriorShape(contexts=3000),
    drop=Regularisation(embedding=0.0, layers=0.05, recurrent=0.02, ngrams=0.1),
    batch=8,
    window=64,
    learning_rate=0.02,
    warmup=10,
    averaging=0.95,
    evaluate_every=250,
    precision="float32",
    steps=500,
    # It is to know the names of its plays by heart, so that few steps are enough.
    renamed=0.0,
)
"""Big enough to learn how a script looks, small enough to be trained in seconds."""


@pytest.fixture(scope="session")
def plays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus of plays."""
    folder = tmp_path_factory.mktemp("plays")
    corpus.plays(folder)
    return folder


@pytest.fixture(scope="session")
def scenes(plays: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the first scenes of three comedies, split into what is learned and held out."""
    folder = tmp_path_factory.mktemp("scenes")
    for part, name, length in (
        ("train", "much-ado-about-nothing", 40_000),
        ("train", "as-you-like-it", 40_000),
        ("validation", "the-tempest", 4_000),
        ("test", "the-comedy-of-errors", 4_000),
    ):
        text = (plays / "train" / f"{name}.fountain").read_text(encoding="utf-8")
        (folder / part).mkdir(exist_ok=True)
        end = text.index("\n\n", length)
        (folder / part / f"{name}.fountain").write_text(text[:end] + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def tiny_run(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that was trained for some seconds."""
    run = Run(tmp_path_factory.mktemp("runs") / "tiny")
    assert train([scenes], run, TINY)
    return run


@pytest.fixture(scope="session")
def voices(tiny_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two voices: ``tiny`` in 8 bits, and the same in 32 as ``other``."""
    folder = tmp_path_factory.mktemp("voices")
    for name, bits in (("tiny", "8"), ("other", "32")):
        run, out = str(tiny_run.folder), str(folder / f"{name}.onnx")
        assert export([run, "--bits", bits, "-o", out]) == 0
    return folder
