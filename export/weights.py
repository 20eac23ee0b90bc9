"""Weights: a network as its step graph multiplies with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.model import CharLSTM, LSTMLayer, Shape

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Weights:
    """The matrices of one step; V characters, H hidden, gates in the order of `torch.nn.LSTM`."""

    table: Floats
    """[V, 4H]: what each character adds to the gates of the first layer, its bias included."""
    matrices: tuple[Floats, ...]
    """A layer each: [H, 4H] for its own h in the first, [2H, 4H] for (x, h) in further ones."""
    biases: tuple[Floats, ...]
    """[4H] of each layer but the first."""
    output: Floats
    """[H, V]"""
    output_bias: Floats
    """[V]"""

    @property
    def hidden(self) -> int:
        """H."""
        return len(self.output)

    @classmethod
    def of(cls, model: CharLSTM) -> Weights:
        """A network's weights, with its embedding folded into the first layer."""
        first, *further = _layers(model)
        # In double precision, so that folding rounds once.
        folded = model.embedding.weight.double() @ first.weight_ih.double().T + first.bias
        return cls(
            table=_array(folded),
            matrices=(
                _array(first.weight_hh.T),
                *(_array(torch.cat([x.weight_ih, x.weight_hh], 1).T) for x in further),
            ),
            biases=tuple(_array(layer.bias) for layer in further),
            output=_array(model.output.weight.T),
            output_bias=_array(model.output.bias),
        )

    def model(self) -> CharLSTM:
        """A network that computes the same.

        Its characters are embedded as the rows of an identity matrix, so that the first layer
        finds the folded table again, exactly.
        """
        characters = len(self.table)
        model = CharLSTM(Shape(characters, characters, self.hidden, len(self.matrices)))
        first, *further = _layers(model)
        model.embedding.weight = nn.Parameter(torch.eye(characters))
        _set(first, self.table.T, self.matrices[0].T, np.zeros_like(self.table[0]))
        for layer, matrix, bias in zip(further, self.matrices[1:], self.biases, strict=True):
            _set(layer, matrix[: self.hidden].T, matrix[self.hidden :].T, bias)
        model.output.weight = _parameter(self.output.T)
        model.output.bias = _parameter(self.output_bias)
        return model.eval()


def _layers(model: CharLSTM) -> list[LSTMLayer]:
    return [layer for layer in model.layers if isinstance(layer, LSTMLayer)]


def _set(layer: LSTMLayer, weight_ih: Floats, weight_hh: Floats, bias: Floats) -> None:
    layer.weight_ih = _parameter(weight_ih)
    layer.weight_hh = _parameter(weight_hh)
    layer.bias = _parameter(bias)


def _parameter(array: Floats) -> nn.Parameter:
    return nn.Parameter(torch.tensor(np.ascontiguousarray(array)))


def _array(tensor: Tensor) -> Floats:
    return tensor.detach().float().contiguous().numpy()
