"""Judge who speaks: free runs of a voice, written by the bot's own drafter as a session does.

A run begins with a heading and a cast, and goes on for ten elements with nothing in its way. Two
shares say how the turns were taken: of transitions from one speech to the next, actions between
them or not, those that leave the floor to the same speaker; and of runs, those in which each of the
cast was heard.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from bot.generation import prefill
from bot.generation.inputs import GenerationContext, prime_model
from bot.inference.engine import Engine
from bot.inference.model import Model
from bot.screenplay.elements import Element
from bot.screenplay.free_text import make_heading
from bot.session.banned_words import read_words
from bot.session.drafting import Drafter
from bot.session.turn import ContinueRequest
from bot.settings import Settings
from bot.storage.schema import Script
from tests.tools.tables import format_head, format_row

ELEMENTS = 10
CASTS = (2, 3, 5)
"""Numbers of speakers in the casts."""

HEADS = ("in the cast", "the same speaker twice", "all heard", "speeches")

LEGEND = (
    f"Runs of {ELEMENTS} elements. Twice: of transitions between speeches, also across actions; "
    "at most 15% are wanted. All heard: of the runs; at least 95% of those of two and three are "
    "wanted. Speeches: of the elements."
)

NAMES = (
    *("MAYA", "JONAS", "MRS. BELL", "THE DUKE", "FOOL", "ANNA", "OLD TOM", "VERA", "LEONARD"),
    *("MARIA", "MARTIN", "SERGEANT", "IDA", "THEO", "MESSENGER", "NURSE", "LORD ASH", "PIP"),
)
"""The names for the casts; some begin alike, as real names do."""

PLACES = ("a kitchen", "the harbour", "a street", "the garden", "a waiting room", "the hall")
"""The places in which runs begin."""


@dataclass(frozen=True)
class Run:
    """A cast, and the lines written with it."""

    cast: tuple[str, ...]
    elements: tuple[Element, ...]

    @property
    def speakers(self) -> list[str]:
        """Return the speakers in the order of their speeches."""
        return [element.cue for element in self.elements if element.cue]


class TurnTaking(NamedTuple):
    """The shares of some runs, from 0 to 1."""

    twice: float
    """Share of the transitions between speeches that go to the same speaker."""
    heard: float
    """Share of the runs in which each of the cast speaks."""
    speeches: float
    """Share of the elements that are speeches."""


def table(model: Model, runs: int, settings: Settings) -> str:
    """Return a voice's turn-taking as Markdown, by the size of the cast."""
    rows = format_head(HEADS, labels=0)
    for cast in CASTS:
        shares = measure(asyncio.run(free_runs(model, cast, runs, settings)))
        rows.append(format_row([str(cast), *(f"{share:.1%}" for share in shares)]))
    return "\n".join([*rows, "", LEGEND])


def measure(runs: Sequence[Run]) -> TurnTaking:
    """Return the shares of runs; nan for a share of nothing."""
    transitions = [speaker == other for run in runs for speaker, other in pairwise(run.speakers)]
    heard = [set(run.cast) <= set(run.speakers) for run in runs]
    speeches = [element.cue is not None for run in runs for element in run.elements]
    return TurnTaking(_share(transitions), _share(heard), _share(speeches))


async def free_runs(
    model: Model, cast: int, runs: int, settings: Settings, lines: Sequence[Element] = ()
) -> list[Run]:
    """Write runs with a voice; the same arguments give the same runs.

    Args:
        model: The voice.
        cast: The number of speakers in each run, of `NAMES`.
        runs: The number of runs, each with its own cast, place and seed.
        settings: The operator's settings.
        lines: Elements by a person that are read after the heading of each run.
    """
    engine = Engine(model)
    chance = random.Random(1)
    begun = [
        (tuple(chance.sample(NAMES, cast)), make_heading(chance.choice(PLACES)), seed)
        for seed in range(1, 1 + runs * ELEMENTS, ELEMENTS)
    ]
    try:
        return await asyncio.gather(
            *(_run(engine, settings, names, [place, *lines], seed) for names, place, seed in begun)
        )
    finally:
        await asyncio.to_thread(engine.close)


async def _run(
    engine: Engine, settings: Settings, cast: tuple[str, ...], begin: Sequence[Element], seed: int
) -> Run:
    """Write one run, as a session writes the lines of one turn below a person's."""
    drafter = Drafter(settings)
    script = Script(
        channel=seed,
        cast=list(cast),
        players={},
        preferences={"lock": True, "temperature": settings.temperature, "top_p": settings.top_p},
    )
    primed = await prime_model(engine, None, seed)
    at = GenerationContext.of(primed, primed.start, [])
    for element in begin:
        read = await prefill.read_element(primed, at.state, element, author=0, name="")
        at = at.append(read, read.state)
    elements: list[Element] = []
    banned = read_words(settings.banned)
    for manner in drafter.make_line_options(script, ContinueRequest(lines=ELEMENTS), banned, seed):
        draft = await drafter.draft_line(at, manner)
        at = at.append(draft, draft.state)
        elements.append(draft.element)
    return Run(cast, tuple(elements))


def _share(kept: Sequence[bool]) -> float:
    return sum(kept) / len(kept) if kept else float("nan")
