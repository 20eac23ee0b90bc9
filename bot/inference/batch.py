"""Batch: the rows of one model, side by side, and the step that advances all of them.

A row first reads its prompt, then writes. What it reads and writes depends on its own request
alone. All rows advance by one character a step; see `RowStore` for how they are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..arrays import Logits, Tokens
from .backtracking import Backtracking
from .model import Model
from .processors import PROCESSORS
from .processors.base import Processor
from .processors.repetition import REACH
from .request import TO_A_WORD, NoNumber, Reply
from .row_store import Row, RowStore
from .sampling import Sampling, Uniforms, draw, surprise

READ_AHEAD = 64
"""The most steps that are taken at once while no row writes. A request that arrives meanwhile waits
for all of these steps, which is some milliseconds."""


class Batch:
    """Up to ``capacity`` rows of one model."""

    def __init__(self, model: Model, capacity: int) -> None:
        self.model = model
        self._store = store = RowStore(model, capacity, history=REACH)
        self.rows = store.rows
        self._backtracking = Backtracking(model, store)
        self._processors = [*(make(model, store) for make in PROCESSORS), self._backtracking]
        self._temperature = store.per_row(np.float32, fill=1)
        self._top_p = store.per_row(np.float32, fill=1)
        self._min_p = store.per_row(np.float32)
        self._uniforms = store.plan(np.float32)
        self._numbers = Uniforms()
        self._reading: list[Row] = []
        """Rows that have not read all of their prompts."""

    # Joining and leaving

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows; there must be places for them."""
        for row in rows:
            self._store.add(row)
            self._reading.append(row)

    def remove(self, rows: Iterable[Row]) -> None:
        """Remove rows; the last ones take their places."""
        for row in sorted(rows, key=lambda row: row.index, reverse=True):
            self._store.remove(row)
            # A row that failed may still be reading.
            self._reading = [one for one in self._reading if one is not row]

    # One step

    def step(self) -> list[Row]:
        """Advance every row by a character, or by several while no row writes.

        Returns:
            The rows that are done or have failed.

        Raises:
            Exception: The runtime failed; each row is where it was before the step.
        """
        store = self._store
        if store.columns_left <= 0:
            store.make_room()
        count = len(self.rows)
        if len(self._reading) == count:
            self._read_ahead()
        store.slots.step(count)
        logits = store.slots.logits[:count]
        done = self._read_on() if self._reading else []
        acting: list[Processor] = []
        if len(self._reading) + len(done) < count:
            acting = [one for one in self._processors if np.count_nonzero(one.active[:count])]
            chosen = self._choose(logits, acting)
        else:
            chosen = np.zeros(count, np.int64)
        for row in self._reading:
            chosen[row.index] = row.request.prompt[row.read]
        store.bits[:count, store.column] = surprise(logits, chosen)
        store.tokens[:count, store.column] = chosen
        store.slots.tokens[:count] = chosen
        done += self._note(chosen, acting)
        if store.failed:
            done += store.failed
            store.failed.clear()
        return list(dict.fromkeys(done)) if done else done

    def _note(self, chosen: Tokens, acting: Sequence[Processor]) -> list[Row]:
        """Record the characters of a step in all arrays; return the rows that have ended."""
        store, count = self._store, len(chosen)
        newline = chosen == self.model.newline
        ended = newline & store.after_newline[:count]
        store.after_newline[:count] = newline
        rejected = [(row, one) for one in acting for row in one.update(chosen)]
        store.column += 1
        for row, processor in rejected:
            self._backtracking.begin_again(row, processor)
        self._backtracking.watch(chosen, [row.index for row, _ in rejected])
        if not ended.any():
            return []
        rows = [self.rows[i] for i in ended.nonzero()[0]]
        # Rows that have gone back have not ended, and the blank lines of prompts end no row.
        return [row for row in rows if row.writing and row.first < store.column - 1]

    def outcome(self, row: Row) -> Reply | Exception:
        """Return the result of a row that is done."""
        store, i = self._store, row.index
        state = store.slots.states[i].copy()
        if row.error:
            return row.error
        # Drop the surplus last column of a row that only reads.
        end = store.column if row.writing else store.column - 1
        bits = np.concatenate([*row.bits, store.bits[i, row.first : end]])
        if not (np.isfinite(state).all() and np.isfinite(bits).all()):
            return NoNumber()
        written = store.tokens[i, row.first : end].tolist() if row.writing else []
        return Reply(written, state, bits)

    def failing(self) -> list[Row]:
        """Return the rows that fail alone as well, with their errors, after a step that raised."""
        slots = self._store.slots
        for row in self.rows:
            one = slice(row.index, row.index + 1)
            try:
                self.model.step(slots.tokens[one], slots.states[one])
            except Exception as error:  # noqa: BLE001 - any error fails this row alone
                row.error = error
        return [row for row in self.rows if row.error]

    def fail_all(self) -> list[Row]:
        """Give up all rows, after a step that raised although no row fails alone."""
        for row in self.rows:
            row.error = NoNumber()
        return list(self.rows)

    # Reading

    def _read_ahead(self) -> None:
        """Read several characters while all rows read on, and compute their costs together."""
        store, slots, count = self._store, self._store.slots, len(self.rows)
        prompts = [row.request.prompt[row.read :] for row in self.rows]
        steps = min(READ_AHEAD, store.columns_left, *(len(prompt) - 1 for prompt in prompts))
        if steps < 2:
            return
        read = np.stack([prompt[: steps + 1] for prompt in prompts])
        logits = np.empty((steps, count, len(self.model.vocabulary)), np.float32)
        states = slots.states[:count].copy()
        try:
            for step in range(steps):
                slots.tokens[:count] = read[:, step]
                slots.step(count)
                logits[step] = slots.logits[:count]
        except Exception:  # noqa: BLE001 - the error comes again at a single step
            slots.tokens[:count], slots.states[:count] = read[:, 0], states
            return
        slots.tokens[:count] = read[:, steps]
        columns = slice(store.column, store.column + steps)
        costs = surprise(logits.reshape(steps * count, -1), read[:, 1:].T.ravel())
        store.bits[:count, columns] = costs.reshape(steps, count).T
        store.column += steps
        for row in self.rows:
            self._count_read(row, steps)

    def _read_on(self) -> list[Row]:
        """Count one more character read; return the rows that are done and only read.

        Rows that write begin to do so.
        """
        done: list[Row] = []
        for row in self._reading:
            self._count_read(row, 1)
            if not row.has_read:
                continue
            if row.request.sampling is None:
                done.append(row)
                continue
            try:
                self._begin(row, row.request.sampling)
            except Exception as error:  # noqa: BLE001 - any error fails this row alone
                self._store.clear(row.index)
                self._store.fail(row, error)
        self._reading = [row for row in self._reading if not row.has_read]
        return done

    def _count_read(self, row: Row, characters: int) -> None:
        """Count characters read, and keep the state before the last one for a way back."""
        row.read += characters
        if row.goes_back and row.read == len(row.request.prompt) - 1:
            row.before_last = self._store.slots.states[row.index].copy()

    # Writing

    def _begin(self, row: Row, sampling: Sampling) -> None:
        """Begin the line of a row that has read its prompt."""
        i, line = row.index, slice(self._store.column, self._store.column + row.request.longest)
        self._store.start_writing(row)
        self._uniforms[i, line] = self._numbers.of(sampling.seed, row.request.longest)
        self._temperature[i], self._top_p[i] = sampling.temperature, sampling.top_p
        self._min_p[i] = sampling.min_p
        for processor in self._processors:
            processor.begin(row, sampling)

    def _choose(self, logits: Logits, acting: Sequence[Processor]) -> Tokens:
        """Return the next character of every row; for rows that do not write, any character."""
        store, count = self._store, len(self.rows)
        if acting:
            logits = logits.copy()  # the model's own say what the characters cost
            for processor in acting:
                processor.apply(logits)
        chosen = draw(
            logits,
            self._temperature[:count],
            self._top_p[:count],
            self._min_p[:count],
            self._uniforms[:count, store.column],
        )
        late = store.first[:count] + store.limit[:count] <= store.column
        for i in late.nonzero()[0].tolist():
            if self._ends(self.rows[i], int(chosen[i]), logits):
                chosen[i] = self.model.newline
        return chosen

    def _ends(self, row: Row, token: int, logits: Logits) -> bool:
        """Return whether to end the element of a row beyond its limit, in place of a token.

        It ends between words, and where no processor has barred the newline, as long as it can wait
        for such a place.
        """
        i, request, word = row.index, row.request, self.model.wordlike
        position = self._store.column - row.first
        at_once = self._store.limit[i] == 0
        inside = word[self._store.slots.tokens[i]] and word[token]
        if inside and position < request.limit + TO_A_WORD and not at_once:
            return False
        may_end = logits[i, self.model.newline] > -np.inf
        return position > 0 and (bool(may_end) or position >= request.longest - 2)
