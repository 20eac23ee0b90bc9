"""Write several candidates for one line side by side with one model.

The first candidate is written alone. It decides who speaks, or that nobody does, so that the choice
among the candidates changes the words of a script and not its turn-taking. The others share
everything before their words, which is read once.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import replace

from ..errors import NoContinuation, RequestError
from ..i18n.catalogue import phrase
from ..inference.engine import EngineLoad
from ..inference.request import Completion
from ..screenplay.drafts import Draft
from ..screenplay.elements import Kind
from ..screenplay.fountain import parse_model_text
from . import generator
from .inputs import GenerationContext, GenerationOptions
from .prefill import Progress
from .reranking import Candidate, make_seeds

LOAD_LIMIT = 2
"""The work of an engine, in multiples of its rows, from which on a line has one candidate.

With the default settings, that is before requests are refused."""

MIN_SIZE = 20
"""The least wanted length of a line, in characters, with the newline that ends it."""

SPEECH_RATIO, ACTION_RATIO = 2.0, 4.0
"""The multiples of the wanted length at which candidates end, because a longer one is hardly ever
chosen, and the last few would take as long as all others. Action is mostly longer than wanted, so
that hardly any would come to its end at the lower multiple."""

CHOOSING_SECONDS = 5.0
"""Seconds after which a line is chosen among the candidates that are finished."""

LIMIT_STEP = 20
"""The characters to a multiple of which a limit is rounded."""

MAX_FIRST = 4
"""First candidates that are written in turn while they come out empty, say a banned word, or give
the last speaker the floor again."""

NOTHING_TO_SAY = phrase("The voice had nothing to say. Try again, or choose another mood.")


async def write_candidates(
    context: GenerationContext,
    options: GenerationOptions,
    progress: Progress | None = None,
) -> list[Candidate]:
    """Write at most `options.candidates` candidates of a line, and at least the first one.

    It comes first. A busy engine writes fewer, and a slow one leaves out those that it has not
    finished in `CHOOSING_SECONDS`. Where banned words rule out one first candidate after the other,
    their ends are barred. Raises RequestError if all come out empty, and what `Engine.run` raises.
    """
    seeds = make_seeds(options.sampling.seed, options.candidates + MAX_FIRST)
    lead = await _write_lead(context, options, seeds)
    if lead is None and options.banned:
        options = replace(options, bars_words=True)
        lead = await _write_lead(context, options, seeds)
    if lead is None:
        raise NoContinuation() if options.banned else RequestError(NOTHING_TO_SAY)
    first, other_seeds = lead
    limit = min(options.limit, _limit_length(Candidate.of(first)))
    shared_options = replace(options.share_beginning(first.element), limit=limit)
    # No request can ask for other transitions.
    most = 1 if first.element.kind is Kind.TRANSITION else options.candidates
    other_seeds, progress = other_seeds[: most - 1], progress or Progress()
    begun = asyncio.get_running_loop().time()
    # A seed that somebody gave leads to the same line, however long that takes.
    deadline = None if options.ignores_load else begun + CHOOSING_SECONDS
    drafts: dict[int, Draft | None] = {}
    with suppress(TimeoutError):
        async with asyncio.timeout_at(deadline):
            await _write_others(context, shared_options, other_seeds, progress, drafts)
    first = replace(first, origin=first.origin | {"candidates": 1 + len(drafts)})
    others = [
        other
        for other in (Candidate.of(draft) for draft in map(drafts.get, other_seeds) if draft)
        if other.size <= limit or limit == options.limit
    ]
    return [Candidate.of(first), *others]


async def _write_others(
    context: GenerationContext,
    options: GenerationOptions,
    seeds: Sequence[int],
    progress: Progress,
    drafts: dict[int, Draft | None],
) -> None:
    """Write a candidate for each of the first seeds, for as many as the engine has room for.

    Each is added to ``drafts`` by its seed as soon as it is finished, as None if it comes out empty
    or the banned words rule it out.
    """
    engine = context.primed.engine

    def count_room() -> int:
        if options.ignores_load:
            return len(seeds)
        return limit_candidates(engine.load, engine.rows, 1 + len(seeds)) - 1

    if not count_room():
        return
    prefix = await generator.read_prefix(context, options)
    request = await generator.prepare_request(context, options, prefix)
    assert request.sampling is not None  # it writes
    # Nothing is awaited until all are submitted, so that lines that come at once share the room.
    seeds = seeds[: count_room()]
    shared_options = replace(options, candidates=1 + len(seeds))
    running: list[asyncio.Future[Completion]] = []

    async def complete(seed: int, completion: Awaitable[Completion]) -> None:
        own_options, draft = _with_seed(shared_options, seed), None
        with suppress(NoContinuation):
            draft = await generator.complete(context, own_options, prefix, await completion)
        drafts[seed] = draft

    progress.candidates += shared_options.candidates
    try:
        for seed in seeds:
            sampling = replace(request.sampling, seed=seed)
            running.append(engine.submit(replace(request, sampling=sampling)))
        await asyncio.gather(*map(complete, seeds, running))
    finally:
        progress.candidates -= shared_options.candidates
        for future in running:
            future.cancel()


def _limit_length(first: Candidate) -> int:
    """Return the length in characters at which other candidates are cut off, and then dropped.

    The first candidate's length is wanted, but at most that of a short line: half of where the
    `length` option makes lines end more and more often. The limit is round because lines with the
    same provenance share a row of the database.
    """
    short = (first.draft.origin.get("length") or math.inf) / 2
    wanted = max(MIN_SIZE, min(first.size, short))
    ratio = ACTION_RATIO if first.draft.element.kind is Kind.ACTION else SPEECH_RATIO
    return LIMIT_STEP * math.ceil(ratio * wanted / LIMIT_STEP)


def limit_candidates(load: EngineLoad, rows: int, requested: int) -> int:
    """Return how many candidates an engine has room for beside its other work.

    They are half of the room, so that the next request finds the other half, and the waiting work
    never exceeds `LOAD_LIMIT` times the rows.
    """
    free = LOAD_LIMIT * rows - load.rows - load.waiting
    return max(1, min(requested, free // 2))


async def _write_lead(
    context: GenerationContext, options: GenerationOptions, seeds: Sequence[int]
) -> tuple[Draft, Sequence[int]] | None:
    """Write the first candidate; return it and the seeds of the others, or None without any.

    It is not empty, and where somebody else may speak, if possible not by the speaker of the line
    above it: a model that copies words copies the only cue so far, where a person would answer.
    """
    found: tuple[Draft, Sequence[int]] | None = None
    for attempt, seed in enumerate(seeds[:MAX_FIRST], 1):
        try:
            first = await generator.write_element(context, _with_seed(options, seed))
        except NoContinuation:
            continue
        if first is None:
            continue
        is_settled = options.character or len(options.cast) == 1
        if is_settled or not _speaks_again(context, first):
            return first, seeds[attempt:]
        found = found or (first, seeds[attempt:])
    return found


def _speaks_again(context: GenerationContext, draft: Draft) -> bool:
    """Return whether a line is said by the speaker of the line above it."""
    last = parse_model_text(context.recent_texts[-1]) if context.recent_texts else None
    return last is not None and last.cue is not None and last.cue == draft.element.cue


def _with_seed(options: GenerationOptions, seed: int) -> GenerationOptions:
    return replace(options, sampling=replace(options.sampling, seed=seed))
