"""Make a tiny voice that has really been trained on a few scenes: texts, training and export."""

import hashlib
from pathlib import Path

from export import make, proof
from export.__main__ import main as export
from training import trainer
from training.config import Config
from training.data.corpora import shakespeare
from training.model.memory import MemoryShape
from training.model.network import Regularisation
from training.model.prior import PriorShape
from training.pretraining import prepare_training
from training.run import Run

TINY = Config(
    name="tiny",
    corpus="a few scenes of Shakespeare",
    licence="public domain",
    embedding=16,
    lower=32,
    upper=48,
    prior=PriorShape(contexts=3000),
    memory=MemoryShape(characters=60),
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
)
"""Big enough to learn how a script looks, small enough to train in seconds."""

# A voice of a few kilobytes needs a shorter proof and shorter samples than a large one.
proof.STEPS, proof.CROWD_STEPS, make.WRITTEN, trainer.SAMPLED = 20, 8, 600, 8

draw_curves = Run.draw_curves
# Curves take longer to draw than a few steps of such a voice.
Run.draw_curves = lambda self: None  # type: ignore[method-assign]


def read_play(name: str) -> str:
    """Return one play of Shakespeare as Fountain, such as "hamlet"."""
    return shakespeare.convert(shakespeare.find_sources()[name])


def write_scenes(folder: Path) -> None:
    """Write the first scenes of four comedies, split into learned and held out."""
    for part, name, length in (
        ("train", "much-ado-about-nothing", 40_000),
        ("train", "as-you-like-it", 40_000),
        ("validation", "the-tempest", 4_000),
        ("test", "the-comedy-of-errors", 4_000),
    ):
        play = read_play(name)
        (folder / part).mkdir(exist_ok=True)
        scenes = play[: play.index("\n\n", length)] + "\n"
        (folder / part / f"{name}.fountain").write_text(scenes, encoding="utf-8")


def train_voice(scenes: Path, folder: Path) -> None:
    """Train the voice; leave its run in the folder."""
    assert prepare_training([scenes], Run(folder), TINY).run()


def export_voices(run: Path, styles: Path, folder: Path) -> None:
    """Export the voice in 8 bits with styles, listed as shipped, and in 32 bits with neither."""
    # Eight bits are the export's default.
    for name, options in (("tiny", ["--openings", str(styles)]), ("other", ["--bits", "32"])):
        assert export([str(run), *options, "-o", str(folder / f"{name}.onnx")]) == 0
    # As for the shipped voices, so that not every bot of a test examines its voice at its start.
    sha256 = hashlib.sha256((folder / "tiny.onnx").read_bytes()).hexdigest()
    (folder / "SHA256SUMS").write_text(f"{sha256}  tiny.onnx\n")
