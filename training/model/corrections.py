"""Learn corrections: how each longer context changes what its suffixes expect.

After every short context there is a whole distribution, as log probabilities. A longer context adds
to the logarithms of the few characters that it lists, never less than 0, and the sum is normalised
again. A correction therefore takes a byte for each listed character, and one byte for the amounts,
which are the nearest entry of a code book (vector quantisation: Linde, Buzo & Gray 1980, "An
Algorithm for Vector Quantizer Design").

A correction makes up for the errors of the shorter contexts as stored. So the lengths are fitted in
ascending order, for all variants of the counts at once: the counts of all folds of the text, and
the counts without each fold.

In shapes, C stands for the contexts of one length; E for the pairs of such a context and a
character that follows it, in the order of `Followers`; and variants for the counts of all folds,
then those without each fold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .contexts import (
    Bytes,
    Floats,
    Followers,
    Integers,
    Level,
    PriorShape,
    count_followers,
    estimate_discounts,
    find_likeliest,
)

STEP = 1 / 16
"""The step of quantised logarithms, in nats."""

CODES = 256
"""Entries of a code book."""

UNKNOWN, KNOWN = 0, 1
"""Codes that change nothing: for a context that did not occur, and for one that lists nothing."""

LEARNED = 30_000
"""The most corrections from which a code book is learned."""

ROUNDS = 12
"""Iterations of expectation-maximisation, for interpolation weights and for code books."""

SUPPOSED = 4.0
"""Pseudo-counts of each kind of context, distributed as discounting says."""

CELL = 0.25
"""The step in which amounts are looked up in a code book, in nats."""

CELLS = 48
"""Number of cells of that size, from 0 on; larger amounts are cut off."""


@dataclass(frozen=True)
class DenseLevel:
    """The contexts of one length that have whole distributions."""

    expected: Floats
    """[C, characters, variants]: probabilities."""
    known: NDArray[np.bool_]
    """[C, variants]: whether a context occurs."""

    @property
    def rows(self) -> Bytes:
        """Return negated logarithms in steps: [C, characters, variants]."""
        return np.rint(np.log(self.expected) / -STEP).clip(0, 255).astype(np.uint8)


@dataclass(frozen=True)
class SparseLevel:
    """The contexts of one length that have corrections."""

    contexts: Level
    tokens: Bytes
    """[C, listed]: the characters listed; the number of characters stands for none."""
    codes: Bytes
    """[C, variants]: the entry of the code book."""
    book: Floats
    """[codes, listed]: amounts in nats, multiples of `STEP` from 0 on."""
    logits: Floats
    """[C, listed, variants]: the logits of the listed characters."""
    totals: Floats
    """[C, variants]: the sum of the exponentials of all logits."""


@dataclass
class Expectations:
    """The expectations of all contexts, over V characters and all variants of the counts."""

    listed: int
    dense: list[DenseLevel]
    """The contexts of each length from 0 on that have whole distributions."""
    sparse: list[SparseLevel] = field(default_factory=list)


def compute_expectations(
    text: Bytes, folds: Bytes, characters: int, levels: Sequence[Level], shape: PriorShape
) -> Expectations:
    """Compute what the contexts of each length from 1 on expect.

    ``text``: digits, [N]; ``folds``: the fold of each place of the text, [N].
    """
    # One variant for each fold, and one for all folds together.
    variants = 2 + int(folds.max())
    even = np.full((1, characters, variants), 1 / characters, dtype=np.float32)
    counts = DiscountedCounts.count_levels(text, folds, characters, levels)
    expectations = Expectations(shape.listed, [_make_dense_level(next(counts), even)])
    for length, (level, counted) in enumerate(zip(levels, counts, strict=True), 1):
        if length <= shape.dense:
            before = expectations.dense[-1].expected[level.parents]
            expectations.dense.append(_make_dense_level(counted, before))
        else:
            parents = level.parents[counted.followers.contexts]
            logits = _find_logits(expectations, parents, counted.followers.tokens)
            if expectations.sparse:
                totals = expectations.sparse[-1].totals[level.parents]
            else:
                stored = expectations.dense[-1].rows * np.float32(-STEP)
                totals = np.exp(stored).sum(axis=1)[level.parents]
            expectations.sparse.append(
                fit_corrections(counted, level, logits, totals, characters, shape.listed)
            )
    return expectations


@dataclass(frozen=True)
class DiscountedCounts:
    """The counts of what follows contexts, in all variants."""

    followers: Followers
    own: Floats
    """[E, variants]: the discounted share of each pair among the followers of its context."""
    lacking: Floats
    """[E, variants]: the count of a pair in the fold that a variant leaves out."""
    kinds: Integers
    """[C, variants]: classes of contexts by remaining mass, count, and number of folds."""
    left: Floats
    """[C, variants]: the mass left to shorter contexts by absolute discounting."""
    known: NDArray[np.bool_]
    """[C, variants]: whether a context occurs at all."""

    @classmethod
    def count_levels(
        cls, text: Bytes, folds: Bytes, characters: int, levels: Sequence[Level]
    ) -> Iterator[DiscountedCounts]:
        """Count what follows the empty context, and the contexts of each length from 1 on."""
        counts = count_followers(text, folds, characters, levels)
        followers = next(counts)
        for level, longer in zip(levels, counts, strict=True):
            yield cls.of(followers, compute_kneser_ney_counts(followers, level, longer, characters))
            followers = longer
        yield cls.of(followers, _count_in_variants(followers.by_fold).astype(np.float32))

    @classmethod
    def of(cls, followers: Followers, times: Floats) -> DiscountedCounts:
        """Discount the counts of pairs in each variant, ``times``: [E, variants]."""
        starts, contexts = followers.starts, followers.contexts
        # Sums over the pairs of a context are [C, variants].
        totals = np.add.reduceat(times, starts)
        known = totals > 0
        some = totals.clip(min=1)
        discounts = estimate_discounts(times[:, 0]).astype(np.float32)
        discounts = discounts[times.clip(max=3).astype(np.int8)]  # [E, variants]
        left = np.where(known, np.add.reduceat(discounts, starts) / some, 1)
        own = (times - discounts) / (some * (1 - left.clip(max=0.999)))[contexts]
        occurs = np.add.reduceat(followers.by_fold, starts) > 0  # [C, folds]
        # The number of folds that have the context, without the fold that a variant leaves out.
        spread = occurs.sum(axis=1)[:, None] - np.pad(occurs, ((0, 0), (1, 0)))
        # Clipped because the counts of all folds have one fold more than the counts from which the
        # shares are fitted.
        spread = spread.clip(max=max(1, times.shape[1] - 2))
        # The mass left by discounting, as log odds in steps of 1/2.
        odds = np.log(left.clip(0.001, 0.999) / (1 - left.clip(0.001, 0.999)))
        kinds = (np.rint(2 * odds).astype(np.int64) + 16) * 64
        kinds += _compute_log2(some).clip(max=15) * 4 + _compute_log2(spread.clip(1)).clip(max=3)
        lacking = np.pad(followers.by_fold.astype(np.float32), ((0, 0), (1, 0)))
        return cls(followers, own, lacking, kinds, left, known)

    def fit_shares(self, before: Floats) -> Floats:
        """Return the mass left to shorter contexts, which expect ``before`` [E, variants].

        The result, [C, variants], holds for each class of contexts the share with which each fold
        is best predicted from the others: deleted interpolation (Jelinek & Mercer 1980,
        "Interpolated estimation of Markov source parameters from sparse data").
        """
        # From here up to the result, everything is a vector: over the pairs and variants that lack
        # something, or over kinds.
        rows, fold = np.nonzero((self.lacking > 0) & self.known[self.followers.contexts])
        kind = self.kinds[self.followers.contexts[rows], fold]
        times, new, old = (x[rows, fold] for x in (self.lacking, self.own, before))
        kinds = int(self.kinds.max()) + 1
        # Pseudo-counts for each class, with the share that discounting leaves, regularise the
        # estimate.
        known_kinds = self.kinds[self.known]
        size = np.bincount(known_kinds, minlength=kinds)
        prior = np.bincount(known_kinds, self.left[self.known], minlength=kinds) / size.clip(1)
        weight = np.bincount(kind, times, minlength=kinds) + SUPPOSED
        left = prior
        for _ in range(ROUNDS):
            share = left[kind] * old
            share /= share + (1 - left[kind]) * new
            left = (np.bincount(kind, times * share, minlength=kinds) + SUPPOSED * prior) / weight
        return np.where(self.known, left[self.kinds], 1).astype(np.float32)


def _count_in_variants(by_fold: Integers) -> Integers:
    """Return the counts in all folds, and in all but each fold: [E, folds] -> [E, variants]."""
    times = by_fold.sum(axis=1, keepdims=True)
    return np.hstack([times, times - by_fold])


def compute_kneser_ney_counts(
    followers: Followers, level: Level, longer: Followers, characters: int
) -> Floats:
    """Return the counts of pairs, given what follows the longer contexts of ``level``.

    The result is float32 [E, variants]. Where a kept longer context corrects a context, a follower
    counts once for each such longer context: Kneser & Ney 1995, "Improved backing-off for m-gram
    language modeling", in the form that Siivola, Hirsimaki & Virpioja 2007, "On growing and pruning
    Kneser-Ney smoothed n-gram models", give for pruned models.
    """
    # The pairs of the longer contexts, by the numbers of the pairs of their suffixes.
    shorter = level.parents[longer.contexts].astype(np.int64) * characters + longer.tokens
    pairs = np.searchsorted(followers.pairs, shorter)
    again = (_count_in_variants(longer.by_fold) - 1).clip(min=0)
    size = len(followers.pairs)
    repeats = np.stack([np.bincount(pairs, times, minlength=size) for times in again.T], axis=1)
    return (_count_in_variants(followers.by_fold) - repeats).astype(np.float32)


def _compute_log2(numbers: Floats) -> Integers:
    return np.log2(numbers).astype(np.int64).clip(max=20)


def _make_dense_level(counted: DiscountedCounts, before: Floats) -> DenseLevel:
    """Return the distributions after contexts.

    ``before``: the distributions after their suffixes, [C, characters, variants].
    """
    followers = counted.followers
    left = counted.fit_shares(before[followers.contexts, followers.tokens])
    expected = before * left[:, None]
    expected[followers.contexts, followers.tokens] += (1 - left)[followers.contexts] * counted.own
    return DenseLevel(expected, counted.known)


def fit_corrections(
    counted: DiscountedCounts,
    level: Level,
    logits: Floats,
    totals: Floats,
    characters: int,
    listed: int,
) -> SparseLevel:
    """Correct the logits as they are without these contexts.

    ``logits``: those of the followers, [E, variants]; ``totals``: the sum of the exponentials of
    all logits, [C, variants].
    """
    followers = counted.followers
    # Probabilities without and with these contexts, [E, variants].
    before = np.exp(logits) / totals[followers.contexts]
    left = counted.fit_shares(before)[followers.contexts]
    after = (1 - left) * counted.own + left * before
    gain: Floats = np.log(after[:, 0] / before[:, 0])
    times = followers.by_fold.sum(axis=1)
    weights = gain * times
    best = find_likeliest(followers, weights, listed)  # pairs, [C, listed]
    exists = best >= 0
    tokens = np.where(exists, followers.tokens[best], characters).astype(np.uint8)
    # From here on [C, listed, variants], and 0 where nothing is listed.
    before, after, logits = (
        np.where(exists[..., None], x[best], 0) for x in (before, after, logits)
    )
    # How the characters that are not listed change together, [C, variants].
    rest = (1 - after.sum(axis=1)).clip(1e-4) / (1 - before.sum(axis=1)).clip(1e-4)
    wanted = np.log((after + 1e-9) / (before + 1e-9)) - np.log(rest)[:, None]
    times = np.add.reduceat(times, followers.starts)  # of the contexts, [C]
    book = _learn_code_book(wanted[..., 0], exists, times[:, None] * (after * (1 - after))[..., 0])
    nearest = _find_nearest_codes(book, wanted, exists)
    codes = np.where(counted.known, nearest, UNKNOWN).astype(np.uint8)
    amounts = book[codes].transpose(0, 2, 1)
    corrected = np.where(exists[..., None], logits + amounts, logits)
    change = (np.exp(corrected) - np.exp(logits)).sum(axis=1)
    return SparseLevel(level, tokens, codes, book, corrected, totals + change)


def _find_logits(expectations: Expectations, contexts: Integers, tokens: Bytes) -> Floats:
    """Return the logits of characters by the longest contexts so far: [E, variants].

    ``contexts``: the numbers of these contexts, [E]; ``tokens``: the characters, [E].
    """
    logits = np.empty((len(tokens), expectations.dense[0].known.shape[1]), dtype=np.float32)
    # The pairs that are not listed by any longer context; their contexts become shorter in each
    # round.
    waiting = np.arange(len(tokens))
    for sparse in reversed(expectations.sparse):
        listed = sparse.tokens[contexts] == tokens[waiting, None]
        found = listed.any(axis=1)
        logits[waiting[found]] = sparse.logits[contexts[found], listed[found].argmax(axis=1)]
        waiting = waiting[~found]
        contexts = sparse.contexts.parents[contexts[~found]]
    logits[waiting] = expectations.dense[-1].rows[contexts, tokens[waiting]] * np.float32(-STEP)
    return logits


def _learn_code_book(wanted: Floats, exists: NDArray[np.bool_], weights: Floats) -> Floats:
    """Learn a code book of corrections: [codes, listed].

    The method is weighted k-means over the existing entries. The first two codes are zeros.
    ``wanted``: the corrections, ``exists``: which of them exist, and ``weights``: [C, listed] each.
    """
    generator = np.random.default_rng(len(wanted))
    some = np.flatnonzero(exists.any(axis=1))
    if len(some) > LEARNED:
        some = generator.choice(some, LEARNED, replace=False)
    book = np.zeros((CODES, wanted.shape[1]), dtype=np.float32)
    if not len(some):
        return book
    points = np.where(exists, wanted, 0)[some].clip(0, CELL * CELLS)
    weight = np.where(exists, weights, 0)[some].clip(min=0) + exists[some] * np.float32(0.01)
    entries = points[generator.choice(len(some), CODES - 2)]
    for _ in range(ROUNDS):
        nearest = _compute_distances(points, weight, entries).argmin(axis=1)
        for i in range(points.shape[1]):
            sizes = np.bincount(nearest, weight[:, i], minlength=len(entries))
            sums = np.bincount(nearest, weight[:, i] * points[:, i], minlength=len(entries))
            entries[:, i] = np.where(sizes > 0, sums / sizes.clip(1e-9), entries[:, i])
    book[2:] = np.rint(entries / STEP) * STEP
    return book


def _compute_distances(points: Floats, weight: Floats, entries: Floats) -> Floats:
    """Return squared distances, up to a term shared by all entries: [points, entries].

    ``points`` and ``weight``: [points, listed]; ``entries``: [entries, listed].
    """
    return weight @ (entries**2).T - 2 * (weight * points) @ entries.T


def _find_nearest_codes(book: Floats, wanted: Floats, exists: NDArray[np.bool_]) -> Bytes:
    """Return the codes nearest to corrections: [C, variants].

    ``book``: [codes, listed]; ``wanted``: the corrections, [C, listed, variants]; ``exists``: which
    of them exist, [C, listed]. Those that exist come first in each row.
    """
    codes = np.full((len(wanted), wanted.shape[2]), KNOWN, dtype=np.uint8)
    for count in range(1, book.shape[1] + 1):
        rows = np.flatnonzero(exists.sum(axis=1) == count)
        cells = np.rint(wanted[rows, :count] / CELL).clip(0, CELLS - 1).astype(np.int64)
        at = np.ravel_multi_index(tuple(cells.transpose(1, 0, 2)), (CELLS,) * count)
        # Look up each distinct query once.
        asked, which = np.unique(at, return_inverse=True)
        points = np.stack(np.unravel_index(asked, (CELLS,) * count), axis=1) * np.float32(CELL)
        nearest = np.empty(len(asked), dtype=np.uint8)
        for i in range(0, len(asked), 2**14):
            some = points[i : i + 2**14].astype(np.float32)
            far = _compute_distances(some, np.ones_like(some), book[1:, :count])
            nearest[i : i + 2**14] = far.argmin(axis=1) + 1
        codes[rows] = nearest[which].reshape(at.shape)
    return codes
