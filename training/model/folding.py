"""Fold a network into the matrices of a voice file's step graph, and unfold it again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from . import find_layer
from .memory import NO_MEMORY, WIDTH, MemoryHead, MemoryShape
from .network import CharLSTM, Shape
from .prior import NO_PRIOR, PriorShape
from .recurrent import Floats, RecurrentLayer, from_graph_order, to_graph_order
from .tables import Tables


@dataclass(frozen=True)
class FoldedMemory:
    """A memory head over N symbols: none, the V characters, and nowhere.

    The values are folded into the rows of the layers that read the head, so that the head's output
    is the weight of each symbol.
    """

    characters: int
    """Characters that the head looks back."""
    matches: Floats
    """[WIDTH, N, N]: the score of each symbol of an earlier place, by the present symbol."""
    asked: Floats
    """[L, WIDTH x N], for h of the lower layer: the score of each symbol of an earlier place."""
    asked_bias: Floats
    """[WIDTH x N]"""


@dataclass(frozen=True)
class FoldedPrior:
    """A prior, and the network's parameters of trust in the prior."""

    tables: Tables
    trust: Floats
    """[1 + longest]: the term that a context of each length adds to the trust."""
    inverse_temperatures: Floats
    """[1 + longest]: the factor of the logits after a context of each length."""


@dataclass(frozen=True)
class FoldedNetwork:
    """The matrices of one step of a `CharLSTM`, gates in the order of `RecurrentLayer.gate_order`.

    There are V characters, L and U units in the lower and the upper layer, and N symbols of the
    memory head (0 without one). R is V with a prior, whose expectation the lower layer reads as
    square roots of probabilities, and 0 without a prior.
    """

    table: Floats
    """[V, 4L]: what each character adds to the gates of the lower layer, with its bias."""
    lower: Floats
    """[L + R, 4L], for (own h, square roots of probabilities)."""
    upper: Floats
    """[L + N + U, 4U], for (h of the lower layer, weights of the memory head's symbols, own h)."""
    upper_bias: Floats
    """[4U]"""
    output: Floats
    """[U + N, V], for (h of the upper layer, weights of the memory head's symbols), and with a
    prior [U + N, V + 1]: the last column gives the trust in the prior."""
    output_bias: Floats
    """[V] or [V + 1]"""
    memory: FoldedMemory | None = None
    prior: FoldedPrior | None = None
    recurrence: str = Shape.recurrence

    @property
    def shape(self) -> Shape:
        """Return the sizes of the network as `unfold` embeds the characters."""
        lower = self.table.shape[1] // len(find_layer(self.recurrence).gate_order)
        characters, extra = len(self.table), len(self.lower) - lower
        prior = NO_PRIOR
        if self.prior:
            prior = PriorShape(len(self.prior.tables.codes), len(self.prior.trust) - 1)
        memory, symbols = NO_MEMORY, 0
        if self.memory:
            symbols = self.memory.matches.shape[1]
            memory = MemoryShape(self.memory.characters, symbols, symbols)
        return Shape(
            vocabulary=characters,
            embedding=characters + extra,
            lower=lower,
            upper=len(self.output) - symbols,
            memory=memory,
            prior=prior,
            recurrence=self.recurrence,
        )

    @classmethod
    def of(cls, network: CharLSTM) -> FoldedNetwork:
        """Fold embeddings, keys and values into the matrices that read them."""
        # Folded in double precision, so that rounding happens only once.
        kind, units = network.shape.layer, network.shape.lower
        upper = network.upper.matrix().double()
        into, lower = network.lower.matrix().split([network.shape.embedding, units])
        into = into.double()
        output: Tensor = network.output.weight.T
        output_bias: Tensor = network.output.bias
        prior = memory = None
        if network.prior:
            lower = torch.cat([lower, network.expect.weight.double().T @ into])
            output = torch.cat([output, network.trust.weight.T], dim=1)
            output_bias = torch.cat([output_bias, network.trust.bias])
            trust = _to_array(network.trust_length.weight[:, 0])
            prior = FoldedPrior(network.prior.to_tables(), trust, _to_array(network.sure))
        if network.memory:
            memory = _fold_memory(network.memory)
            upper = _fold_values(network.memory, upper, network.shape.lower)
            output = _fold_values(network.memory, output.double(), network.shape.upper)
        return cls(
            table=to_graph_order(
                kind, network.embedding.weight.double() @ into + network.lower.bias
            ),
            lower=to_graph_order(kind, lower),
            upper=to_graph_order(kind, upper),
            upper_bias=to_graph_order(kind, network.upper.bias),
            output=_to_array(output),
            output_bias=_to_array(output_bias),
            memory=memory,
            prior=prior,
            recurrence=network.shape.recurrence,
        )

    def unfold(self) -> CharLSTM:
        """Build a network that computes the same function.

        The characters, and the prior's expectations, are embedded as rows of an identity matrix, so
        that the folded tables become the lower layer's weights unchanged.
        """
        shape = self.shape
        network = CharLSTM(shape)
        identity = torch.eye(shape.embedding)
        characters = shape.vocabulary
        network.embedding.weight = nn.Parameter(identity[:characters].contiguous())
        own, extra = np.split(self.lower, [shape.lower])
        matrix = np.vstack([self.table, extra, own])
        _set_layer(network.lower, matrix, np.zeros_like(self.table[0]))
        if network.memory and self.memory:
            _set_memory(network.memory, self.memory)
        _set_layer(network.upper, self.upper, self.upper_bias)
        network.output.weight = _to_parameter(self.output[:, :characters].T)
        network.output.bias = _to_parameter(self.output_bias[:characters])
        if network.prior and self.prior:
            network.prior.set_tables(self.prior.tables)
            network.expect.weight = nn.Parameter(identity[:, characters:].contiguous())
            network.trust.weight = _to_parameter(self.output[:, characters:].T)
            network.trust.bias = _to_parameter(self.output_bias[characters:])
            network.trust_length.weight = _to_parameter(self.prior.trust[:, None])
            network.sure.copy_(torch.tensor(self.prior.inverse_temperatures))
        return network.eval()


def _fold_memory(head: MemoryHead) -> FoldedMemory:
    """Fold the keys of a memory head into the present characters and the layer below."""
    keys = head.keys.double()
    # One block of the layer below for each character of a place: [WIDTH, keys, L + 1].
    ask = torch.cat([head.ask.weight, head.ask.bias[:, None]], dim=1).double()
    blocks = ask.view(WIDTH, head.shape.keys, -1)
    asked = (keys @ blocks).flatten(0, 1)
    return FoldedMemory(
        head.shape.characters,
        _to_array(head.queries.double() @ keys.transpose(1, 2)),
        _to_array(asked[:, :-1].T),
        _to_array(asked[:, -1]),
    )


def _fold_values(head: MemoryHead, matrix: Tensor, at: int) -> Tensor:
    """Replace a matrix's rows for a head's values, from ``at`` on, by rows for its symbols."""
    rows = matrix[at : at + head.shape.values]
    folded = head.values.weight.double() @ rows
    return torch.cat([matrix[:at], folded, matrix[at + len(rows) :]])


def _set_memory(head: MemoryHead, folded: FoldedMemory) -> None:
    """Set a head, which has as many keys and values as symbols, to a folded one."""
    identity = torch.eye(head.symbols)
    head.keys = nn.Parameter(identity.repeat(WIDTH, 1, 1))
    head.queries = _to_parameter(folded.matches)
    head.ask.weight = _to_parameter(folded.asked.T)
    head.ask.bias = _to_parameter(folded.asked_bias)
    head.values.weight = nn.Parameter(identity)


def _set_layer(layer: RecurrentLayer, matrix: Floats, bias: Floats) -> None:
    layer.set_matrix(*(from_graph_order(type(layer), columns) for columns in (matrix, bias)))


def _to_parameter(array: Floats) -> nn.Parameter:
    return nn.Parameter(torch.tensor(np.ascontiguousarray(array)))


def _to_array(tensor: Tensor) -> Floats:
    return tensor.detach().cpu().float().contiguous().numpy()
