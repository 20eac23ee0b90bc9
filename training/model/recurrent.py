"""Define what the network needs of a recurrent layer."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Floats = NDArray[np.float32]
LayerState = tuple[Tensor, ...]


class RecurrentLayer(nn.Module):
    """A layer that reads vectors step by step, and remembers vectors of ``hidden`` numbers.

    The gates of a step are one product: (input, own output) @ matrix + bias, one block of
    ``hidden`` columns for each entry of `gate_order`.
    """

    state_names: ClassVar[tuple[str, ...]]
    """The names of the vectors that the layer remembers; "h", its output, comes first."""
    gate_order: ClassVar[tuple[int, ...]]
    """The blocks of the matrix in the order in which a step graph has them."""
    hidden: int
    bias: Tensor

    def __init__(self, inputs: int, hidden: int, drop_connect: float) -> None:
        super().__init__()

    def forward(self, x: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        """Read a window; return the outputs [time, batch, hidden] and the state after it.

        x: float [time, batch, inputs]; state: float [batch, hidden] each, from the step before the
        window.
        """
        raise NotImplementedError

    def matrix(self) -> Tensor:
        """Return the matrix of the gates: [inputs + hidden, blocks x hidden]."""
        raise NotImplementedError

    def set_matrix(self, matrix: Tensor, bias: Tensor) -> None:
        """Set the weights to those of a matrix and a bias, with any numbers in any block.

        `FoldedNetwork.unfold` sets tables of which each block also reads the character, even a
        block that reads nothing but the layer's own output when training begins.
        """
        raise NotImplementedError


def to_graph_order(kind: type[RecurrentLayer], columns: Tensor) -> Floats:
    """Return gates [..., blocks x hidden] as an array, in the order of a step graph."""
    blocks = columns.detach().cpu().float().chunk(len(kind.gate_order), dim=-1)
    return torch.cat([blocks[i] for i in kind.gate_order], dim=-1).contiguous().numpy()


def from_graph_order(kind: type[RecurrentLayer], columns: Floats) -> Tensor:
    """Return gates in the order of the layer's matrix, from the order of a step graph."""
    blocks = torch.tensor(columns).chunk(len(kind.gate_order), dim=-1)
    return torch.cat([blocks[i] for i in np.argsort(kind.gate_order)], dim=-1)
