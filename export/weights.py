"""Weights: a network as its step graph multiplies with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.model import CharLSTM, LSTMLayer, Shape
from training.ngrams import NO_MEMORY, MemoryShape

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Memory:
    """A memory of n-grams: P places, each with F features, and N lengths of n-grams."""

    owners: Integers
    """int64 [P]: the key of the n-gram that a place belongs to."""
    table: Floats
    """[P, F]: what an n-gram says; of an n-gram that no place belongs to, nothing."""
    longest: int
    """Characters of the longest n-grams."""

    @property
    def shape(self) -> MemoryShape:
        """Its sizes."""
        places, features = self.table.shape
        return MemoryShape(places, self.longest, features)


@dataclass(frozen=True)
class Weights:
    """The matrices of one step; V characters, H hidden, gates in the order of `torch.nn.LSTM`.

    R = N x F is how many numbers the memory of n-grams recalls, 0 without one.
    """

    table: Floats
    """[V, 4H]: what each character adds to the gates of the first layer, its bias included."""
    matrices: tuple[Floats, ...]
    """A layer each: [H + R, 4H] for (own h, recalled) in the first, [2H, 4H] for (x, h) in
    further ones."""
    biases: tuple[Floats, ...]
    """[4H] of each layer but the first."""
    output: Floats
    """[H + R, V], for (h of the last layer, recalled)."""
    output_bias: Floats
    """[V]"""
    memory: Memory | None = None

    @property
    def hidden(self) -> int:
        """H."""
        return self.table.shape[1] // 4

    @classmethod
    def of(cls, model: CharLSTM) -> Weights:
        """A network's weights, with what comes before the first layer folded into it."""
        first, *further = _layers(model)
        # In double precision, so that folding rounds once.
        into = first.weight_ih.double().T
        folded = model.embedding.weight.double() @ into + first.bias
        recurrent, output, memory = first.weight_hh.T, model.output.weight.T, None
        if model.memory:
            recurrent = torch.cat([recurrent, model.recall.weight.double().T @ into])
            output = torch.cat([output, model.recall_output.weight.T])
            memory = Memory(
                model.memory.owners.numpy(),
                _array(model.memory.table),
                model.shape.memory.longest,
            )
        return cls(
            table=_array(folded),
            matrices=(
                _array(recurrent),
                *(_array(torch.cat([x.weight_ih, x.weight_hh], 1).T) for x in further),
            ),
            biases=tuple(_array(layer.bias) for layer in further),
            output=_array(output),
            output_bias=_array(model.output.bias),
            memory=memory,
        )

    def bounded(self) -> Weights:
        """The same network with a memory whose numbers lie between -1 and 1, as those of h do.

        What a feature is divided by, the matrices that read it are multiplied with.
        """
        if not self.memory:
            return self
        largest = abs(self.memory.table).max(axis=0)
        largest[largest == 0] = 1
        factors = np.tile(largest, len(self.memory.shape.orders))[:, None]

        def reading(matrix: Floats) -> Floats:
            own, recalled = np.split(matrix, [self.hidden])
            return np.concatenate([own, recalled * factors])

        first, *further = self.matrices
        return replace(
            self,
            matrices=(reading(first), *further),
            output=reading(self.output),
            memory=replace(self.memory, table=self.memory.table / largest),
        )

    def model(self) -> CharLSTM:
        """A network that computes the same.

        Its characters, and what it recalls, are embedded as the rows of an identity matrix, so
        that the first layer finds the folded tables again, exactly.
        """
        characters, hidden = len(self.table), self.hidden
        memory = self.memory.shape if self.memory else NO_MEMORY
        embedded = characters + memory.found
        model = CharLSTM(Shape(characters, embedded, hidden, len(self.matrices), memory))
        first, *further = _layers(model)
        model.embedding.weight = nn.Parameter(torch.eye(characters, embedded))
        own, recalled = np.split(self.matrices[0], [hidden])
        _set(first, np.hstack([self.table.T, recalled.T]), own.T, np.zeros_like(self.table[0]))
        for layer, matrix, bias in zip(further, self.matrices[1:], self.biases, strict=True):
            _set(layer, matrix[:hidden].T, matrix[hidden:].T, bias)
        output, recalled = np.split(self.output, [hidden])
        model.output.weight = _parameter(output.T)
        model.output.bias = _parameter(self.output_bias)
        if model.memory and self.memory:
            model.memory.owners.copy_(torch.tensor(self.memory.owners))
            model.memory.table = _parameter(self.memory.table)
            model.recall.weight = nn.Parameter(torch.eye(embedded)[:, characters:].contiguous())
            model.recall_output.weight = _parameter(recalled.T)
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
