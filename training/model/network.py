"""Define CharLSTM, the network of a voice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..ranges import Share
from . import find_layer
from .lstm import LockedDropout
from .memory import NO_MEMORY, MemoryHead, MemoryShape, Packing
from .prior import NO_PRIOR, NgramPrior, PriorShape, to_digits
from .recurrent import RecurrentLayer


@dataclass(frozen=True)
class Shape:
    """The sizes of a CharLSTM: everything needed to build one. All are at least 1."""

    vocabulary: int
    embedding: int = 64
    """The length of the vector that stands for a character."""
    lower: int = 256
    """Units of the layer that reads characters."""
    upper: int = 640
    """Units of the layer above, which reads the lower layer and the memory head."""
    memory: MemoryShape = NO_MEMORY
    prior: PriorShape = NO_PRIOR
    recurrence: str = "lstm"
    """The recurrent layer, one of `training.model.LAYERS`."""

    @property
    def layer(self) -> type[RecurrentLayer]:
        """Return the kind of the recurrent layers."""
        return find_layer(self.recurrence)

    @property
    def sections(self) -> tuple[int, ...]:
        """Return the sizes of the sections of a state, in order.

        The sections are the h of both layers, the c of both layers (or what else the layers
        remember), the packed characters of the memory head, and the last characters for the prior.
        """
        units = (self.lower, self.upper) * len(self.layer.state_names)
        packed = Packing(self.vocabulary, self.memory.characters).numbers
        return (*units, packed, self.prior.history)

    @property
    def state(self) -> int:
        """Return the size of a state."""
        return sum(self.sections)

    @property
    def packed(self) -> tuple[int, int]:
        """Return where the packed characters of the memory head begin and end in a state."""
        end = sum(self.sections[:-1])
        return end - self.sections[-2], end


@dataclass(frozen=True)
class Regularisation:
    """Dropout probabilities during training, in [0, 1)."""

    embedding: Share = 0.0
    """Dropout on the embedded characters."""
    layers: Share = 0.1
    """Dropout between the layers and before the output."""
    recurrent: Share = 0.0
    """DropConnect on the recurrent weights."""


NOTHING_DROPPED = Regularisation(0.0, 0.0, 0.0)


def divide_logits(
    weights: Mapping[str, Tensor], temperatures: Sequence[float]
) -> dict[str, Tensor]:
    """Return the weights of a `CharLSTM` with its logits divided by temperatures, all above 0.

    There is one temperature for each length, from 0 on, of the context that the prior knows; a
    network without a prior has a single temperature.
    """
    if "sure" in weights:
        factors = weights["sure"]
        return {**weights, "sure": factors / torch.tensor(temperatures).to(factors)}
    [temperature] = temperatures
    return {
        name: weight / temperature if name.startswith("output.") else weight
        for name, weight in weights.items()
    }


class CharLSTM(nn.Module):
    """Predict a text character by character, with two LSTM layers, a memory head and a prior.

    A small layer reads the characters. The memory head, unless its shape has no characters, finds
    what followed the last characters where they stood in the text before. A larger layer reads
    both, and predicts the next character; the output also reads the memory head.

    Beside the layers lies a prior, unless its shape has no contexts. The square roots of the
    prior's probabilities are read along with the embedded character, and their logarithms are added
    to the logits, times a trust that depends on what the output reads and on the length of the
    context that the prior knows. The logits are then multiplied by a factor for that length, found
    by `training.evaluation.calibrate`, because a network is overconfident after contexts that it
    has learned by heart.

    The state is packed as the voice file needs it: float32 [batch, S], see `Shape.sections`, zeros
    at the start of a script.
    """

    longest = 0
    """Characters of the longest context that `find_known_lengths` can return."""
    sure: Tensor
    """The inverse temperature after a context of each length, by its name in checkpoints."""

    def __init__(self, shape: Shape, drop: Regularisation = NOTHING_DROPPED) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.embedding)
        nn.init.normal_(self.embedding.weight, std=0.5)
        self.lower = shape.layer(shape.embedding, shape.lower, drop.recurrent)
        self.memory: MemoryHead | None = None
        if shape.memory.characters:
            self.memory = MemoryHead(shape.vocabulary, shape.lower, shape.memory)
        recall = shape.memory.values
        self.upper = shape.layer(shape.lower + recall, shape.upper, drop.recurrent)
        self.drop_embedding = LockedDropout(drop.embedding)
        self.drop_layer = LockedDropout(drop.layers)
        self.output = nn.Linear(shape.upper + recall, shape.vocabulary)
        self.prior = NgramPrior(shape.prior, shape.vocabulary) if shape.prior.contexts else None
        if self.prior:
            self.expect = nn.Linear(shape.vocabulary, shape.embedding, bias=False)
            self.trust = nn.Linear(shape.upper + recall, 1)
            # The trust starts at 1 everywhere, so that the prior is added unchanged.
            nn.init.zeros_(self.trust.weight)
            nn.init.ones_(self.trust.bias)
            self.trust_length = nn.Embedding(shape.prior.longest + 1, 1)
            nn.init.zeros_(self.trust_length.weight)
            # Factors of the logits, set by calibration and not by gradients.
            self.longest = shape.prior.longest
            self.register_buffer("sure", torch.ones(self.longest + 1))

    def forward(
        self, tokens: Tensor, state: Tensor, folds: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Read a window of text.

        tokens: int64 [time, batch]; state: float32 [batch, S]; folds: int64 [time, batch], for a
        text that the prior has learned, see `NgramPrior.learn`. Returns the logits of the character
        after each, [time, batch, vocabulary], and the next state.
        """
        *kept, packed, history = state.split(self.shape.sections, dim=1)
        x = self.embedding(tokens)
        if self.prior:
            expected, lengths = self.prior(tokens, history, folds)
            # Square roots of probabilities. They lie in [0, 1], as products in 8 bits need them,
            # where the probability itself would be rounded to 0 below 1 in 126.
            x = x + self.expect((expected / 2).exp())
        # The sections alternate between the lower and the upper layer.
        x, lower = self.lower(self.drop_embedding(x), tuple(kept[::2]))
        x = self.drop_layer(x)
        recall = x.new_empty(*tokens.shape, 0)
        if self.memory:
            recall, packed = self.memory(tokens, x, packed)
        x, upper = self.upper(torch.cat([x, recall], dim=2), tuple(kept[1::2]))
        x = torch.cat([self.drop_layer(x), recall], dim=2)
        logits = self.output(x)
        if self.prior:
            trust = self.trust(x).float() + self.trust_length(lengths)
            logits = (logits + trust * expected) * self.sure[lengths][..., None]
        characters = torch.cat([history, to_digits(tokens).T.float()], dim=1)
        history = take_last(characters, self.shape.prior.history)
        remembered = (vector for pair in zip(lower, upper, strict=True) for vector in pair)
        sections = [*remembered, packed, history]
        return logits, torch.cat([section.float() for section in sections], dim=1)

    def find_known_lengths(self, tokens: Tensor, state: Tensor) -> Tensor:
        """Return the length of the prior's context after each character: 0 without a prior.

        tokens: int64 [time, batch]; state as in `forward` -> int64 [time, batch].
        """
        if not self.prior:
            return torch.zeros_like(tokens)
        return self.prior.find_lengths(tokens, take_last(state, self.shape.prior.history))

    def start(self, batch: int) -> Tensor:
        """Return the initial state: zeros [batch, S]."""
        return torch.zeros(batch, self.shape.state, device=self.output.weight.device)


def take_last(rows: Tensor, count: int) -> Tensor:
    """Return the last ``count`` numbers of each row, possibly none: [batch, count]."""
    return rows[:, rows.shape[1] - count :]
