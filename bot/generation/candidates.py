"""Candidates: write several versions of one line side by side with one model.

The first candidate is written alone. It decides who speaks, or that nobody does, so that the choice
among the candidates changes the words of a script and not its turn-taking. The others share
everything before their words, which is read once.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from ..inference.engine import Engine, EngineLoad
from ..inference.request import NoContinuation, Request
from ..screenplay.drafts import Draft
from ..screenplay.elements import Kind
from . import generator
from .generator import Lead
from .inputs import Manner, Standing
from .reranking import Candidate, seeds, shortlist, spoken_text, wanted_size

CROWD = 2
"""The work of an engine, in multiples of its rows, from which on a line has one candidate."""

READ_ALONE = 16
"""Candidates that are also read without their scene: the best by everything else."""

TOO_LONG = 2.0
"""The multiple of the wanted length at which candidates end, because a longer one is hardly ever
chosen, and the last few would take as long as all others."""

ROUND = 20
"""The characters to a multiple of which a limit is rounded."""

FIRSTS = 4
"""First candidates that may come out empty before a line is given up."""


async def write_candidates(
    engine: Engine, at: Standing, manner: Manner, owner: object, read_alone: int = READ_ALONE
) -> list[Candidate]:
    """Write at most `manner.candidates` candidates of a line; return none if all come out empty.

    A busy engine writes fewer. The first one and the best ``read_alone`` others are returned, with
    their bits without the scene. Raises what `Engine.run` raises.
    """
    own = seeds(manner.sampling.seed, manner.candidates + FIRSTS)
    first, rest = await _first(engine, at, manner, own, owner)
    if first is None:
        return []
    number = manner.candidates
    if not manner.whatever_load:
        number = affordable(engine.load, engine.rows, number)
    if first.element.kind is Kind.TRANSITION:
        number = 1  # others would have to be transitions too, which no request can ask for
    first = replace(first, origin=first.origin | {"candidates": number})
    if number == 1:
        return [Candidate.of(first)]
    measure = Candidate.of(first)
    limit = min(manner.limit, _longest(measure))
    shared = replace(manner.like(first.element), candidates=number, limit=limit)
    lead = await generator.read_lead(engine, at, shared, owner)
    drafts = await _all(
        _write_beside(engine, at, _seeded(shared, seed), owner, lead) for seed in rest[: number - 1]
    )
    others = [
        one for one in map(Candidate.of, drafts) if one.size <= limit or limit == manner.limit
    ]
    return await _read_alone(engine, shortlist([measure, *others], at.said, read_alone), owner)


def _longest(first: Candidate) -> int:
    """Return the characters at which other candidates end, which are then dropped.

    The number is round because lines with the same provenance share a row of the database.
    """
    return ROUND * math.ceil(TOO_LONG * wanted_size(first) / ROUND)


def affordable(load: EngineLoad, rows: int, wanted: int) -> int:
    """Return how many candidates an engine has room for beside its other work.

    They are half of the room, so that the next request finds the other half, and the waiting work
    never exceeds `CROWD` times the rows.
    """
    room = CROWD * rows - load.rows - load.waiting
    return max(1, min(wanted, room // 2))


async def _first(
    engine: Engine, at: Standing, manner: Manner, own: Sequence[int], owner: object
) -> tuple[Draft | None, Sequence[int]]:
    """Write the first candidate that is not empty; return it and the seeds of the others."""
    for number, seed in enumerate(own[:FIRSTS], 1):
        try:
            first = await generator.write(engine, at, _seeded(manner, seed), owner)
        except NoContinuation:
            if number == FIRSTS:
                raise
            continue
        if first is not None:
            return first, own[number:]
    return None, []


def _seeded(manner: Manner, seed: int) -> Manner:
    return replace(manner, sampling=replace(manner.sampling, seed=seed))


async def _write_beside(
    engine: Engine, at: Standing, manner: Manner, owner: object, lead: Lead
) -> Draft | None:
    async with engine.candidate_slots:
        return await generator.write(engine, at, manner, owner, lead)


async def _all(candidates: Iterable[Awaitable[Draft | None]]) -> list[Draft]:
    """Return the candidates that are not empty; raises what one does, but for `NoContinuation`."""
    found = await asyncio.gather(*candidates, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException) and not isinstance(one, NoContinuation):
            raise one
    return [one for one in found if isinstance(one, Draft)]


async def _read_alone(
    engine: Engine, candidates: Sequence[Candidate], owner: object
) -> list[Candidate]:
    """Return candidates with their bits after the cue alone, which all of them share."""
    model = engine.model
    text = candidates[0].draft.element.text
    cue = f"\n{text}\n".removesuffix(spoken_text(candidates[0].draft))
    before = model.encode(cue[:-1])
    state = model.start()
    if len(before):
        state = (await engine.run(Request(state, before, owner=owner))).state
    last = model.encode(cue[-1:])
    replies = await asyncio.gather(
        *(
            engine.run(
                Request(
                    state,
                    np.concatenate([last, model.encode(spoken_text(one.draft))]),
                    owner=owner,
                )
            )
            for one in candidates
        )
    )
    return [
        replace(one, alone=float(reply.surprise.sum()))
        for one, reply in zip(candidates, replies, strict=True)
    ]
