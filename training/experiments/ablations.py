"""Define single changes to a small network, to measure what each contributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from training.config import Config
from training.model.memory import NO_MEMORY, MemoryShape
from training.model.network import Regularisation
from training.model.prior import NO_PRIOR, PriorShape


@dataclass(frozen=True)
class Variant:
    """A change and the resulting network."""

    about: str
    config: Config


BASE = Config(
    lower=128,
    upper=256,
    prior=PriorShape(contexts=300_000),
    renamed=0.0,
    batch=16,
    window=256,
    warmup=100,
    averaging=0.99,
)
"""Half the width of the shipped network, so that a row takes minutes."""

DROP = Regularisation()

VARIANTS: Mapping[str, Variant] = {
    "base": Variant("base", BASE),
    "seed": Variant("base with another seed: the noise", replace(BASE, seed=2)),
    "no-memory": Variant("no memory head", replace(BASE, memory=NO_MEMORY)),
    "short-memory": Variant("a memory of 126 characters", replace(BASE, memory=MemoryShape(126))),
    "long-memory": Variant("a memory of 1,023 characters", replace(BASE, memory=MemoryShape(1023))),
    "no-prior": Variant("no prior", replace(BASE, prior=NO_PRIOR)),
    "short-prior": Variant(
        "contexts of up to 6 characters", replace(BASE, prior=replace(BASE.prior, longest=6))
    ),
    "large-prior": Variant(
        "1,200,000 contexts", replace(BASE, prior=replace(BASE.prior, contexts=1_200_000))
    ),
    "names": Variant("half of the names drawn anew", replace(BASE, renamed=0.5)),
    "batch": Variant("batch of 32", replace(BASE, batch=32, warmup=50)),
    "window": Variant("windows of 128, batch of 32", replace(BASE, batch=32, window=128)),
    "drop": Variant("layers dropped 0.3", replace(BASE, drop=replace(DROP, layers=0.3))),
    "faster": Variant("learning rate 0.006", replace(BASE, learning_rate=0.006)),
    "slower": Variant("learning rate 0.0015", replace(BASE, learning_rate=0.0015)),
}
"""The variants by name; each changes `BASE` as its label says."""
