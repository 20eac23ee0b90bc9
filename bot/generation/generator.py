"""Write the candidates for one line with a model: between the text of a script and the engine.

The first candidate is written alone. It decides who speaks, or that nobody does, so that the choice
among the candidates changes the words of a script and not its turn-taking. The other candidates
share everything before their words, which is read only once.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from itertools import takewhile

import numpy as np

from ..arrays import Floats, States, Tokens
from ..errors import NoContinuation, RequestError, UnspellableElement
from ..i18n.catalogue import phrase
from ..inference.automaton import Automaton
from ..inference.grammar import build_grammar, build_speech
from ..inference.processors.repetition import REACH
from ..inference.request import Completion, Request
from ..inference.word_filter import build_word_filter
from ..screenplay.drafts import Draft
from ..screenplay.elements import Element, Kind
from ..screenplay.fountain import format_for_model, make_cue, parse_model_text
from .inputs import GenerationContext, GenerationOptions
from .prefill import Progress, read_text
from .provenance import make_origin
from .reranking import Candidate, make_seeds

LOAD_LIMIT = 2
"""The work of an engine, in multiples of its rows, from which on a line has only one candidate.

With the default settings, an engine reaches this limit before requests are refused."""

MIN_SIZE = 20
"""The smallest wanted length of a line, in characters, including the newline that ends it."""

SPEECH_RATIO, ACTION_RATIO = 2.0, 4.0
"""The multiples of the wanted length at which candidates are cut off, because a longer one is
hardly ever chosen, and the last few would take as long as all the others. Action is mostly longer
than wanted, so hardly any action would reach its end at the lower multiple."""

CHOOSING_SECONDS = 5.0
"""Seconds after which a line is chosen from the candidates that are finished."""

LIMIT_STEP = 20
"""The number of characters to whose multiples limits are rounded."""

MAX_FIRST = 4
"""The most first candidates that are written, one after another, while they come out empty, contain
a banned word, or give the last speaker the floor again."""

NOTHING_TO_SAY = phrase("The voice had nothing to say. Try again, or choose another mood.")


async def write_candidates(
    context: GenerationContext, options: GenerationOptions, progress: Progress | None = None
) -> list[Candidate]:
    """Write at most `options.candidates` candidates of a line, and at least the first one.

    The first one leads the list. A busy engine writes fewer, and a slow one leaves out those that
    it has not finished in `CHOOSING_SECONDS`. If banned words rule out one first candidate after
    another, the ends of the words are barred. Raises RequestError if all candidates come out empty,
    and what `Engine.run` raises.
    """
    seeds = make_seeds(options.sampling.seed, options.candidates + MAX_FIRST)
    found = await _write_lead(context, options, seeds)
    if found is None and options.banned:
        options = replace(options, bars_words=True)
        found = await _write_lead(context, options, seeds)
    if found is None:
        raise NoContinuation() if options.banned else RequestError(NOTHING_TO_SAY)
    first, other_seeds = found
    limit = min(options.limit, _limit_length(Candidate(first)))
    shared_options = replace(options.share_beginning(first.element), limit=limit)
    # No request can ask for other transitions.
    most = 1 if first.element.kind is Kind.TRANSITION else options.candidates
    other_seeds, progress = other_seeds[: most - 1], progress or Progress()
    # A seed that somebody gave leads to the same line, however long that takes.
    seconds = None if options.ignores_load else CHOOSING_SECONDS
    drafts: dict[int, Draft | None] = {}
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await _write_others(context, shared_options, other_seeds, progress, drafts)
    finished = {"candidates": 1 + len(drafts)}
    lead, *others = (
        Candidate(replace(draft, origin=draft.origin | finished))
        for draft in (first, *map(drafts.get, other_seeds))
        if draft
    )
    return [lead, *(other for other in others if other.size <= limit or limit == options.limit)]


async def _write_others(
    context: GenerationContext,
    options: GenerationOptions,
    seeds: Sequence[int],
    progress: Progress,
    drafts: dict[int, Draft | None],
) -> None:
    """Write a candidate for each of the first seeds, for as many as the engine has room for.

    Each candidate is added to ``drafts`` by its seed as soon as it is finished, as None if it comes
    out empty or the banned words rule it out.
    """
    engine = context.primed.engine

    def count_room() -> int:
        if options.ignores_load:
            return len(seeds)
        # Half of the room, counting the first candidate, so that the next request has the rest.
        load = engine.load
        free = LOAD_LIMIT * engine.rows - load.rows - load.waiting
        return max(0, min(len(seeds), free // 2 - 1))

    if not count_room():
        return
    request, prefix_bits = await prepare_request(context, options)
    assert request.sampling is not None  # it writes
    # Nothing is awaited until all are queued, so that simultaneous lines share the room.
    seeds = seeds[: count_room()]
    running: list[asyncio.Future[Completion]] = []

    async def complete(seed: int, completion: Awaitable[Completion]) -> None:
        own_options, draft = _with_seed(options, seed), None
        with suppress(NoContinuation):
            draft = await _make_draft(context, own_options, prefix_bits, await completion)
        drafts[seed] = draft

    progress.candidates += 1 + len(seeds)
    try:
        for seed in seeds:
            sampling = replace(request.sampling, seed=seed)
            running.append(engine.run(replace(request, sampling=sampling)))
        await asyncio.gather(*map(complete, seeds, running))
    finally:
        progress.candidates -= 1 + len(seeds)
        for future in running:
            future.cancel()


def _limit_length(first: Candidate) -> int:
    """Return the length in characters at which other candidates are cut off, and then dropped.

    The wanted length is the first candidate's, but at most that of a short line: half the length
    from which the `length` option makes lines end more and more often. The limit is rounded because
    lines with the same provenance share a row of the database.
    """
    short = (first.draft.origin.get("length") or math.inf) / 2
    wanted = max(MIN_SIZE, min(first.size, short))
    ratio = ACTION_RATIO if first.draft.element.kind is Kind.ACTION else SPEECH_RATIO
    return LIMIT_STEP * math.ceil(ratio * wanted / LIMIT_STEP)


async def _write_lead(
    context: GenerationContext, options: GenerationOptions, seeds: Sequence[int]
) -> tuple[Draft, Sequence[int]] | None:
    """Write the first candidate; return it and the seeds of the others, or None without any.

    The first candidate is not empty. If somebody else may speak, it is if possible not by the
    speaker of the line above it: a model that copies words copies the only cue so far, where a
    person would answer.
    """
    found: tuple[Draft, Sequence[int]] | None = None
    for attempt, seed in enumerate(seeds[:MAX_FIRST], 1):
        try:
            first = await write_element(context, _with_seed(options, seed))
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
    """Return whether a line has the same speaker as the line above it."""
    last = parse_model_text(context.recent_texts[-1]) if context.recent_texts else None
    return last is not None and last.cue is not None and last.cue == draft.element.cue


def _with_seed(options: GenerationOptions, seed: int) -> GenerationOptions:
    return replace(options, sampling=replace(options.sampling, seed=seed))


# One element


async def write_element(context: GenerationContext, options: GenerationOptions) -> Draft | None:
    """Write one element of valid Fountain; return None when the model had nothing to say.

    If no kind was asked for, an element that lets somebody outside a locked cast speak is written
    again, as speech by the cast. So speech stays as frequent as the model makes it.

    Raises what `Engine.run` raises, and UnspellableElement for a kind that the model cannot spell.
    """
    draft = await _write_once(context, options)
    if options.kind or options.shared_kind or not (draft and options.cast):
        return draft
    if not keeps_to_cast(draft.element, options.cast, context.primed.model.spell):
        # A cast that the model cannot spell locks nothing.
        with suppress(UnspellableElement):
            return await _write_once(context, replace(options, shared_kind=Kind.DIALOGUE))
    return draft


def keeps_to_cast(element: Element, cast: Sequence[str], spell: Callable[[str], str]) -> bool:
    """Return whether an element has no cue outside the cast, and does not begin with such a name.

    A word in capitals at the beginning of action is a name, as in "GUARD enters". Such a name is
    spelt as a model would ``spell`` it.
    """
    if element.kind is not Kind.ACTION:
        return element.cue is None or element.cue in cast
    beginning = "".join(
        takewhile(lambda character: not (character.islower() or character in "(\n"), element.text)
    )
    names = set(re.findall(r"\w+", spell(" ".join(cast).upper())))
    # The last capital may begin a lower-case word.
    words = re.findall(r"\w\w+", beginning)
    return all(word in names for word in words if word.isupper())


async def _write_once(context: GenerationContext, options: GenerationOptions) -> Draft | None:
    request, prefix_bits = await prepare_request(context, options)
    completion = await context.primed.engine.run(request)
    return await _make_draft(context, options, prefix_bits, completion)


async def prepare_request(
    context: GenerationContext, options: GenerationOptions
) -> tuple[Request, Floats]:
    """Read what the candidates of a line share; return the request for one, and the prefix's bits.

    These are the bits that each character of `GenerationOptions.prefix` cost: float32 [n]. Raises
    UnspellableElement, and what `Engine.run` raises.
    """
    state, read = context.state, context.primed.read
    prompt, bits = _encode_prompt(context, options), np.empty(0, np.float32)
    if len(prompt) > 1:
        # The last token's cost comes from reading all tokens, the state from reading the others.
        before, whole = await asyncio.gather(read(state, prompt[:-1]), read(state, prompt))
        state, bits = before.state, whole.surprisal
    # In a thread, because building what a cast or a list needs takes tens of milliseconds, once.
    return await asyncio.to_thread(_make_request, context, options, state, prompt), bits


def _encode_prompt(context: GenerationContext, options: GenerationOptions) -> Tokens:
    """Return the tokens of the newline above a line, and of what all its candidates start with."""
    return context.primed.model.encode(format_for_model(options.prefix)[:-1])


async def _make_draft(
    context: GenerationContext,
    options: GenerationOptions,
    prefix_bits: Floats,
    completion: Completion,
) -> Draft | None:
    """Return the element that was written, or None; raise what `Engine.run` raises."""
    primed, model = context.primed, context.primed.model
    element = parse_model_text(options.prefix + model.decode(completion.written))
    if element is None:
        return None
    element = _restore_cue(context, options, element)
    # The last newline ends the element and is not stored.
    state = completion.state
    surprisal = np.concatenate([prefix_bits, completion.surprisal])[:-1]
    stored = model.encode(format_for_model(element.text))
    read = [*_encode_prompt(context, options), *completion.written[:-1]]
    if not np.array_equal(stored, read):  # because it was cleaned
        again = await read_text(primed, context.state, element.text)
        state, surprisal = again.state, again.surprisal
    return Draft(
        element,
        author=None,
        credit=model.name,
        state=state,
        fingerprint=primed.fingerprint,
        origin=make_origin(model, options, primed.opening),
        surprisal=surprisal,
    )


def _restore_cue(
    context: GenerationContext, options: GenerationOptions, element: Element
) -> Element:
    """Return a speech under the speaker's own name, which the vocabulary may spell differently."""
    cue, spell = element.cue, context.primed.model.spell
    if cue is None or options.prefix:
        return element
    names = options.cast or (*options.present, *_list_recent_speakers(context))
    if cue in names:
        return element
    name = next((name for name in names if spell(name.upper()) == cue), cue)
    return replace(element, text=element.text.replace(make_cue(cue), make_cue(name), 1))


def _list_recent_speakers(context: GenerationContext) -> Iterator[str]:
    """Yield the speakers of the last `REACH` characters, which are all that a turn may know."""
    size = 0
    for text in reversed(context.recent_texts):
        if size >= REACH:
            return
        size += len(text)
        if (element := parse_model_text(text)) and element.cue:
            yield element.cue


def _make_request(
    context: GenerationContext, options: GenerationOptions, state: States, prompt: Tokens
) -> Request:
    primed, model, sampling = context.primed, context.primed.model, options.sampling
    kind, is_speaking = options.shared_kind or options.kind, bool(options.prefix)
    cast = tuple(model.spell(name.upper()) for name in options.cast)
    # As the voice spells it, too: "łódź" is "lodz".
    banned = (*options.banned, *map(model.spell, options.banned))
    # It is settled who speaks, or that nobody does.
    if is_speaking or options.shared_kind not in (None, Kind.DIALOGUE):
        sampling = replace(sampling, company=0.0)
    return Request(
        state,
        prompt[-1:],
        sampling,
        options.limit,
        np.concatenate([context.recent_tokens, prompt[:-1]])[-REACH:],
        automaton=build_automaton(model.vocabulary, kind, cast, is_speaking),
        banned=build_cached_filter(model.vocabulary, banned) if banned else None,
        bars_words=options.bars_words,
        present=tuple(model.encode(make_cue(name.upper()) + "\n") for name in options.present),
        lock=bool(options.cast),
        owner=primed.owner,
    )


@lru_cache(maxsize=256)
def build_automaton(
    vocabulary: tuple[str, ...], kind: Kind | None, cast: tuple[str, ...], is_speaking: bool
) -> Automaton | None:
    """Return the automaton of an element, or None for one of any kind; raise UnspellableElement."""
    if is_speaking:
        return build_speech(vocabulary)
    return build_grammar(vocabulary, kind, cast) if kind else None


build_cached_filter = lru_cache(maxsize=4)(build_word_filter)
"""Return the filter of some words for a vocabulary, cached for further lines.

Few filters are cached, because that of a long list takes a lot of memory, and that of a typical one
is quickly built again."""
