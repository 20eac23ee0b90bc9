"""Corrections: what each longer context changes in what the shorter ones expect.

After every short context there is a whole distribution, as logarithms. A longer one changes it for
the few characters that it speaks of most: it adds to their logarithms, and the sum is made a
distribution again. So each pays a byte a character that it names, and one for the amounts, which
are the nearest of a code book (vector quantisation: Linde, Buzo & Gray 1980).

A correction makes up for what the shorter contexts, as they are kept, say wrongly. So lengths are
filled in one after the other, for all variants of the counts at once: all counts, and those
without each part of the texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .contexts import Bytes, Chosen, Floats, Followers, Integers, Places, discounts, likeliest, walk

STEP = 1 / 16
"""Logarithms are kept as multiples of this."""

CODES = 256
"""Entries of a code book."""

UNKNOWN, KNOWN = 0, 1
"""Codes that change nothing: of a context that was not met, and of one that names nothing."""

LEARNED = 30_000
"""Corrections, at most, of which a code book is learned."""

ROUNDS = 12
"""Of expectation and maximisation, for shares and for code books."""

SUPPOSED = 4.0
"""Occurrences of each kind of context that are supposed to be as discounting says."""

CELL = 0.25
"""Amounts are looked up in a code book in steps of this."""

CELLS = 48
"""Steps, from 0 on."""


@dataclass(frozen=True)
class Dense:
    """The contexts of one length that have whole distributions."""

    chosen: Chosen
    expected: Floats
    """[C, characters, variants]: probabilities."""
    known: NDArray[np.bool_]
    """[C, variants]"""

    @property
    def rows(self) -> Bytes:
        """Logarithms, as multiples of the step below 0: [C, characters, variants]."""
        return np.rint(np.log(self.expected) / -STEP).clip(0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Sparse:
    """The contexts of one length that have corrections."""

    chosen: Chosen
    symbols: Bytes
    """[C, listed]: the characters named; as many as there are characters for none."""
    codes: Bytes
    """[C, variants]"""
    book: Floats
    """[codes, listed]: multiples of the step."""
    logits: Floats
    """[C, listed, variants]: what is said of the characters named."""
    totals: Floats
    """[C, variants]: what the exponentials of all logits sum up to."""


@dataclass
class Expectations:
    """What all contexts expect, in V characters and all variants of the counts."""

    characters: int
    variants: int
    listed: int
    nothing: Dense
    """After no context."""
    dense: list[Dense] = field(default_factory=list)
    sparse: list[Sparse] = field(default_factory=list)


def expect(
    text: Bytes,
    parts: Bytes,
    variants: int,
    characters: int,
    levels: Sequence[Chosen],
    *,
    dense: int,
    listed: int,
) -> Expectations:
    """Work out what contexts expect.

    text: digits, [N]; parts: the part that each place of it is in, [N]; variants: one more than
    there are parts; levels: the contexts chosen of each length from 1 on, of which those of up to
    ``dense`` characters get whole distributions.
    """
    places = Places(text, characters)
    counted = Counted.of(places, parts, variants, next(iter(levels), None))
    made = Expectations(characters, variants, listed, _dense(counted, NOTHING, None, characters))
    for level, places in zip(levels, walk(text, characters, levels), strict=True):
        longer = levels[places.length] if places.length < len(levels) else None
        counted = Counted.of(places, parts, variants, longer)
        if places.length <= dense:
            shorter = made.dense[-1] if made.dense else made.nothing
            made.dense.append(_dense(counted, level, shorter, characters))
        else:
            parents = level.parents[counted.followers.contexts]
            said = _said(made, parents, counted.followers.symbols)
            made.sparse.append(
                corrected(counted, level, said, _totals(made)[level.parents], characters, listed)
            )
    return made


NOTHING = Chosen(np.zeros(1, dtype=np.int32), np.zeros(1, dtype=np.uint8))
"""The context of no characters."""


@dataclass(frozen=True)
class Counted:
    """Counts of what follows contexts, in all variants."""

    followers: Followers
    own: Floats
    """[E, variants]: the share of each pair among what followed its context, discounted."""
    lacking: Floats
    """[E, variants]: how often a pair occurs in the part that a variant lacks."""
    kinds: Integers
    """[C, variants]: contexts alike in what is left, how often they were met, in how many parts."""
    left: Floats
    """[C, variants]: what is left to shorter contexts by absolute discounting."""
    known: NDArray[np.bool_]
    """[C, variants]: whether a context was met at all."""

    @classmethod
    def of(
        cls, places: Places, parts: Bytes, variants: int, longer: Chosen | None = None
    ) -> Counted:
        """Count what follows contexts.

        Where a longer one is kept that corrects it, what follows counts once for each of these:
        Kneser & Ney 1995, "Improved backing-off for m-gram language modeling", as Siivola,
        Hirsimaki & Virpioja 2007, "On growing and pruning Kneser-Ney smoothed n-gram models", have
        it where not all of them are kept.
        """
        followers = places.followers()
        pairs = len(followers.pairs)
        numbers = followers.numbers(places)
        of_part = numbers * np.int64(variants)
        of_part += parts[places.at]
        of_part += 1
        # What each variant lacks; the first lacks nothing.
        lacking = np.bincount(of_part, minlength=pairs * variants).reshape(pairs, variants)
        times = (followers.times[:, None] - lacking).astype(np.float32)
        if longer:
            extended = places.extended(longer)
            mine, part = numbers[extended], parts[places.at[extended]]
            often = np.bincount(of_part[extended], minlength=pairs * variants)
            often = often.reshape(pairs, variants)
            times -= often.sum(axis=1, keepdims=True) - often
            times += _ways(mine, places.preceding()[extended], part, (pairs, variants))
        del of_part
        starts, contexts = followers.starts, followers.contexts
        totals = np.add.reduceat(times, starts)
        known = totals > 0
        some = totals.clip(min=1)
        off = discounts(times[:, 0])[times.clip(max=3).astype(np.int8)]
        left = np.where(known, np.add.reduceat(off, starts) / some, 1)
        own = (times - off) / (some * (1 - left.clip(max=0.999)))[contexts]
        met = np.add.reduceat(lacking, starts)[:, 1:] > 0
        spread = met.sum(axis=1)[:, None] - np.pad(met, ((0, 0), (1, 0)))
        # The counts of all parts know one more than those by which shares are found.
        spread = spread.clip(max=max(1, variants - 2))
        # How much discounting leaves, in steps of half a natural logarithm of the odds.
        odds = np.log(left.clip(0.001, 0.999) / (1 - left.clip(0.001, 0.999)))
        kinds = (np.rint(2 * odds).astype(np.int64) + 16) * 64
        kinds += _log2(some).clip(max=15) * 4 + _log2(spread.clip(1)).clip(max=3)
        return cls(followers, own, lacking.astype(np.float32), kinds, left, known)

    def shares(self, before: Floats) -> Floats:
        """Return what contexts leave to shorter ones, which expect ``before`` [E, variants].

        Those shares by which each part is predicted best from the others, one for each kind of
        context: deleted interpolation (Jelinek & Mercer 1980). [C, variants].
        """
        rows, part = np.nonzero((self.lacking > 0) & self.known[self.followers.contexts])
        kind = self.kinds[self.followers.contexts[rows], part]
        times, new, old = (x[rows, part] for x in (self.lacking, self.own, before))
        kinds = int(self.kinds.max()) + 1
        # As if each kind had some more occurrences, of which discounting says what is left.
        kinds_met = self.kinds[self.known]
        size = np.bincount(kinds_met, minlength=kinds)
        prior = np.bincount(kinds_met, self.left[self.known], minlength=kinds) / size.clip(1)
        met = np.bincount(kind, times, minlength=kinds) + SUPPOSED
        left = prior
        for _ in range(ROUNDS):
            share = left[kind] * old
            share /= share + (1 - left[kind]) * new
            left = (np.bincount(kind, times * share, minlength=kinds) + SUPPOSED * prior) / met
        return np.where(self.known, left[self.kinds], 1).astype(np.float32)


def _ways(
    numbers: NDArray[np.int32], preceding: Bytes, parts: Bytes, shape: tuple[int, int]
) -> Floats:
    """Return by how many characters each pair is preceded, in each variant: [E, variants].

    Of each place, the number of the pair, the digit that precedes it, and the part.
    """
    pairs, variants = shape
    base = int(preceding.max(initial=0)) + 1
    preceded = numbers * np.int64(base) + preceding
    having = np.zeros(pairs * base, dtype=np.uint16)
    for part in range(variants - 1):
        # All that one part sets is one bit, however often.
        having[preceded[parts == part]] |= np.uint16(1 << part)
    masks = having.reshape(pairs, base)
    ways = np.repeat((masks > 0).sum(axis=1)[:, None], variants, axis=1)
    for part in range(variants - 1):
        ways[:, part + 1] -= (masks == 1 << part).sum(axis=1)
    return ways.astype(np.float32)


def _log2(numbers: Floats) -> Integers:
    return np.log2(numbers).astype(np.int64).clip(max=20)


def _dense(counted: Counted, chosen: Chosen, shorter: Dense | None, characters: int) -> Dense:
    followers, variants = counted.followers, counted.left.shape[1]
    if shorter:
        before = shorter.expected[chosen.parents]
    else:
        before = np.full((1, characters, variants), 1 / characters, dtype=np.float32)
    left = counted.shares(before[followers.contexts, followers.symbols])
    expected = before * left[:, None]
    expected[followers.contexts, followers.symbols] += (1 - left)[followers.contexts] * counted.own
    return Dense(chosen, expected, counted.known)


def corrected(
    counted: Counted,
    chosen: Chosen,
    said: Floats,
    totals: Floats,
    characters: int,
    listed: int,
) -> Sparse:
    """Correct what is said without contexts.

    ``said``: logits of what follows, [E, variants]; ``totals``: what the exponentials of all
    logits sum up to, [C, variants].
    """
    followers = counted.followers
    before = np.exp(said) / totals[followers.contexts]
    left = counted.shares(before)[followers.contexts]
    after = (1 - left) * counted.own + left * before
    gain: Floats = np.log(after[:, 0] / before[:, 0])
    weights = gain * followers.times
    best = likeliest(followers, weights, listed)
    there = best >= 0
    symbols = np.where(there, followers.symbols[best], characters).astype(np.uint8)
    before, after, said = (np.where(there[..., None], x[best], 0) for x in (before, after, said))
    rest = (1 - after.sum(axis=1)).clip(1e-4) / (1 - before.sum(axis=1)).clip(1e-4)
    wanted = np.log((after + 1e-9) / (before + 1e-9)) - np.log(rest)[:, None]
    times = np.add.reduceat(followers.times, followers.starts)
    book = _book(wanted[..., 0], there, times[:, None] * (after * (1 - after))[..., 0])
    codes = np.where(counted.known, _nearest(book, wanted, there), UNKNOWN).astype(np.uint8)
    logits = np.where(there[..., None], said + book[codes].transpose(0, 2, 1), said)
    change = (np.exp(logits) - np.exp(said)).sum(axis=1)
    return Sparse(chosen, symbols, codes, book, logits, totals + change)


def _said(made: Expectations, contexts: Integers, symbols: Bytes) -> Floats:
    """Return what the longest contexts so far, by number, say of characters: [E, variants]."""
    said = np.empty((len(symbols), made.variants), dtype=np.float32)
    waiting = np.arange(len(symbols))
    for level in reversed(made.sparse):
        listed = level.symbols[contexts] == symbols[waiting, None]
        names = listed.any(axis=1)
        said[waiting[names]] = level.logits[contexts[names], listed[names].argmax(axis=1)]
        waiting = waiting[~names]
        contexts = level.chosen.parents[contexts[~names]]
    rows = (made.dense[-1] if made.dense else made.nothing).rows
    said[waiting] = rows[contexts, symbols[waiting]] * np.float32(-STEP)
    return said


def _totals(made: Expectations) -> Floats:
    """What the exponentials of the logits of the longest contexts so far sum up to."""
    if made.sparse:
        return made.sparse[-1].totals
    rows = (made.dense[-1] if made.dense else made.nothing).rows
    return np.exp(rows * np.float32(-STEP)).sum(axis=1)


def _book(wanted: Floats, there: NDArray[np.bool_], weights: Floats) -> Floats:
    """Learn a code book of corrections [C, listed], of which some are there: [codes, listed].

    By weighted k-means over the numbers that are there. The first two entries are zeros.
    """
    generator = np.random.default_rng(len(wanted))
    some = np.flatnonzero(there.any(axis=1))
    if len(some) > LEARNED:
        some = generator.choice(some, LEARNED, replace=False)
    book = np.zeros((CODES, wanted.shape[1]), dtype=np.float32)
    if not len(some):
        return book
    points = np.where(there, wanted, 0)[some].clip(0, CELL * CELLS)
    weight = np.where(there, weights, 0)[some].clip(min=0) + there[some] * np.float32(0.01)
    entries = points[generator.choice(len(some), CODES - 2)]
    for _ in range(ROUNDS):
        mine = _distances(points, weight, entries).argmin(axis=1)
        for i in range(points.shape[1]):
            sizes = np.bincount(mine, weight[:, i], minlength=len(entries))
            sums = np.bincount(mine, weight[:, i] * points[:, i], minlength=len(entries))
            entries[:, i] = np.where(sizes > 0, sums / sizes.clip(1e-9), entries[:, i])
    book[2:] = np.rint(entries / STEP) * STEP
    return book


def _distances(points: Floats, weight: Floats, entries: Floats) -> Floats:
    """Squared distances up to what all entries share: [points, entries]."""
    return weight @ (entries**2).T - 2 * (weight * points) @ entries.T


def _nearest(book: Floats, wanted: Floats, there: NDArray[np.bool_]) -> Bytes:
    """Return the codes nearest to corrections [C, listed, variants]: [C, variants].

    Those that are there come first in each row.
    """
    codes = np.full((len(wanted), wanted.shape[2]), KNOWN, dtype=np.uint8)
    for count in range(1, book.shape[1] + 1):
        rows = np.flatnonzero(there.sum(axis=1) == count)
        cells = np.rint(wanted[rows, :count] / CELL).clip(0, CELLS - 1).astype(np.int64)
        at = np.ravel_multi_index(tuple(cells.transpose(1, 0, 2)), (CELLS,) * count)
        # What is asked of a code book, once each.
        asked, which = np.unique(at, return_inverse=True)
        points = np.stack(np.unravel_index(asked, (CELLS,) * count), axis=1) * np.float32(CELL)
        nearest = np.empty(len(asked), dtype=np.uint8)
        for i in range(0, len(asked), 2**14):
            some = points[i : i + 2**14].astype(np.float32)
            far = _distances(some, np.ones_like(some), book[1:, :count])
            nearest[i : i + 2**14] = far.argmin(axis=1) + 1
        codes[rows] = nearest[which].reshape(at.shape)
    return codes
