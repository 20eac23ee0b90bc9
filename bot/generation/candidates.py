"""Write several candidates for one line side by side with one model.

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

from ..errors import NoContinuation
from ..inference.engine import EngineLoad
from ..screenplay.drafts import Draft
from ..screenplay.elements import Kind
from . import generator
from .inputs import GenerationContext, GenerationOptions
from .openings import PrimedModel
from .reranking import Candidate, compute_wanted_size, make_seeds, shortlist, strip_cue

LOAD_LIMIT = 2
"""The work of an engine, in multiples of its rows, from which on a line has one candidate."""

SHORTLIST_SIZE = 16
"""Candidates that are also read without their scene: the best by everything else."""

SPEECH_RATIO, ACTION_RATIO = 2.0, 4.0
"""The multiples of the wanted length at which candidates end, because a longer one is hardly ever
chosen, and the last few would take as long as all others. Action is mostly longer than wanted, so
that hardly any would come to its end at the lower multiple."""

LIMIT_STEP = 20
"""The characters to a multiple of which a limit is rounded."""

MAX_EMPTY_FIRST = 4
"""First candidates that may come out empty before a line is given up."""


async def write_candidates(
    context: GenerationContext, options: GenerationOptions, shortlist_size: int = SHORTLIST_SIZE
) -> list[Candidate]:
    """Write at most `options.candidates` candidates of a line; return none if all come out empty.

    A busy engine writes fewer. The first candidate and the best ``shortlist_size`` others are
    returned, with their bits without the scene, which a lone candidate lacks. Raises what
    `Engine.run` raises.
    """
    seeds = make_seeds(options.sampling.seed, options.candidates + MAX_EMPTY_FIRST)
    first, other_seeds = await _write_first(context, options, seeds)
    if first is None:
        return []
    engine, count = context.primed.engine, options.candidates
    if not options.ignores_load:
        count = limit_candidates(engine.load, engine.rows, count)
    if first.element.kind is Kind.TRANSITION:
        count = 1  # others would have to be transitions too, which no request can ask for
    first = replace(first, origin=first.origin | {"candidates": count})
    first_candidate = Candidate.of(first)
    if count == 1:
        return [first_candidate]
    limit = min(options.limit, _limit_length(first_candidate))
    shared_options = replace(options.share_beginning(first.element), candidates=count, limit=limit)
    prefix = await generator.read_prefix(context, shared_options)

    async def write_beside(seed: int) -> Draft | None:
        async with engine.candidate_slots:
            return await generator.generate(context, _with_seed(shared_options, seed), prefix)

    drafts = await _gather_nonempty(map(write_beside, other_seeds[: count - 1]))
    others = [
        candidate
        for candidate in map(Candidate.of, drafts)
        if candidate.size <= limit or limit == options.limit
    ]
    best = shortlist([first_candidate, *others], context.recent_texts, shortlist_size)
    return await _score_without_scene(context.primed, best)


def _limit_length(first: Candidate) -> int:
    """Return the length in characters at which other candidates are cut off, and then dropped.

    The number is round because lines with the same provenance share a row of the database.
    """
    ratio = ACTION_RATIO if first.draft.element.kind is Kind.ACTION else SPEECH_RATIO
    return LIMIT_STEP * math.ceil(ratio * compute_wanted_size(first) / LIMIT_STEP)


def limit_candidates(load: EngineLoad, rows: int, requested: int) -> int:
    """Return how many candidates an engine has room for beside its other work.

    They are half of the room, so that the next request finds the other half, and the waiting work
    never exceeds `LOAD_LIMIT` times the rows.
    """
    free = LOAD_LIMIT * rows - load.rows - load.waiting
    return max(1, min(requested, free // 2))


async def _write_first(
    context: GenerationContext, options: GenerationOptions, seeds: Sequence[int]
) -> tuple[Draft | None, Sequence[int]]:
    """Write the first candidate that is not empty; return it and the seeds of the others."""
    for attempt, seed in enumerate(seeds[:MAX_EMPTY_FIRST], 1):
        try:
            first = await generator.generate(context, _with_seed(options, seed))
        except NoContinuation:
            if attempt == MAX_EMPTY_FIRST:
                raise
            continue
        if first is not None:
            return first, seeds[attempt:]
    return None, []


def _with_seed(options: GenerationOptions, seed: int) -> GenerationOptions:
    return replace(options, sampling=replace(options.sampling, seed=seed))


async def _gather_nonempty(candidates: Iterable[Awaitable[Draft | None]]) -> list[Draft]:
    """Return the candidates that are not empty; raise what one does, but for `NoContinuation`."""
    results = await asyncio.gather(*candidates, return_exceptions=True)
    for candidate in results:
        if isinstance(candidate, BaseException) and not isinstance(candidate, NoContinuation):
            raise candidate
    return [candidate for candidate in results if isinstance(candidate, Draft)]


async def _score_without_scene(
    primed: PrimedModel, candidates: Sequence[Candidate]
) -> list[Candidate]:
    """Return candidates with their bits after the cue alone, which all of them share."""
    model = primed.model
    text = candidates[0].draft.element.text
    cue = f"\n{text}\n".removesuffix(strip_cue(candidates[0].draft))
    before = model.encode(cue[:-1])
    state = model.start()
    if len(before):
        state = (await primed.read(state, before)).state
    last = model.encode(cue[-1:])
    prompts = [np.concatenate([last, model.encode(strip_cue(one.draft))]) for one in candidates]
    completions = await asyncio.gather(*(primed.read(state, prompt) for prompt in prompts))
    return [
        replace(candidate, bits_without_scene=float(completion.surprise.sum()))
        for candidate, completion in zip(candidates, completions, strict=True)
    ]
