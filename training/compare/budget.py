"""How long a model may learn.

Time is that of the processor's cores, not of the day: other programs, which a machine has, take
none of it away, and one core for two hours is as much as two for one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch

Unit = Literal["minutes", "steps", "characters"]
"""Minutes are those of one core."""

clock: Callable[[], float] = time.perf_counter if torch.cuda.is_available() else time.process_time
"""Seconds of all cores that this process has used; of the day, where a GPU does the work."""


@dataclass(frozen=True)
class Budget:
    """An amount of training, above 0, in one of three units.

    Evaluations take up minutes of our own network, but none of other people's recipes. What is
    counted in the texts before the first step takes up none.
    """

    amount: float
    unit: Unit

    def share(self, seconds: float, steps: int, characters: int) -> float:
        """How much of it is used up, from 0; 1 and more is the end."""
        used = {"minutes": seconds / 60, "steps": steps, "characters": characters}
        return used[self.unit] / self.amount

    def part(self, share: float) -> Budget:
        """A share of it, at least one step or character."""
        least = 0.0 if self.unit == "minutes" else 1.0
        return replace(self, amount=max(least, self.amount * share))

    def __str__(self) -> str:
        return f"{self.amount:,.9g} {self.unit}"
