"""Write one element with a model: between the text of a script and the engine."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import takewhile

import numpy as np

from ..arrays import Floats, States, Tokens
from ..errors import UnspellableElement
from ..inference.automaton import Automaton
from ..inference.grammar import build_grammar, build_speech
from ..inference.processors.repetition import REACH
from ..inference.request import Completion, Request
from ..inference.word_filter import build_word_filter
from ..screenplay.drafts import Draft
from ..screenplay.elements import Element, Kind
from ..screenplay.fountain import format_for_model, make_cue, parse_model_text
from .inputs import GenerationContext, GenerationOptions
from .prefill import read_text
from .provenance import make_origin


@dataclass(frozen=True)
class Prefix:
    """The beginning that the candidates of a line share, after the model has read it."""

    state: States
    """The state before the last token of `prompt`."""
    prompt: Tokens
    """The tokens before the written ones, from the newline above them on: int64 [n], n >= 1."""
    surprisal: Floats
    """Bits that each token of `prompt` but the first cost: float32 [n - 1]."""


async def read_prefix(context: GenerationContext, options: GenerationOptions) -> Prefix:
    """Read the beginning that all candidates of a line share; raise what `Engine.run` raises."""
    primed = context.primed
    prompt = primed.model.encode("\n" + options.prefix)
    if len(prompt) == 1:
        return Prefix(context.state, prompt, np.empty(0, np.float32))
    # The cost of the last token is known where the others have been read, so both are read.
    before, whole = await asyncio.gather(
        primed.read(context.state, prompt[:-1]), primed.read(context.state, prompt)
    )
    return Prefix(before.state, prompt, whole.surprisal)


async def write_element(context: GenerationContext, options: GenerationOptions) -> Draft | None:
    """Write one element of valid Fountain; return None when the model had nothing to say.

    An element of any kind that lets somebody outside a locked cast speak is written again, as a
    speech of the cast. So speech stays as frequent as the model makes it.

    Raises what `Engine.run` raises, and UnspellableElement for a kind that the model cannot spell.
    """
    draft = await _write_once(context, options)
    if draft and options.cast and not keeps_to_cast(draft.element, options.cast):
        # A cast that the model cannot spell locks nothing.
        with suppress(UnspellableElement):
            return await _write_once(context, replace(options, shared_kind=Kind.DIALOGUE))
    return draft


def keeps_to_cast(element: Element, cast: Sequence[str]) -> bool:
    """Return whether an element has no cue outside the cast, and does not begin with such a name.

    A word in capitals at the beginning of action is a name, as in "GUARD enters".
    """
    if element.kind is not Kind.ACTION:
        return element.cue is None or element.cue in cast
    beginning = "".join(
        takewhile(lambda character: not (character.islower() or character in "(\n"), element.text)
    )
    names = set(re.findall(r"\w+", " ".join(cast)))
    # The last capital may begin a word in lower case.
    words = re.findall(r"\w\w+", beginning)
    return all(word in names for word in words if word.isupper())


async def _write_once(context: GenerationContext, options: GenerationOptions) -> Draft | None:
    prefix = await read_prefix(context, options)
    request = await prepare_request(context, options, prefix)
    return await complete(context, options, prefix, await context.primed.engine.run(request))


async def prepare_request(
    context: GenerationContext, options: GenerationOptions, prefix: Prefix
) -> Request:
    """Return the request for one element; raise UnspellableElement."""
    # In a thread, because what is built once for a cast or a list takes tens of milliseconds.
    return await asyncio.to_thread(_make_request, context, options, prefix)


async def complete(
    context: GenerationContext, options: GenerationOptions, prefix: Prefix, completion: Completion
) -> Draft | None:
    """Return the element that was written, or None; raise what `Engine.run` raises."""
    primed, model = context.primed, context.primed.model
    element = parse_model_text(options.prefix + model.decode(completion.written))
    if element is None:
        return None
    # The last newline ends the element and is not stored.
    state = completion.state
    surprisal = np.concatenate([prefix.surprisal, completion.surprisal])[:-1]
    stored = model.encode(format_for_model(element.text))
    if not np.array_equal(stored, [*prefix.prompt, *completion.written[:-1]]):  # it was cleaned
        read = await read_text(primed, context.state, element.text)
        state, surprisal = read.state, read.surprisal
    return Draft(
        element,
        author=None,
        credit=model.name,
        state=state,
        fingerprint=primed.fingerprint,
        origin=make_origin(model, options, primed.opening),
        surprisal=surprisal,
    )


def _make_request(
    context: GenerationContext, options: GenerationOptions, prefix: Prefix
) -> Request:
    primed, model = context.primed, context.primed.model
    prompt, sampling = prefix.prompt, options.sampling
    kind, is_speaking = options.shared_kind or options.kind, bool(options.prefix)
    # It is settled who speaks, or that nobody does.
    if is_speaking or options.shared_kind not in (None, Kind.DIALOGUE):
        sampling = replace(sampling, company=0.0)
    return Request(
        prefix.state,
        prompt[-1:],
        sampling,
        options.limit,
        np.concatenate([context.recent_tokens, prompt[:-1]])[-REACH:],
        automaton=build_automaton(model.vocabulary, kind, options.cast, is_speaking),
        banned=build_cached_filter(model.vocabulary, options.banned) if options.banned else None,
        bars_words=options.bars_words,
        present=tuple(model.encode(make_cue(name) + "\n") for name in options.present),
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


build_cached_filter = lru_cache(maxsize=64)(build_word_filter)
"""Return the filter of some words for a vocabulary, cached for further lines."""
