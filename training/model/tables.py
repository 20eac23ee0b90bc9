"""Lay out a prior's tables as a voice file stores them: a perfect hash, and corrections.

All suffixes of the text are looked up at once, in one column for each length. The hash gives each
context a slot, and a byte stored there distinguishes the context from most others. All suffixes of
a context are stored too, so a context counts only if all its suffixes were found, and a false match
is rare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from .contexts import Bytes, Floats, Integers, Level
from .corrections import CODES, KNOWN, UNKNOWN, Expectations
from .perfect_hash import Placement, place_keys

LARGEST_FACTOR = 2**46
"""The bound of a factor: digits are below 2 ** 8, and contexts have fewer than 2 ** 5 of them, so
keys are below 2 ** 59."""


@dataclass(frozen=True)
class Tables:
    """The tables of a prior: the contexts of N columns, in S slots, over V characters.

    A column has the contexts of one length, and the suffix of each context is in the column before.
    Columns added for further texts begin where a length is 1 again. Slot 0 belongs to no context.
    """

    lengths: Integers
    """[N]: characters of the contexts of each column."""
    factors: Integers
    """[longest]: the factor of each digit in a key, the last character's first."""
    buckets: Integers
    """[N]: the number of buckets of each column."""
    first_buckets: Integers
    """[N]: the index of each column's first bucket in the shifts."""
    slots: Integers
    """[N]: the number of slots of each column."""
    first_slots: Integers
    """[N]: the index of each column's first slot."""
    shifts: NDArray[np.uint16]
    """The shift of each bucket, see `training.model.perfect_hash`."""
    owners: Bytes
    """[S]: the lowest byte of the key that owns a slot."""
    codes: Bytes
    """[S]: the code, in the column's code book, of the correction of shorter contexts."""
    symbols: Bytes
    """[S, listed]: the characters with corrected logarithms; V for none."""
    books: Floats
    """[N x 256, listed]: the code book of each column, in nats."""
    rows: Bytes
    """[R, V + 1]: negated log probabilities in steps, after the empty context and after the
    contexts in the first slots; the last number is for no character."""

    @property
    def characters(self) -> int:
        """Return V, the size of the vocabulary."""
        return self.rows.shape[1] - 1

    @property
    def prefixes(self) -> Floats:
        """Return [N, N]: 1 where the first column holds suffixes of the second column."""
        text_number = np.cumsum(self.lengths == 1)
        same_texts = text_number[:, None] == text_number
        return ((self.lengths[:, None] <= self.lengths) & same_texts).astype(np.float32)


STORED = [field.name for field in fields(Tables) if field.name not in ("lengths", "factors")]
"""The tables that a voice file stores as they are."""


@dataclass(frozen=True)
class HeldOutTables:
    """The entries of tables with each of P folds of the texts left out."""

    codes: Bytes
    """[P, S]: codes; 0 for a context that no other fold has."""
    rows: Bytes
    """[P, R, V + 1]: rows, as in `Tables`."""


def make_empty_tables(characters: int, listed: int) -> Tables:
    """Return tables of one column without contexts, with equal probability for every character."""
    single, none = np.ones(1, dtype=np.int64), np.zeros(1, dtype=np.uint8)
    even = round(np.log(characters) * 16)
    return Tables(
        lengths=single,
        factors=single,
        buckets=single,
        first_buckets=0 * single,
        slots=single,
        first_slots=0 * single,
        shifts=none.astype(np.uint16),
        owners=none,
        codes=none,
        symbols=np.full((1, listed), characters, dtype=np.uint8),
        books=np.zeros((CODES, listed), dtype=np.float32),
        rows=np.full((1, characters + 1), even, dtype=np.uint8),
    )


def lay_out_tables(
    levels: Sequence[Level], expectations: Expectations, before: Tables | None = None
) -> tuple[Tables, HeldOutTables]:
    """Lay out the contexts of each length from 1 on, at least one length, with their expectations.

    If ``before`` is given, its tables are corrected by the new ones, whose columns follow its
    columns.
    """
    factors, keys = draw_keys(levels, before)
    placements = [place_keys(level_keys) for level_keys in keys]
    buckets = np.array([len(placement.shifts) for placement in placements])
    slots = np.array([len(placement.numbers) for placement in placements])
    first_slots = 1 + np.cumsum(slots) - slots
    size = 1 + int(slots.sum())
    _, characters, variants = expectations.dense[0].expected.shape
    owners = np.zeros(size, dtype=np.uint8)
    codes = np.full((variants, size), UNKNOWN, dtype=np.uint8)
    symbols = np.full((size, expectations.listed), characters, dtype=np.uint8)
    books = np.zeros((len(levels), CODES, expectations.listed), dtype=np.float32)
    rows = _lay_out_rows(expectations, placements)
    dense = expectations.dense[1:]
    for i, (placement, level_keys) in enumerate(zip(placements, keys, strict=True)):
        taken = np.flatnonzero(placement.numbers)
        at, number = first_slots[i] + taken, placement.numbers[taken] - 1
        owners[at] = level_keys[number] & 255
        if i < len(dense):
            codes[:, at] = np.where(dense[i].known[number], KNOWN, UNKNOWN).T
        else:
            corrected = expectations.sparse[i - len(dense)]
            codes[:, at] = corrected.codes[number].T
            symbols[at] = corrected.tokens[number]
            books[i] = corrected.book
    tables = Tables(
        lengths=np.arange(1, len(levels) + 1),
        factors=factors,
        buckets=buckets,
        first_buckets=np.cumsum(buckets) - buckets,
        slots=slots,
        first_slots=first_slots,
        shifts=np.concatenate([placement.shifts for placement in placements]),
        owners=owners,
        codes=codes[0],
        symbols=symbols,
        books=books.reshape(-1, expectations.listed),
        rows=rows[0],
    )
    return tables, HeldOutTables(codes[1:], rows[1:])


def append_tables(
    old: Tables, new: Tables, held_out: HeldOutTables
) -> tuple[Tables, HeldOutTables]:
    """Append columns of new tables, which correct old ones, to the old tables."""
    slots, folds = len(old.codes) - 1, len(held_out.codes)
    columns = {
        name: np.concatenate([getattr(old, name), getattr(new, name)])
        for name in ("lengths", "buckets", "slots", "shifts", "books")
    }
    columns |= {
        name: np.concatenate([getattr(old, name), getattr(new, name)[1:]])
        for name in ("owners", "codes", "symbols")
    }
    tables = Tables(
        **columns,
        factors=new.factors,
        first_buckets=np.append(old.first_buckets, new.first_buckets + len(old.shifts)),
        first_slots=np.append(old.first_slots, new.first_slots + slots),
        rows=old.rows,
    )
    repeated = np.broadcast_to(old.codes, (folds, slots + 1))
    return tables, HeldOutTables(
        np.concatenate([repeated, held_out.codes[:, 1:]], axis=1),
        np.repeat(old.rows[None], folds, axis=0),
    )


def _lay_out_rows(expectations: Expectations, placements: Sequence[Placement]) -> Bytes:
    """Return the rows of the empty context and of all slots with rows: [variants, R, V + 1]."""
    empty, *dense = expectations.dense
    rows = [empty.rows[0].T[:, None]]
    for level, placement in zip(dense, placements, strict=False):
        level_rows = np.repeat(rows[0], len(placement.numbers), axis=1)
        taken = np.flatnonzero(placement.numbers)
        level_rows[:, taken] = level.rows[placement.numbers[taken] - 1].transpose(2, 0, 1)
        rows.append(level_rows)
    found = np.concatenate(rows, axis=1)
    no_character = np.full((*found.shape[:2], 1), 255, dtype=np.uint8)
    return np.concatenate([found, no_character], axis=2)


def draw_keys(levels: Sequence[Level], before: Tables | None) -> tuple[Integers, list[Integers]]:
    """Draw factors that make the keys of each length distinct; return the factors and the keys."""
    factors = before.factors if before else np.empty(0, dtype=np.int64)
    for seed in range(100):
        # Odd, so that different digits give different lowest bytes.
        more = max(0, len(levels) - len(factors))
        drawn = np.random.default_rng(seed).integers(LARGEST_FACTOR // 2, LARGEST_FACTOR, more) | 1
        drawn = np.append(factors, drawn)
        keys = []
        shorter = np.zeros(1, dtype=np.int64)
        for level, factor in zip(levels, drawn, strict=False):
            shorter = shorter[level.parents] + level.digits * factor
            keys.append(shorter)
        if all(len(np.unique(level_keys)) == len(level_keys) for level_keys in keys):
            return drawn, keys
    raise ValueError("No factors make the keys distinct, so a context is listed twice.")
