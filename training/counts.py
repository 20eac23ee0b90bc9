"""What a network's prior has counted in the texts, kept so that a run goes on at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .model import CharLSTM
from .parallel import ALONE, Team
from .prior import NgramPrior
from .run import load, save
from .tokens import Tokens

Parts = NDArray[np.int8]
"""The part of each character of the texts, as `NgramPrior.learn` says it; below 0 for none."""

Start = Callable[[CharLSTM, Tokens], Tensor | None]
"""Puts what is known before the first step into a network, given the texts that it will learn;
returns the parts of these that its prior has not seen, as `NgramPrior.learn` does."""


def counted(model: CharLSTM, texts: Tokens, path: Path, team: Team = ALONE) -> Parts | None:
    """Have a network's prior count the texts, or read from a file what it counted in them before.

    Of a team, the first process counts for all. Returns the parts of the texts' characters; None
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
    """Write what a prior has counted, and the parts of some texts, for `counted` to read."""
    buffers = {name: buffer.cpu() for name, buffer in prior.named_buffers()}
    save(path, {**buffers, "parts": torch.from_numpy(parts)}, _facts(prior, texts))


def _facts(prior: NgramPrior, texts: Tokens) -> dict[str, Any]:
    """Return what a prior's counts depend on."""
    return {"texts": texts.fingerprint, "shape": dataclasses.asdict(prior.shape)}


def packed(parts: Tensor) -> Parts:
    """Return parts in a byte each; there are few of them."""
    return parts.to(torch.int8).numpy()


def set_buffer(module: nn.Module, name: str, tensor: Tensor) -> None:
    """Replace a buffer of a module, or of one inside it, by a tensor of perhaps another shape."""
    owner, _, last = name.rpartition(".")
    setattr(module.get_submodule(owner), last, tensor)


def share_buffers(one: nn.Module, other: nn.Module) -> None:
    """Let another network of the same shape use the buffers of one, in the same memory."""
    for name, buffer in one.named_buffers():
        set_buffer(other, name, buffer)
