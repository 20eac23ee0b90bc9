"""Find the passages that works share, by shingles, and keep each passage once.

Anthologies print the plays that have files of their own, and each other's. A shingle is a run of
`SHINGLE` spoken words; two editions of a play share most of theirs, whatever their punctuation,
layout and cues. (Broder 1997, "On the resemblance and containment of documents".)

The works stand in an order of preference, and a shingle belongs to the first work that has it. A
work is a copy, and is left out, if most of its shingles belong to other works. The remaining works
lose the passages that belong to others. Works that are held out come first, so that what is learned
shares nothing with them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .elements import WORD, join_elements, split_elements
from .works import Work

SHINGLE = 8
"""The number of words in a shingle: shorter shingles match by chance, and longer ones miss copies
with other spellings."""

WHOLE = 0.5
"""The largest share of a work's shingles that may belong to others before it counts as a copy."""

PASSAGE = 100
"""Words of the shortest shared passage that is cut out, if the other work is learned as well."""

HELD_OUT_PASSAGE = 16
"""Words of the shortest shared passage that is cut out, if the other work is held out; a shorter
one is a turn of phrase."""

GAP = 12
"""Consecutive words that two copies of a passage may spell differently."""

FACTORS = np.random.default_rng(1).integers(2**63, size=SHINGLE, dtype=np.uint64) * 2 + 1
"""The factors of a shingle's words in its hash (Dietzfelbinger 1996, "Universal Hashing and k-Wise
Independent Random Variables via Integer Arithmetic without Primes")."""

Words = NDArray[np.uint64]
Owners = NDArray[np.int32]


@dataclass(frozen=True)
class _Reading:
    """Hold a work, and the words that are spoken in it as numbers."""

    work: Work
    words: Words
    bounds: Sequence[int]
    """Where each element's words begin, and where the last element's words end."""
    held_out: bool


def remove_copies(works: Sequence[Work], held_out: Collection[int] = ()) -> list[Work]:
    """Return the works without shared passages, in their order.

    Of two copies, the one in a file of its own is preferred to the one in an anthology, and then
    the one with more words; the ``held_out`` files lose nothing to learned files.
    """
    file_sizes = Counter(work.number for work in works)
    order = sorted(
        _read_works(works, held_out),
        key=lambda its: (not its.held_out, file_sizes[its.work.number] > 1, -len(its.words)),
    )
    left = _cut_passages(_drop_copies(order))
    return [left[id(work)] for work in works if id(work) in left]


def _read_works(works: Sequence[Work], held_out: Collection[int]) -> Iterator[_Reading]:
    """Yield the works with their spoken words numbered; a word has one number in all works."""
    ids: dict[str, int] = {}
    for work in works:
        # Without apostrophes, so that editions with other spellings match.
        texts = (element.spoken.lower() for element in split_elements(work.script))
        spoken = [[word.replace("'", "") for word in WORD.findall(text)] for text in texts]
        numbers = [ids.setdefault(word, len(ids)) for words in spoken for word in words]
        bounds = list(accumulate(map(len, spoken), initial=0))
        yield _Reading(work, np.array(numbers, np.uint64), bounds, work.number in held_out)


def _drop_copies(order: Sequence[_Reading]) -> list[_Reading]:
    """Return the works that are not copies."""
    return [
        reading
        for rank, (reading, owners) in enumerate(_find_owners(order))
        if np.count_nonzero(owners != rank) <= WHOLE * len(owners)
    ]


def _cut_passages(order: Sequence[_Reading]) -> dict[int, Work]:
    """Return what is left of each work, by its identity."""
    left: dict[int, Work] = {}
    for rank, (reading, owners) in enumerate(_find_owners(order)):
        cut = np.zeros(len(reading.words), bool)
        for start, stop in _find_foreign_runs(owners, rank):
            others = set(owners[start : stop - SHINGLE + 1].tolist()) - {rank}
            guarded = any(order[other].held_out for other in others)
            if stop - start >= (HELD_OUT_PASSAGE if guarded else PASSAGE):
                cut[start:stop] = True
        script = _remove_words(reading, cut) if cut.any() else reading.work.script
        left[id(reading.work)] = replace(reading.work, script=script)
    return left


def _find_owners(order: Sequence[_Reading]) -> Iterator[tuple[_Reading, Owners]]:
    """Yield each work with the rank of the first work that has each of its shingles."""
    hashes = [_hash_shingles(reading.words) for reading in order]
    ranks = np.repeat(np.arange(len(order), dtype=np.int32), list(map(len, hashes)))
    every = np.concatenate([*hashes, np.zeros(0, np.uint64)])
    _, first, shingles = np.unique(every, return_index=True, return_inverse=True)
    owners = ranks[first][shingles]
    bounds = pairwise(accumulate(map(len, hashes), initial=0))
    return ((work, owners[i:j]) for work, (i, j) in zip(order, bounds, strict=True))


def _hash_shingles(words: Words) -> Words:
    """Return a hash of each shingle: a sum of odd multiples, which wraps at 64 bits."""
    if len(words) < SHINGLE:
        return np.zeros(0, np.uint64)
    return sliding_window_view(words, SHINGLE) @ FACTORS


def _find_foreign_runs(owners: Owners, rank: int) -> Iterator[tuple[int, int]]:
    """Yield the start and end, in words, of passages whose shingles belong to other works."""
    places = np.flatnonzero(owners != rank)
    # A differing word breaks every shingle that contains it.
    breaks = np.flatnonzero(np.diff(places) > SHINGLE + GAP)
    for begin, end in pairwise([0, *(breaks + 1).tolist(), len(places)]):
        if begin < end:
            yield int(places[begin]), int(places[end - 1]) + SHINGLE


def _remove_words(reading: _Reading, cut: NDArray[np.bool_]) -> str:
    """Return the script without the cut speeches, and without the action between them."""
    taken = np.concatenate([[0], np.cumsum(cut)])
    # A speech with only a few cut words is kept whole, so that no sentence loses its end.
    gone = [
        bool(2 * (n := taken[end] - taken[begin]) > end - begin or n >= SHINGLE)
        for begin, end in pairwise(reading.bounds)
    ]
    elements = split_elements(reading.work.script)
    spoken = [place for place, element in enumerate(elements) if element.cue]
    for before, after in pairwise(spoken):
        if gone[before] and gone[after]:
            gone[before + 1 : after] = [True] * (after - before - 1)
    return join_elements(
        element for element, is_gone in zip(elements, gone, strict=True) if not is_gone
    )
