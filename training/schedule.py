"""Compute the learning rate: it rises, stays constant, and falls at an end that can be postponed.

Warmup-stable-decay (Hu et al. 2024, "MiniCPM: Unveiling the Potential of Small Language Models with
Scalable Training Strategies"): a training with a constant rate can go on for weeks, and at any
moment a short decay makes a finished network of it. A cosine must know its end from the start.
"""

from __future__ import annotations

import math

from .config import Config

DECAY = 0.2
"""The share of a schedule with a known end that the decay takes."""


def learning_rate(config: Config, step: int) -> float:
    """Return the learning rate of a step: linear warm-up, constant, then down to zero.

    The decay is 1 - sqrt, which ends lower than a straight line (Hägele et al. 2024, "Scaling Laws
    and Compute-Optimal Training Beyond Fixed Training Durations").
    """
    rising = min(1.0, (step + 1) / config.warmup)
    if config.steps is None:
        return config.learning_rate * rising
    start = config.decay_from
    if start is None:
        start = round(config.steps * (1 - DECAY))
    done = (step - start) / max(1, config.steps - start)
    return config.learning_rate * rising * (1 - math.sqrt(min(1.0, max(0.0, done))))
