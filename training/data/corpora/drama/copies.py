"""Find the passages that works share, by shingles, and keep each passage once.

Anthologies print the plays that have files of their own, and each other's. A shingle is a run of
`SHINGLE` spoken words; two editions of a play share most of theirs, whatever their punctuation,
layout and cues. (Broder 1997, "On the resemblance and containment of documents".)

The works stand in an order of preference, and a shingle belongs to the first work that has it. A
work most of whose shingles belong to others is a copy and goes; from the rest, the passages go that
belong to others. Works that are held out come first, so that what is learned shares nothing with
them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, compress, pairwise

import numpy as np
from numpy.typing import NDArray

from .elements import WORD, Kind, join_elements, split_elements
from .works import Work

SHINGLE = 8
"""Words of a shingle: shorter ones match by chance, longer ones miss copies with other
spellings."""

WHOLE = 0.5
"""The largest share of a work's shingles that may belong to others before it counts as a copy."""

PASSAGE = 100
"""Words of the shortest shared passage that is cut out, if the other work is learned as well."""

HELD_OUT_PASSAGE = 16
"""Words of the shortest shared passage where the other work is held out; less is a turn of
phrase."""

GAP = 12
"""Consecutive words that two copies of a passage may spell differently."""

Words = NDArray[np.uint64]
Owners = NDArray[np.int32]


@dataclass(frozen=True)
class Copy:
    """Report what was removed from a work, because another one has it."""

    work: Work
    words: int
    """Number of spoken words removed."""
    share: float
    """Removed words as a share of the work's words; 1 if the whole work went."""
    of: Work
    """The work that keeps most of the removed words."""


@dataclass(frozen=True)
class _Reading:
    """Hold a work, and the words that are spoken in it as numbers."""

    work: Work
    words: NDArray[np.uint32]
    bounds: Sequence[int]
    """Where each element's words begin, and where the last element's words end."""
    held_out: bool

    @property
    def shingles(self) -> int:
        return max(len(self.words) - SHINGLE + 1, 0)


def remove_copies(
    works: Sequence[Work], held_out: Collection[int] = ()
) -> tuple[list[Work], list[Copy]]:
    """Return the works without shared passages, in their order, and a report of what was removed.

    Of two copies the one in a file of its own is kept before the one in an anthology, then the one
    with more words; the ``held_out`` files lose nothing to learned files.
    """
    read = [
        _Reading(work, words, bounds, work.number in held_out)
        for work, (words, bounds) in zip(works, _number_words(works), strict=True)
    ]
    file_sizes = Counter(work.number for work in works)
    order = sorted(
        read,
        key=lambda reading: (
            not reading.held_out,
            file_sizes[reading.work.number] > 1,
            -len(reading.words),
        ),
    )
    kept, copies = _drop_copies(order)
    left, passages = _cut_passages(kept)
    return [left[id(work)] for work in works if id(work) in left], [*copies, *passages]


def hash_runs(words: NDArray[np.uint32], length: int) -> Words:
    """Return a 64-bit hash of each run of `length` words."""
    if len(words) < length:
        return np.zeros(0, np.uint64)
    mixed = _mix(words.astype(np.uint64))
    runs = np.zeros(len(words) - length + 1, np.uint64)
    for place in range(length):
        runs = _mix(runs + mixed[place : place + len(runs)])
    return runs


def _number_words(works: Iterable[Work]) -> Iterator[tuple[NDArray[np.uint32], list[int]]]:
    """Yield the spoken words of each work as numbers, and where each element's words begin."""
    ids: dict[str, int] = {}
    for work in works:
        # Without apostrophes, so that editions with other spellings match.
        texts = (element.spoken.lower() for element in split_elements(work.script))
        spoken = [[word.replace("'", "") for word in WORD.findall(text)] for text in texts]
        numbers = [ids.setdefault(word, len(ids)) for words in spoken for word in words]
        yield np.array(numbers, np.uint32), list(accumulate(map(len, spoken), initial=0))


def _drop_copies(order: Sequence[_Reading]) -> tuple[list[_Reading], list[Copy]]:
    """Return the works that are no copies, and a report of each copy."""
    kept: list[_Reading] = []
    copies: list[Copy] = []
    for rank, (reading, owners) in enumerate(_find_owners(order)):
        foreign = owners[owners != rank]
        if reading.shingles and len(foreign) / reading.shingles > WHOLE:
            copies.append(_report_copy(reading, len(reading.words), order, foreign))
        else:
            kept.append(reading)
    return kept, copies


def _cut_passages(order: Sequence[_Reading]) -> tuple[dict[int, Work], list[Copy]]:
    """Return what is left of each work, by its identity, and a report of what was cut out."""
    left: dict[int, Work] = {}
    passages: list[Copy] = []
    for rank, (reading, owners) in enumerate(_find_owners(order)):
        cut = np.zeros(len(reading.words), bool)
        for start, stop in _find_foreign_runs(owners, rank):
            others = owners[start : stop - SHINGLE + 1]
            guarded = any(order[other].held_out for other in set(others.tolist()) - {rank})
            if stop - start >= (HELD_OUT_PASSAGE if guarded else PASSAGE):
                cut[start:stop] = True
        script = _remove_words(reading, cut) if cut.any() else reading.work.script
        left[id(reading.work)] = replace(reading.work, script=script)
        if cut.any():
            foreign = owners[cut[: len(owners)] & (owners != rank)]
            passages.append(_report_copy(reading, int(cut.sum()), order, foreign))
    return left, passages


def _find_owners(order: Sequence[_Reading]) -> Iterator[tuple[_Reading, Owners]]:
    """Yield each work with the rank of the first work that has each of its shingles."""
    hashes = [hash_runs(reading.words, SHINGLE) for reading in order]
    every = np.concatenate([*hashes, np.zeros(0, np.uint64)])
    ranks = np.repeat(np.arange(len(order), dtype=np.int32), [len(own) for own in hashes])
    by_hash = np.argsort(every, kind="stable")
    every = every[by_hash]
    first = np.ones(len(every), bool)
    first[1:] = every[1:] != every[:-1]
    owners = np.empty(len(every), np.int32)
    owners[by_hash] = ranks[by_hash][first][np.cumsum(first) - 1]
    start = 0
    for reading, own in zip(order, hashes, strict=True):
        yield reading, owners[start : start + len(own)]
        start += len(own)


def _mix(numbers: Words) -> Words:
    """Return hashes in which every bit depends on all (Steele et al. 2014, SplitMix)."""
    numbers = numbers + np.uint64(0x9E3779B97F4A7C15)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


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
    spoken = [place for place, element in enumerate(elements) if element.kind is Kind.SPEECH]
    for before, after in pairwise(spoken):
        if gone[before] and gone[after]:
            gone[before + 1 : after] = [True] * (after - before - 1)
    return join_elements(
        element for element, is_gone in zip(elements, gone, strict=True) if not is_gone
    )


def _report_copy(reading: _Reading, words: int, order: Sequence[_Reading], foreign: Owners) -> Copy:
    counted = Counter(foreign.tolist())
    keeper = order[max(counted, key=lambda rank: (counted[rank], -rank))].work
    return Copy(reading.work, words, words / len(reading.words), keeper)


RUN = 16
"""Words of a run that counts as shared; a shorter run may be a turn of phrase."""


def measure_overlap(works: Sequence[Work], held_out: Collection[int]) -> Mapping[Work, float]:
    """Return the share of each held-out work's words in runs that a learned work has too."""
    runs = [hash_runs(words, RUN) for words, _ in _number_words(works)]
    is_held_out = [work.number in held_out for work in works]
    is_learned = [not held_out for held_out in is_held_out]
    learned = np.concatenate([*compress(runs, is_learned), np.zeros(0, np.uint64)])
    guarded = list(compress(runs, is_held_out))
    # All works at once, because each search sorts everything that is learned.
    shared = np.isin(np.concatenate([*guarded, learned[:0]]), learned)
    overlap: dict[Work, float] = {}
    for work, own in zip(compress(works, is_held_out), guarded, strict=True):
        own_runs, shared = np.split(shared, [len(own)])
        # A run begins at each place, and covers the words that follow.
        overlap[work] = float((np.convolve(own_runs, np.ones(RUN)) > 0).mean()) if len(own) else 0.0
    return overlap
