"""Pack everything that the next step depends on into one file, the checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from .data.tokens import Tokens
from .model.network import CharLSTM
from .model.prior import NgramPrior
from .run import load, save


def pack(model: nn.Module, average: nn.Module, optimiser: Optimizer) -> dict[str, Tensor]:
    """Return the tensors of a network, of its average and of an optimiser, by name."""
    tensors = {f"model.{name}": tensor for name, tensor in collect_weights(model).items()}
    tensors |= {f"average.{name}": tensor for name, tensor in average.named_parameters()}
    for i, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{i}.{name}": tensor for name, tensor in moments.items()}
    return tensors


def collect_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights and buffers of a network by name, without the prior's counts."""
    # The prior's buffers never change. They are in a file of their own, or a tuning counts them
    # again.
    return {k: t for k, t in model.state_dict().items() if not k.startswith("prior.")}


def unpack(
    tensors: Mapping[str, Tensor], model: nn.Module, average: nn.Module, optimiser: Optimizer
) -> None:
    """Load what `pack` returned into a network, its average and an optimiser on their devices."""
    _load(model, _select("model.", tensors))
    _load(average, _select("average.", tensors))
    moments: dict[int, dict[str, Tensor]] = {}
    for key, tensor in _select("optimiser.", tensors).items():
        number, name = key.split(".")
        moments.setdefault(int(number), {})[name] = tensor
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": moments, "param_groups": groups})


def find_generators(device: torch.device) -> dict[str, torch.Generator]:
    """Return the random generators that draw dropout masks, by their names in a checkpoint."""
    found = {"random": torch.default_generator}
    if device.type == "cuda":
        found["random.cuda"] = torch.cuda.default_generators[torch.cuda.current_device()]
    return found


def restore_generators(tensors: Mapping[str, Tensor], found: Mapping[str, torch.Generator]) -> None:
    """Restore the states of random generators from the tensors of a checkpoint.

    A generator keeps its state if its device was missing when the checkpoint was written, so that a
    run can move from a CPU to a GPU and back.
    """
    for name, generator in found.items():
        if name in tensors:
            # A generator reads from the start of the underlying storage, so a view must be cloned.
            generator.set_state(tensors[name].clone())


def _load(module: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Load all parameters; keep each buffer that the checkpoint does not hold."""
    lacking = module.load_state_dict(tensors, strict=False)
    buffers = {name for name, _ in module.named_buffers()}
    if lacking.unexpected_keys or not buffers.issuperset(lacking.missing_keys):
        raise RuntimeError(f"The checkpoint is of another network: {lacking}")


def _select(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a prefix, named without the prefix."""
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}


Folds = NDArray[np.int8]
"""The fold of each character of the texts, from `NgramPrior.learn`; below 0 for none."""

Start = Callable[[CharLSTM], Folds | None]
"""Initialises a network with what is known before the first step; returns the texts' folds."""


def count_texts(model: CharLSTM, texts: Tokens, path: Path, *, keep: bool = True) -> Folds | None:
    """Have a network's prior count the texts, or read its earlier counts from a file.

    New counts are written to the file if ``keep`` is true. Returns the folds of the texts'
    characters, or None if the network has no prior.
    """
    prior = model.prior
    if not prior:
        return None
    buffers, facts = load(path) if path.exists() else ({}, {})
    if facts == _collect_facts(prior, texts):
        folds: Folds = buffers.pop("parts").numpy()
    else:
        folds = prior.learn(texts, texts.works).numpy()
        if keep:
            save_counts(prior, texts, folds, path)
        buffers = dict(prior.named_buffers())
    for name, buffer in buffers.items():
        _set_buffer(prior, name, buffer.to(model.output.weight.device))
    return folds


def save_counts(prior: NgramPrior, texts: Tokens, folds: Folds, path: Path) -> None:
    """Write a prior's counts, and the folds of some texts, for `count_texts` to read."""
    buffers = {name: buffer.cpu() for name, buffer in prior.named_buffers()}
    save(path, {**buffers, "parts": torch.from_numpy(folds)}, _collect_facts(prior, texts))


def _collect_facts(prior: NgramPrior, texts: Tokens) -> dict[str, Any]:
    """Return the facts on which a prior's counts depend."""
    return {"texts": texts.fingerprint, "shape": dataclasses.asdict(prior.shape)}


def _set_buffer(module: nn.Module, name: str, tensor: Tensor) -> None:
    """Replace a buffer of a module, or of a submodule, with a tensor of any shape."""
    owner, _, last = name.rpartition(".")
    setattr(module.get_submodule(owner), last, tensor)


def share_buffers(owner: nn.Module, other: nn.Module) -> None:
    """Make a network of the same shape use the buffers of the first one, without a copy."""
    for name, buffer in owner.named_buffers():
        _set_buffer(other, name, buffer)
