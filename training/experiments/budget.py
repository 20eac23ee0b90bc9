"""Define how long a model may learn.

Time is the processor time of all cores, not wall time: other programs on the machine do not reduce
it, and one core for two hours counts as much as two cores for one hour.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch

Unit = Literal["minutes", "steps", "characters"]
"""The unit of a budget; minutes are minutes of one core."""

clock: Callable[[], float] = time.perf_counter if torch.cuda.is_available() else time.process_time
"""Seconds of processor time, over all cores; wall time where a GPU does the work."""


@dataclass(frozen=True)
class Budget:
    """An amount of training, above 0, in one of three units.

    Evaluations count towards the minutes of On Book's network, but not of other people's recipes.
    Counting n-grams before the first step counts towards neither.
    """

    amount: float
    unit: Unit

    def share(self, seconds: float, steps: int, characters: int) -> float:
        """Return the share of the budget used, from 0; 1 and more means that it is used up."""
        used = {"minutes": seconds / 60, "steps": steps, "characters": characters}
        return used[self.unit] / self.amount

    def part(self, share: float) -> Budget:
        """Return a share of the budget, at least one step or character."""
        least = 0.0 if self.unit == "minutes" else 1.0
        return replace(self, amount=max(least, self.amount * share))

    def __str__(self) -> str:
        return f"{self.amount:,.9g} {self.unit}"
