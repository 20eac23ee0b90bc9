"""Define single changes to a small network, to measure what each contributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from training.config import Config
from training.model.network import Regularisation
from training.model.prior import NO_PRIOR, PriorShape


@dataclass(frozen=True)
class Variant:
    """A change and the resulting network."""

    about: str
    config: Config


BASE = Config(
    lower=128, word=512, summary=128, upper=256, warmup=50, renamed=0.0, precision="bfloat16"
)
"""Half the width of the shipped network, so that a row takes minutes; bfloat16 on every machine."""

DROP = Regularisation()

VARIANTS: Mapping[str, Variant] = {
    "base": Variant("base: 2 x 256, prior of 150,000 contexts up to 6", BASE),
    "seed": Variant("base with another seed: what is noise", replace(BASE, seed=2)),
    "plain": Variant("no prior", replace(BASE, prior=NO_PRIOR)),
    "renamed": Variant("three names of four drawn anew each epoch", replace(BASE, renamed=0.75)),
    "shorter": Variant("contexts up to 4", replace(BASE, prior=PriorShape(longest=4))),
    "longer": Variant("contexts up to 8", replace(BASE, prior=PriorShape(longest=8))),
    "fewer": Variant("30,000 contexts", replace(BASE, prior=PriorShape(contexts=30_000))),
    "small-batch": Variant("batch of 16, twice the steps", replace(BASE, batch=16, warmup=100)),
    "long-window": Variant(
        "windows of 320, batch of 16, as many steps", replace(BASE, batch=16, window=320)
    ),
    "drop-more": Variant("layers dropped 0.5", replace(BASE, drop=replace(DROP, layers=0.5))),
    "drop-less": Variant("layers dropped 0.1", replace(BASE, drop=replace(DROP, layers=0.1))),
    "drop-recurrent-less": Variant(
        "recurrent weights dropped 0.1", replace(BASE, drop=replace(DROP, recurrent=0.1))
    ),
    "faster": Variant("learning rate 0.006", replace(BASE, learning_rate=0.006)),
    "slower": Variant("learning rate 0.0015", replace(BASE, learning_rate=0.0015)),
}
"""The variants by name; each changes `BASE` as its label says."""
