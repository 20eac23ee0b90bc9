"""Write one element with a model: between the text of a script and the engine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ..arrays import Floats, States, Tokens
from ..inference.automaton import Automaton
from ..inference.engine import Engine
from ..inference.grammar import build_grammar
from ..inference.lexicon import RecallWords, collect_recall_words
from ..inference.processors.repetition import REACH
from ..inference.request import Completion, Request
from ..inference.word_filter import BannedWordFilter
from ..screenplay.drafts import Draft
from ..screenplay.elements import Element, Kind
from ..screenplay.fountain import format_for_model, make_cue, parse_model_text
from .inputs import Manner, Standing
from .openings import state_key
from .prefill import read_text
from .provenance import origin_of

Bounds = tuple[Automaton | None, Automaton | None, BannedWordFilter | None]
"""The automaton of an element, the one for a free beginning, and the banned words."""


@dataclass(frozen=True)
class Lead:
    """The beginning that the candidates of a line share, after the model has read it."""

    state: States
    """The state before the last token of `prompt`."""
    prompt: Tokens
    """The tokens before the written ones, from the newline above them on: int64 [n], n >= 1."""
    surprise: Floats
    """Bits that each token of `prompt` but the first cost: float32 [n - 1]."""


async def read_lead(engine: Engine, at: Standing, manner: Manner, owner: object) -> Lead:
    """Read the beginning that all candidates of a line share; raises what `Engine.run` raises."""
    prompt = engine.model.encode("\n" + manner.lead)
    if len(prompt) == 1:
        return Lead(at.state, prompt, np.empty(0, np.float32))
    # The cost of the last token is known where the others have been read, so both are read.
    before, whole = await asyncio.gather(
        engine.run(Request(at.state, prompt[:-1], owner=owner)),
        engine.run(Request(at.state, prompt, owner=owner)),
    )
    return Lead(before.state, prompt, whole.surprise)


async def write(
    engine: Engine, at: Standing, manner: Manner, owner: object, lead: Lead | None = None
) -> Draft | None:
    """Write one element of valid Fountain; return None when the model had nothing to say.

    Args:
        engine: the engine of the model that writes.
        at: where the script stands.
        manner: how the element is written.
        owner: the channel that the engine's time is shared by.
        lead: the beginning of the line, where that has been read already.

    Raises:
        NothingLeft: the banned words leave no continuation.
        EngineBusy, EngineClosed: as `Engine.run` does.
        ValueError: the model cannot spell an element of this kind.
    """
    model = engine.model
    lead = lead or await read_lead(engine, at, manner, owner)
    prompt = lead.prompt
    sampling = manner.sampling
    if len(prompt) > 1 or manner.form:  # the speaker, or that there is none, is settled
        sampling = replace(sampling, company=0.0)
    # In a thread, because what is built once for a cast or a list takes tens of milliseconds.
    (automaton, fallback, banned), words = await asyncio.to_thread(_constraints, engine, at, manner)
    reply = await engine.run(
        Request(
            lead.state,
            prompt[-1:],
            sampling,
            manner.limit,
            np.concatenate([at.recent, prompt[:-1]])[-REACH:],
            automaton=automaton,
            fallback=fallback,
            banned=banned,
            present=tuple(model.encode(make_cue(name) + "\n") for name in manner.present),
            lock=bool(manner.cast),
            recall_words=words,
            owner=owner,
        )
    )
    written = parse_model_text(manner.lead + model.decode(reply.written))
    if written is None:
        return None
    reply = replace(reply, surprise=np.concatenate([lead.surprise, reply.surprise]))
    state, surprise = await _as_stored(engine, at.state, prompt, reply, written, owner)
    return Draft(
        written,
        author=None,
        credit=model.name,
        state=state,
        fingerprint=state_key(model, at.opening),
        origin=origin_of(model, manner, at.opening),
        surprise=surprise,
    )


async def _as_stored(
    engine: Engine,
    before: States,
    prompt: Tokens,
    reply: Completion,
    written: Element,
    owner: object,
) -> tuple[States, Floats]:
    """Return state and surprise of the element as stored, which may differ from what was drawn."""
    stored = engine.model.encode(format_for_model(written.text))
    if np.array_equal(stored, [*prompt, *reply.written[:-1]]):
        return reply.state, reply.surprise[:-1]
    again = await read_text(engine, before, written.text, owner)
    return again.state, again.surprise


def _constraints(engine: Engine, at: Standing, manner: Manner) -> tuple[Bounds, RecallWords | None]:
    """Return the constraints of an element, and the words of the last lines that it may recall."""
    model = engine.model
    recalls = manner.sampling.recall > 0 and len(at.heard) > 0
    words = collect_recall_words(engine.lexicon, at.heard) if recalls else None
    kind, speaking = manner.form or manner.kind, bool(manner.lead)
    banned = banned_of(model.vocabulary, manner.banned) if manner.banned else None
    return (*automata_of(model.vocabulary, kind, manner.cast, speaking), banned), words


@lru_cache(maxsize=256)
def automata_of(
    vocabulary: tuple[str, ...], kind: Kind | None, cast: tuple[str, ...], speaking: bool
) -> tuple[Automaton | None, Automaton | None]:
    """Return the automaton of an element, and the one that applies where it may begin freely.

    Raises ValueError as `build_grammar` does, but not for a locked cast: one that the model cannot
    spell locks nothing.
    """
    if speaking or kind:
        return build_grammar(vocabulary, kind, cast, speaking), None
    if not cast:
        return None, None
    try:
        return build_grammar(vocabulary, None, cast), build_grammar(vocabulary, Kind.DIALOGUE, cast)
    except ValueError:
        return None, None


@lru_cache(maxsize=64)
def banned_of(vocabulary: tuple[str, ...], words: tuple[str, ...]) -> BannedWordFilter:
    """Return the automaton that bars some words for a vocabulary."""
    return BannedWordFilter.of(vocabulary, words)
