"""Memory of n-grams: what the last few characters alone say about the next one.

On texts of some megabytes a table of n-grams knows things that an LSTM of the same text does not,
and the other way round: PPM rivals an LSTM there. So the network looks the last 2, 3, ... 6
characters up in one table of learned vectors, and reads what it finds beside the character.
Embeddings of hashed n-grams are from Pagnoni et al. 2024, "Byte Latent Transformer". Here a place
in the table belongs to one n-gram, which must have been seen several times: any other finds
nothing there, so the network knows what it has not met, and cannot learn rare ones by heart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

BASE = 1021
"""Characters are the digits of a key: one more than are told apart, and a prime. Six digits fit
into 63 bits."""

SHORTEST = 2
"""Characters of the shortest n-gram: one is what the embedding is for."""

NOBODY = -1
"""The owner of a place that belongs to no n-gram; keys are above 0."""


@dataclass(frozen=True)
class MemoryShape:
    """The sizes of a memory of n-grams."""

    places: int = 262_139
    """n-grams that have a vector, at most; best a prime. 0 for no memory."""
    longest: int = 6
    """Characters of the longest n-grams, 2 to 6."""
    features: int = 32
    """Numbers in a vector."""
    seen: int = 8
    """How often the training text must have an n-gram that is remembered."""

    @property
    def orders(self) -> range:
        """The lengths of its n-grams; none for no memory."""
        return range(SHORTEST, self.longest + 1 if self.places else SHORTEST)

    @property
    def history(self) -> int:
        """How many characters it must keep in mind, before the one that is read."""
        return self.longest - 1 if self.places else 0

    @property
    def found(self) -> int:
        """Numbers that it recalls at each character."""
        return len(self.orders) * self.features


NO_MEMORY = MemoryShape(places=0)


class NgramMemory(nn.Module):
    """A table of vectors for frequent n-grams, looked up at every character.

    ``drop`` is the probability with which, while training, all n-grams of one length go unseen in
    one row of a window, so that the network does not rely on them.
    """

    owners: Tensor

    def __init__(self, shape: MemoryShape, drop: float = 0.0) -> None:
        super().__init__()
        self.shape = shape
        self.drop = drop
        # Which n-gram each place belongs to: int64 [places].
        self.register_buffer("owners", torch.full((shape.places,), NOBODY))
        # An n-gram says nothing until something was learned of it.
        self.table = nn.Parameter(torch.zeros(shape.places, shape.features))

    def assign(self, texts: Sequence[Tensor]) -> None:
        """Gives each place to the most frequent n-gram of the texts (token ids) that hashes to it.

        n-grams that were seen fewer than ``shape.seen`` times get none.
        """
        self.owners.copy_(torch.from_numpy(owners(texts, self.shape)))

    def forward(self, tokens: Tensor, history: Tensor) -> Tensor:
        """What the n-grams that end at each character recall.

        tokens: int64 [time, batch]; history: float [batch, longest - 1], the digits of the
        characters before, oldest first, 0 for none -> found [time, batch, orders x features],
        zeros where an n-gram has no place.
        """
        read = torch.cat([history.T.long(), digits(tokens)])
        keys = keys_of(read, self.shape.longest)[..., SHORTEST - 1 :]
        places = keys % self.shape.places
        known = self.owners[places] == keys
        found = functional.embedding(places, self.table) * self._noticed(known)[..., None]
        return found.flatten(2)

    def _noticed(self, known: Tensor) -> Tensor:
        """1 for an n-gram that counts, else 0; known: bool [time, batch, orders]."""
        if not self.training or self.drop == 0:
            return known.float()
        mask = functional.dropout(torch.ones(known.shape[1:], device=known.device), self.drop)
        return known * mask


def digits(tokens: Tensor) -> Tensor:
    """Token ids as digits of a key, 1 to BASE - 1; vocabularies that are larger share some."""
    return tokens % (BASE - 1) + 1


def keys_of(read: Tensor, longest: int, base: int = BASE) -> Tensor:
    """read: digits int64 [longest - 1 + time, ...] -> keys int64 [time, ..., longest].

    The keys of the last 1, 2, ... ``longest`` characters at each of the times. The last character
    is the lowest digit, so that a longer n-gram has a larger key. At the start of a text, where
    digits are 0, an n-gram is as short as what there is.
    """
    history = longest - 1
    time = len(read) - history
    key = read[history:]
    keys = [key]
    for back in range(1, longest):
        key = key + read[history - back : history - back + time] * base**back
        keys.append(key)
    return torch.stack(keys, dim=-1)


def fitted(texts: Sequence[Tensor], shape: MemoryShape) -> MemoryShape:
    """The shape with as few places as the n-grams of the texts need; none where none is frequent.

    A sixth of the places stay free, so that few n-grams must share one.
    """
    if not shape.places:
        return shape
    keys, _ = _frequent(texts, shape)
    places = min(shape.places, prime_from(len(keys) * 6 // 5)) if len(keys) else 0
    return replace(shape, places=places)


def owners(texts: Sequence[Tensor], shape: MemoryShape) -> NDArray[np.int64]:
    """The key of the n-gram that each place belongs to, or NOBODY: int64 [places]."""
    keys, counts = _frequent(texts, shape)
    # Of several that are given one place, the last keeps it: the most frequent.
    rising = keys[np.argsort(counts, kind="stable")]
    owned = np.full(shape.places, NOBODY)
    owned[rising % shape.places] = rising
    return owned


def _frequent(
    texts: Sequence[Tensor], shape: MemoryShape
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Keys, and counts, of the n-grams that the texts have at least ``shape.seen`` times."""
    padded = [functional.pad(digits(text), (shape.history, 0)) for text in texts]
    keys = torch.cat([keys_of(text, shape.longest)[:, SHORTEST - 1 :] for text in padded]).numpy()
    counted = [np.unique(column, return_counts=True) for column in keys.T]
    found, counts = (np.concatenate(part) for part in zip(*counted, strict=True))
    often = counts >= shape.seen
    return found[often], counts[often]


def prime_from(number: int) -> int:
    """The smallest prime that is at least the number, and at least 2."""
    candidate = max(2, number)
    while any(candidate % i == 0 for i in range(2, math.isqrt(candidate) + 1)):
        candidate += 1
    return candidate
