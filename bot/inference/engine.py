"""Read and write many lines at once in a thread, tokens in and tokens out."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import weakref
from collections import OrderedDict, deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

import numpy as np

from ..errors import EngineClosed
from .batch import Batch
from .model import Model
from .request import LONGEST_LINE, Completion, Request
from .row_store import Row
from .sampling import LARGEST_SEED

STINT = 0.01
"""Seconds after which the thread lets the event loop go first: several steps of a full batch."""

PATIENCE = 0.1
"""Seconds for which the thread waits for the event loop, so that a loop that hangs stops no
lines."""

log = logging.getLogger("onbook.engine")


@dataclass(frozen=True)
class EngineLoad:
    """Count the lines that wait or run in an engine, and all characters since its start."""

    waiting: int
    """Lines and candidates that wait for a place in the batch."""
    rows: int
    """Lines and candidates in the batch."""
    read: int
    """Characters of the prompts of lines that have succeeded."""
    written: int
    """Characters written in these lines, including those of rejected candidates."""


class Engine:
    """Take batched steps for all current lines in one thread (continuous batching).

    Rows join and leave between steps. What a row writes depends on its request alone, not on the
    rows beside it. The thread ends when the engine is closed or garbage-collected. At most ``rows``
    lines are in the batch; the others wait for a place, and their owners take turns.
    """

    def __init__(self, model: Model, rows: int = 64) -> None:
        self.model = model
        self.rows = rows
        # The thread must not refer to the engine, because that would keep the engine alive.
        self._thread = _EngineThread(model, rows)
        self._thread.start()
        self._end = weakref.finalize(self, self._thread.end)

    def run(self, request: Request) -> asyncio.Future[Completion]:
        """Read and write one line, which counts in `load` from now on; return its future.

        A line that is cancelled leaves the batch before the next step.

        Raises:
            EngineClosed: The engine was closed.
            NoContinuation: The line says a banned word, or has no possible continuation.
            NonFiniteOutput: The model is damaged.
            ValueError: The request is not meant for this model.
        """
        self._check(request)
        row = Row(request, asyncio.get_running_loop().create_future())
        self._thread.take(row)
        # This also keeps the engine alive until the line is done.
        row.future.add_done_callback(self._notice)
        return row.future

    @property
    def load(self) -> EngineLoad:
        """Return how much work the engine has at this moment; any thread may call this."""
        return self._thread.load()

    @property
    def works(self) -> bool:
        """Return whether the engine accepts lines: it is open and has not failed."""
        return not self._thread.closed

    def close(self) -> None:
        """Stop the thread, and wait until it stops; all current lines fail with EngineClosed."""
        self._end()
        self._thread.join()

    def _notice(self, future: asyncio.Future[Completion]) -> None:
        """Note that a line was cancelled, so that the thread looks for it."""
        if future.cancelled():
            self._thread.given_up = True

    def _check(self, request: Request) -> None:
        """Raise ValueError for a request that would fail in the thread."""
        prompt, state, characters = request.prompt, request.state, len(self.model.vocabulary)
        if prompt.ndim != 1 or not prompt.size or prompt.min() < 0 or prompt.max() >= characters:
            raise ValueError("the prompt must be tokens of the model, at least one")
        if state.shape != (self.model.state_size,) or state.dtype != np.float32:
            raise ValueError("the state must be float32, of the size of the model's")
        if request.sampling and not 0 <= request.sampling.seed <= LARGEST_SEED:
            raise ValueError(f"the seed must be from 0 to {LARGEST_SEED}")
        if request.sampling and not 1 <= request.limit <= LONGEST_LINE:
            raise ValueError(f"the limit must be from 1 to {LONGEST_LINE}")


class _EngineThread(threading.Thread):
    """Run the queue and the batch of an engine.

    The thread shares the interpreter lock with the event loop and, on a busy machine, a core. It
    lets the loop go first. A lower priority would do the reverse: a thread that loses its core
    while it holds the lock keeps the loop waiting.
    """

    def __init__(self, model: Model, rows: int) -> None:
        super().__init__(name=f"onbook-engine-{model.name}", daemon=True)
        self.model = model
        self.rows = rows
        # By owner, in the order in which owners are served.
        self._waiting: OrderedDict[object, deque[Row]] = OrderedDict()
        self._wake = threading.Condition()
        self._loop_ran = threading.Event()
        self._stint_began = 0.0
        self._rows: list[Row] = []
        self._read = self._written = 0
        self.closed = False
        """True once the thread takes no more rows."""
        self.given_up = False
        """True if a row may have been cancelled."""

    def take(self, row: Row) -> None:
        """Queue a row; raise EngineClosed."""
        with self._wake:
            if self.closed:
                raise EngineClosed
            self._waiting.setdefault(row.request.owner, deque()).append(row)
            self._wake.notify()

    def load(self) -> EngineLoad:
        with self._wake:
            waiting = sum(not row.future.cancelled() for row in self._list_waiting())
        return EngineLoad(waiting, len(self._rows), self._read, self._written)

    def _list_waiting(self) -> list[Row]:
        return list(chain.from_iterable(self._waiting.values()))

    def end(self) -> None:
        """Stop the thread after the current step."""
        with self._wake:
            self.closed = True
            self._wake.notify()

    def run(self) -> None:
        try:
            batch = Batch(self.model, self.rows)
            self._rows = batch.rows
            # Results that are not finite are detected when a row ends, see `Batch.outcome`.
            with np.errstate(invalid="ignore"):
                self._work_on(batch)
        except Exception:
            log.exception("engine of model %s failed and has ended", self.model.name)
        finally:
            with self._wake:
                self.closed = True
                waiting = self._list_waiting()
            for row in (*self._rows, *waiting):
                _post_outcome(row.future, EngineClosed())

    def _work_on(self, batch: Batch) -> None:
        while self._admit(batch):
            if not batch.rows:
                continue  # because all new rows were cancelled
            self._let_loop_run(batch.rows[0].future.get_loop())
            try:
                done = batch.step()
            except Exception:
                log.exception("step of model %s failed", self.model.name)
                # Rows that fail alone are removed, and the others repeat the step without them.
                done = batch.failing()
            if done:
                outcomes = [batch.outcome(row) for row in done]
                # The places are freed first, so that callers see them free in `load`.
                batch.remove(done)
                for row, outcome in zip(done, outcomes, strict=True):
                    if isinstance(outcome, Completion):
                        self._read += len(row.request.prompt)
                        self._written += len(outcome.written)
                    _post_outcome(row.future, outcome)

    def _let_loop_run(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait, once per stint, until the event loop has done what it has to do."""
        if time.monotonic() - self._stint_began < STINT:
            return
        self._loop_ran.clear()
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(self._loop_ran.set)
            self._loop_ran.wait(PATIENCE)
        self._stint_began = time.monotonic()

    def _admit(self, batch: Batch) -> bool:
        """Wait until there is a row, and admit the waiting rows; return False when closed."""
        if self.given_up:
            self.given_up = False
            batch.remove([row for row in batch.rows if row.future.cancelled()])
        if batch.rows and not self._waiting and not self.closed:
            return True
        with self._wake:
            while not (batch.rows or self._waiting or self.closed):
                self._wake.wait()
            new: list[Row] = []
            while self._waiting and len(batch.rows) + len(new) < self.rows:
                row = self._next()
                if not row.future.cancelled():
                    new.append(row)
            closed = self.closed
        if new:
            batch.add(new)
        return not closed

    def _next(self) -> Row:
        """Take the longest waiting row of the owner whose turn it is."""
        owner, rows = self._waiting.popitem(last=False)
        row = rows.popleft()
        if rows:
            self._waiting[owner] = rows  # as the last to be served
        return row


def _post_outcome(future: asyncio.Future[Completion], outcome: Completion | Exception) -> None:
    """Answer the caller from the engine's thread, unless the caller's event loop is closed."""
    with suppress(RuntimeError):
        future.get_loop().call_soon_threadsafe(_set_outcome, future, outcome)


def _set_outcome(future: asyncio.Future[Completion], outcome: Completion | Exception) -> None:
    """Set the result of a future that has not been cancelled in the meantime."""
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
