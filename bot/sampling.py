"""From logits to the next character, for a whole batch at once, each row with its own settings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .model import Logits, Tokens

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sampling:
    """How one line is drawn."""

    seed: int
    """From 0 to 2**63 - 1; the same one gives the same line."""
    temperature: float = 0.7
    """From 0.1, nearly always the likeliest character, to 2.0, nearly any."""
    top_p: float = 0.95
    """In (0, 1]: only the likeliest characters that have this share together can be drawn
    (nucleus sampling, Holtzman et al. 2020)."""


def uniforms(seed: int, length: int) -> Floats:
    """The random numbers in [0, 1) of a line, float64 [length]: number i decides character i.

    Philox is a counter-based generator (Salmon et al. 2011): nothing but the seed and the
    position goes in, so a line does not depend on what else is being written.
    """
    return np.random.Generator(np.random.Philox(seed)).random(length)


def draw(logits: Logits, temperature: Floats, top_p: Floats, uniform: Floats) -> Tokens:
    """Draws a token in each row.

    logits [rows, V], -inf where barred; temperature, top_p and uniform [rows] -> int64 [rows].
    """
    scaled = logits.astype(np.float64) / temperature[:, None]
    scaled -= scaled.max(axis=1, keepdims=True)
    weights = np.exp(scaled)
    order = np.argsort(-weights, axis=1, kind="stable")
    ranked = np.take_along_axis(weights, order, axis=1)
    reached = np.cumsum(ranked, axis=1)
    # The nucleus: a character is in it while those before it do not have the share yet.
    ranked[reached - ranked >= top_p[:, None] * reached[:, -1:]] = 0.0
    reached = np.cumsum(ranked, axis=1)
    chosen = (reached <= uniform[:, None] * reached[:, -1:]).sum(axis=1)
    return np.take_along_axis(order, chosen[:, None], axis=1)[:, 0]
