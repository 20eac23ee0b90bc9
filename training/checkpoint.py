"""Pack everything that the next step depends on into one file, the checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

COUNTED = "prior."
"""The prefix of the prior's buffers, which never change and lie in a file of their own."""


def pack(model: nn.Module, average: nn.Module, optimiser: Optimizer) -> dict[str, Tensor]:
    """Return the tensors of a network, of its average and of an optimiser, by name."""
    tensors = {f"model.{name}": tensor for name, tensor in weights_of(model).items()}
    tensors |= {f"average.{name}": tensor for name, tensor in average.named_parameters()}
    for i, moments in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{i}.{name}": tensor for name, tensor in moments.items()}
    return tensors


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights and buffers of a network by name, without the prior's counts."""
    state = model.state_dict()
    return {name: tensor for name, tensor in state.items() if not name.startswith(COUNTED)}


def unpack(
    tensors: Mapping[str, Tensor], model: nn.Module, average: nn.Module, optimiser: Optimizer
) -> None:
    """Load what `pack` returned into the three, each on its own device."""
    _load(model, _under("model.", tensors))
    _load(average, _under("average.", tensors))
    moments: dict[int, dict[str, Tensor]] = {}
    for key, tensor in _under("optimiser.", tensors).items():
        number, name = key.split(".")
        moments.setdefault(int(number), {})[name] = tensor
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": moments, "param_groups": groups})


def generators(device: torch.device) -> dict[str, torch.Generator]:
    """Return the random generators that draw dropout masks, by their names in a checkpoint."""
    found = {"random": torch.default_generator}
    if device.type == "cuda":
        found["random.cuda"] = torch.cuda.default_generators[torch.cuda.current_device()]
    return found


def restore_generators(
    tensors: Mapping[str, Tensor], found: Mapping[str, torch.Generator], rank: int
) -> None:
    """Restore the generators of the ``rank``-th process.

    A generator keeps its state if its device or its process was missing when the checkpoint was
    written, so that a run can move from a CPU to a GPU and back.
    """
    for name, generator in found.items():
        states: Sequence[Tensor] = ()
        if name in tensors:
            states = tensors[name].split(len(generator.get_state()))
        if rank < len(states):
            # A generator reads from the start of the underlying storage, so a view must be cloned.
            generator.set_state(states[rank].clone())


def _load(module: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Load all parameters; keep each buffer that the checkpoint does not hold."""
    lacking = module.load_state_dict(tensors, strict=False)
    buffers = {name for name, _ in module.named_buffers()}
    if lacking.unexpected_keys or not buffers.issuperset(lacking.missing_keys):
        raise RuntimeError(f"The checkpoint is of another network: {lacking}")


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
