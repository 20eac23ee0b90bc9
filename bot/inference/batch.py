"""Advance all rows of one model, side by side, by one character a step.

A row first reads its prompt (prefill), then writes (decoding). Both are the same arithmetic: the
network reads one character of every row, and the next character is taken from the prompt or drawn.
What a row reads and writes depends on its own request alone, never on the rows beside it.

A step has this order, on which processors rely:

    network -> rows whose prompts end begin to write -> logits -> processors -> draw -> record

See `RowStore` for how the rows are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..arrays import Logits, Tokens
from ..errors import NonFiniteOutput, StepFailed
from .model import Model
from .processors import PROCESSORS
from .processors.base import Processor
from .processors.repetition import REACH
from .request import WORD_OVERRUN, Completion
from .row_store import LONGEST_COMPLETION, Row, RowStore
from .sampling import compute_token_bits, draw_tokens, draw_uniforms

LONGEST_PREFILL = 64
"""The most steps that are taken at once while no row writes. A request that arrives during these
steps waits for all of them, which takes some milliseconds."""


class Batch:
    """Advance up to ``capacity`` rows of one model."""

    def __init__(self, model: Model, capacity: int) -> None:
        self.model = model
        self._store = store = RowStore(model, capacity, history=REACH)
        self.rows = store.rows
        self._processors = [make(model, store) for make in PROCESSORS]
        self._temperature = store.per_row(np.float32, fill=1)
        self._top_p = store.per_row(np.float32, fill=1)
        self._min_p = store.per_row(np.float32)
        self._uniforms = store.per_row(np.float32, (LONGEST_COMPLETION,))
        """The random number of each character."""
        self._offsets = LONGEST_COMPLETION * np.arange(capacity)
        self._reading: list[Row] = []
        """Rows that have not read all of their prompts."""

    # Joining and leaving

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows; there must be free places for them."""
        for row in rows:
            self._store.add(row)
            self._reading.append(row)

    def remove(self, rows: Iterable[Row]) -> None:
        """Remove rows; the last rows take their places."""
        # From the end, so that no row moves to a place that is about to become free.
        for row in sorted(rows, key=lambda row: row.index, reverse=True):
            self._store.remove(row)
            # A row that failed may still be reading.
            self._reading = [other for other in self._reading if other is not row]

    # One step

    def step(self) -> list[Row]:
        """Advance every row by a character, or by several while no row writes.

        Return the rows that are done or have failed. If the runtime raises an error, each row is
        where it was before the step.
        """
        store = self._store
        if store.columns_left <= 0:
            store.make_room()
        count = len(self.rows)
        if len(self._reading) == count:
            self._read_ahead()
        # Read the characters that the last step chose; the logits are then those of the next ones.
        store.buffers.step(count)
        logits = store.buffers.logits[:count]
        done = self._read_on() if self._reading else []
        acting: list[Processor] = []
        if len(self._reading) + len(done) < count:
            acting = [each for each in self._processors if np.count_nonzero(each.active[:count])]
            chosen = self._choose(logits, acting)
        else:
            chosen = np.zeros(count, np.int64)
        # Rows that read take part in everything above, because leaving them out would need an index
        # for each array; their characters are replaced here.
        for row in self._reading:
            chosen[row.index] = row.request.prompt[row.read]
        store.bits[:count, store.column] = compute_token_bits(logits, chosen)
        store.tokens[:count, store.column] = chosen
        store.buffers.tokens[:count] = chosen
        done += self._note(chosen, acting)
        done += store.failed
        store.failed.clear()
        # Each row once, in order: a row may have ended and failed in the same step.
        return list(dict.fromkeys(done))

    def _note(self, chosen: Tokens, acting: Sequence[Processor]) -> list[Row]:
        """Record the characters of a step in all arrays; return the rows that have ended."""
        store, count = self._store, len(chosen)
        newline = chosen == self.model.newline
        ended = newline & store.after_newline[:count]
        store.after_newline[:count] = newline
        for processor in acting:
            processor.update(chosen)
        store.column += 1
        if not ended.any():
            return []
        rows = [self.rows[i] for i in ended.nonzero()[0]]
        # Blank lines in prompts do not end a row.
        return [row for row in rows if row.writing and row.first < store.column - 1]

    def outcome(self, row: Row) -> Completion | Exception:
        """Return the result of a row that is done."""
        store, i = self._store, row.index
        state = store.buffers.states[i].copy()
        if row.error:
            return row.error
        # Drop the surplus last column of a row that only reads: the character in it was never used.
        end = store.column if row.writing else store.column - 1
        bits = np.concatenate([*row.bits, store.bits[i, row.first : end]])
        if not (np.isfinite(state).all() and np.isfinite(bits).all()):
            return NonFiniteOutput()
        written = store.tokens[i, row.first : end].tolist() if row.writing else []
        return Completion(written, state, bits)

    def failing(self) -> list[Row]:
        """Fail the rows that also fail alone, or else all rows, and return them.

        This follows a step that raised an error. One row with bad input makes the whole step fail,
        and the other rows should not suffer.
        """
        buffers = self._store.buffers
        for row in self.rows:
            place = slice(row.index, row.index + 1)
            try:
                self.model.step(buffers.tokens[place], buffers.states[place])
            except Exception as error:  # noqa: BLE001 - any error fails this row alone
                row.error = error
        failing = [row for row in self.rows if row.error] or list(self.rows)
        for row in failing:
            row.error = row.error or StepFailed()
        return failing

    # Reading

    def _read_ahead(self) -> None:
        """Read several characters while all rows still read, and compute their costs together.

        While no row writes, nothing has to be drawn or recorded between two steps of the network,
        and computing 64 costs in one array takes much less time than computing one cost 64 times.
        """
        store, buffers, count = self._store, self._store.buffers, len(self.rows)
        prompts = [row.request.prompt[row.read :] for row in self.rows]
        # The last character of a prompt is left to `step`, after which its row writes or is done.
        steps = min(LONGEST_PREFILL, store.columns_left, *(len(prompt) - 1 for prompt in prompts))
        if steps < 2:
            return
        read = np.stack([prompt[: steps + 1] for prompt in prompts])
        logits = np.empty((steps, count, len(self.model.vocabulary)), np.float32)
        states = buffers.states[:count].copy()
        try:
            for step in range(steps):
                buffers.tokens[:count] = read[:, step]
                buffers.step(count)
                logits[step] = buffers.logits[:count]
        except Exception:  # noqa: BLE001 - the error comes again in a single step
            buffers.tokens[:count], buffers.states[:count] = read[:, 0], states
            return
        buffers.tokens[:count] = read[:, steps]
        columns = slice(store.column, store.column + steps)
        costs = compute_token_bits(logits.reshape(steps * count, -1), read[:, 1:].T.ravel())
        store.bits[:count, columns] = costs.reshape(steps, count).T
        store.column += steps
        for row in self.rows:
            row.read += steps

    def _read_on(self) -> list[Row]:
        """Count one more character read; return the rows that are done and only read.

        Rows that also write begin to do so.
        """
        for row in self._reading:
            row.read += 1
        read = [row for row in self._reading if row.read >= len(row.request.prompt)]
        self._reading = [row for row in self._reading if row not in read]
        for row in read:
            try:
                self._begin(row)
            except Exception as error:  # noqa: BLE001 - any error fails this row alone
                self._store.clear(row.index)
                self._store.fail(row, error)
        return [row for row in read if row.request.sampling is None]

    # Writing

    def _begin(self, row: Row) -> None:
        """Begin the line of a row that has read its prompt, unless it only reads."""
        sampling = row.request.sampling
        if sampling is None:
            return
        i, length = row.index, row.request.max_length
        self._store.start_writing(row)
        self._uniforms[i, :length] = draw_uniforms(sampling.seed, length)
        self._temperature[i], self._top_p[i] = sampling.temperature, sampling.top_p
        self._min_p[i] = sampling.min_p
        for processor in self._processors:
            processor.begin(row, sampling)

    def _choose(self, logits: Logits, acting: Sequence[Processor]) -> Tokens:
        """Return the next character of every row; for rows that do not write, any character."""
        store, count = self._store, len(self.rows)
        if acting:
            logits = logits.copy()  # because costs are those of the model's own logits
        may_end = logits[:, self.model.newline]
        for processor in acting:
            if processor.truncates:
                may_end = may_end.copy()  # because an unlikely end is better than a late one
            processor.apply(logits)
        positions = store.column - store.first[:count]
        chosen = draw_tokens(
            logits,
            self._temperature[:count],
            self._top_p[:count],
            self._min_p[:count],
            # Any number will do for a row that does not write: its position has no meaning.
            self._uniforms.take(self._offsets[:count] + positions, mode="clip"),
        )
        # Rows that do not write have an unreachable limit.
        late = positions >= store.limit[:count]
        for i in late.nonzero()[0].tolist():
            if self._ends(self.rows[i], int(chosen[i]), bool(may_end[i] > -np.inf)):
                chosen[i] = self.model.newline
        return chosen

    def _ends(self, row: Row, token: int, may_end: bool) -> bool:
        """Return whether to end the element of a row beyond its limit, instead of writing a token.

        The element ends between words, at a place where no processor has barred the newline
        (``may_end``), as long as it can wait for such a place. A newline in the middle of a word,
        or one that the grammar forbids, is the last resort, because the line has no room beyond
        `Request.max_length`.
        """
        i, request, word = row.index, row.request, self.model.word_characters
        position = self._store.column - row.first
        inside = word[self._store.buffers.tokens[i]] and word[token]
        if inside and position < request.limit + WORD_OVERRUN:
            return False
        return position > 0 and (may_end or position >= request.max_length - 2)
