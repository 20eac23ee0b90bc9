"""Test the row store: rows that run out of columns."""

import numpy as np

from bot.inference.model import Model
from bot.inference.request import Request
from bot.inference.row_store import Row, RowStore

HISTORY = 5


def write(store: RowStore, count: int) -> None:
    """Log the number of each column, for this many steps."""
    for _ in range(count):
        store.tokens[:, store.column] = store.column
        store.buffers.tokens[:] = store.column
        store.column += 1


def test_making_room_keeps_lines_and_their_history(model: Model):
    store = RowStore(model, 4, HISTORY)
    # No caller waits for these rows.
    reading, row = [Row(Request(model.start(), np.zeros(9, int)), future=None) for _ in range(2)]
    store.add(reading)
    store.bits[:] = 0.5
    write(store, store.columns_left - 3)
    store.add(row)
    store.start_writing(row)
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
