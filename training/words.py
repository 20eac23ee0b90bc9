"""Words that mean something from the start: a vector for each of the commonest words.

A word's key is a hash of its characters, rolled along as they are read, so that a network of
characters knows which word has just ended. The vectors begin as those of a model that has read far
more text (Reimers & Gurevych 2019, "Sentence-BERT"; Wang et al. 2020, "MiniLM"), reduced to a few
numbers by their principal components, and are learned on from there. A decaying average of them
says what a scene is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

MODULI = (131_071, 131_063)
"""Primes below 2^17: what a rolling hash counts to."""

FACTORS = (97, 89)
"""By which a hash is multiplied at each letter: the product, below 2^24, is exact in float32."""

FADING = 0.85
"""By which the topic is multiplied at the end of each word that has a vector."""


@dataclass(frozen=True)
class WordShape:
    """The sizes of a table of words."""

    words: int = 0
    """How many words have a vector; 0 for no table."""
    features: int = 64
    """Numbers in a vector."""

    @property
    def sections(self) -> tuple[int, ...]:
        """What a script's state holds of the words: the topic, and the key of the last one."""
        return (self.features, len(MODULI)) if self.words else (0, 0)


NO_WORDS = WordShape()


class WordVectors(nn.Module):
    """A table of vectors, numbers between -1 and 1, for words that are known by their keys."""

    keys: Tensor

    def __init__(self, shape: WordShape) -> None:
        super().__init__()
        self.shape = shape
        # int64 [words], rising.
        self.register_buffer("keys", torch.arange(shape.words) + 1)
        # The first one, of every other word, is not looked at: such a word says nothing.
        self.vectors = nn.Embedding(shape.words + 1, shape.features)

    def know(self, keys: Tensor, vectors: Tensor) -> None:
        """Take the words of keys int64 [words], all different, with vectors [words, features]."""
        order = keys.argsort()
        self.keys.copy_(keys[order])
        with torch.no_grad():
            self.vectors.weight.zero_()
            # What lies beyond has no arc tangent; a vector of principal components hardly does.
            self.vectors.weight[1:] = torch.atanh(vectors[order].clamp(-0.99, 0.99))

    def forward(self, hashes: Tensor) -> tuple[Tensor, Tensor]:
        """Look words up by their hashes, float32 [..., 2].

        Returns the vectors [..., features], zeros for words that have none, and which words have
        one, bool [...].
        """
        first, second = hashes.long().unbind(-1)
        keys = first * 2**17 + second
        at = torch.searchsorted(self.keys, keys).clamp(max=self.shape.words - 1)
        known = self.keys[at] == keys
        vectors = torch.tanh(self.vectors(torch.where(known, at + 1, 0)))
        return vectors * known[..., None], known


def rolled(letters: Tensor, before: Tensor) -> Tensor:
    """Roll the hashes of the word at hand along.

    letters: int64 [time, batch], numbers as `letter_numbers` gives them; before: float32
    [batch, 2], the hashes before the first character -> float32 [1 + time, batch, 2], whole
    numbers, 0 outside of words.
    """
    # Integers, because products of two remainders have 34 bits.
    factors, moduli = letters.new_tensor(FACTORS), letters.new_tensor(MODULI)
    added = letters[..., None].repeat(1, 1, len(MODULI))
    times = torch.where(added > 0, factors, 0)
    added[0] = (added[0] + times[0] * before.long()) % moduli
    # Each round doubles how far a hash reaches back, so that 512 characters take 9 rounds: a GPU
    # waits longer for a kernel to begin than for its end (Hillis & Steele 1986, "Data parallel
    # algorithms").
    reach = 1
    while reach < len(letters):
        added[reach:] = (added[reach:] + times[reach:] * added[:-reach]) % moduli
        times[reach:] = times[reach:] * times[:-reach] % moduli
        reach *= 2
    return torch.cat([before[None], added.to(before)])


def topics(vectors: Tensor, known: Tensor, before: Tensor) -> Tensor:
    """Return the decaying average of vectors after each word.

    vectors: float [words, batch, features]; known: bool [words, batch], the others leave the topic
    as it is; before: float [batch, features] -> float [words, batch, features].
    """
    # One product for all words instead of a few kernels for each: see `rolled`.
    age = known.cumsum(dim=0)
    shares = (1 - FADING) * FADING ** (age[:, None] - age) * known
    earlier = torch.ones(len(age), len(age), dtype=torch.bool, device=age.device).tril()
    shares = torch.where(earlier[..., None], shares, 0.0)
    # In 32 bits, because the topic is carried on and on.
    with torch.autocast(vectors.device.type, enabled=False):
        fresh = torch.einsum("wvb,vbf->wbf", shares, vectors)
    return fresh + FADING ** age[..., None] * before


def letter_numbers(characters: Sequence[str]) -> tuple[int, ...]:
    """Number the letters of a vocabulary from 1, the same in both cases; 0 for no letter."""
    numbers: dict[str, int] = {}
    for one in characters:
        if is_letter(one):
            # In the order of the tokens, so that a vocabulary that grows keeps its numbers.
            numbers.setdefault(one.lower(), len(numbers) + 1)
    return tuple(numbers[one.lower()] if is_letter(one) else 0 for one in characters)


def is_letter(character: str) -> bool:
    """Return whether words are made of this character."""
    return character.isalnum() or character == "'"


def key_of(letters: Sequence[int]) -> int:
    """Return the key of a word, given the numbers of its letters, as `rolled` finds it."""
    first = second = 0
    for letter in letters:
        first = (first * FACTORS[0] + letter) % MODULI[0]
        second = (second * FACTORS[1] + letter) % MODULI[1]
    return first * 2**17 + second
