"""A prior that knows further texts than those it was learned from, which are gone.

It keeps distributions and no counts, so new texts cannot simply be counted in. Instead both say
what they expect, and are mixed with a weight that hangs on how long a context each of them knows.
The weights are those by which new text is predicted best that was not counted: deleted
interpolation (Jelinek & Mercer 1980, "Interpolated estimation of Markov source parameters from
sparse data").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .kneser_ney import Floats, Integers, KneserNey
from .prior import (
    STEP,
    NgramPrior,
    PriorShape,
    coded,
    lengths_of,
    longest_key,
    parts_of,
    pieces_of,
    repeated,
    told,
    without_a_part,
)

ADDED = 50_000
"""Contexts of the new texts, at most, that come to those that the prior has."""

ROUNDS = 30
"""Of expectation and maximisation, to find the weights."""


def grown(prior: NgramPrior, texts: Sequence[Tensor], characters: int) -> NgramPrior:
    """The same prior for a vocabulary that has further characters, after those it knows.

    It expects a new character as often as the texts (token ids) have it, whatever the context.
    """
    times = torch.bincount(torch.cat(list(texts)), minlength=characters)[prior.characters :]
    shares = times.float().clamp(min=1) / sum(map(len, texts))
    contexts = _rebased(prior.contexts.numpy(), prior.characters + 1, characters + 1)
    lengths = prior.lengths.numpy()
    kept = lengths <= longest_key(characters)
    shape = PriorShape(int(kept[1:].sum()), min(prior.shape.longest, longest_key(characters)))
    larger = NgramPrior(shape, characters)
    known = (prior.codes[torch.from_numpy(kept)] * -STEP).exp() * (1 - shares.sum())
    new = shares.expand(len(known), -1)
    larger.contexts.copy_(torch.from_numpy(contexts[kept[1:]]))
    larger.codes.copy_(torch.from_numpy(coded(torch.cat([known, new], dim=1).numpy())))
    larger.lengths.copy_(prior.lengths[torch.from_numpy(kept)])
    return larger


def blended(prior: NgramPrior, texts: Sequence[Tensor]) -> tuple[NgramPrior, Tensor]:
    """A prior that knows new texts (token ids) as well, and the part of each of their characters.

    Its `held_out` knows all but a part of the new texts, as after `NgramPrior.learn`.
    """
    pieces = pieces_of(texts)
    others = [_counted(prior, some) for some in without_a_part(pieces)]
    weights = _weights(prior, others, pieces)
    everything = Blend(prior, _counted(prior, [text.numpy() for text in texts]), weights)
    contexts = np.union1d(prior.contexts.numpy(), _telling(everything, texts))
    larger = NgramPrior(PriorShape(len(contexts), prior.shape.longest), prior.characters)
    larger.contexts.copy_(torch.from_numpy(contexts))
    larger.lengths[1:] = torch.from_numpy(lengths_of(contexts, prior.characters))
    rows = np.append(0, contexts)
    larger.codes.copy_(torch.from_numpy(coded(everything.after(rows))))
    held_out = [coded(Blend(prior, counts, weights).after(rows)) for counts in others]
    larger.held_out = torch.from_numpy(np.stack(held_out))
    return larger, parts_of(pieces)


@dataclass(frozen=True)
class Blend:
    """What a prior and counts expect together."""

    prior: NgramPrior
    counts: KneserNey
    weights: Floats
    """[1 + longest, 1 + longest]: the share of the counts, by the lengths that they and the prior
    know of a context."""

    def after(self, contexts: Integers) -> Floats:
        """What comes after contexts, keys [C] of any lengths: float32 [C, characters]."""
        found = np.empty((len(contexts), self.prior.characters), dtype=np.float32)
        lengths = lengths_of(contexts, self.prior.characters)
        for length in np.unique(lengths):
            rows = np.flatnonzero(lengths == length)
            known, expected = _expected(self.prior, contexts[rows])
            # No shorter than it is: at the start of a text it would be a longer one.
            counted = np.minimum(self.counts.known(contexts[rows]), length)
            share = self.weights[counted, known][:, None]
            new = self.counts.after(contexts[rows], int(length))
            found[rows] = share * new + (1 - share) * expected
        return found


def _counted(prior: NgramPrior, texts: Sequence[Integers]) -> KneserNey:
    return KneserNey(texts, prior.characters, prior.shape.longest)


def _expected(prior: NgramPrior, contexts: Integers) -> tuple[Integers, Floats]:
    """How long a context the prior knows of each, and what it expects: [C], [C, characters]."""
    bases = (prior.characters + 1) ** np.arange(1, prior.shape.longest + 1)
    rows = prior.rows(torch.from_numpy(contexts[:, None] % bases))
    return prior.lengths[rows].long().numpy(), (prior.codes[rows] * -STEP).exp().numpy()


def _weights(prior: NgramPrior, others: Sequence[KneserNey], pieces: Sequence[Tensor]) -> Floats:
    """The weights by which pieces are predicted best, each by the counts of the others."""
    side = prior.shape.longest + 1
    buckets, ours, theirs = [], [], []
    for i, piece in enumerate(pieces):
        counts = others[i % len(others)]
        text = piece.numpy()
        keys, place = counts.keys(text, counts.longest)[:-1], np.arange(len(text) - 1)
        known, expected = _expected(prior, keys)
        buckets.append(counts.known(keys) * side + known)
        ours.append(counts.after(keys, counts.longest)[place, text[1:]])
        theirs.append(expected[place, text[1:]])
    bucket, new, old = (np.concatenate(some) for some in (buckets, ours, theirs))
    # As if each bucket had one more character, which both predict alike.
    size = np.bincount(bucket, minlength=side * side) + 1
    weights = np.full(side * side, 0.5)
    for _ in range(ROUNDS):
        share = weights[bucket] * new
        share /= share + (1 - weights[bucket]) * old
        weights = (np.bincount(bucket, share, minlength=side * side) + weights) / size
    return weights.reshape(side, side).astype(np.float32)


def _telling(blend: Blend, texts: Sequence[Tensor]) -> Integers:
    """The contexts of the texts that tell most, at most `ADDED`: keys, rising."""
    characters, longest = blend.prior.characters, blend.prior.shape.longest
    base = characters + 1
    keys, gains = told(
        repeated(texts, characters, longest),
        lambda keys, length: blend.after(keys % base**length),
    )
    best = np.argsort(-gains, kind="stable")[:ADDED]
    return np.sort(keys[best])


def _rebased(keys: Integers, base: int, larger: int) -> Integers:
    """Keys with the same digits, to another base; in the same order."""
    rebased, factor = np.zeros_like(keys), 1
    while keys.any():
        keys, digits = np.divmod(keys, base)
        rebased += digits * factor
        factor *= larger
    return rebased
