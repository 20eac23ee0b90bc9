"""From logits to the next character, for a whole batch at once, each row with its own settings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Floats, Logits, Tokens

LARGEST_SEED = 2**31 - 1
"""Seeds are short enough for people to read them out and type them."""

LARGEST_UNIFORM = np.float32(1 - 2**-23)
"""A share so large of anything is rounded to less than it all: behind that no character stands, or
one that weighs nothing."""

BITS = np.float32(1 / np.log(2))
"""In a nat."""


@dataclass(frozen=True)
class Sampling:
    """How one line is drawn."""

    seed: int
    """From 0 to `LARGEST_SEED`; the same one gives the same line."""
    temperature: float = 0.75
    """From 0.1, nearly always the likeliest character, to 2.0, nearly any."""
    top_p: float = 0.95
    """In (0, 1]: only the likeliest characters that have this share together can be drawn
    (nucleus sampling, Holtzman et al. 2020)."""
    min_p: float = 0.0
    """From 0, off, to 1: only characters that are at least this times as likely as the likeliest
    can be drawn (Nguyen et al. 2024)."""
    repetition: float = 0.0
    """From 0, off, to 2: what it costs to go on as an earlier passage did (see `repetition`)."""
    length: int = 0
    """Characters after which an element is likelier and likelier to end; 0 for never."""
    company: float = 0.0
    """From 0, off, to 2: how readily those speak who have spoken before (see `turn_taking`)."""
    recall: float = 0.0
    """From 0, off, to 2: how readily words of the last lines are taken up (see `recall`)."""


class Uniforms:
    """The random numbers of lines: number i of a line decides its character i.

    Philox is a counter-based generator (Salmon et al. 2011): nothing but the seed and the
    position goes in, so a line does not depend on what else is being written.
    """

    def __init__(self) -> None:
        # Made once: to set its state takes a third of the time that making another does.
        self._philox = np.random.Philox(key=0)
        self._generator = np.random.Generator(self._philox)
        self._start = self._philox.state

    def of(self, seed: int, length: int) -> Floats:
        """The first numbers of a line, from 0 to `LARGEST_UNIFORM`: float32 [length]."""
        self._start["state"]["key"][0] = seed
        self._philox.state = self._start
        return np.minimum(self._generator.random(length, np.float32), LARGEST_UNIFORM)


def draw(
    logits: Logits, temperature: Floats, top_p: Floats, min_p: Floats, uniform: Floats
) -> Tokens:
    """Draws a token in each row.

    logits float32 [rows, V], -inf where barred and finite somewhere; temperature, top_p, min_p and
    uniform float32 [rows], the latter up to `LARGEST_UNIFORM` -> int64 [rows]. Characters that are
    exactly as likely as the least likely one of the nucleus are in it.
    """
    rows = np.arange(len(logits))
    weights = logits - np.maximum.reduce(logits, axis=1, keepdims=True)
    weights /= temperature[:, None]
    np.exp(weights, out=weights)
    rising = weights.copy()
    rising.sort(axis=1)
    reached = np.add.accumulate(rising, axis=1)
    # The rarest characters that together have no more than the share that is left out.
    outside = reached <= ((1 - top_p) * reached[:, -1])[:, None]
    outside[:, -1] = False  # rounding must not leave out all
    least = rising[rows, outside.argmin(axis=1)]
    # The likeliest character weighs 1.
    weights *= weights >= np.maximum(least, min_p)[:, None]
    np.add.accumulate(weights, axis=1, out=weights)
    chance = uniform * weights[:, -1]
    chosen: Tokens = (weights > chance[:, None]).argmax(axis=1)
    return chosen


def surprise(logits: Logits, tokens: Tokens) -> Floats:
    """Bits that each token [rows] costs under the voice's own logits [rows, V], nothing changed."""
    shifted = logits - np.maximum.reduce(logits, axis=1, keepdims=True)
    told = shifted[np.arange(len(tokens)), tokens]
    np.exp(shifted, out=shifted)
    nats: Floats = np.log(np.add.reduce(shifted, axis=1)) - told
    return nats * BITS
