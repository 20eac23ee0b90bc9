"""Sizes of networks and of their training that belong together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from .model import Regularisation
from .prior import PriorShape
from .run import Config
from .words import WordShape

PRESETS: Mapping[str, Config] = {
    # One core of a processor: what a voice is trained with unless something else is asked for.
    "standard": Config(),
    # One GPU: 15 million numbers, each of which takes a byte in a file of 20 MB. That leaves 4 MB
    # to the prior; its whole distributions take half, so it has fewer contexts than usual. Most of
    # what the standard network lacks is in the word layer: a number there costs a fifth of one in
    # the upper layer, also when a voice writes, because it is used once a word. All sizes are
    # multiples of 64, as a GPU's units for products of matrices want them.
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
        # Below that of small batches, as the network is wider; not by much, as the gradients of
        # so many characters are less noisy. Adam wants its averages filled first.
        learning_rate=0.002,
        warmup=1000,
        # An evaluation takes as long as many steps: its sample is written one by one.
        evaluate_every=2000,
    ),
}
"""Whatever option is given by itself outweighs its preset."""
