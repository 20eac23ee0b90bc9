"""Measure the speed of several ways to write characters, called contestants."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count

import numpy as np

from bot.arrays import Tokens
from bot.errors import NoContinuation
from bot.inference.engine import Engine
from bot.inference.grammar import build_grammar
from bot.inference.model import Model
from bot.inference.processors.repetition import REACH
from bot.inference.request import Request
from bot.inference.sampling import Sampling
from bot.inference.word_filter import build_word_filter
from bot.screenplay.elements import Kind

Contestant = Callable[[float], float]
"""Write for some seconds; return the speed [characters/s]."""

TEMPERATURE, TOP_P = 0.7, 0.95

LIMIT = 300
"""The longest line, in characters."""

CAST = ("VIOLA", "ORSINO", "OLIVIA", "MARIA", "SIR TOBY BELCH", "MALVOLIO", "CLOWN")

BANNED_WORDS = 300

WARM_STEPS = 20
"""The number of steps before the clock starts."""

WARM_SECONDS = 0.2
"""The time before the clock starts for lines [s].

By then, rows no longer begin and end together, and caches and threads are warm.
"""


class Lines:
    """Requests for lines after a script, each with another seed.

    With ``controlled``, they have all controls, otherwise only temperature and top-p.
    """

    def __init__(self, model: Model, script: str, *, controlled: bool) -> None:
        self._state = model.start()
        self._context = model.encode(script)[-REACH:]
        for token in self._context:
            _, states = model.step(np.array([token]), self._state[None])
            self._state = states[0]
        self._newline = np.array([model.newline])
        self._seeds = count()
        self._controlled = controlled
        if controlled:
            self._automaton = build_grammar(model.vocabulary, Kind.DIALOGUE, CAST)
            self._banned = build_word_filter(model.vocabulary, rare_words(script))

    def request(self, limit: int = LIMIT) -> Request:
        """Return the next request."""
        seed = next(self._seeds)
        if not self._controlled:
            sampling = Sampling(seed, TEMPERATURE, TOP_P)
            return Request(self._state, self._newline, sampling, limit, self._context)
        return Request(
            self._state,
            self._newline,
            Sampling(seed, TEMPERATURE, TOP_P, 0.02, 1.0, length=limit // 2, company=1.0),
            limit,
            context=self._context,
            automaton=self._automaton,
            banned=self._banned,
            bars_words=True,
        )


def rare_words(script: str) -> list[str]:
    """Return words that occur once in a script.

    As banned words they are realistic: a voice often begins them, but seldom completes them.
    """
    seen = Counter(re.findall(r"[a-z]{5,}", script))
    rare = [word for word, times in seen.items() if times == 1]
    return rare[:: max(1, len(rare) // BANNED_WORDS)][:BANNED_WORDS]


# The engine ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """A line as its caller sees it, from the call to the text. Times are in seconds."""

    row: int
    began: float
    ended: float
    characters: int

    def within(self, first: float, last: float) -> float:
        """Return the number of characters between two times, at a constant speed."""
        both = min(self.ended, last) - max(self.began, first)
        return self.characters * max(0.0, both) / (self.ended - self.began)


async def written(engine: Engine, request: Request, row: int = 0) -> Written:
    """Write one line, which has no characters if there is no continuation."""
    began = time.perf_counter()
    try:
        text = engine.model.decode((await engine.run(request)).written)
    except NoContinuation:
        text = ""
    return Written(row, began, time.perf_counter(), len(text))


@asynccontextmanager
async def crowd(engine: Engine, lines: Lines, rows: int) -> AsyncIterator[asyncio.Queue[Written]]:
    """Write lines in several rows within the context, and yield a queue of these lines."""
    done = asyncio.Queue[Written]()

    async def write(row: int) -> None:
        while True:
            done.put_nowait(await written(engine, lines.request(), row))

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(write(row)) for row in range(rows)]
        await asyncio.sleep(WARM_SECONDS)
        yield done
        for task in tasks:
            task.cancel()


def engine(of: Engine, lines: Lines, rows: int) -> Contestant:
    """Return a contestant that writes lines with the engine, from the awaited call to the text."""

    async def write(seconds: float) -> float:
        async with crowd(of, lines, rows) as done:
            first = time.perf_counter()
            await asyncio.sleep(seconds)
            last = time.perf_counter()
            characters = 0.0
            # Wait for the lines that cross the last moment, because a part of them counts.
            writing = set(range(rows))
            while writing:
                line = await done.get()
                characters += line.within(first, last)
                if line.ended >= last:
                    writing.discard(line.row)
        return characters / (last - first)

    return lambda seconds: asyncio.run(write(seconds))


# Compared with ---------------------------------------------------------------------------------


def bare(model: Model, script: str, rows: int) -> Contestant:
    """Return a contestant that calls `session.run` on a real text, without sampling."""
    text = model.encode(script)
    columns = np.resize(text, (len(text) // rows, rows))
    states = np.zeros((rows, model.state_size), np.float32)

    def steps() -> Iterator[object]:
        nonlocal states
        for step in count():
            tokens: Tokens = columns[step % len(columns)]
            feeds = {"tokens": tokens, "state": states}
            logits, states = model.session.run(("logits", "next_state"), feeds)
            yield logits

    return stepping(steps, rows)


def stepping(steps: Callable[[], Iterator[object]], rows: int) -> Contestant:
    """Return a contestant that takes steps of one character in each row, after a warm-up."""

    def run(seconds: float) -> float:
        taking = steps()
        for _ in range(WARM_STEPS):
            next(taking)
        began = now = time.perf_counter()
        taken = 0
        while now < began + seconds:
            next(taking)
            taken += 1
            now = time.perf_counter()
        return taken * rows / (now - began)

    return run
