"""Test the row store: rows that run out of columns."""

from __future__ import annotations

import numpy as np
import pytest

from bot.inference.model import Model
from bot.inference.request import Request
from bot.inference.row_store import Row, RowStore

HISTORY = 5


@pytest.fixture
def store(model: Model) -> RowStore:
    return RowStore(model, 4, HISTORY)


def a_row(store: RowStore, number: int) -> Row:
    """Return a row of the store that writes, with its number as its state."""
    state = np.full(store.buffers.states.shape[1], number, np.float32)
    row = Row(Request(state, np.array([number]), limit=10), future=None)  # no caller waits
    store.add(row)
    store.start_writing(row)
    return row


def write(store: RowStore, count: int) -> None:
    """Log the number of each column, for this many steps."""
    for _ in range(count):
        store.tokens[:, store.column] = store.column
        store.buffers.tokens[:] = store.column
        store.column += 1


def test_making_room_keeps_lines_and_their_history(store: RowStore):
    reading = Row(Request(store.buffers.states[0].copy(), np.zeros(9, np.int64)), future=None)
    store.add(reading)
    store.bits[:] = 0.5
    write(store, store.columns_left - 3)
    row = a_row(store, 1)
    write(store, 3)
    before = store.tokens[row.index, row.first - HISTORY : store.column].tolist()
    read = store.column - HISTORY
    assert store.columns_left == 0
    store.make_room()
    assert store.columns_left > 0
    assert store.column - row.first == store.column - store.first[row.index] == 3
    assert store.tokens[row.index, row.first - HISTORY : store.column].tolist() == before
    assert sum(map(len, reading.bits)) == read
    assert reading.first == store.column
