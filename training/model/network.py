"""Define CharLSTM, the network of a voice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from training.ranges import Share

from .lstm import LockedDropout
from .prior import NO_PRIOR, NgramPrior, PriorShape, digits
from .recurrent import RecurrentLayer, find_layer
from .words import NO_WORDS, WordShape, WordVectors, rolled, topics


@dataclass(frozen=True)
class Shape:
    """The sizes of a CharLSTM: everything needed to build one.

    All are at least 1, except the sizes of the word layer, which are 0 without a word layer.
    """

    vocabulary: int
    letters: tuple[int, ...] = ()
    """A number for each token, see `training.model.words.letter_numbers`; all 0 unless given."""
    embedding: int = 64
    """Numbers that a character is read as."""
    lower: int = 256
    """Units of the layer that reads characters."""
    word: int = 1024
    """Units of the layer that takes one step a word; 0 for none."""
    summary: int = 256
    """Numbers in the summary of the word layer that the upper layer reads."""
    upper: int = 512
    """Units of the layer that reads the lower layer and the summary, and predicts the next
    character."""
    vectors: WordShape = field(default=NO_WORDS)
    """The word vectors of the word layer; none without a word layer."""
    prior: PriorShape = field(default=NO_PRIOR)
    recurrence: str = "lstm"
    """The recurrent layer, see `training.model.recurrent`."""

    @property
    def layer(self) -> type[RecurrentLayer]:
        """Return the kind of the recurrent layers."""
        return find_layer(self.recurrence)

    @property
    def units(self) -> tuple[int, ...]:
        """Return the units of each layer, from the lowest; what it remembers has that size."""
        return tuple(n for n in (self.lower, self.word, self.upper) if n)

    @property
    def sections(self) -> tuple[int, ...]:
        """Return the sizes of the sections of a state, in order.

        The sections are the h of every layer, the c of every layer (or what else the layers
        remember), the summary, the topic, the hashes of the current word, whether the last
        character was a letter, and the digits of the last characters.
        """
        words = (self.summary, *self.vectors.sections)
        return (*self.units * len(self.layer.memories), *words, 1, self.prior.history)

    @property
    def state(self) -> int:
        """Return the size of a state."""
        return sum(self.sections)


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


def at_temperatures(
    weights: Mapping[str, Tensor], temperatures: Sequence[float]
) -> dict[str, Tensor]:
    """Return the weights of a `CharLSTM` with its logits divided by temperatures, all above 0.

    There is one temperature for each length, from 0 on, of the context that the prior knows; a
    network without a prior takes a single temperature.
    """
    if "sure" in weights:
        sure = weights["sure"]
        return {**weights, "sure": sure / torch.tensor(temperatures).to(sure)}
    [temperature] = temperatures
    return {
        name: weight / temperature if name.startswith("output.") else weight
        for name, weight in weights.items()
    }


class Network(nn.Module):
    """A network that predicts a text character by character, and whose state is one tensor."""

    longest = 0
    """Characters of the longest context that `known` can return."""

    def forward(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map tokens, int64 [time, batch], to logits [time, batch, V] and the next state."""
        raise NotImplementedError

    def start(self, batch: int) -> Tensor:
        """Return the initial state of ``batch`` texts."""
        raise NotImplementedError

    def known(self, tokens: Tensor, state: Tensor) -> Tensor:
        """Return the length of the prior's context after each character: 0 without a prior.

        tokens: int64 [time, batch]; state as in `forward` -> int64 [time, batch].
        """
        return torch.zeros_like(tokens)


class CharLSTM(Network):
    """Predict a text character by character, with a memory that steps once a word.

    A small LSTM layer reads the characters. Where a word has ended, a wide layer reads the state of
    the small layer. The wide layer takes a fifth of the steps, so it can have many more units at
    the same cost, and its memory reaches several times as far back. A third layer reads both at
    each character and predicts the next one. The clocks are those of Hwang & Sung 2017,
    "Character-level language modeling with hierarchical recurrent neural networks", and of Chung,
    Ahn & Bengio 2016, "Hierarchical multiscale recurrent neural networks", with boundaries given by
    the text.

    Beside the layers lies a prior, unless its shape has no contexts. The square roots of the
    prior's probabilities are read along with the embedded character, and their logarithms are added
    to the logits, times a trust that depends on the upper layer and on the length of the context
    that the prior knows. The logits are then multiplied by a factor for that length, found by
    `training.evaluation.calibrated`, because a network is overconfident after contexts that it has
    learned by heart.

    The state is packed as the voice file needs it: float32 [batch, S], see `Shape.sections`, zeros
    at the start of a script.
    """

    sure: Tensor
    letters: Tensor

    def __init__(self, shape: Shape, drop: Regularisation = NOTHING_DROPPED) -> None:
        super().__init__()
        self.shape = shape
        letters = torch.tensor(shape.letters or [0] * shape.vocabulary)
        self.register_buffer("letters", letters, persistent=False)
        self.embedding = nn.Embedding(shape.vocabulary, shape.embedding)
        nn.init.normal_(self.embedding.weight, std=0.5)
        self.lower = shape.layer(shape.embedding, shape.lower, drop.recurrent)
        self.word: RecurrentLayer | None = None
        if shape.word:
            beside = 2 * shape.vectors.features if shape.vectors.words else 0
            self.word = shape.layer(shape.lower + beside, shape.word, drop.recurrent)
            self.summarise = nn.Linear(shape.word, shape.summary)
        self.vectors: WordVectors | None = None
        if shape.vectors.words:
            self.vectors = WordVectors(shape.vectors)
        self.upper = shape.layer(shape.lower + shape.summary, shape.upper, drop.recurrent)
        self.drop_embedding = LockedDropout(drop.embedding)
        self.drop_layer = LockedDropout(drop.layers)
        self.output = nn.Linear(shape.upper, shape.vocabulary)
        self.prior = NgramPrior(shape.prior, shape.vocabulary) if shape.prior.contexts else None
        if self.prior:
            self.expect = nn.Linear(shape.vocabulary, shape.embedding, bias=False)
            self.trust = nn.Linear(shape.upper, 1)
            # The trust starts at 1 everywhere, so that the prior is added unchanged.
            nn.init.zeros_(self.trust.weight)
            nn.init.ones_(self.trust.bias)
            self.trust_length = nn.Embedding(shape.prior.longest + 1, 1)
            nn.init.zeros_(self.trust_length.weight)
            # Factors of the logits, set by calibration and not by gradients.
            self.longest = shape.prior.longest
            self.register_buffer("sure", torch.ones(self.longest + 1))

    def forward(
        self, tokens: Tensor, state: Tensor, parts: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Read a window of text.

        tokens: int64 [time, batch]; state: float32 [batch, S]; parts: int64 [time, batch], for a
        text that the prior has learned, see `NgramPrior.learn`. Returns the logits of the character
        after each, [time, batch, vocabulary], and the next state.
        """
        *kept, summary, topic, hashes, inside, history = state.split(self.shape.sections, dim=1)
        layers = len(self.shape.units)
        lower, *word, upper = (tuple(kept[i::layers]) for i in range(layers))
        letters = self.letters[tokens]
        # Computed first, because counting words waits for a GPU, which is still idle here.
        words = Words(letters > 0, inside[:, 0] > 0) if self.word else None
        x = self.embedding(tokens)
        if self.prior:
            expected, lengths = self.prior(tokens, history, parts)
            x = x + self.expect((expected / 2).exp())
        x, after = self.lower(self.drop_embedding(x), lower)
        memories = [after]
        x = self.drop_layer(x)
        if self.word and words:
            read = [words.gathered(x)]
            if self.vectors:
                hashed = rolled(letters, hashes)
                hashes = hashed[-1]
                vectors, known = self.vectors(words.gathered(hashed[:-1]))
                about = topics(vectors, known, topic)
                topic = words.last(about, topic)
                read += [vectors, about]
            [before] = word
            y, (_, *cells) = self.word(torch.cat(read, dim=2), before, words.idle)
            memories.append((words.last(y, before[0]), *cells))
            told = torch.tanh(self.summarise(self.drop_layer(y)))
            summaries = words.spread(told, summary)
            summary = summaries[-1]
            x = torch.cat([x, self.drop_layer(summaries)], dim=2)
        x, after = self.upper(x, upper)
        memories.append(after)
        x = self.drop_layer(x)
        logits = self.output(x)
        if self.prior:
            trust = self.trust(x).float() + self.trust_length(lengths)
            logits = (logits + trust * expected) * self.sure[lengths][..., None]
        characters = torch.cat([history, digits(tokens).T.float()], dim=1)
        history = last(characters, self.shape.prior.history)
        remembered = (one for kind in zip(*memories, strict=True) for one in kind)
        packed = [*remembered, summary, topic, hashes, letters[-1:].T > 0, history]
        return logits, torch.cat([one.float() for one in packed], dim=1)

    def known(self, tokens: Tensor, state: Tensor) -> Tensor:
        """Return the length of the prior's context after each character, see `Network.known`."""
        if not self.prior:
            return super().known(tokens, state)
        return self.prior.lengths_after(tokens, last(state, self.shape.prior.history))

    def start(self, batch: int) -> Tensor:
        """Return the initial state: zeros [batch, S]."""
        return torch.zeros(batch, self.shape.state, device=self.output.weight.device)


class Words:
    """The words that end in a window, whose steps are gathered into a shorter window.

    The steps of a row come first in the shorter window, which is as long as the row with the most
    words needs; other rows are idle after their last word.
    """

    def __init__(self, letters: Tensor, inside: Tensor) -> None:
        """Find the words, given which characters are letters: bool [time, batch].

        ``inside``: bool [batch], whether the character before the window is a letter.
        """
        # A word has ended before a character that follows a letter and is none.
        ended = torch.cat([inside[None], letters[:-1]]) & ~letters
        self.words = ended.cumsum(dim=0)
        """int64 [time, batch]: the number of words that have ended, up to each character."""
        self.counts = self.words[-1]
        self.longest = max(1, int(self.counts.max()))
        self.time, self.row = ended.nonzero(as_tuple=True)
        steps = torch.arange(self.longest, device=ended.device)
        self.idle = steps[:, None] >= self.counts
        """bool [words, batch]: the idle steps of each row."""
        self.rows = torch.arange(ended.shape[1], device=ended.device)

    def gathered(self, x: Tensor) -> Tensor:
        """Gather the rows of x where words ended: [time, batch, N] -> [words, batch, N]."""
        step = self.words[self.time, self.row] - 1
        nothing = x.new_zeros(self.longest, *x.shape[1:])
        return nothing.index_put((step, self.row), x[self.time, self.row])

    def spread(self, y: Tensor, before: Tensor) -> Tensor:
        """Repeat each word's output until the next word ends.

        y: [words, batch, N]; before: [batch, N], the output before the window -> [time, batch, N].
        """
        return torch.cat([before[None].to(y), y])[self.words, self.rows]

    def last(self, y: Tensor, before: Tensor) -> Tensor:
        """Return the output of the last word of each row: [words, batch, N] -> [batch, N]."""
        return torch.cat([before[None].to(y), y])[self.counts, self.rows]


def last(rows: Tensor, count: int) -> Tensor:
    """Return the last ``count`` numbers of each row, possibly none: [batch, count]."""
    return rows[:, rows.shape[1] - count :]
