"""Read and write a run folder: all files of one training, and all that resuming it needs.

config.json           the configuration, and the schedule once it is known
vocabulary.json       the characters and the fold map
weights.safetensors   the averaged weights that were best on the validation text
metrics.jsonl         a line per report
curves.png            the metrics, drawn
samples/              a sample of each evaluation
imagined/             what the teachers wrote, if there are any
heldout/              the held-out texts, so that export needs nothing else
initial.safetensors   the weights known before the first step, if there are any
corpus.npz            the learned texts as token ids, so that resuming needs no other files
counted.safetensors   the prior's counts of the texts; counted again if missing
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

from .data.texts import Split, Text
from .data.tokens import Tokens
from .data.vocabulary import Vocabulary
from .model.network import CharLSTM, Regularisation, Shape, at_temperatures
from .model.prior import PriorShape
from .model.words import NO_WORDS, WordShape, letter_numbers

T = TypeVar("T")


class RunError(Exception):
    """Raised for a run folder that cannot be used; the message says in one sentence what to do."""


@dataclass(frozen=True)
class Config:
    """The configuration of a run, written to ``config.json`` and kept when the run is resumed."""

    name: str = "voice"
    """The name of the voice."""
    corpus: str = "own texts"
    """A description of the training texts, for the voice's metadata."""
    licence: str = "unstated"
    """The terms under which the voice may be used."""
    embedding: int = Shape.embedding
    lower: int = Shape.lower
    word: int = Shape.word
    summary: int = Shape.summary
    upper: int = Shape.upper
    vectors: WordShape = NO_WORDS
    prior: PriorShape = field(default_factory=PriorShape)
    drop: Regularisation = field(default_factory=Regularisation)
    repeat: Mapping[str, int] = field(default_factory=dict)
    """Readings per epoch of the texts in folders of these names; other texts are read once."""
    texts: str = ""
    """SHA-256 of the training files, see `training.data.texts.fingerprint`."""
    renamed: float = 0.75
    """The share of a text's names that are replaced at each reading, 0 to 1."""
    batch: int = 32
    """Streams of text read side by side. A smaller batch learns more in a fixed time."""
    window: int = 160
    """Steps of truncated back-propagation; the state is carried from one window to the next."""
    resets: float = 0.0
    """Share of the windows that begin with the state of a script's start."""
    learning_rate: float = 0.003
    """The peak learning rate, reached after `warmup` steps; see `training.schedule`."""
    warmup: int = 200
    weight_decay: float = 0.01
    clip: float = 1.0
    """The largest norm of the gradients; larger gradients are scaled down."""
    averaging: float = 0.999
    """Decay of the exponential moving average of the weights that is evaluated and kept."""
    seed: int = 1
    evaluate_every: int = 500
    """Steps between two evaluations."""
    precision: str = "auto"
    """``bfloat16``, ``float32``, or ``auto`` for the faster one on the device."""
    minutes: float | None = None
    """Time of the whole schedule, if `steps` are computed from the speed."""
    steps: int | None = None
    """Steps of the schedule; None for a training without an end."""
    decay_from: int | None = None
    """The step from which the learning rate falls; None for the last fifth of the steps."""
    begun_from: str = ""
    """Fingerprint of the voice whose weights the training began with, if any."""
    tuned_from: str = ""
    """SHA-256 of the weights that were tuned, if any; resuming the run needs these weights."""
    taught_by: tuple[str, ...] = ()
    """SHA-256 of the weights of each teacher; resuming the run needs these weights too."""
    taught: float = 0.75
    """The share of the streams that read what teachers wrote, if there are teachers."""
    imagined: int = 5_000_000
    """Number of characters that teachers write."""

    @property
    def streams_of_texts(self) -> int:
        """Return the number of streams that read the texts, not what teachers wrote."""
        if not self.taught_by:
            return self.batch
        return max(1, self.batch - max(1, round(self.batch * self.taught)))

    def shape(self, vocabulary: Vocabulary) -> Shape:
        """Return the network's sizes for a vocabulary."""
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
        """Return the configuration as JSON, the content of ``config.json``."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, document: str) -> Config:
        """Read what `to_json` returned; raises TypeError or ValueError for anything else."""
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
    def initial(self) -> Path:
        return self.folder / "initial.safetensors"

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
        """Lay out a new run; raises RunError if the folder has a run or cannot be made."""
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
        """Write the configuration atomically."""
        part = self._path("config.json.part")
        part.write_text(config.to_json(), encoding="utf-8")
        part.replace(self._path("config.json"))

    def config(self) -> Config:
        """Return the run's configuration; raises RunError if there is none."""
        return self._read("config.json", Config.from_json)

    def vocabulary(self) -> Vocabulary:
        """Return the run's vocabulary; raises RunError if there is none."""
        return self._read("vocabulary.json", Vocabulary.from_json)

    def texts(self) -> Tokens:
        """Return the texts that the run learns; raises RunError if the folder has none."""
        try:
            return Tokens.load(self.corpus)
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            raise RunError(
                f"{self.corpus} is missing or damaged: name the texts of this run as well."
            ) from error

    def checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return the last checkpoint and its facts; raises RunError if there is none."""
        try:
            return load(self.resume)
        except (OSError, SafetensorError) as error:
            raise RunError(
                f"{self.resume} is missing or damaged: train this run, or name another."
            ) from error

    def heldout_texts(self, part: str) -> tuple[Text, ...]:
        """Return the held-out texts of "validation" or "test", ordered by name."""
        paths = sorted((self.heldout / part).glob("*.fountain"))
        return tuple(
            Text(p.name.removesuffix(".fountain"), p.read_text(encoding="utf-8")) for p in paths
        )

    def model(self) -> CharLSTM:
        """Return the best model of the run in float32; raises RunError if there is none yet."""
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
        """Return a fingerprint of the best weights."""
        return hashlib.sha256(self.weights.read_bytes()).hexdigest()

    def __str__(self) -> str:
        return str(self.folder)

    def best(self) -> Mapping[str, Any]:
        """Return the facts of the best weights: step, validation bits, time; may be empty."""
        if not self.weights.exists():
            return {}
        return load(self.weights)[1]

    def divide_logits(self, temperatures: Sequence[float], bits: float) -> None:
        """Scale the best model's logits as `at_temperatures` does, and store the resulting cost.

        ``bits``: the bits per character of the validation text after that. Raises RunError if there
        is no model.
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
        """Return the metrics of the training in order; nothing if there is no file of metrics."""
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
    """Make a folder unless it exists; raises RunError if it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"{folder} cannot be a folder ({error.strerror}): choose another name for it."
        ) from error


def _as(precision: torch.dtype, weights: Tensor) -> Tensor:
    """Convert weights to another precision; keep integers, such as keys of n-grams, as they are."""
    return weights.to(precision) if weights.is_floating_point() else weights


def save(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors, with facts as JSON, to one file atomically."""
    part = path.with_suffix(".part")
    contiguous = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    save_file(contiguous, part, metadata={"facts": json.dumps(facts)})
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(path)


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save` wrote; raises OSError or SafetensorError for any other file."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no Mapping
        return tensors, json.loads((file.metadata() or {}).get("facts", "{}"))
