"""Fold a network into the matrices of a voice file's step graph, and unfold it again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .network import CharLSTM, Shape
from .prior import NO_PRIOR, PriorShape
from .recurrent import Floats, RecurrentLayer, find_layer, from_graph_order, in_graph_order
from .tables import Tables
from .words import NO_WORDS, WordShape

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class WordLayer:
    """The layer that steps once a word: W units, a summary of S numbers, over L units below.

    F is the size of the word vectors, 0 without word vectors.
    """

    matrix: Floats
    """[L + 2F + W, 4W], for (h of the lower layer, vector of the word, topic, own h)."""
    bias: Floats
    """[4W]"""
    summary: Floats
    """[W, S]"""
    summary_bias: Floats
    """[S]"""
    keys: Integers
    """int64 [words], ascending: the keys of the words that have a vector."""
    vectors: Floats
    """[words, F], between -1 and 1"""


@dataclass(frozen=True)
class FoldedPrior:
    """A prior, and the network's parameters of trust in the prior."""

    tables: Tables
    trust: Floats
    """[1 + longest]: the term that a context of each length adds to the trust."""
    sure: Floats
    """[1 + longest]: the factor of the logits after a context of each length."""


@dataclass(frozen=True)
class FoldedNetwork:
    """The matrices of one step of a `CharLSTM`, gates in the order of `RecurrentLayer.gate_order`.

    There are V characters, L and U units in the lower and the upper layer, and S numbers in the
    summary (0 without a word layer). R is V with a prior, whose expectation the lower layer reads
    as square roots of probabilities, and 0 without a prior.
    """

    letters: Integers
    """int64 [V]: the numbers of the letters, see `training.model.words.letter_numbers`."""
    table: Floats
    """[V, 4L]: the term that each character adds to the gates of the lower layer, its bias
    included."""
    lower: Floats
    """[L + R, 4L], for (own h, square roots of probabilities)."""
    word: WordLayer | None
    upper: Floats
    """[L + S + U, 4U], for (h of the lower layer, summary, own h)."""
    upper_bias: Floats
    """[4U]"""
    output: Floats
    """[U, V], and with a prior [U, V + 1]: the last column gives the trust in the prior."""
    output_bias: Floats
    """[V] or [V + 1]"""
    prior: FoldedPrior | None = None
    recurrence: str = Shape.recurrence

    @property
    def shape(self) -> Shape:
        """Return the sizes of the network as `network` embeds the characters."""
        lower = self.table.shape[1] // len(find_layer(self.recurrence).gate_order)
        characters, beside = len(self.table), len(self.lower) - lower
        prior = NO_PRIOR
        if self.prior:
            prior = PriorShape(len(self.prior.tables.codes), len(self.prior.trust) - 1)
        return Shape(
            vocabulary=characters,
            letters=tuple(self.letters.tolist()),
            embedding=characters + beside,
            lower=lower,
            word=len(self.word.summary) if self.word else 0,
            summary=len(self.word.summary_bias) if self.word else 0,
            upper=len(self.output),
            vectors=WordShape(*self.word.vectors.shape) if self.word else NO_WORDS,
            prior=prior,
            recurrence=self.recurrence,
        )

    @classmethod
    def of(cls, network: CharLSTM) -> FoldedNetwork:
        """Fold the layers below a network's lower LSTM layer into that layer."""
        # Folded in double precision, so that rounding happens only once.
        kind, units = network.shape.layer, network.shape.lower
        into, lower = network.lower.matrix().split([network.shape.embedding, units])
        into = into.double()
        output: Tensor = network.output.weight.T
        output_bias: Tensor = network.output.bias
        prior = None
        if network.prior:
            lower = torch.cat([lower, network.expect.weight.double().T @ into])
            output = torch.cat([output, network.trust.weight.T], dim=1)
            output_bias = torch.cat([output_bias, network.trust.bias])
            trust = _array(network.trust_length.weight[:, 0])
            prior = FoldedPrior(network.prior.tables(), trust, _array(network.sure))
        word = None
        if network.word:
            keys, vectors = np.zeros(0, np.int64), np.zeros((0, 0), np.float32)
            if network.vectors:
                keys = network.vectors.keys.cpu().numpy()
                vectors = _array(torch.tanh(network.vectors.vectors.weight[1:]))
            word = WordLayer(
                in_graph_order(kind, network.word.matrix()),
                in_graph_order(kind, network.word.bias),
                _array(network.summarise.weight.T),
                _array(network.summarise.bias),
                keys,
                vectors,
            )
        return cls(
            letters=network.letters.cpu().numpy(),
            table=in_graph_order(
                kind, network.embedding.weight.double() @ into + network.lower.bias
            ),
            lower=in_graph_order(kind, lower),
            word=word,
            upper=in_graph_order(kind, network.upper.matrix()),
            upper_bias=in_graph_order(kind, network.upper.bias),
            output=_array(output),
            output_bias=_array(output_bias),
            prior=prior,
            recurrence=network.shape.recurrence,
        )

    def network(self) -> CharLSTM:
        """Build a network that computes the same function.

        The characters, and the prior's expectations, are embedded as rows of an identity matrix, so
        that the folded tables become the lower layer's weights unchanged.
        """
        shape = self.shape
        network = CharLSTM(shape)
        identity = torch.eye(shape.embedding)
        characters = shape.vocabulary
        network.embedding.weight = nn.Parameter(identity[:characters].contiguous())
        own, beside = np.split(self.lower, [shape.lower])
        matrix = np.vstack([self.table, beside, own])
        _set(network.lower, matrix, np.zeros_like(self.table[0]))
        if network.word and self.word:
            _set(network.word, self.word.matrix, self.word.bias)
            network.summarise.weight = _parameter(self.word.summary.T)
            network.summarise.bias = _parameter(self.word.summary_bias)
            if network.vectors:
                keys, vectors = torch.tensor(self.word.keys), torch.tensor(self.word.vectors)
                network.vectors.know(keys, vectors)
        _set(network.upper, self.upper, self.upper_bias)
        network.output.weight = _parameter(self.output[:, :characters].T)
        network.output.bias = _parameter(self.output_bias[:characters])
        if network.prior and self.prior:
            network.prior.set_tables(self.prior.tables)
            network.expect.weight = nn.Parameter(identity[:, characters:].contiguous())
            network.trust.weight = _parameter(self.output[:, characters:].T)
            network.trust.bias = _parameter(self.output_bias[characters:])
            network.trust_length.weight = _parameter(self.prior.trust[:, None])
            network.sure.copy_(torch.tensor(self.prior.sure))
        return network.eval()


def _set(layer: RecurrentLayer, matrix: Floats, bias: Floats) -> None:
    layer.set_matrix(*(from_graph_order(type(layer), one) for one in (matrix, bias)))


def _parameter(array: Floats) -> nn.Parameter:
    return nn.Parameter(torch.tensor(np.ascontiguousarray(array)))


def _array(tensor: Tensor) -> Floats:
    return tensor.detach().cpu().float().contiguous().numpy()
