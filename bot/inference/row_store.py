"""Hold the state of all rows of a batch, as arrays in which entry i belongs to row i.

Rows join at the end, and when one leaves, the last row takes its place, so that the rows are always
the first entries and a step computes with one slice. Modules that keep data for each row, such as
processors, get an array from the store, and the store moves its entries.

There are two sorts of arrays:

    per row   an entry for each row, such as its temperature
    log       an entry for each row and step, such as the character that was written

Logs are aligned on the right: the last character of every row is in the column before
`RowStore.column`, no matter when the row joined. So the last thousand characters of all rows are
one slice, without an index for each row.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..arrays import Floats
from .model import Model, StepBuffers
from .request import LONGEST_LINE, LONGEST_OVERRUN, Completion, Request

LONGEST_COMPLETION = LONGEST_LINE + LONGEST_OVERRUN
"""The most characters that a row can have written."""

SPARE_COLUMNS = 250
"""Columns of the logs beyond what a row can need, so that `make_room`, which copies, is rare."""

UNREACHABLE = 1 << 40
"""A length, in characters, that no row reaches."""


@dataclass(eq=False, slots=True)
class Row:
    """Hold a request that has a place in the batch."""

    request: Request
    future: asyncio.Future[Completion]
    index: int = 0
    read: int = 0
    """The number of characters of the prompt that were read."""
    writing: bool = False
    """True once the prompt is read and the line has begun."""
    first: int = 0
    """The column of the first character written or, while the row reads, of the first character
    whose cost is still in the log."""
    bits: list[Floats] = field(default_factory=list)
    """The cost of characters that were read and have left the log, in bits."""
    error: Exception | None = None
    """The error that ends the row, or None."""


class RowStore:
    """Hold up to ``capacity`` rows, and logs with ``history`` characters before each line."""

    def __init__(self, model: Model, capacity: int, history: int) -> None:
        self.rows: list[Row] = []
        self.failed: list[Row] = []
        """Rows that cannot go on, with their errors."""
        self.buffers = StepBuffers(model, capacity)
        """The tokens, states and logits of the model itself."""
        self.column = history
        """The column of the character that comes next."""
        self._capacity = capacity
        self._history = history
        self._width = history + LONGEST_COMPLETION + SPARE_COLUMNS
        self._per_row: list[tuple[NDArray[Any], float | None]] = [(self.buffers.tokens, 0)]
        self._logs: list[NDArray[Any]] = []
        self.tokens = self.log(np.int16)
        """The characters that were read and written: int16 [capacity, columns]."""
        self.bits = self.log(np.float32)
        """The cost in bits of each character: float32 [capacity, columns]."""
        self.first = self.per_row(np.int64)
        """`Row.first` of rows that write: int64 [capacity]."""
        self.limit = self.per_row(np.int64, fill=UNREACHABLE)
        """Characters after which a row ends at the next word: int64 [capacity]."""
        self.after_newline = self.per_row(np.bool_)
        """True where the last character was a newline: bool [capacity]."""

    # Arrays

    def per_row(
        self, dtype: DTypeLike, shape: tuple[int, ...] = (), *, fill: float | None = 0
    ) -> NDArray[Any]:
        """Return a new array with an entry for each row: [capacity, *shape].

        Rows without a setting have ``fill``, which must have no effect.
        """
        array = np.full((self._capacity, *shape), fill, dtype)
        self._per_row.append((array, fill))
        return array

    def log(self, dtype: DTypeLike, *, fill: float = 0) -> NDArray[Any]:
        """Return a new array for what happened in each row at each step: [capacity, columns]."""
        self._logs.append(np.full((self._capacity, self._width), fill, dtype))
        return self._logs[-1]

    # Rows

    def add(self, row: Row) -> None:
        """Add a row that reads; the store must have a free place."""
        request = row.request
        row.index, row.first = len(self.rows), self.column
        self.rows.append(row)
        self.buffers.tokens[row.index] = request.prompt[0]
        self.buffers.states[row.index] = request.state

    def remove(self, row: Row) -> None:
        """Remove a row; the last one takes its place."""
        last = self.rows.pop()
        if last is not row:
            self._move(last, row.index)
        self.clear(len(self.rows))

    def clear(self, index: int) -> None:
        """Reset all entries at an index, so that no processor acts there."""
        for array, fill in self._per_row:
            array[index] = fill

    def fail(self, row: Row, error: Exception) -> None:
        """Give up a row."""
        row.error = error
        self.failed.append(row)

    def start_writing(self, row: Row) -> None:
        """Begin the line of a row that has read its prompt at the current column."""
        row.bits.append(self.bits[row.index, row.first : self.column].copy())
        row.writing = True
        self.limit[row.index] = row.request.limit
        row.first = self.first[row.index] = self.column

    def _move(self, row: Row, index: int) -> None:
        """Move a row to the place of a row that has left."""
        was = row.index
        for array, _ in self._per_row:
            array[index] = array[was]
        self.buffers.states[index] = self.buffers.states[was]
        # Move only columns that were written since the row joined, because the logs are long. A row
        # that writes also needs the history before its line, which processors have filled in.
        lived = slice(row.first - (self._history if row.writing else 0), self.column)
        for log in self._logs:
            log[index, lived] = log[was, lived]
        row.index = index
        self.rows[index] = row

    # Columns

    @property
    def columns_left(self) -> int:
        """Return how many steps can be read ahead, with one column left for the step after them."""
        return self._width - 1 - self.column

    def make_room(self) -> None:
        """Move the columns that are still needed to the beginning of the logs.

        These are the lines so far, with the history before them. Rows that read need only the costs
        of what they have read, which move to `Row.bits`.
        """
        column, rows = self.column, len(self.rows)
        written = [column - row.first for row in self.rows if row.writing]
        keep = self._history + max(written, default=0)
        for row in self.rows:
            if row.writing:
                row.first = self.first[row.index] = row.first - (column - keep)
            else:
                row.bits.append(self.bits[row.index, row.first : column].copy())
                row.first = keep
        for log in self._logs:
            log[:rows, :keep] = log[:rows, column - keep : column].copy()
        self.column = keep
