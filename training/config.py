"""Define the configuration of a training."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from tyro.conf import Suppress, UseAppendAction, arg

from .data.vocabulary import Vocabulary
from .model import LAYERS
from .model.memory import NO_MEMORY, MemoryShape
from .model.network import Regularisation, Shape
from .model.prior import PriorShape
from .ranges import (
    LanguageCode,
    Name,
    NonNegativeInt,
    OptionalPositiveInt,
    PositiveFloat,
    PositiveInt,
    Share,
)

DECAY_SHARE = 0.2
"""The share of a schedule with a known end in which the learning rate falls."""


@dataclass(frozen=True)
class Description:
    """What a voice's metadata says of it."""

    name: Name = "voice"
    """The name of the voice."""
    corpus: str = "own texts"
    """A description of the training texts, for the voice's metadata."""
    licence: str = "unstated"
    """The terms under which the voice may be used."""
    language: LanguageCode = "en"
    """The code of the language of the training texts, such as `de`."""


@dataclass(frozen=True)
class Learning:
    """How a network learns, whatever its sizes are."""

    drop: Regularisation = field(default_factory=Regularisation)
    batch: PositiveInt = 32
    """Streams of text read side by side. A smaller batch learns more in a fixed time."""
    window: PositiveInt = 160
    """Steps of truncated back-propagation; the state is carried from one window to the next."""
    resets: Share = 0.0
    """Share of the windows that begin with the state of a script's start."""
    learning_rate: PositiveFloat = 0.003
    """The peak learning rate."""
    warmup: PositiveInt = 200
    """Steps until the learning rate is at its peak."""
    weight_decay: Share = 0.01
    """The weight decay of AdamW."""
    clip: PositiveFloat = 1.0
    """The largest norm of the gradients; larger gradients are scaled down."""
    averaging: Share = 0.999
    """Decay of the exponential moving average of the weights that is evaluated and kept."""
    seed: NonNegativeInt = 1
    """The seed of all random numbers."""
    evaluate_every: PositiveInt = 500
    """Steps between two evaluations."""
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    """The precision of products; `auto` for bfloat16 on GPUs, and on CPUs where it is 1.5 times as
    fast."""


@dataclass(frozen=True)
class Config(Learning, Description):
    """The configuration of a run, written to ``config.json`` and kept when the run is resumed."""

    steps: OptionalPositiveInt = None
    """Stop after this many steps, the last fifth at a falling rate; by default, never stop."""
    embedding: PositiveInt = Shape.embedding
    """The length of the vector that stands for a character."""
    lower: PositiveInt = Shape.lower
    """Units of the layer that reads characters."""
    upper: PositiveInt = Shape.upper
    """Units of the layer that predicts the next character."""
    recurrence: Annotated[str, arg(help=f"The recurrent layer: {', '.join(LAYERS)}.")] = (
        Shape.recurrence
    )
    prior: PriorShape = field(default_factory=PriorShape)
    memory: MemoryShape = field(default_factory=MemoryShape)
    repeat: UseAppendAction[Mapping[str, PositiveInt]] = field(default_factory=dict)
    """Read the texts in folders of this name this many times per epoch; others are read once."""
    minutes: Suppress[float | None] = None
    """Time of the whole schedule, if `steps` are computed from the speed."""
    decay_from: Suppress[int | None] = None
    """The step from which the learning rate falls; None for the last fifth of the steps."""
    texts: Suppress[str] = ""
    """SHA-256 of the training files, see `training.data.texts.hash_files`."""
    begun_from: Suppress[str] = ""
    """Fingerprint of the voice whose weights the training began with, if any."""
    tuned_from: Suppress[str] = ""
    """SHA-256 of the weights that were tuned, if any; resuming the run needs these weights."""

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step: linear warm-up, constant, then down to zero.

        Warmup-stable-decay (Hu et al. 2024, "MiniCPM: Unveiling the Potential of Small Language
        Models with Scalable Training Strategies"): a training with a constant rate can go on for
        weeks, and a short decay at any moment turns it into a finished network. The decay has the
        form 1 - sqrt, which ends lower than a straight line (Hägele et al. 2024, "Scaling Laws and
        Compute-Optimal Training Beyond Fixed Training Durations").
        """
        rising = min(1.0, (step + 1) / self.warmup)
        return self.learning_rate * rising * (1 - math.sqrt(self.share_decayed(step)))

    def share_decayed(self, step: int) -> float:
        """Return how much of the decay is over at a step: from 0 before the decay to 1 at its end.

        The share is always 0 in a schedule without an end.
        """
        if self.steps is None:
            return 0.0
        start = self.decay_from
        if start is None:
            start = round(self.steps * (1 - DECAY_SHARE))
        return min(1.0, max(0.0, (step - start) / max(1, self.steps - start)))

    def shape(self, vocabulary: Vocabulary) -> Shape:
        """Return the network's sizes for a vocabulary."""
        return Shape(
            len(vocabulary),
            self.embedding,
            self.lower,
            self.upper,
            self.memory if self.memory.characters else NO_MEMORY,
            self.prior,
            self.recurrence,
        )

    def to_json(self) -> str:
        """Return the configuration as JSON, the content of ``config.json``."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Config:
        """Make a configuration from its fields, as JSON has them.

        Raises KeyError or TypeError for other fields.
        """
        nested = {
            "drop": Regularisation(**fields["drop"]),
            "prior": PriorShape(**fields["prior"]),
            "memory": MemoryShape(**fields["memory"]),
        }
        return cls(**{**fields, **nested})
