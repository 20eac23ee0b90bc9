"""Prepare batches of windows of the texts and of the teachers' text, ahead of the steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..distributed import Team
from .windows import Windows

AHEAD = 2
"""Batches prepared while a step is computed."""


class Imagined:
    """Text written by teachers, and their expectations: two files in a folder.

    ``tokens.npy``: the text, int16 [pieces, characters]. ``expected.npy``: log probabilities after
    each character, float16 [pieces, characters, vocabulary].
    """

    def __init__(self, folder: Path) -> None:
        """Open the files; raises FileNotFoundError if the text is missing or incomplete."""
        expected = np.load(folder / "expected.npy", mmap_mode="r")
        self.expected = expected.reshape(-1, expected.shape[-1])
        tokens = np.load(folder / "tokens.npy").astype(np.int64)
        self.texts = list(torch.from_numpy(tokens))

    def after(self, places: NDArray[np.int64]) -> Tensor:
        """Return the probabilities after places in the joined texts: float32 [..., vocabulary]."""
        return torch.from_numpy(self.expected[places]).float().exp()


@dataclass(frozen=True)
class Batch:
    """The input of one step: streams of the texts, followed by streams that teachers wrote."""

    inputs: Tensor
    """int64 [window, streams]."""
    targets: Tensor
    """int64 [window, streams of the texts]."""
    starting: Tensor
    """bool [streams]: streams that begin with the state of a script's start."""
    parts: Tensor | None
    """int64 [window, streams], as `CharLSTM.forward` takes them."""
    expected: Tensor | None
    """The teachers' probabilities, float32 [window, streams of teachers, vocabulary]."""

    def each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """Return the batch with every tensor changed."""
        there = {name: change(tensor) for name, tensor in vars(self).items() if tensor is not None}
        return dataclasses.replace(self, **there)

    def cost(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cost per character in nats, over all streams and over the texts alone."""
        texts = self.targets.shape[1]
        text = functional.cross_entropy(logits[:, :texts].flatten(0, 1), self.targets.flatten())
        if self.expected is None:
            return text, text
        written = logits[:, texts:].flatten(0, 1)
        taught = functional.cross_entropy(written, self.expected.flatten(0, 1))
        return torch.lerp(text, taught, 1 - texts / logits.shape[1]), text


@dataclass(frozen=True)
class Batches:
    """Build the batch of each step for one process of a team; a batch depends on the step alone.

    ``parts``: int8 [characters], the part of each character of the texts as counted by
    `NgramPrior.learn`, below 0 for a character that was not counted. ``imagined``: what teachers
    wrote, cut into windows of its own.
    """

    windows: Windows
    team: Team
    parts: NDArray[np.int8] | None = None
    imagined: Imagined | None = None
    written: Windows | None = None

    def at(self, step: int) -> Batch:
        """Return the batch of a step."""
        own = self.team.own(self.windows.batch)
        inputs, targets, begins = self.windows.at(step, own)
        starting = torch.full((inputs.shape[1],), begins)
        parts = expected = None
        if self.parts is not None:
            parts = torch.from_numpy(self.parts[self.windows.places(step, own)]).long()
        if self.imagined and self.written:
            written, _, begins = self.written.at(step)
            expected = self.imagined.after(self.written.places(step))
            inputs = torch.cat([inputs, written], dim=1)
            starting = torch.cat([starting, torch.full((written.shape[1],), begins)])
            if parts is not None:
                parts = functional.pad(parts, (0, written.shape[1]), value=-1)
        return Batch(inputs, targets, starting, parts, expected)


class Ahead:
    """Gather batches on a device in a thread, while earlier steps are computed.

    For a GPU the batches wait in pinned memory, so that copying them does not block.
    """

    def __init__(self, batches: Batches, device: torch.device) -> None:
        self.batches = batches
        self.device = device
        self._thread = ThreadPoolExecutor(1, "batches")
        self._waiting: dict[int, Future[Batch]] = {}

    def at(self, step: int) -> Batch:
        """Return the batch of a step, and start preparing the next ones."""
        wanted = range(step, step + 1 + AHEAD)
        self._waiting = {
            number: self._waiting.get(number) or self._thread.submit(self._prepare, number)
            for number in wanted
        }
        batch = self._waiting.pop(step).result()
        return batch.each(lambda tensor: tensor.to(self.device, non_blocking=True))

    def _prepare(self, step: int) -> Batch:
        batch = self.batches.at(step)
        return batch.each(Tensor.pin_memory) if self.device.type == "cuda" else batch
