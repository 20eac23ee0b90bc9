"""Draw the next characters of a batch from logits, each row with its own settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np

from ..arrays import Floats, Logits, Tokens

LARGEST_SEED = 2**31 - 1
"""The largest seed, short enough for people to read out and type."""

LARGEST_UNIFORM = np.float32(1 - 2**-23)
"""The largest random number. Times any sum, this number rounds to less than that sum, so that the
character drawn always has a weight."""

BITS_PER_NAT = np.float32(1 / np.log(2))


@dataclass(frozen=True)
class Sampling:
    """Hold the settings of one line, which processors and `draw_tokens` read."""

    seed: int
    """From 0 to `LARGEST_SEED`. The same seed gives the same line."""
    temperature: float = 0.75
    """Above 0: low for nearly always the likeliest character, high for nearly any."""
    top_p: float = 0.95
    """In (0, 1]. Only the likeliest characters that together have this share can be drawn (nucleus
    sampling, Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration")."""
    min_p: float = 0.0
    """From 0, off, to 1. Only characters whose probability is at least this share of the likeliest
    one's can be drawn (Nguyen et al. 2024, "Turning Up the Heat: Min-p Sampling for Creative and
    Coherent LLM Outputs")."""
    repetition: float = 0.0
    """From 0, off, to 2: the cost of repeating an earlier passage, see `RepetitionPenalty`."""
    length: int = 0
    """Characters after which an element grows likelier to end, see `LengthBias`; 0 for never."""
    company: float = 0.0
    """From 0, off, to 2: how readily those who have spoken before speak again, see
    `SpeakerBias`."""
    extra: Mapping[str, float] = field(default_factory=dict)
    """The options of other processors, by name, as vLLM's ``extra_args``. A new option goes here;
    only what `draw_tokens` or a shipped processor reads has a field."""

    @classmethod
    def of(cls, seed: int, options: Mapping[str, Any]) -> Self:
        """Return sampling with options by name; options without a field are extra."""
        known = {field.name for field in fields(cls)}
        extra = {name: value for name, value in options.items() if name not in known}
        return cls(seed, **{name: options[name] for name in options if name in known}, extra=extra)

    def to_options(self) -> dict[str, Any]:
        """Return the seed and all options by name."""
        named = {name: value for name, value in vars(self).items() if name != "extra"}
        return named | dict(self.extra)


def draw_uniforms(seed: int, length: int) -> Floats:
    """Return the random numbers of a line, from 0 to `LARGEST_UNIFORM`: float32 [length].

    Number i decides character i. Philox is a counter-based generator (Salmon et al. 2011, "Parallel
    Random Numbers: As Easy as 1, 2, 3"). Its numbers depend on the seed and the position alone, so
    a line does not depend on the lines beside it.
    """
    generator = np.random.Generator(np.random.Philox(key=seed))
    return np.minimum(generator.random(length, np.float32), LARGEST_UNIFORM)


def draw_tokens(
    logits: Logits, temperature: Floats, top_p: Floats, min_p: Floats, uniform: Floats
) -> Tokens:
    """Draw a token in each row: int64 [rows].

    The logits are float32 [rows, V], -inf where barred, with a finite one in each row. The random
    numbers ``uniform``, from 0 to `LARGEST_UNIFORM`, and the settings are float32 [rows].
    Characters that are exactly as likely as the least likely one in the nucleus belong to it.
    """
    rows = np.arange(len(logits))
    weights = logits - np.maximum.reduce(logits, axis=1, keepdims=True)
    weights /= temperature[:, None]
    np.exp(weights, out=weights)
    rising = weights.copy()
    rising.sort(axis=1)
    reached = np.add.accumulate(rising, axis=1)
    # Outside the nucleus are the rarest characters, up to the share that is left out.
    outside = reached <= ((1 - top_p) * reached[:, -1])[:, None]
    outside[:, -1] = False  # because rounding must not leave out all of them
    least = rising[rows, outside.argmin(axis=1)]
    # The likeliest character weighs 1, so min_p is a weight.
    weights *= weights >= np.maximum(least, min_p)[:, None]
    np.add.accumulate(weights, axis=1, out=weights)
    chance = uniform * weights[:, -1]
    chosen: Tokens = (weights > chance[:, None]).argmax(axis=1)
    return chosen


def compute_token_bits(logits: Logits, tokens: Tokens) -> Floats:
    """Return the cost of each token [rows] by the model's own logits [rows, V], in bits."""
    shifted = logits - np.maximum.reduce(logits, axis=1, keepdims=True)
    told = shifted[np.arange(len(tokens)), tokens]
    np.exp(shifted, out=shifted)
    nats: Floats = np.log(np.add.reduce(shifted, axis=1)) - told
    return nats * BITS_PER_NAT
