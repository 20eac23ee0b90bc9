"""Engine: many lines at once. Token ids in, token ids out; it knows neither text nor Discord."""

from __future__ import annotations

import asyncio
import logging
import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

import numpy as np

from .batch import Batch, Row
from .model import Model
from .processors.recall import Lexicon
from .request import LONGEST_LINE, NoNumber, NothingLeft, Reply, Request
from .sampling import LARGEST_SEED

__all__ = [
    "Engine",
    "EngineBusy",
    "EngineClosed",
    "Load",
    "NoNumber",
    "NothingLeft",
    "Reply",
    "Request",
]

log = logging.getLogger("onbook.engine")


class EngineBusy(Exception):
    """More lines wait than the engine accepts: come back in a moment."""


class EngineClosed(Exception):
    """The engine is shutting down and takes no more lines."""


@dataclass(frozen=True)
class Load:
    """What an engine has to do, and what it has done since it began."""

    waiting: int
    """Lines that wait for a place."""
    rows: int
    """Lines that are read or written side by side."""
    read: int
    """Characters of the lines that have ended well, as far as they were given."""
    written: int
    """Characters of the same lines that were written, also of those that nobody chose."""


class Engine:
    """One thread that takes one batched step after another for all the lines in hand.

    Rows join and leave between steps. What a row writes depends on its request alone, not on the
    rows beside it. The thread ends when the engine is closed, or when nobody has it any more.
    """

    make_batch = Batch
    """How the rows are kept; whoever wants to watch the steps gives another."""

    def __init__(self, model: Model, rows: int = 64, queue: int = 256) -> None:
        self.model = model
        self.rows = rows
        self.queue = queue
        self._lexicon: Lexicon | None = None
        self._counting = threading.Lock()
        self.beside = asyncio.Semaphore(rows)
        """Held for each row that is only one of many for the same line, so that others find room.

        Those who wait for it take turns as they came, and fill no queue meanwhile.
        """
        # It has no way back to the engine, or it would keep it for ever.
        self._thread = _Work(model, rows, self.make_batch)
        self._thread.start()
        self._end = weakref.finalize(self, self._thread.end)

    async def run(self, request: Request) -> Reply:
        """Reads and writes one line; cancelling frees its row at the next step.

        Raises EngineBusy when too many wait, EngineClosed, NothingLeft when nothing can be said
        without what must not be, NoNumber for a voice that is damaged.
        """
        self._check(request)
        row = Row(request, asyncio.get_running_loop().create_future())
        self._thread.take(row, self.queue)
        return await row.future

    @property
    def lexicon(self) -> Lexicon:
        """Return the characters and common words of the voice.

        Counting the words takes a good part of a second, once: not for the event loop.
        """
        with self._counting:
            self._lexicon = self._lexicon or Lexicon.of(self.model)
        return self._lexicon

    @property
    def load(self) -> Load:
        """What it does at this moment, asked from any thread."""
        return self._thread.load()

    @property
    def works(self) -> bool:
        """Whether it takes lines: it was not closed, and has not failed."""
        return not self._thread.closed

    def close(self) -> None:
        """Gives up the lines in hand and ends the thread; returns when it has ended."""
        self._end()
        self._thread.join()

    def _check(self, request: Request) -> None:
        """Refuses what would fail in the thread."""
        prompt, state = request.prompt, request.state
        if (
            prompt.ndim != 1
            or len(prompt) == 0
            or prompt.min() < 0
            or prompt.max() >= len(self.model.vocabulary)
        ):
            raise ValueError("a request needs a prompt of the voice's characters")
        if state.shape != (self.model.state_size,) or state.dtype != np.float32:
            raise ValueError("a request needs a state of the voice's size")
        if request.sampling and not 0 <= request.sampling.seed <= LARGEST_SEED:
            raise ValueError(f"a line needs a seed from 0 to {LARGEST_SEED}")
        if request.sampling and not 1 <= request.limit <= LONGEST_LINE:
            raise ValueError(f"a line needs a limit from 1 to {LONGEST_LINE}")


class _Work(threading.Thread):
    """The thread of an engine, and the rows in it."""

    def __init__(self, model: Model, rows: int, make_batch: Callable[[Model, int], Batch]) -> None:
        super().__init__(name=f"onbook-engine-{model.name}", daemon=True)
        self.model = model
        self.rows = rows
        self.make_batch = make_batch
        # By owner, who take turns: dictionaries keep their order.
        self._waiting: OrderedDict[object, deque[Row]] = OrderedDict()
        self._wake = threading.Condition()
        self._given_up = False
        self._rows: list[Row] = []
        self._read = self._written = 0
        self.closed = False
        """Whether it takes no more rows."""

    def take(self, row: Row, queue: int) -> None:
        """Lets a row wait for a place; raises EngineBusy where so many do, and EngineClosed."""
        with self._wake:
            if self.closed:
                raise EngineClosed
            if self._count_waiting() >= queue:
                raise EngineBusy
            self._waiting.setdefault(row.request.owner, deque()).append(row)
            self._wake.notify()
        row.future.add_done_callback(self._notice)

    def load(self) -> Load:
        """How many rows wait and are worked on, and what has come of those before."""
        with self._wake:
            waiting = self._count_waiting()
        return Load(waiting, len(self._rows), self._read, self._written)

    def _count_waiting(self) -> int:
        return sum(not row.future.cancelled() for rows in self._waiting.values() for row in rows)

    def end(self) -> None:
        """Gives up the rows, after the step that is being taken."""
        with self._wake:
            self.closed = True
            self._wake.notify()

    def _notice(self, future: asyncio.Future[Reply]) -> None:
        if future.cancelled():
            self._given_up = True

    def run(self) -> None:
        """Works until it is ended."""
        try:
            batch = self.make_batch(self.model, self.rows)
            self._rows = batch.rows
            # What a damaged voice says instead of numbers is noticed where it matters.
            with np.errstate(invalid="ignore"):
                self._work_on(batch)
        except Exception:
            log.exception("the engine of the voice %s has ended", self.model.name)
        finally:
            with self._wake:
                self.closed = True
                waiting = list(chain.from_iterable(self._waiting.values()))
            for row in (*self._rows, *waiting):
                _settle(row.future, EngineClosed())

    def _work_on(self, batch: Batch) -> None:
        """Takes step after step, until it is closed."""
        while self._admit(batch):
            if not batch.rows:
                continue  # all who came have gone again
            try:
                done = batch.step()
            except Exception:
                log.exception("a step of the voice %s failed", self.model.name)
                # Those that fail alone, too; the others try again without them.
                done = batch.failing() or batch.fail_all()
            if done:
                outcomes = [batch.outcome(row) for row in done]
                # Who gets an outcome, and looks at the load, finds the row's place free.
                batch.remove(done)
                for row, outcome in zip(done, outcomes, strict=True):
                    self._count(row, outcome)
                    _settle(row.future, outcome)

    def _count(self, row: Row, outcome: Reply | Exception) -> None:
        if isinstance(outcome, Reply):
            self._read += len(row.request.prompt)
            self._written += len(outcome.written)

    def _admit(self, batch: Batch) -> bool:
        """Lets waiting requests in, and waits while there are none; False when closed."""
        if self._given_up:
            self._given_up = False
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
        """The longest waiting request of the owner whose turn it is."""
        owner, rows = self._waiting.popitem(last=False)
        row = rows.popleft()
        if rows:
            self._waiting[owner] = rows  # at the end
        return row


def _settle(future: asyncio.Future[Reply], outcome: Reply | Exception) -> None:
    """Answers the caller, from the engine's thread, unless the caller's loop has gone."""
    with suppress(RuntimeError):
        future.get_loop().call_soon_threadsafe(_answer, future, outcome)


def _answer(future: asyncio.Future[Reply], outcome: Reply | Exception) -> None:
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
