"""Test the row store: entries of rows that move, go back, and run out of columns."""

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


def test_restoring_a_row_leaves_the_others_alone(store: RowStore):
    saved, other = store.per_row(np.int64, saved=True), store.per_row(np.int64)
    write(store, HISTORY)
    row, _ = a_row(store, 1), a_row(store, 2)
    began = row.first
    write(store, 3)
    saved[:2] = other[:2] = 3
    [checkpoint] = store.checkpoints(np.array([row.index]))
    assert checkpoint.state.base is None  # or it would keep the states of other rows in memory
    token = int(store.buffers.tokens[row.index])
    write(store, 4)
    saved[:2] = other[:2] = 7
    store.buffers.states[:2] = 7
    store.restore(row, checkpoint)
    assert store.column - row.first == checkpoint.position == 3
    assert saved[:2].tolist() == [3, 7]
    assert other[:2].tolist() == [7, 7]
    assert store.buffers.states[:2, 0].tolist() == [1, 7]
    assert store.buffers.tokens[row.index] == token
    left = store.tokens[row.index, row.first - HISTORY : store.column]
    assert left.tolist() == [*range(began - HISTORY, began + 3)]


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
