"""Count contexts: the last few characters before a place, and what follows them.

Contexts grow backwards, one character a level: a context of length n + 1 is identified by the
number of its suffix of length n, and by the character before that suffix. Contexts of one length
are numbered, so a key is only a number and a digit, and a set of contexts always includes every
suffix of each member.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm
from tyro.conf import Suppress

from ..ranges import NonNegativeInt, PositiveInt

Integers = NDArray[np.signedinteger]
Bytes = NDArray[np.uint8]
Floats = NDArray[np.floating]

CANDIDATES = 1_000_000
"""The most frequent contexts of one length, from which the most informative ones are chosen."""

LEAST = 0.1
"""The smallest discount."""


@dataclass(frozen=True)
class PriorShape:
    """The sizes of a prior."""

    contexts: NonNegativeInt = 2_000_000
    """The most contexts; 0 for no prior."""
    longest: PositiveInt = 12
    """Characters of the longest context."""
    rows: Suppress[int] = 25_000
    """The most contexts with whole distributions."""
    dense: Suppress[int] = 3
    """Characters of the longest context that has a whole distribution."""
    listed: Suppress[int] = 3
    """Characters that each longer context lists."""

    @property
    def history(self) -> int:
        """Return how many characters before the current one the prior needs."""
        return self.longest - 1 if self.contexts else 0


def join_texts(texts: Sequence[Integers], longest: int) -> Bytes:
    """Return texts (token ids below 255) as digits from 1.

    A 0 follows each text, and ``longest`` + 1 zeros stand before the first, so that the context of
    any place lies within the array.
    """
    pieces = [np.zeros(longest + 1, dtype=np.uint8)]
    for text in texts:
        pieces += [(text + 1).astype(np.uint8), np.zeros(1, dtype=np.uint8)]
    return np.concatenate(pieces)


def join_folds(folds: Sequence[Tensor], longest: int) -> Bytes:
    """Return the fold of each place of joined texts; separators belong to no fold that matters."""
    return join_texts([fold.numpy() for fold in folds], longest).clip(1) - np.uint8(1)


@dataclass(frozen=True)
class Level:
    """The C chosen contexts of one length, in the order of their keys."""

    parents: NDArray[np.int32]
    """[C]: the number of the context without its first character."""
    digits: Bytes
    """[C]: the first character, counted from 1."""


class Places:
    """The places of a text at which a context is kept, and the context that ends at each place.

    ``contexts``: the number of each place's context among the ``kept`` contexts of one length. A
    place whose context is not kept is dropped.
    """

    def __init__(self, text: Bytes, folds: Bytes, fold_count: int, characters: int) -> None:
        """Begin with the empty context. ``folds``: the fold of each place of the text, [N]."""
        self.text = text
        self.folds = folds
        self.fold_count = fold_count
        self.characters = characters
        self.base = characters + 1
        self.length = 0
        self.kept = 1
        self.at = np.flatnonzero(text[1:]).astype(np.int32)
        self.contexts = np.zeros(len(self.at), dtype=np.int32)

    def compute_longer_keys(self) -> Integers:
        """Return the key of the context one character longer at each place: int64 [places].

        The key of a context that would begin before its text is a multiple of `base`.
        """
        keys = self.contexts * np.int64(self.base)
        keys += self.text[self.at - self.length]
        return keys

    def lengthen(self, keys: Integers, chosen: Integers) -> None:
        """Extend contexts by a character, and keep places whose key is among the ``chosen`` ones.

        ``keys`` is from `compute_longer_keys`; ``chosen`` is in ascending order.
        """
        numbers = np.full(self.kept * self.base, -1, dtype=np.int32)
        numbers[chosen] = np.arange(len(chosen), dtype=np.int32)
        contexts = numbers[keys]
        kept = contexts >= 0
        self.at, self.contexts = self.at[kept], contexts[kept]
        self.length += 1
        self.kept = len(chosen)

    def count(self) -> Followers:
        """Count the followers of each context, in each fold of the text."""
        pairs = self.contexts * np.int64(self.characters)
        pairs += self.text[1:][self.at]
        pairs -= 1
        size = self.kept * self.characters
        occurs = np.zeros(size, dtype=bool)
        occurs[pairs] = True
        found = np.flatnonzero(occurs)
        numbers = np.zeros(size, dtype=np.int32)
        numbers[found] = np.arange(len(found), dtype=np.int32)
        of_fold = numbers[pairs] * np.int64(self.fold_count)
        del pairs, numbers
        of_fold += self.folds[self.at]
        by_fold = np.bincount(of_fold, minlength=len(found) * self.fold_count)
        contexts, tokens = np.divmod(found, self.characters)
        return Followers(
            found,
            contexts.astype(np.int32),
            tokens.astype(np.uint8),
            by_fold.reshape(-1, self.fold_count),
            np.searchsorted(contexts, np.arange(self.kept)),
        )


@dataclass(frozen=True)
class Followers:
    """The characters that follow contexts: E pairs, ordered by context, then by character."""

    pairs: Integers
    """[E]: the context's number x characters + the character, ascending."""
    contexts: NDArray[np.int32]
    """[E]: the number of the context."""
    tokens: Bytes
    """[E]: the character."""
    by_fold: Integers
    """[E, folds]: the count of the pair in each fold of the text."""
    starts: Integers
    """[C]: the index of each context's first pair."""


def estimate_discounts(times: Floats | Integers) -> Floats:
    """Return the discounts of counts of 0, 1, 2, and 3 or more: [4].

    Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling".
    """
    n1, n2, n3, n4 = (max(1, int((times == n).sum())) for n in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    raw = np.array([0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    # In a short text the estimates can leave their range, and then shorter contexts get no mass.
    return raw.clip([0, LEAST, LEAST, LEAST], [0, 1, 2, 3])


def choose_contexts(
    text: Bytes, folds: Bytes, characters: int, shape: PriorShape, seen: int
) -> list[Level]:
    """Choose contexts of each length from 1 on, each with at least ``seen`` occurrences.

    Dense contexts are chosen by frequency, and longer contexts by information. The information of a
    context is how much cheaper each half of the text (its even and odd ``folds``) becomes when it
    is predicted by what followed the context in the other half, instead of by what followed the
    context's suffix. Only the listed characters are told apart. The criterion is that of Stolcke
    1998, "Entropy-based pruning of backoff language models", applied to text that was not counted.
    """
    places = Places(text, folds % 2, 2, characters)
    levels: list[Level] = []
    gains: list[Floats] = []
    even = np.full((characters, 2), 1 / characters, dtype=np.float32)
    expected = _HalfExpectations(np.arange(characters), even)
    for _ in tqdm(range(shape.longest), desc="contexts", unit=" lengths", leave=False):
        keys = places.compute_longer_keys()
        counts = np.bincount(keys, minlength=places.kept * places.base)
        counts[:: places.base] = 0
        most = CANDIDATES
        if places.length < shape.dense:
            most = shape.rows - sum(len(level.digits) for level in levels)
        found = _find_frequent(counts, seen, most)
        del counts
        if not len(found):
            break
        places.lengthen(keys, found)
        del keys
        parents, digits = np.divmod(found, places.base)
        levels.append(Level(parents.astype(np.int32), digits.astype(np.uint8)))
        expected, information = _measure_information(
            places.count(), levels[-1], expected, shape.listed, characters
        )
        gains.append(information)
    return _select_levels(levels, gains, shape.dense, shape.contexts)


def _find_frequent(counts: Integers, least: int, most: int) -> Integers:
    """Return the keys with at least ``least`` occurrences, at most the ``most`` most frequent."""
    found = np.flatnonzero(counts >= least)
    if len(found) > most:
        order = np.argsort(-counts[found], kind="stable")[: max(0, most)]
        found = found[np.sort(order)]
    return found


@dataclass(frozen=True)
class _HalfExpectations:
    """The expectations of each half of the text."""

    pairs: Integers
    """[E]: as in `Followers`."""
    after: Floats
    """[E, 2]: the probability of each pair according to each half."""


def _measure_information(
    followers: Followers, level: Level, shorter: _HalfExpectations, listed: int, characters: int
) -> tuple[_HalfExpectations, Floats]:
    """Return each half's expectations after contexts, and the information of each context, [C]."""
    times = followers.by_fold
    starts, contexts = followers.starts, followers.contexts
    discounts = estimate_discounts(times.sum(axis=1)).astype(np.float32)[times.clip(max=3)]
    totals = np.add.reduceat(times, starts).astype(np.float32)
    left = np.where(totals, np.add.reduceat(discounts, starts) / totals.clip(1), 1)
    parents = level.parents[contexts].astype(np.int64)
    before = shorter.after[np.searchsorted(shorter.pairs, parents * characters + followers.tokens)]
    after = (times - discounts) / totals.clip(1)[contexts] + left[contexts] * before
    after = after.astype(np.float32)
    other = times[:, ::-1]
    information = (other * np.log(after / before)).sum(axis=1)
    gain = np.zeros(len(totals), dtype=np.float32)
    rest = [totals[:, ::-1].copy(), np.ones_like(totals), np.ones_like(totals)]
    for best in find_likeliest(followers, information, listed).T:
        exists = best >= 0
        best = best[exists]
        gain[exists] += information[best]
        for all_of, listed_share in zip(rest, (other, after, before), strict=True):
            all_of[exists] -= listed_share[best]
    others, new, old = rest
    gain += (others * np.log(new.clip(1e-4) / old.clip(1e-4))).sum(axis=1)
    return _HalfExpectations(followers.pairs, after), gain


def find_likeliest(followers: Followers, scores: Floats, listed: int) -> Integers:
    """Return each context's pairs with the highest scores above 0, then -1: int64 [C, listed]."""
    first = np.arange(len(scores)) - followers.starts[followers.contexts]
    # One integer holds the score and the index, so that one maximum yields both.
    ranks = np.rint(scores.clip(0, 2**30) * 16).astype(np.int64) * 256 + first
    ranks[ranks < 256] = -1
    found = np.empty((len(followers.starts), listed), dtype=np.int64)
    for i in range(listed):
        best = np.maximum.reduceat(ranks, followers.starts)
        found[:, i] = np.where(best < 0, -1, followers.starts + best % 256)
        ranks[found[:, i][found[:, i] >= 0]] = -1
    return found


def _select_levels(
    levels: Sequence[Level], gains: list[Floats], dense: int, contexts: int
) -> list[Level]:
    """Choose the longer contexts with the most information, along with all their suffixes."""
    for shorter, gain, level in zip(gains[-2::-1], gains[:0:-1], levels[:0:-1], strict=True):
        np.maximum.at(shorter, level.parents, gain)
    longer = np.concatenate(gains[dense:]) if gains[dense:] else np.empty(0, np.float32)
    room = max(0, contexts - sum(len(level.digits) for level in levels[:dense]))
    # At equal information shorter contexts come first, because longer ones need them as suffixes.
    order = np.argsort(-longer, kind="stable")[:room]
    kept = np.zeros(len(longer), dtype=bool)
    kept[order[longer[order] > 0]] = True
    chosen = list(levels[:dense])
    numbers = np.arange(len(levels[:dense][-1].digits)) if dense else np.zeros(1, np.int64)
    begins = 0
    for level in levels[dense:]:
        is_chosen = kept[begins : begins + len(level.digits)]
        begins += len(level.digits)
        chosen.append(
            Level(numbers[level.parents[is_chosen]].astype(np.int32), level.digits[is_chosen])
        )
        numbers = np.cumsum(is_chosen) - 1
    return [level for level in chosen if len(level.digits)]


def count_followers(
    text: Bytes, folds: Bytes, characters: int, levels: Sequence[Level]
) -> Iterator[Followers]:
    """Yield what follows the empty context, and the chosen contexts of each length from 1 on."""
    places = Places(text, folds, 1 + int(folds.max()), characters)
    yield places.count()
    for level in tqdm(levels, desc="expected", unit=" lengths", leave=False):
        chosen = level.parents.astype(np.int64) * places.base + level.digits
        places.lengthen(places.compute_longer_keys(), chosen)
        yield places.count()
