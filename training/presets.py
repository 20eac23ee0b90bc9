"""Sizes of networks and of their training that belong together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from .model import Regularisation
from .run import Config

PRESETS: Mapping[str, Config] = {
    # One core of a processor: what a voice is trained with unless something else is asked for.
    "standard": Config(),
    # One GPU, which is idle over small windows: wide layers, many streams, little dropped.
    "gpu": dataclasses.replace(
        Config(),
        embedding=256,
        lower=512,
        word=1536,
        summary=512,
        upper=1024,
        drop=Regularisation(embedding=0.05, layers=0.1, recurrent=0.1),
        batch=256,
        window=256,
        learning_rate=0.001,
        warmup=1000,
        evaluate_every=1000,
        precision="bfloat16",
    ),
}
"""Whatever option is given by itself outweighs its preset."""
