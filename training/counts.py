"""Store the counts of a network's prior, so that a run resumes without counting again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .data.tokens import Tokens
from .distributed import ALONE, Team
from .model.network import CharLSTM
from .model.prior import NgramPrior
from .run import load, save

Parts = NDArray[np.int8]
"""The part of each character of the texts, from `NgramPrior.learn`; below 0 for none."""

Start = Callable[[CharLSTM, Tokens], Tensor | None]
"""Initialises a network with what is known before the first step, given the texts to learn;
returns the part of each character, as `NgramPrior.learn` does."""


def counted(model: CharLSTM, texts: Tokens, path: Path, team: Team = ALONE) -> Parts | None:
    """Have a network's prior count the texts, or read its earlier counts from a file.

    In a team, the first process counts for all. Returns the parts of the texts' characters; None
    without a prior.
    """
    prior = model.prior
    if not prior:
        return None

    def by_first() -> tuple[dict[str, Tensor], Parts]:
        if path.exists():
            tensors, facts = load(path)
            if facts == _facts(prior, texts):
                return tensors, tensors.pop("parts").numpy()
        parts = packed(prior.learn(texts))
        keep(prior, texts, parts, path)
        return {name: buffer.cpu() for name, buffer in prior.named_buffers()}, parts

    buffers, parts = team.by_first(by_first)
    for name, buffer in buffers.items():
        set_buffer(prior, name, buffer.to(model.output.weight.device))
    return parts


def keep(prior: NgramPrior, texts: Tokens, parts: Parts, path: Path) -> None:
    """Write a prior's counts, and the parts of some texts, for `counted` to read."""
    buffers = {name: buffer.cpu() for name, buffer in prior.named_buffers()}
    save(path, {**buffers, "parts": torch.from_numpy(parts)}, _facts(prior, texts))


def _facts(prior: NgramPrior, texts: Tokens) -> dict[str, Any]:
    """Return the facts on which a prior's counts depend."""
    return {"texts": texts.fingerprint, "shape": dataclasses.asdict(prior.shape)}


def packed(parts: Tensor) -> Parts:
    """Return parts as int8, because there are few parts."""
    return parts.to(torch.int8).numpy()


def set_buffer(module: nn.Module, name: str, tensor: Tensor) -> None:
    """Replace a buffer of a module, or of a submodule, by a tensor of any shape."""
    owner, _, last = name.rpartition(".")
    setattr(module.get_submodule(owner), last, tensor)


def share_buffers(one: nn.Module, other: nn.Module) -> None:
    """Let another network of the same shape share the buffers of one, in the same memory."""
    for name, buffer in one.named_buffers():
        set_buffer(other, name, buffer)
