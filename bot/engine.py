"""Engine: many lines at once. Token ids in, token ids out; it knows neither text nor Discord."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from .model import Logits, Model, States, Tokens
from .sampling import Sampling, draw, uniforms

log = logging.getLogger("onbook.engine")


class EngineBusy(Exception):
    """More lines wait than the engine accepts: come back in a moment."""


class EngineClosed(Exception):
    """The engine is shutting down and takes no more lines."""


@dataclass(frozen=True)
class Request:
    """One line to be read or written.

    ``prompt``, at least one token, is read from ``state``; then, with ``sampling``, characters are
    written until an element ends (two newlines) or ``limit`` of them are written.
    """

    state: States
    prompt: Tokens
    sampling: Sampling | None = None
    limit: int = 0


@dataclass(frozen=True)
class Reply:
    """What came of a request.

    ``state`` [S] remembers the prompt and all that was written but its last character: the newline
    that closes an element is read as the first character of what follows it.
    """

    written: list[int]
    state: States
    ended: bool
    """Whether the element came to its own end, rather than to the limit."""


@dataclass
class _Row:
    """A request that has a place in the batch."""

    request: Request
    future: Future[Reply]
    read: int = 0
    written: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        sampling = self.request.sampling
        self.random = uniforms(sampling.seed, self.request.limit) if sampling else np.empty(0)


class Engine:
    """One thread that takes one batched step after another for all the lines in hand.

    Rows join and leave between steps. What a row writes depends on its request alone, not on the
    rows beside it.
    """

    def __init__(self, model: Model, rows: int = 64, queue: int = 256) -> None:
        self.model = model
        self.rows = rows
        self.queue = queue
        self._waiting: deque[_Row] = deque()
        self._wake = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(
            target=self._work, name=f"onbook-engine-{model.name}", daemon=True
        )
        self._thread.start()

    async def run(self, request: Request) -> Reply:
        """Reads and writes one line; cancelling frees its row at the next step.

        Raises EngineBusy when too many wait, and EngineClosed.
        """
        if (
            len(request.prompt) == 0
            or request.state.shape != (self.model.state_size,)
            or (request.sampling and request.limit < 1)
        ):
            # It would fail in the thread, and take other lines with it.
            raise ValueError("a request without a prompt, a limit, or a state of the voice's size")
        row = _Row(request, Future())
        with self._wake:
            if self._closed:
                raise EngineClosed
            if len(self._waiting) >= self.queue:
                raise EngineBusy
            self._waiting.append(row)
            self._wake.notify()
        return await asyncio.wrap_future(row.future)

    def close(self) -> None:
        """Gives up the lines in hand and ends the thread; returns when it has ended."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    def _work(self) -> None:
        rows: list[_Row] = []
        tokens = np.empty(self.rows, np.int64)
        states = np.empty((self.rows, self.model.state_size), np.float32)
        while self._admit(rows, tokens, states):
            try:
                self._step(rows, tokens, states)
            except Exception as error:
                # These rows cannot go on, but the next ones may.
                log.exception("a step of the voice %s failed", self.model.name)
                for row in rows:
                    _settle(row.future, error)
                rows.clear()
        for row in (*rows, *self._waiting):
            _settle(row.future, EngineClosed())

    def _admit(self, rows: list[_Row], tokens: Tokens, states: States) -> bool:
        """Lets waiting requests in, and waits while there are none; False when closed."""
        with self._wake:
            while not (rows or self._waiting or self._closed):
                self._wake.wait()
            while self._waiting and len(rows) < self.rows:
                row = self._waiting.popleft()
                tokens[len(rows)] = row.request.prompt[0]
                states[len(rows)] = row.request.state
                rows.append(row)
            return not self._closed

    def _step(self, rows: list[_Row], tokens: Tokens, states: States) -> None:
        count = len(rows)
        logits, states[:count] = self.model.step(tokens[:count], states[:count])
        self._read_on(rows, tokens)
        self._write_on(rows, logits, tokens)
        self._leave(rows, tokens, states)

    def _read_on(self, rows: list[_Row], tokens: Tokens) -> None:
        for i, row in enumerate(rows):
            row.read += 1
            if row.read < len(row.request.prompt):
                tokens[i] = row.request.prompt[row.read]

    def _write_on(self, rows: list[_Row], logits: Logits, tokens: Tokens) -> None:
        """Draws a character in every row that has read its prompt."""
        chosen = [
            (i, row, row.request.sampling)
            for i, row in enumerate(rows)
            if row.request.sampling and row.read >= len(row.request.prompt)
        ]
        if not chosen:
            return
        writing = [i for i, _, _ in chosen]
        possible = logits[writing]
        for i, (_, row, _) in enumerate(chosen):
            if not row.written:
                # An element cannot begin with its end.
                possible[i, self.model.newline] = -np.inf
        tokens[writing] = draw(
            possible,
            np.array([sampling.temperature for _, _, sampling in chosen]),
            np.array([sampling.top_p for _, _, sampling in chosen]),
            np.array([row.random[len(row.written)] for _, row, _ in chosen]),
        )
        for i, row, _ in chosen:
            row.written.append(int(tokens[i]))

    def _leave(self, rows: list[_Row], tokens: Tokens, states: States) -> None:
        """Takes out the rows that are done or given up; the last row moves into the gap."""
        for i in reversed(range(len(rows))):
            row = rows[i]
            reply = self._reply(row, states[i])
            if reply is None and not row.future.cancelled():
                continue
            if reply is not None:
                _settle(row.future, reply)
            last = len(rows) - 1
            tokens[i], states[i], rows[i] = tokens[last], states[last], rows[last]
            rows.pop()

    def _reply(self, row: _Row, state: States) -> Reply | None:
        """What came of the row, if it is done."""
        if row.read < len(row.request.prompt):
            return None
        if row.request.sampling is None:
            return Reply([], state.copy(), ended=True)
        ended = row.written[-2:] == [self.model.newline] * 2
        if ended or len(row.written) >= row.request.limit:
            return Reply(row.written, state.copy(), ended)
        return None


def _settle(future: Future[Reply], outcome: Reply | Exception) -> None:
    """Answers the caller, unless the caller has gone."""
    if not future.set_running_or_notify_cancel():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
