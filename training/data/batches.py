"""Prepare batches of windows of the texts, ahead of the steps."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from .windows import Windows

AHEAD = 2
"""Batches prepared while a step is computed."""


@dataclass(frozen=True)
class Batch:
    """The input of one step."""

    inputs: Tensor
    """int64 [window, streams]."""
    targets: Tensor
    """int64 [window, streams]."""
    begins_epoch: bool
    """True if all streams begin with the state of a script's start."""
    folds: Tensor | None
    """int64 [window, streams], as `CharLSTM.forward` takes them."""

    def each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """Return the batch with every tensor changed."""
        folds = None if self.folds is None else change(self.folds)
        return Batch(change(self.inputs), change(self.targets), self.begins_epoch, folds)

    def cost(self, logits: Tensor) -> Tensor:
        """Return the cost per character in nats."""
        return functional.cross_entropy(logits.flatten(0, 1), self.targets.flatten())


@dataclass
class Batches:
    """Build the batch of each step; a batch depends on its step alone.

    A thread builds batches while earlier steps are computed. For a GPU they wait in pinned memory,
    so that copying them does not block.
    """

    windows: Windows
    ids: NDArray[np.integer]
    """The joined texts, as token ids."""
    folds: NDArray[np.int8] | None
    """[characters]: the fold of each character as counted by `NgramPrior.learn`, below 0 for a
    character that was not counted."""
    device: torch.device
    _waiting: dict[int, Future[Batch]] = field(default_factory=dict, init=False)
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, "batches"), init=False
    )

    def at(self, step: int) -> Batch:
        """Return the batch of a step on the device, and start preparing the next ones."""
        self._waiting = {
            number: self._waiting.get(number) or self._thread.submit(self._build, number)
            for number in range(step, step + 1 + AHEAD)
        }
        batch = self._waiting.pop(step).result()
        return batch.each(lambda tensor: tensor.to(self.device, non_blocking=True))

    def _build(self, step: int) -> Batch:
        places, begins = self.windows.at(step)
        read = torch.from_numpy(self.ids[places].astype(np.int64))
        folds = None
        if self.folds is not None:
            folds = torch.from_numpy(self.folds[places[:-1]]).long()
        batch = Batch(read[:-1], read[1:], begins, folds)
        return batch.each(Tensor.pin_memory) if self.device.type == "cuda" else batch
