"""CharLSTM: the network that a voice is trained as."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from .ngrams import NO_MEMORY, MemoryShape, NgramMemory, digits
from .prior import NO_PRIOR, NgramPrior, PriorShape


@dataclass(frozen=True)
class Shape:
    """The sizes of a CharLSTM, all at least 1: everything needed to build one."""

    vocabulary: int
    embedding: int = 128
    hidden: int = 512
    layers: int = 2
    memory: MemoryShape = field(default=NO_MEMORY)
    prior: PriorShape = field(default=NO_PRIOR)

    @property
    def lstm_state(self) -> int:
        """How many numbers the LSTM remembers: (h, c) of every layer."""
        return self.layers * 2 * self.hidden

    @property
    def state(self) -> int:
        """How many numbers remember a script: the LSTM's, and the last characters' digits."""
        return self.lstm_state + self.history

    @property
    def history(self) -> int:
        """How many characters are kept in mind, before the one that is read."""
        return max(self.memory.history, self.prior.history)


@dataclass(frozen=True)
class Regularisation:
    """What is dropped while training, as probabilities in [0, 1)."""

    embedding: float = 0.05
    """Dropout on the embedded characters."""
    layers: float = 0.3
    """Dropout between the layers and before the output."""
    recurrent: float = 0.4
    """DropConnect on the recurrent weights."""
    ngrams: float = 0.3
    """All n-grams of one length."""


MAKE_LOGITS = ("output.", "recall_output.")
"""What the names of the weights begin with of which logits are multiples, without a prior."""


def at_temperatures(
    weights: Mapping[str, Tensor], temperatures: Sequence[float]
) -> dict[str, Tensor]:
    """The weights of a `CharLSTM` with its logits divided by temperatures, all above 0.

    One for each length of a context that its prior knows, from 0 on; one alone without a prior.
    """
    if "sure" in weights:
        sure = weights["sure"]
        return {**weights, "sure": sure / torch.tensor(temperatures).to(sure)}
    [temperature] = temperatures
    return {
        name: weight / temperature if name.startswith(MAKE_LOGITS) else weight
        for name, weight in weights.items()
    }


def completed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a `CharLSTM`, with what those lack that were kept before there was one."""
    if "trust_length.weight" not in weights:
        return dict(weights)
    return {"sure": torch.ones(len(weights["trust_length.weight"])), **weights}


NOTHING_DROPPED = Regularisation(0.0, 0.0, 0.0, 0.0)


class LockedDropout(nn.Module):
    """Variational dropout: one mask for all the time steps of a window (Gal & Ghahramani 2016)."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """x: float [time, batch, features] -> the same shape."""
        if not self.training or self.probability == 0:
            return x
        mask = functional.dropout(x.new_ones(1, *x.shape[1:]), self.probability)
        return x * mask


class LSTMLayer(nn.Module):
    """One LSTM layer with DropConnect on its recurrent weights.

    A recurrent weight that is dropped is gone for the whole window, in every row: the weight-
    dropped LSTM of Merity, Keskar & Socher 2018, "Regularizing and Optimizing LSTM Language
    Models". The gates lie in the order of `torch.nn.LSTM`: input, forget, cell, output.
    """

    zeros: Tensor

    def __init__(self, inputs: int, hidden: int, drop_connect: float) -> None:
        super().__init__()
        self.drop_connect = drop_connect
        self.weight_ih = nn.Parameter(torch.empty(4 * hidden, inputs))
        self.weight_hh = nn.Parameter(torch.empty(4 * hidden, hidden))
        self.bias = nn.Parameter(torch.zeros(4 * hidden))
        # The fused kernel wants two biases; their sum is all that matters, so one is learned.
        self.register_buffer("zeros", torch.zeros(4 * hidden), persistent=False)
        bound = 1 / math.sqrt(hidden)
        nn.init.uniform_(self.weight_ih, -bound, bound)
        nn.init.uniform_(self.weight_hh, -bound, bound)
        # Open forget gates let gradients through from the first step (Jozefowicz et al. 2015).
        nn.init.ones_(self.bias[hidden : 2 * hidden])

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x [time, batch, inputs], h and c [batch, hidden] -> y [time, batch, hidden], h, c."""
        recurrent = functional.dropout(self.weight_hh, self.drop_connect, self.training)
        weights = [self.weight_ih, recurrent, self.bias, self.zeros]
        # The fused kernel that nn.LSTM calls: has_biases, layers, dropout, train, bidirectional,
        # batch_first.
        y, h, c = torch.lstm(
            x, [h[None], c[None]], weights, True, 1, 0.0, self.training, False, False
        )
        return y, h[0], c[0]


class CharLSTM(nn.Module):
    """Embedding, LSTM layers, linear output: what comes after a text, character by character.

    Beside it lies a prior, unless its shape has no contexts. What that expects is read with the
    embedded character, as the roots of probabilities, and its logarithms are added to the logits,
    times how much the network trusts it just then, and after a context of that length. How sure it
    may be of the whole hangs on that length too: what it has learned by heart, it is too sure of
    where it meets what it has not, so `training.evaluate.calibrated` finds that out. And there
    may be a memory of n-grams: what that recalls is added to the embedded character and, through
    weights of its own, to the logits.

    Its state is packed as the voice file wants it: float32 [batch, h of every layer, c of every
    layer, then the last characters' digits], zeros at the start of a script.
    """

    sure: Tensor

    def __init__(self, shape: Shape, drop: Regularisation = NOTHING_DROPPED) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.embedding)
        nn.init.normal_(self.embedding.weight, std=0.5)
        sizes = [shape.embedding] + [shape.hidden] * shape.layers
        self.layers = nn.ModuleList(
            LSTMLayer(inputs, shape.hidden, drop.recurrent) for inputs in sizes[:-1]
        )
        self.drop_embedding = LockedDropout(drop.embedding)
        self.drop_layer = LockedDropout(drop.layers)
        self.output = nn.Linear(shape.hidden, shape.vocabulary)
        self.memory = NgramMemory(shape.memory, drop.ngrams) if shape.memory.places else None
        if self.memory:
            self.recall = nn.Linear(shape.memory.found, shape.embedding, bias=False)
            self.recall_output = nn.Linear(shape.memory.found, shape.vocabulary, bias=False)
        self.prior = NgramPrior(shape.prior, shape.vocabulary) if shape.prior.contexts else None
        if self.prior:
            self.expect = nn.Linear(shape.vocabulary, shape.embedding, bias=False)
            self.trust = nn.Linear(shape.hidden, 1)
            # At first as much as it deserves by itself.
            nn.init.zeros_(self.trust.weight)
            nn.init.ones_(self.trust.bias)
            self.trust_length = nn.Embedding(shape.prior.longest + 1, 1)
            nn.init.zeros_(self.trust_length.weight)
            # What the logits are multiplied with: no gradient changes it.
            self.register_buffer("sure", torch.ones(shape.prior.longest + 1))

    def forward(
        self, tokens: Tensor, state: Tensor, parts: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Reads a window of text.

        tokens: int64 [time, batch]; state: float32 [batch, S]; parts: int64 [time, batch], for a
        text that the prior has learned, as `NgramPrior.learn` says them
        -> logits [time, batch, vocabulary] for the character after each, and the next state.
        """
        batch = tokens.shape[1]
        cells, history = state.split([self.shape.lstm_state, self.shape.history], dim=1)
        hidden, cell = cells.reshape(batch, 2, self.shape.layers, self.shape.hidden).unbind(1)
        x = self.embedding(tokens)
        if self.memory:
            found = self.memory(tokens, _last(history, self.shape.memory.history))
            x = x + self.recall(found)
        if self.prior:
            before = _last(history, self.shape.prior.history)
            expected, lengths = self.prior(tokens, before, parts)
            x = x + self.expect((expected / 2).exp())
        x = self.drop_embedding(x)
        states: list[tuple[Tensor, Tensor]] = []
        for i, layer in enumerate(self.layers):
            x, h, c = layer(x, hidden[:, i].contiguous(), cell[:, i].contiguous())
            x = self.drop_layer(x)
            states.append((h, c))
        logits = self.output(x)
        if self.memory:
            logits = logits + self.recall_output(found)
        if self.prior:
            trust = self.trust(x).float() + self.trust_length(lengths)
            logits = (logits + trust * expected) * self.sure[lengths][..., None]
        packed = [one for kind in zip(*states, strict=True) for one in kind]
        cells = torch.cat(packed, dim=1).float()
        read = torch.cat([history, digits(tokens).T.float()], dim=1)
        return logits, torch.cat([cells, _last(read, self.shape.history)], dim=1)

    def known(self, tokens: Tensor, state: Tensor) -> Tensor:
        """How long a context the prior knows after each character: 0 without a prior.

        tokens: int64 [time, batch]; state: float32 [batch, S] -> int64 [time, batch].
        """
        if not self.prior:
            return torch.zeros_like(tokens)
        return self.prior.lengths_after(tokens, _last(state, self.shape.prior.history))

    def start(self, batch: int) -> Tensor:
        """The state in which nothing has been read: zeros [batch, S]."""
        return torch.zeros(batch, self.shape.state, device=self.output.weight.device)


def _last(rows: Tensor, count: int) -> Tensor:
    """The last numbers of each row, which may be none: [batch, N] -> [batch, count]."""
    return rows[:, rows.shape[1] - count :]
