"""Read and write a run folder: all files of one training, and all that resuming it needs.

A run of `tune` has neither initial weights, nor a corpus, nor counts: it is resumed with its voice
and its texts.

config.json           the configuration, and the schedule once it is known
vocabulary.json       the characters and the fold map
weights.safetensors   the averaged weights that were best on the validation text
metrics.jsonl         a line per report
curves.png            the metrics, drawn
samples/              a sample of each evaluation
board/                metrics and samples for TensorBoard, with --tensorboard
heldout/              the held-out texts, so that export needs nothing else
initial.safetensors   the weights known before the first step, if there are any
corpus.npz            the learned texts as token ids, so that resuming needs no other files
counted.safetensors   the prior's counts of the texts; counted again if missing
resume.safetensors    the last checkpoint: weights, optimiser, averages and generators

The file FOLDER.lock beside the folder is locked while a process trains the run.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zipfile import BadZipFile

from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .config import Config
from .data.texts import Split, Text
from .data.tokens import Tokens
from .data.vocabulary import Vocabulary
from .errors import RunError, make_folder
from .model.network import CharLSTM

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

T = TypeVar("T")

DAMAGED = (ValueError, TypeError, KeyError, EOFError, BadZipFile, zlib.error, SafetensorError)
"""What reading a damaged file raises."""


class Run:
    """The files of a run in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.weights = folder / "weights.safetensors"
        self.initial = folder / "initial.safetensors"
        self.counted = folder / "counted.safetensors"
        self.checkpoint_path = folder / "resume.safetensors"
        self.corpus = folder / "corpus.npz"
        self.metrics = folder / "metrics.jsonl"
        self.samples = folder / "samples"
        self.heldout = folder / "heldout"
        self.board: SummaryWriter | None = None

    def create(self, config: Config, vocabulary: Vocabulary, split: Split) -> None:
        """Create a new run; raises RunError if the folder cannot be made."""
        make_folder(self.folder)
        shutil.rmtree(self.heldout, ignore_errors=True)
        for part, texts in (("validation", split.validation), ("test", split.test)):
            for text in texts:
                path = self.heldout / part / f"{text.name}.fountain"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text.content, encoding="utf-8")
        (self.folder / "vocabulary.json").write_text(vocabulary.to_json(), encoding="utf-8")
        self.write_config(config)

    @property
    def is_begun(self) -> bool:
        """Return whether the folder holds a run, which may not have a checkpoint yet."""
        return (self.folder / "config.json").exists()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from training the run; raises RunError if one is training it."""
        make_folder(self.folder.parent)
        try:
            # Beside the folder, because a refused training must not make the folder.
            with FileLock(f"{self.folder.absolute()}.lock", timeout=0):
                yield
        except Timeout:
            raise RunError(
                f"{self.folder} is being trained by another process: wait for it, or choose "
                f"another --out (for `voice`, another --name)."
            ) from None

    def require_new(self) -> None:
        """Raise RunError if the folder already holds a run."""
        if self.is_begun:
            raise RunError(
                f"{self.folder} already holds a run: continue it with --resume, or choose "
                f"another --out."
            )

    def write_config(self, config: Config) -> None:
        """Write the configuration atomically."""
        part = self.folder / "config.json.part"
        part.write_text(config.to_json(), encoding="utf-8")
        part.replace(self.folder / "config.json")

    def config(self) -> Config:
        """Return the run's configuration; raises RunError if there is none."""
        return self._read("config.json", lambda text: Config.from_fields(json.loads(text)))

    def vocabulary(self) -> Vocabulary:
        """Return the run's vocabulary; raises RunError if there is none."""
        return self._read("vocabulary.json", Vocabulary.from_json)

    def texts(self) -> Tokens:
        """Return the texts that the run learns; raises RunError if the folder has none."""
        return self._open(self.corpus, Tokens.load, "name the texts of this run as well")

    def checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return the last checkpoint and its facts; raises RunError if there is none."""
        return self._load(self.checkpoint_path)

    def read_heldout(self, part: str) -> tuple[Text, ...]:
        """Return the held-out texts of "validation" or "test", ordered by name."""
        paths = sorted((self.heldout / part).glob("*.fountain"))
        return tuple(
            Text(p.name.removesuffix(".fountain"), p.read_text(encoding="utf-8")) for p in paths
        )

    def model(self) -> CharLSTM:
        """Return the best model of the run in float32; raises RunError if there is none yet."""
        model = CharLSTM(self.config().shape(self.vocabulary()))
        self._require_weights()
        weights, _ = self._load(self.weights)
        try:
            model.load_state_dict(
                # Integers, such as keys of n-grams, stay integers.
                {name: w.float() if w.is_floating_point() else w for name, w in weights.items()}
            )
        except RuntimeError as error:
            raise RunError(
                f"{self.weights} does not fit {self.folder / 'config.json'}: train this run again "
                f"or name another."
            ) from error
        return model.eval()

    def fingerprint(self) -> str:
        """Return a fingerprint of the best weights; raises RunError if there are none yet."""
        self._require_weights()
        return hashlib.sha256(self.weights.read_bytes()).hexdigest()

    def __str__(self) -> str:
        return str(self.folder)

    def best(self) -> Mapping[str, Any]:
        """Return the facts of the best weights: step, validation bits, time; may be empty."""
        return load(self.weights)[1] if self.weights.exists() else {}

    def read_metrics(self) -> list[Mapping[str, float]]:
        """Return the lines of metrics in order; none if there is no file."""
        if not self.metrics.exists():
            return []
        return [json.loads(line) for line in self.metrics.read_text(encoding="utf-8").splitlines()]

    def read_curve(self, name: str) -> list[tuple[float, float]]:
        """Return the steps at which a metric was measured, each with its value."""
        return [(row["step"], row[name]) for row in self.read_metrics() if name in row]

    def add_metrics(self, row: Mapping[str, float]) -> None:
        """Append a line of metrics."""
        with self.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        if self.board:
            for name in row.keys() - {"step"}:
                self.board.add_scalar(name, row[name], row["step"])

    def add_sample(self, step: int, text: str) -> None:
        """Save a sample that the network wrote at a step."""
        self.samples.mkdir(exist_ok=True)
        (self.samples / f"{step:07d}.txt").write_text(text + "\n", encoding="utf-8")
        if self.board:
            self.board.add_text("sample", text, step)

    def open_board(self) -> None:
        """Also write metrics and samples for TensorBoard; raises RunError if it is missing."""
        try:
            from torch.utils.tensorboard import SummaryWriter  # an optional package
        except ModuleNotFoundError:
            raise RunError(
                "--tensorboard needs TensorBoard: run `pip install tensorboard`, or leave it out."
            ) from None
        self.board = SummaryWriter(str(self.folder / "board"))

    def drop_metrics_after(self, step: int) -> None:
        """Drop the metrics of steps that were not saved, because they will be logged again."""
        if self.metrics.exists():
            kept = [row for row in self.read_metrics() if row["step"] <= step]
            text = "".join(json.dumps(row) + "\n" for row in kept)
            self.metrics.write_text(text, encoding="utf-8")

    def draw_curves(self) -> None:
        """Draw the training and validation bits to a PNG."""
        from matplotlib.figure import Figure  # takes as long to import as half of PyTorch

        training, validation = self.read_curve("train_bits"), self.read_curve("validation_bits")
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        axes = figure.add_subplot(
            xlabel="step",
            ylabel="bits per character",
            title="What a character costs while the voice learns",
        )
        if training:
            axes.plot(*zip(*training, strict=True), label="training with dropout", lw=1, color="C0")
        if validation:
            axes.plot(*zip(*validation, strict=True), "o-", label="validation", color="C1")
            best = min(validation, key=lambda point: point[1])
            axes.annotate(
                f"{best[1]:.3f}", best, textcoords="offset points", xytext=(0, -14), ha="center"
            )
            # The first steps cost so much that their bits would flatten the rest of the curve.
            axes.set_ylim(
                min(b for _, b in training + validation) - 0.1, max(validation[0][1] + 0.3, 2.5)
            )
        axes.grid(alpha=0.3)
        axes.legend()
        figure.savefig(self.folder / "curves.png", dpi=120)

    def _require_weights(self) -> None:
        if not self.weights.exists():
            config = self.config()
            first = min(config.evaluate_every, config.steps or config.evaluate_every)
            raise RunError(
                f"{self.weights} is missing, because only an evaluation writes it: train this "
                f"run up to step {first:,}, or name another."
            )

    def _load(self, path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
        return self._open(path, load, "train this run, or name another")

    def _read(self, name: str, parse: Callable[[str], T]) -> T:
        return self._open(
            self.folder / name,
            lambda path: parse(path.read_text(encoding="utf-8")),
            "name the folder of a run that `onbook-train train` made",
        )

    def _open(self, path: Path, read: Callable[[Path], T], mend: str) -> T:
        try:
            return read(path)
        except (OSError, *DAMAGED) as error:
            is_file = self.folder.is_file()
            found = f"{self.folder} is a file" if is_file else f"{path} is missing or damaged"
            raise RunError(f"{found}: {mend}.") from error


def save(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors, with facts as JSON, to one file atomically; raises OSError."""
    part = path.with_suffix(".part")
    contiguous = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    try:
        save_file(contiguous, part, metadata={"facts": json.dumps(facts)})
    except SafetensorError as error:
        raise OSError(f"{part}: {error}") from error
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(path)


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save` wrote; raises OSError or SafetensorError for any other file."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no Mapping
        return tensors, json.loads((file.metadata() or {}).get("facts", "{}"))
