"""Weights: a network as its step graph multiplies with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.model import CharLSTM, LSTMLayer, Shape
from training.ngrams import NO_MEMORY, MemoryShape
from training.prior import NO_PRIOR, PriorShape

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
Codes = NDArray[np.uint8]


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
class Prior:
    """What counts expect after each of C contexts; V characters."""

    contexts: Integers
    """int64 [C], rising: the keys of the contexts."""
    codes: Codes
    """uint8 [1 + C, V]: logarithms of probabilities after no context, and after each."""
    lengths: Codes
    """uint8 [1 + C]: characters of each context."""
    trust: Floats
    """[1 + characters of the longest contexts]: what a context of each length adds to trust."""
    sure: Floats
    """[1 + characters of the longest contexts]: what logits are multiplied with after each."""

    @property
    def shape(self) -> PriorShape:
        """Its sizes."""
        return PriorShape(len(self.contexts), len(self.trust) - 1)


@dataclass(frozen=True)
class Weights:
    """The matrices of one step; V characters, H hidden, gates in the order of `torch.nn.LSTM`.

    R is how many numbers the first layer reads beside its h: N x F that the memory of n-grams
    recalls, where there is one, then V roots of probabilities that the prior expects, where there
    is one. The output reads the former alone: O = H + N x F.
    """

    table: Floats
    """[V, 4H]: what each character adds to the gates of the first layer, its bias included."""
    matrices: tuple[Floats, ...]
    """A layer each: [H + R, 4H] for (own h, recalled) in the first, [2H, 4H] for (x, h) in
    further ones."""
    biases: tuple[Floats, ...]
    """[4H] of each layer but the first."""
    output: Floats
    """[O, V], for (h of the last layer, recalled); with a prior [O, V + 1], and the last column is
    how much it is trusted."""
    output_bias: Floats
    """[V] or [V + 1]"""
    memory: Memory | None = None
    prior: Prior | None = None

    @property
    def hidden(self) -> int:
        """H."""
        return self.table.shape[1] // 4

    @property
    def history(self) -> int:
        """How many characters are kept in mind, before the one that is read."""
        beside = (self.memory, self.prior)
        return max((one.shape.history for one in beside if one), default=0)

    @classmethod
    def of(cls, model: CharLSTM) -> Weights:
        """A network's weights, with what comes before the first layer folded into it."""
        first, *further = _layers(model)
        hidden = model.shape.hidden
        # In double precision, so that folding rounds once.
        into = first.weight_ih.double().T
        folded = model.embedding.weight.double() @ into + first.bias
        recurrent, output = first.weight_hh.T, model.output.weight.T
        output_bias: Tensor = model.output.bias
        memory, prior = None, None
        if model.memory:
            recurrent = torch.cat([recurrent, model.recall.weight.double().T @ into])
            output = torch.cat([output, model.recall_output.weight.T])
            memory = Memory(
                model.memory.owners.numpy(),
                _array(model.memory.table),
                model.shape.memory.longest,
            )
        if model.prior:
            recurrent = torch.cat([recurrent, model.expect.weight.double().T @ into])
            trust = functional.pad(model.trust.weight.T, (0, 0, 0, len(output) - hidden))
            output = torch.cat([output, trust], dim=1)
            output_bias = torch.cat([output_bias, model.trust.bias])
            prior = Prior(
                model.prior.contexts.numpy(),
                model.prior.codes.numpy(),
                model.prior.lengths.numpy(),
                _array(model.trust_length.weight[:, 0]),
                _array(model.sure),
            )
        return cls(
            table=_array(folded),
            matrices=(
                _array(recurrent),
                *(_array(torch.cat([x.weight_ih, x.weight_hh], 1).T) for x in further),
            ),
            biases=tuple(_array(layer.bias) for layer in further),
            output=_array(output),
            output_bias=_array(output_bias),
            memory=memory,
            prior=prior,
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
        end = self.hidden + len(factors)

        def reading(matrix: Floats) -> Floats:
            own, recalled, others = np.split(matrix, [self.hidden, end])
            return np.concatenate([own, recalled * factors, others])

        first, *further = self.matrices
        return replace(
            self,
            matrices=(reading(first), *further),
            output=reading(self.output),
            memory=replace(self.memory, table=self.memory.table / largest),
        )

    def model(self) -> CharLSTM:
        """A network that computes the same.

        Its characters, and what is read beside them, are embedded as the rows of an identity
        matrix, so that the first layer finds the folded tables again, exactly.
        """
        characters, hidden = len(self.table), self.hidden
        memory = self.memory.shape if self.memory else NO_MEMORY
        prior = self.prior.shape if self.prior else NO_PRIOR
        own, beside = np.split(self.matrices[0], [hidden])
        embedded = characters + len(beside)
        layers = len(self.matrices)
        model = CharLSTM(Shape(characters, embedded, hidden, layers, memory, prior))
        first, *further = _layers(model)
        as_read = torch.eye(embedded)
        model.embedding.weight = nn.Parameter(as_read[:characters].contiguous())
        _set(first, np.hstack([self.table.T, beside.T]), own.T, np.zeros_like(self.table[0]))
        for layer, matrix, bias in zip(further, self.matrices[1:], self.biases, strict=True):
            _set(layer, matrix[:hidden].T, matrix[hidden:].T, bias)
        output, recalled = np.split(self.output, [hidden])
        model.output.weight = _parameter(output[:, :characters].T)
        model.output.bias = _parameter(self.output_bias[:characters])
        expected_from = characters + memory.found
        if model.memory and self.memory:
            model.memory.owners.copy_(torch.tensor(self.memory.owners))
            model.memory.table = _parameter(self.memory.table)
            model.recall.weight = nn.Parameter(as_read[:, characters:expected_from].contiguous())
            model.recall_output.weight = _parameter(recalled[:, :characters].T)
        if model.prior and self.prior:
            model.prior.contexts.copy_(torch.tensor(self.prior.contexts))
            model.prior.codes.copy_(torch.tensor(self.prior.codes))
            model.expect.weight = nn.Parameter(as_read[:, expected_from:].contiguous())
            model.prior.lengths.copy_(torch.tensor(self.prior.lengths))
            model.trust_length.weight = _parameter(self.prior.trust[:, None])
            model.sure.copy_(torch.tensor(self.prior.sure))
            model.trust.weight = _parameter(output[:, characters:].T)
            model.trust.bias = _parameter(self.output_bias[characters:])
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
