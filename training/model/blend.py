"""Extend a prior by new texts when the texts it was learned from are gone.

The prior keeps expectations and no counts, so new texts cannot be added to its counts. Instead the
contexts of the new texts become columns of their own, which correct what the prior expects, by as
much as the correction improves the prediction of new texts that were not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from .contexts import Floats, Integers, choose, joined, walk
from .corrections import NOTHING, STEP, Counted, Dense, Expectations, corrected
from .prior import NgramPrior, parts_of
from .tables import beside, laid_out

ADDED = 100_000
"""The most contexts of the new texts that are added to the prior's own."""

SEEN = 2
"""The fewest occurrences in the new texts of a context that is kept."""


def grown(prior: NgramPrior, texts: Sequence[Tensor], characters: int) -> NgramPrior:
    """Return the same prior for a vocabulary extended by further characters at its end.

    The probability of a new character is its frequency in the texts (token ids), in every context.
    """
    old = prior.tables()
    if characters == prior.characters:
        return prior
    times = np.bincount(torch.cat(list(texts)).numpy(), minlength=characters)
    shares = times[prior.characters :].clip(1) / times.sum()
    rows = old.rows[:, :-1] - np.log(1 - shares.sum()) / STEP
    new = np.broadcast_to(np.log(shares) / -STEP, (len(rows), len(shares)))
    nobody = old.rows[:, -1:]
    larger = NgramPrior(prior.shape, characters)
    larger.set_tables(
        replace(
            old,
            rows=np.rint(np.hstack([rows, new, nobody])).clip(0, 255).astype(np.uint8),
            symbols=np.where(old.symbols == prior.characters, characters, old.symbols),
        )
    )
    return larger


def blended(prior: NgramPrior, texts: Sequence[Tensor]) -> tuple[NgramPrior, Tensor]:
    """Return a prior that knows new texts (token ids) as well, and the part of each character.

    Each held-out variant of the prior knows all but one part of the new texts, as after
    `NgramPrior.learn`.
    """
    longest, listed = prior.shape.longest, prior.books.shape[1]
    divided = parts_of(texts)
    text = joined([one.numpy() for one in texts], longest)
    parts = joined([one.numpy() for one in divided], longest).clip(1) - np.uint8(1)
    levels = choose(
        text,
        parts % 2 > 0,
        prior.characters,
        longest=longest,
        dense=0,
        rows=0,
        contexts=ADDED,
        listed=listed,
        seen=SEEN,
    )
    variants = 2 + int(parts.max())
    made = Expectations(prior.characters, variants, listed, _nothing(prior, variants))
    contexts = np.zeros((1, longest), dtype=np.int64)
    added = np.zeros((1, prior.characters + 1, variants), dtype=np.float32)
    for level, places in zip(levels, walk(text, prior.characters, levels), strict=True):
        contexts = contexts[level.parents]
        contexts[:, -places.length] = level.digits
        said = _expected(prior, contexts)[..., None] + added[level.parents, :-1]
        longer = levels[places.length] if places.length < len(levels) else None
        counted = Counted.of(places, parts, variants, longer)
        of, what = counted.followers.contexts, counted.followers.symbols
        totals = np.exp(said).sum(axis=1)
        new = corrected(counted, level, said[of, what], totals, prior.characters, listed)
        made.sparse.append(new)
        added = added[level.parents]
        rows = np.arange(len(added))[:, None]
        added[rows, new.symbols] += new.book[new.codes].transpose(0, 2, 1)
    old = prior.tables()
    larger = NgramPrior(prior.shape, prior.characters)
    tables, held_out = beside(old, *laid_out(levels, made, old))
    larger.set_tables(tables)
    larger.set_held_out(held_out)
    return larger, torch.cat(divided)


def _expected(prior: NgramPrior, contexts: Integers) -> Floats:
    """Return the prior's log probabilities after contexts of digits [C, longest]: [C, V]."""
    found = []
    for some in np.array_split(contexts, len(contexts) // 4096 + 1):
        digits = torch.from_numpy(some)
        found.append(prior(digits[None, :, -1] - 1, digits[:, :-1].float())[0][0].numpy())
    return np.concatenate(found)


def _nothing(prior: NgramPrior, variants: int) -> Dense:
    """Return the placeholder of the empty context in the new columns, which nothing reads."""
    even = np.full((1, prior.characters, variants), 1 / prior.characters, dtype=np.float32)
    return Dense(NOTHING, even, np.ones((1, variants), dtype=bool))
