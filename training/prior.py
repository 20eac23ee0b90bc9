"""A prior of counts: what a table of n-grams expects next, for the network to trust or not.

On texts of some megabytes a smoothed table of counts predicts nearly as well as an LSTM, and errs
elsewhere. So the network reads what the table expects, and adds its logarithm to the logits, as
much of it as it trusts: compressors of the PAQ kind mix models so (Mahoney 2005, "Adaptive
weighing of context models for lossless data compression"), and so did RNN language models with
maximum entropy n-grams beside them (Mikolov et al. 2011).

The table must not have seen what it is trusted on, or the network learns to trust it too much:
while training, each part of the text is predicted by the counts of all other parts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from .kneser_ney import Floats, KneserNey
from .ngrams import BASE, digits, keys_of

STEP = 1 / 16
"""Logarithms of probabilities are kept as multiples of this, 0 to 255 of them below 0."""

PARTS = 12
"""Of the text, at most, each predicted by the counts of the others."""

LARGEST = 1 / 3
"""Share of the text that one work may have where works are left out whole."""

SEEN = 2
"""How often the text must have a context that is kept."""

Codes = NDArray[np.uint8]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class PriorShape:
    """The sizes of a prior."""

    contexts: int = 150_000
    """How many contexts have a distribution, at most; 0 for no prior."""
    longest: int = 6
    """Characters of the longest context."""

    @property
    def history(self) -> int:
        """How many characters it must keep in mind, before the one that is read."""
        return self.longest - 1 if self.contexts else 0


NO_PRIOR = PriorShape(contexts=0)


class NgramPrior(nn.Module):
    """The distributions after the contexts that tell most, by interpolated Kneser-Ney smoothing.

    It is learned by counting, not by gradients. A text's distribution is that of the longest
    context it ends with that has one.
    """

    contexts: Tensor
    codes: Tensor
    lengths: Tensor
    held_out: Tensor

    def __init__(self, shape: PriorShape, characters: int) -> None:
        super().__init__()
        self.shape = shape
        self.characters = characters
        # Keys int64 [contexts], rising, so that longer contexts come later.
        self.register_buffer("contexts", torch.arange(shape.contexts))
        # uint8 [1 + contexts, characters]: after no context, and after each.
        even = round(math.log(characters) / STEP)
        empty = torch.full((shape.contexts + 1, characters), even, dtype=torch.uint8)
        self.register_buffer("codes", empty)
        # uint8 [1 + contexts]: how many characters each has.
        self.register_buffer("lengths", torch.zeros(shape.contexts + 1, dtype=torch.uint8))
        # The same without each part of the learned text, [parts, 1 + contexts, characters].
        nothing = torch.empty((0, *empty.shape), dtype=torch.uint8)
        self.register_buffer("held_out", nothing, persistent=False)

    def learn(self, texts: Sequence[Tensor]) -> Tensor:
        """Counts the texts (token ids); returns which part each character of them is in, int64.

        That is what `forward` must be told for characters of these texts. They must have as many
        contexts as the shape: see `fitted`.
        """
        pieces = pieces_of(texts)
        everything = self._count([text.numpy() for text in texts])
        contexts = _telling(everything, texts, self.shape)
        self.contexts.copy_(torch.from_numpy(contexts))
        self.codes.copy_(torch.from_numpy(_codes(everything, contexts)))
        self.lengths[1:] = torch.from_numpy(lengths_of(contexts, self.characters))
        others = without_a_part(pieces)
        self.held_out = torch.empty((len(others), *self.codes.shape), dtype=torch.uint8)
        for part, some in enumerate(others):
            self.held_out[part] = torch.from_numpy(_codes(self._count(some), contexts))
        self.held_out = self.held_out.to(self.codes.device)
        return parts_of(pieces)

    def forward(
        self, tokens: Tensor, history: Tensor, parts: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The logarithm of what is expected after each character, and after how long a context.

        tokens: int64 [time, batch]; history: float [batch, longest - 1], the digits of the
        characters before, oldest first, 0 for none; parts: int64 [time, batch], for characters
        that were learned the part whose counts are left out, and below 0 for others
        -> float32 [time, batch, characters], and int64 [time, batch].
        """
        rows = self._met(tokens, history)
        codes = self.codes[rows]
        if parts is not None:
            left_out = self.held_out[parts.clamp(min=0), rows]
            codes = torch.where(parts[..., None] < 0, codes, left_out)
        return codes * -STEP, self.lengths[rows].long()

    def lengths_after(self, tokens: Tensor, history: Tensor) -> Tensor:
        """How long a context is known after each character, as `forward` says it."""
        return self.lengths[self._met(tokens, history)].long()

    def _met(self, tokens: Tensor, history: Tensor) -> Tensor:
        """The rows of the contexts after each character, int64 [time, batch]."""
        read = torch.cat([history.T.long(), digits(tokens)])
        return self.rows(keys_of(read, self.shape.longest, self.characters + 1))

    def rows(self, keys: Tensor) -> Tensor:
        """keys int64 [..., longest] -> the rows of the longest contexts among them, int64 [...]."""
        at = torch.searchsorted(self.contexts, keys).clamp(max=self.shape.contexts - 1)
        return torch.where(self.contexts[at] == keys, at + 1, 0).amax(dim=-1)

    def _count(self, texts: Sequence[Integers]) -> KneserNey:
        return KneserNey(texts, self.characters, self.shape.longest)


def fitted(texts: Sequence[Tensor], characters: int, shape: PriorShape) -> PriorShape:
    """The shape with no more contexts than the texts have, none longer than a key can tell.

    No prior where nothing is repeated, or for more characters than an n-gram's digits tell apart.
    """
    room = longest_key(characters)
    if not shape.contexts or characters >= BASE or room < 1:
        return NO_PRIOR
    shape = replace(shape, longest=min(shape.longest, room))
    there = sum(len(keys) for keys, _ in repeated(texts, characters, shape.longest))
    return replace(shape, contexts=min(shape.contexts, there))


def longest_key(characters: int) -> int:
    """Characters of the longest contexts that keys can tell apart."""
    return int(63 / math.log2(characters + 1)) - 1


def repeated(
    texts: Sequence[Tensor], characters: int, longest: int
) -> list[tuple[Integers, Integers]]:
    """Keys, rising, and counts of the contexts of each length that the texts have `SEEN` times."""
    padded = [functional.pad(digits(text), (longest - 1, 0)) for text in texts]
    keys = torch.cat([keys_of(text, longest, characters + 1) for text in padded]).numpy()
    found = []
    for length, column in enumerate(keys.T, start=1):
        contexts, counts = np.unique(column, return_counts=True)
        # At the start of a text a context is a shorter one.
        whole = contexts >= (characters + 1) ** (length - 1)
        often = whole & (counts >= SEEN)
        found.append((contexts[often], counts[often]))
    return found


def _telling(counts: KneserNey, texts: Sequence[Tensor], shape: PriorShape) -> Integers:
    """The contexts that tell most, keys [contexts], rising."""
    keys, gains = told(repeated(texts, counts.symbols, shape.longest), counts.after)
    best = np.argpartition(-gains, shape.contexts - 1)[: shape.contexts]
    return np.sort(keys[best])


def told(
    contexts: Sequence[tuple[Integers, Integers]], after: Callable[[Integers, int], Floats]
) -> tuple[Integers, NDArray[np.float64]]:
    """What `repeated` contexts tell, in nats: the keys of all lengths, and a gain for each.

    ``after``: what is expected after the last so many characters of contexts. What one tells is how
    often it was met times the information that its distribution has over that of the context which
    is one character shorter (Stolcke 1998, "Entropy-based pruning of backoff language models").
    """
    gains = []
    for length, (keys, times) in enumerate(contexts, start=1):
        with_it, without = (after(keys, n) for n in (length, length - 1))
        gains.append(times * (with_it * np.log(with_it / without)).sum(axis=1))
    return np.concatenate([keys for keys, _ in contexts]), np.concatenate(gains)


def _codes(counts: KneserNey, contexts: Integers) -> Codes:
    """The distributions after no context, and after each of some: uint8 [1 + C, characters]."""
    lengths = lengths_of(contexts, counts.symbols)
    of_length = [contexts[lengths == length] for length in range(1, counts.longest + 1)]
    after_none = counts.after(np.zeros(1, dtype=np.int64), 0)
    after_some = [counts.after(some, n) for n, some in enumerate(of_length, start=1)]
    return coded(np.concatenate([after_none, *after_some]))


def coded(probabilities: Floats) -> Codes:
    """Probabilities as multiples of `STEP` below 0, uint8."""
    return np.rint(np.log(probabilities) / -STEP).clip(0, 255).astype(np.uint8)


def lengths_of(contexts: Integers, characters: int) -> Integers:
    """How many digits keys have."""
    lengths = np.zeros_like(contexts)
    while contexts.any():
        lengths += contexts > 0
        contexts = contexts // (characters + 1)
    return lengths


def pieces_of(texts: Sequence[Tensor]) -> list[Tensor]:
    """The works themselves, or, where one is too large to be left out, each cut up.

    A work that is left out whole is as new to the others as any that will be read.
    """
    if max(map(len, texts)) <= LARGEST * sum(map(len, texts)):
        return list(texts)
    return [piece for text in texts for piece in text.tensor_split(PARTS) if len(piece)]


def without_a_part(pieces: Sequence[Tensor]) -> list[list[Integers]]:
    """For each part of the pieces, which are dealt out in turn, the pieces of all other parts."""
    parts = min(PARTS, len(pieces))
    texts = [piece.numpy() for piece in pieces]
    return [[text for i, text in enumerate(texts) if i % parts != part] for part in range(parts)]


def parts_of(pieces: Sequence[Tensor]) -> Tensor:
    """The part that each character of the pieces is in, int64."""
    parts = min(PARTS, len(pieces))
    return torch.cat([torch.full((len(one),), i % parts) for i, one in enumerate(pieces)])
