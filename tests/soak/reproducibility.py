"""Check that a line is the same, bit for bit, in all circumstances.

    python -m tests.soak.reproducibility --lines 1000

The program draws random requests with all controls, and writes each line four times: alone, among
others that join and leave, after a cancellation and a restart of the engine, and from a state that
was read from the text again. It prints how many lines differ, which must be none.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tyro

from bot.errors import NoContinuation
from bot.generation.generator import build_automaton
from bot.inference.batch import Batch
from bot.inference.engine import Engine
from bot.inference.model import Model
from bot.inference.request import Completion, Request
from bot.inference.row_store import Row
from bot.inference.sampling import LARGEST_SEED, Sampling
from bot.inference.word_filter import build_word_filter
from bot.screenplay.elements import Kind
from tests.voice_option import STAGE, VoiceFile

BEGINNING = "\n.THE COURT OF MAYA\n\nEnter MAYA and JONAS\n\nMAYA\nMy lord, my lord, good morrow.\n"
"""The beginning of every script."""

LATER = ("\nJONAS\nWhat news, and from whom?\n", "\nMAYA\nNone, my lord.\n", "\nExit JONAS\n")

OPENINGS = ("\n", "\nMAYA\n", "\nJONAS\n(aside)\n")

BANNED = ("the", "of the", "my lord", "and", "a", "king", "thou art")

ROWS = 64


@dataclass
class Findings:
    """The counts of all requests."""

    lines: int = 0
    differing: int = 0
    speechless: int = 0
    """Requests without a possible continuation."""
    rows: Counter[int] = field(default_factory=Counter)
    """The number of steps by the number of rows."""


def draw_request(model: Model, chance: random.Random) -> tuple[str, Request]:
    """Draw the text before a line, and a request for it with random controls, without a state."""
    before = BEGINNING + "".join(chance.choices(LATER, k=chance.randrange(4)))
    opening = chance.choice(OPENINGS)
    speaking = opening != "\n"
    kinds = [None] if speaking else [None, Kind.ACTION, Kind.HEADING, Kind.DIALOGUE]
    cast = chance.choice([(), ("MAYA", "JONAS")])
    guided, kind = chance.random() < 0.5, chance.choice(kinds)
    locked = guided and bool(cast) and kind is None and not speaking
    sampling = Sampling(
        seed=chance.randrange(LARGEST_SEED),
        temperature=chance.uniform(0.1, 2.0),
        top_p=chance.choice([1.0, chance.uniform(0.05, 1.0)]),
        min_p=chance.choice([0.0, chance.uniform(0.0, 0.3)]),
        repetition=chance.choice([0.0, chance.uniform(0.0, 2.0)]),
        company=chance.choice([0.0, chance.uniform(0.1, 2.0)]),
        length=chance.choice([0, chance.randrange(1, 120)]),
    )
    banned = BANNED[: chance.randrange(len(BANNED) + 1)]
    request = Request(
        state=model.start(),
        prompt=model.encode(opening),
        sampling=sampling,
        limit=chance.randrange(1, 200),
        context=model.encode(before),
        automaton=build_automaton(model.vocabulary, kind, cast, speaking) if guided else None,
        banned=build_word_filter(model.vocabulary, banned) if banned else None,
        bars_words=chance.random() < 0.9,
        present=tuple(model.encode(f"{name}\n") for name in cast),
        lock=locked,
        owner=chance.randrange(8),
    )
    return before, request


async def examine(path: Path, lines: int, seed: int = 1) -> Findings:
    """Write a number of lines, each in four ways."""
    chance = random.Random(seed)
    found = Findings(lines)
    model = Model.load(path)
    engine = _Counting(model, found.rows)
    drawn = [draw_request(model, chance) for _ in range(lines)]
    states = {before: await _read(engine, before) for before, _ in drawn}
    requests = [dataclasses.replace(request, state=states[before]) for before, request in drawn]
    alone = [await _outcome(engine, request) for request in requests]
    among = await _among_others(engine, requests, chance)
    cut = [asyncio.create_task(_outcome(engine, request)) for request in requests[:ROWS]]
    await asyncio.sleep(0.02)
    for task in cut:
        task.cancel()
    await asyncio.wait(cut)
    await asyncio.to_thread(engine.close)
    engine = _Counting(Model.load(path), found.rows)
    again = await _among_others(engine, requests, chance)
    read_again = {before: await _read(engine, before) for before in states}
    from_text = await _among_others(
        engine,
        [dataclasses.replace(request, state=read_again[before]) for before, request in drawn],
        chance,
    )
    await asyncio.to_thread(engine.close)
    found.speechless = sum(outcome is None for outcome in alone)
    found.differing = sum(
        len(set(outcomes)) > 1 for outcomes in zip(alone, among, again, from_text, strict=True)
    )
    return found


class _Counting(Engine):
    """An engine that counts the rows of its steps."""

    def __init__(self, model: Model, seen: Counter[int]) -> None:
        class Counted(Batch):
            def step(self) -> list[Row]:
                seen[len(self.rows)] += 1
                return super().step()

        self.batch_class = Counted
        super().__init__(model, rows=ROWS)


async def _among_others(
    engine: Engine, requests: Sequence[Request], chance: random.Random
) -> list[object]:
    """Run all requests in random order, in a varying number of rows."""
    outcomes: list[object] = [None] * len(requests)
    order = chance.sample(range(len(requests)), len(requests))
    most = 1

    async def write(i: int) -> None:
        outcomes[i] = await _outcome(engine, requests[i])

    running: set[asyncio.Task[None]] = set()
    for i in order:
        running.add(asyncio.create_task(write(i)))
        most = most % ROWS + 1
        while len(running) >= most:
            _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    if running:
        await asyncio.wait(running)
    return outcomes


async def _outcome(engine: Engine, request: Request) -> tuple[object, ...] | None:
    """Return a reply in a form that compares bit for bit; None if nothing can be said."""
    try:
        reply: Completion = await engine.run(request)
    except NoContinuation:
        return None
    return (tuple(reply.written), reply.state.tobytes(), reply.surprisal.tobytes())


async def _read(engine: Engine, text: str) -> np.ndarray:
    model = engine.model
    return (await engine.run(Request(model.start(), model.encode(text)))).state


def main(lines: int = 1000, voice: VoiceFile = STAGE) -> int:
    """Print how many lines differed; return the exit code: 1 if any did, or lines were too few.

    Args:
        lines: The number of lines.
        voice: The voice file.
    """
    found = asyncio.run(examine(voice, lines))
    missing = sorted(set(range(1, ROWS + 1)) - found.rows.keys())
    print(
        f"{found.lines:,} lines, each written in four ways: {found.differing} differ; "
        f"{found.speechless} had no possible continuation. Rows in a step: "
        f"{min(found.rows)} to {max(found.rows)}, never: {missing or 'none'}."
    )
    if missing:
        print(f"Too few lines for all numbers of rows from 1 to {ROWS}: give more --lines.")
    return 1 if found.differing or missing else 0


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m tests.soak.reproducibility", description=__doc__))
