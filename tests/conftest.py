"""Shared fixtures: real plays, and a tiny voice that was really trained on them."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from export import make, proof
from export.__main__ import main as export
from training import trainer
from training.config import Config
from training.data.corpora import shakespeare
from training.model.network import Regularisation
from training.model.prior import PriorShape
from training.pretraining import train
from training.run import Run

TINY = Config(
    name="tiny",
    corpus="a few scenes of Shakespeare",
    licence="public domain",
    embedding=16,
    lower=32,
    word=64,
    summary=24,
    upper=48,
    prior=PriorShape(contexts=3000),
    drop=Regularisation(embedding=0.0, layers=0.05, recurrent=0.02),
    batch=8,
    window=64,
    learning_rate=0.01,
    warmup=10,
    averaging=0.95,
    evaluate_every=250,
    precision="float32",
    steps=500,
    # Learn the names of the plays by heart, because few steps must be enough.
    renamed=0.0,
)
"""Big enough to learn how a script looks, small enough to train in seconds."""

LONGEST = (
    *("bot/app/test_red.py", "bot/soak/test_kills.py", "bot/soak/test_load.py"),
    *("training/test_compare.py", "bot/app/test_many_processes.py", "training/test_tune.py"),
    *("training/test_train.py", "export/test_proof.py", "training/test_parallel.py"),
    *("bot/storage/test_postgres.py", "quality/test_judging.py", "quality/test_reader.py"),
    *("bot/session/test_random_commands.py", "export/test_main.py", "training/test_schedule.py"),
    *("bot/cogs/test_concurrency.py", "bot/test_train_export_write.py", "bot/app/test_plugin.py"),
    *("bot/soak/test_programs.py", "bot/app/test_wheel.py", "bot/app/test_local.py"),
)
"""The files that take longest. They come first, so that no process waits long for the last one."""

STYLES = Path(__file__).parent / "styles.toml"
"""Two openings: ``storm`` and ``ghost story``."""


# A voice of a few kilobytes needs a shorter proof and shorter samples than a large one.
proof.STEPS, proof.CROWD_STEPS, make.WRITTEN, trainer.SAMPLED = 20, 8, 600, 8

draw_curves = Run.draw_curves
# Curves take longer to draw than a few steps of such a voice.
Run.draw_curves = lambda _: None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest files first."""
    first = {path: number for number, path in enumerate(LONGEST)}
    tests = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        return first.get(item.path.relative_to(tests).as_posix(), len(first))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Collect garbage rarely, and never what the tests have imported, because it stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000)  # a bot makes thousands of objects that a collection would not free


@pytest.fixture(autouse=True)
def modules_that_stay() -> Iterator[None]:
    """Put the bot's modules back after a test's bot unloads its extension.

    Otherwise each test would import all modules again, and would have other classes than those that
    its file has imported.
    """
    before = {name: one for name, one in sys.modules.items() if name.partition(".")[0] == "bot"}
    yield
    sys.modules.update(before)


Made = Callable[[str, Callable[[Path], object]], Path]
"""Return the folder of a name, filled once by the function that is passed."""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Return folders that the test processes of a run share; the first process fills each."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def folder(name: str, fill: Callable[[Path], object]) -> Path:
        path = base / "made" / name
        path.parent.mkdir(exist_ok=True)
        with FileLock(f"{path}.lock"):
            if not path.exists():
                part = path.with_name(f"{name}.part")
                part.mkdir()
                fill(part)
                part.rename(path)
        return path

    return folder


@pytest.fixture(scope="session")
def plays(made: Made) -> Path:
    """Return the corpus of plays."""
    return made("plays", shakespeare.write_plays)


@pytest.fixture(scope="session")
def scenes(plays: Path, made: Made) -> Path:
    """Return a folder with the first scenes of three comedies, split into learned and held out."""
    return made("scenes", lambda folder: _scenes(plays, folder))


def _scenes(plays: Path, folder: Path) -> None:
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


@pytest.fixture(scope="session")
def tiny_run(scenes: Path, made: Made) -> Run:
    """Return a run that was trained for some seconds."""
    return Run(made("run", lambda folder: _trained([scenes], Run(folder))))


def _trained(texts: list[Path], run: Run) -> None:
    assert train(texts, run, TINY).run()


@pytest.fixture(scope="session")
def voices(tiny_run: Run, made: Made) -> Path:
    """Return a folder of two voices: ``tiny`` in 8 bits, and the same in 32 as ``other``.

    The first has the styles of `STYLES` and a verdict beside it, the second none.
    """
    return made("voices", lambda folder: _exported(tiny_run, folder))


def _exported(tiny_run: Run, folder: Path) -> None:
    # Eight bits are the export's default.
    for name, chosen in (("tiny", ["--openings", str(STYLES)]), ("other", ["--bits", "32"])):
        out = str(folder / f"{name}.onnx")
        assert export([str(tiny_run.folder), *chosen, "-o", out]) == 0
    # As for the shipped voices, so that not every bot of a test examines its voice at its start.
    examine = [sys.executable, "-m", "bot.inference.sandbox", str(folder / "tiny.onnx")]
    subprocess.run([*examine, "--note", str(folder / "examined.json")], check=True)
