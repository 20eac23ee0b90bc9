"""A run folder: everything that one training leaves behind, and what it needs to go on.

config.json           how it was asked for, and the schedule that was worked out
vocabulary.json       the characters and the fold map
weights.safetensors   the averaged weights that were best on the validation text
metrics.jsonl         a line per report
curves.png            the same, drawn
samples/              what it wrote at each evaluation
imagined/             what its teachers wrote, if it has any
heldout/              the text it was judged on, so that export needs nothing else
words.safetensors     the vectors that its words begin with, if they have any
corpus.npz            the texts that it learns, as token ids, so that going on needs no files
counted.safetensors   what its prior counted in them; counted again where it is missing
resume.safetensors    the last checkpoint: weights, optimiser, averages and generators
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .model import CharLSTM, Regularisation, Shape, at_temperatures
from .prior import PriorShape
from .texts import Split, Text
from .tokens import Tokens
from .vocabulary import Vocabulary
from .words import NO_WORDS, WordShape, letter_numbers

T = TypeVar("T")


class RunError(Exception):
    """One sentence about a run folder that cannot be used, and what to do about it."""


@dataclass(frozen=True)
class Config:
    """How a run is trained. Written to ``config.json``, and kept when a run goes on."""

    name: str = "voice"
    """What the voice is called."""
    corpus: str = "own texts"
    """What it was trained on, in words, for the voice's metadata."""
    licence: str = "unstated"
    """Under which terms the voice may be used."""
    embedding: int = Shape.embedding
    lower: int = Shape.lower
    word: int = Shape.word
    summary: int = Shape.summary
    upper: int = Shape.upper
    vectors: WordShape = NO_WORDS
    prior: PriorShape = field(default_factory=PriorShape)
    drop: Regularisation = field(default_factory=Regularisation)
    repeat: Mapping[str, int] = field(default_factory=dict)
    """How often an epoch reads the texts in folders of these names; others are read once."""
    texts: str = ""
    """SHA-256 of the files that the run learns from, see `training.texts.fingerprint`."""
    renamed: float = 0.75
    """The share of a text's names that are others at each reading, 0 to 1."""
    batch: int = 32
    """Streams of text that are read side by side. Smaller ones learn more in a fixed time."""
    window: int = 160
    """Steps through which gradients flow; the state is carried from one window to the next."""
    resets: float = 0.0
    """Share of the windows that begin with the state of a script's start, as a script does."""
    learning_rate: float = 0.003
    """The highest one, from `warmup` steps on; see `training.schedule`."""
    warmup: int = 200
    weight_decay: float = 0.01
    clip: float = 1.0
    """The largest norm of the gradients."""
    averaging: float = 0.999
    """Decay of the exponential moving average of the weights that is evaluated and kept."""
    seed: int = 1
    evaluate_every: int = 500
    """Steps between two evaluations."""
    precision: str = "auto"
    """``bfloat16``, ``float32``, or what the processor does best."""
    minutes: float | None = None
    """Time that the whole schedule takes, if `steps` are worked out from the speed."""
    steps: int | None = None
    """How many steps the schedule has; None for a training that goes on."""
    decay_from: int | None = None
    """The step from which the learning rate falls; None for the last fifth of the steps."""
    tuned_from: str = ""
    """SHA-256 of the weights that were tuned, if any were: the run needs them to go on."""
    taught_by: tuple[str, ...] = ()
    """SHA-256 of the weights of the teachers, if there were any: the run needs these as well."""
    taught: float = 0.75
    """Where there are teachers, the share of the streams that read what they wrote."""
    imagined: int = 5_000_000
    """How many characters these write."""

    @property
    def streams_of_texts(self) -> int:
        """How many of the streams read the texts, and not what teachers wrote."""
        if not self.taught_by:
            return self.batch
        return max(1, self.batch - max(1, round(self.batch * self.taught)))

    def shape(self, vocabulary: Vocabulary) -> Shape:
        """The network's sizes for this vocabulary."""
        return Shape(
            len(vocabulary),
            letter_numbers(vocabulary.characters),
            self.embedding,
            self.lower,
            self.word,
            self.summary if self.word else 0,
            self.upper,
            self.vectors if self.word else NO_WORDS,
            self.prior,
        )

    def to_json(self) -> str:
        """The JSON that ``config.json`` holds."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, document: str) -> Config:
        """The inverse of `to_json`; raises TypeError or ValueError for anything else."""
        fields: dict[str, Any] = json.loads(document)
        nested = {
            "drop": Regularisation(**fields["drop"]),
            "vectors": WordShape(**fields["vectors"]),
            "prior": PriorShape(**fields["prior"]),
            "taught_by": tuple(fields["taught_by"]),
        }
        return cls(**fields | nested)


@dataclass(frozen=True)
class Run:
    """The files of a run in ``folder``."""

    folder: Path

    @property
    def weights(self) -> Path:
        return self.folder / "weights.safetensors"

    @property
    def imagined(self) -> Path:
        return self.folder / "imagined"

    @property
    def corpus(self) -> Path:
        return self.folder / "corpus.npz"

    @property
    def words(self) -> Path:
        return self.folder / "words.safetensors"

    @property
    def counted(self) -> Path:
        return self.folder / "counted.safetensors"

    @property
    def resume(self) -> Path:
        return self.folder / "resume.safetensors"

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def samples(self) -> Path:
        return self.folder / "samples"

    @property
    def heldout(self) -> Path:
        return self.folder / "heldout"

    def begin(self, config: Config, vocabulary: Vocabulary, split: Split) -> None:
        """Lay out a new run; raises RunError where one is already, or where none can be."""
        self.require_new()
        make_folder(self.folder)
        for left in (self.heldout, self.imagined):
            shutil.rmtree(left, ignore_errors=True)
        for part, texts in (("validation", split.validation), ("test", split.test)):
            for text in texts:
                path = self.heldout / part / f"{text.name}.fountain"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text.content, encoding="utf-8")
        self._path("vocabulary.json").write_text(vocabulary.to_json(), encoding="utf-8")
        self.write_config(config)

    def require_new(self) -> None:
        """Raise RunError where the folder already holds a run."""
        if self._path("config.json").exists():
            raise RunError(
                f"{self.folder} already holds a run: go on with --resume, or choose another --out."
            )

    def write_config(self, config: Config) -> None:
        """Writes the configuration, whole or not at all."""
        part = self._path("config.json.part")
        part.write_text(config.to_json(), encoding="utf-8")
        part.replace(self._path("config.json"))

    def config(self) -> Config:
        """The run's configuration; raises RunError when there is none."""
        return self._read("config.json", Config.from_json)

    def vocabulary(self) -> Vocabulary:
        """The run's vocabulary; raises RunError when there is none."""
        return self._read("vocabulary.json", Vocabulary.from_json)

    def texts(self) -> Tokens:
        """Return the texts that the run learns; raises RunError where its folder has none."""
        try:
            return Tokens.load(self.corpus)
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise RunError(
                f"{self.corpus} is missing or damaged: name the texts of this run as well."
            ) from error

    def checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return the last checkpoint and its facts; raises RunError where there is none."""
        try:
            return load(self.resume)
        except (OSError, SafetensorError) as error:
            raise RunError(
                f"{self.resume} is missing or damaged: train this run, or name another."
            ) from error

    def heldout_texts(self, part: str) -> tuple[Text, ...]:
        """The held-out texts of "validation" or "test", in the order of their names."""
        paths = sorted((self.heldout / part).glob("*.fountain"))
        return tuple(
            Text(p.name.removesuffix(".fountain"), p.read_text(encoding="utf-8")) for p in paths
        )

    def model(self) -> CharLSTM:
        """The best model of the run in float32; raises RunError when there is none yet."""
        model = CharLSTM(self.config().shape(self.vocabulary()))
        weights, _ = self._load_weights()
        try:
            model.load_state_dict({name: _as(torch.float32, w) for name, w in weights.items()})
        except RuntimeError as error:
            raise RunError(
                f"{self.weights} does not fit {self._path('config.json')}: train this run again or "
                f"name another."
            ) from error
        return model.eval()

    def fingerprint(self) -> str:
        """Return what tells the best weights from others."""
        return hashlib.sha256(self.weights.read_bytes()).hexdigest()

    def __str__(self) -> str:
        return str(self.folder)

    def best(self) -> Mapping[str, Any]:
        """What was noted with the best weights: step, validation bits, when; may be empty."""
        if not self.weights.exists():
            return {}
        return load(self.weights)[1]

    def divide_logits(self, temperatures: Sequence[float], bits: float) -> None:
        """Has the best model divide its logits, as `at_temperatures` does, and notes what it costs.

        ``bits``: of a character of the validation text, then. Raises RunError when there is none.
        """
        weights, facts = self._load_weights()
        before = facts.get("temperatures", [facts.get("temperature", 1.0)] * len(temperatures))
        noted = {
            "temperatures": [a * b for a, b in zip(before, temperatures, strict=True)],
            "validation_bits": bits,
        }
        facts.pop("temperature", None)
        save(self.weights, at_temperatures(weights, temperatures), facts | noted)

    def metrics_noted(self) -> list[dict[str, float]]:
        """What was noted while it was trained, in that order; nothing where no note is kept."""
        if not self.metrics.exists():
            return []
        lines = self.metrics.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def _load_weights(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        try:
            return load(self.weights)
        except (OSError, SafetensorError) as error:
            raise RunError(
                f"{self.weights} is missing or damaged: train this run, or name another."
            ) from error

    def _path(self, name: str) -> Path:
        return self.folder / name

    def _read(self, name: str, parse: Callable[[str], T]) -> T:
        path = self._path(name)
        try:
            return parse(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise RunError(
                f"{path} is missing or damaged: name the folder of a run that "
                f"`python -m training train` made."
            ) from error


def make_folder(folder: Path) -> None:
    """Makes a folder unless it is there; raises RunError where none can be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"{folder} cannot be a folder ({error.strerror}): choose another name for it."
        ) from error


def _as(precision: torch.dtype, weights: Tensor) -> Tensor:
    """Weights in another precision; whole numbers, such as keys of n-grams, stay as they are."""
    return weights.to(precision) if weights.is_floating_point() else weights


def save(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Writes tensors, and facts as JSON beside them, to one file: whole or not at all."""
    part = path.with_suffix(".part")
    contiguous = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    save_file(contiguous, part, metadata={"facts": json.dumps(facts)})
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(path)


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The inverse of `save`; raises OSError or SafetensorError when the file is not one."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no Mapping
        return tensors, json.loads((file.metadata() or {}).get("facts", "{}"))
