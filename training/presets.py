"""Define sizes of networks, and the training options that suit them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from .model.network import Regularisation
from .model.prior import PriorShape
from .model.words import WordShape
from .run import Config

PRESETS: Mapping[str, Config] = {
    # One CPU core: the default.
    "standard": Config(),
    # One GPU: 15 million parameters, each of which takes a byte in a file of 20 MB. That leaves 4
    # MB to the prior, whose whole distributions take half, so the prior has fewer contexts than
    # usual. Most of the additional parameters are in the word layer: a parameter there costs a
    # fifth of a parameter in the upper layer, also at inference, because it is used once a word.
    # All sizes are multiples of 64, to suit a GPU's matrix units.
    "gpu": dataclasses.replace(
        Config(),
        word=1408,
        upper=640,
        vectors=WordShape(words=20_000),
        prior=PriorShape(contexts=300_000),
        drop=Regularisation(embedding=0.05, layers=0.1, recurrent=0.1),
        # The characters of a window are read one after another, so only many streams keep a GPU
        # busy. Longer windows make no character cheaper, and leave fewer steps to learn in.
        batch=256,
        window=256,
        # Lower than for small batches, because the network is wider; only a little lower, because
        # gradients of so many characters are less noisy. Adam's averages must be filled first.
        learning_rate=0.002,
        warmup=1000,
        # An evaluation takes as long as many steps, because its sample is written one by one.
        evaluate_every=2000,
    ),
}
"""The presets by name; options given explicitly override a preset."""
