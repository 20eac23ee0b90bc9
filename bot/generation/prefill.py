"""Prefill existing text, to get the state after it and its surprisal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..arrays import Logits, States, Tokens
from ..inference.model import Model
from ..inference.request import Completion
from ..screenplay.drafts import Draft
from ..screenplay.elements import Element
from ..screenplay.fountain import format_for_model
from .inputs import PrimedModel

CHUNK_SIZE = 2_000
"""Characters that one request reads, so that reading can be stopped and shows progress."""


@dataclass
class Progress:
    """The progress of a job, for the people who wait for it."""

    share_read: float | None = None
    """The share of the script that has been read, from 0 to 1; None while nothing is being read."""
    written: int = 0
    """The number of finished lines."""
    candidates: int = 0
    """The number of candidates that the lines in progress are chosen from."""
    to_replay: int = 0
    """The number of lines that a replay writes again."""
    share_spoken: float | None = None
    """The share of a table read that has been recorded, from 0 to 1; None if there is none."""


async def read_text(primed: PrimedModel, state: States, text: str) -> Completion:
    """Read the text of one element from a state [S] on; raise what `Engine.run` raises."""
    return await primed.read(state, primed.model.encode(format_for_model(text)))


async def read_script(
    primed: PrimedModel,
    elements: Sequence[Element],
    author: int,
    name: str,
    progress: Progress,
    seconds: float,
) -> list[Draft]:
    """Read a person's script from its first element on; raise what `Engine.run` raises.

    Keep a state every `CHUNK_SIZE` characters and at the end, because all the states of a long
    script would take up a hundred times the space of its text. Elements that were not read within
    ``seconds`` are returned unread, and are read when somebody continues.
    """
    state, fingerprint = primed.start, primed.fingerprint
    drafts: list[Draft] = []
    deadline = time.monotonic() + seconds
    while len(drafts) < len(elements) and time.monotonic() < deadline:
        progress.share_read = len(drafts) / len(elements)
        chunk = _encode_chunk(primed.model, elements, len(drafts))
        completion = await primed.read(state, np.concatenate(chunk))
        state = completion.state
        # A chunk's first character has no cost, and that of a line's first character is not kept.
        ends = np.cumsum([len(tokens) for tokens in chunk])
        costs = np.split(np.append(np.float32(0), completion.surprisal), ends[:-1])
        for element, bits in zip(elements[len(drafts) :], costs, strict=False):
            drafts.append(Draft(element, author, name, None, fingerprint, {}, bits[1:]))
        drafts[-1] = replace(drafts[-1], state=state)
    progress.share_read = None
    unread = elements[len(drafts) :]
    return [*drafts, *(Draft(element, author, name, None, fingerprint) for element in unread)]


def _encode_chunk(model: Model, elements: Sequence[Element], begin: int) -> list[Tokens]:
    """Return the tokens of the elements from ``begin`` on, until there are `CHUNK_SIZE` or more."""
    chunk: list[Tokens] = []
    size = 0
    while size < CHUNK_SIZE and begin + len(chunk) < len(elements):
        chunk.append(model.encode(format_for_model(elements[begin + len(chunk)].text)))
        size += len(chunk[-1])
    return chunk


async def recompute_state(
    primed: PrimedModel, state: States, texts: Sequence[str], progress: Progress
) -> States:
    """Return the state after the texts of stored lines; raise what `Engine.run` raises."""
    # In a thread, because a long script takes many milliseconds.
    text = "".join(map(format_for_model, texts))
    tokens = await asyncio.to_thread(primed.model.encode, text)
    for begin in range(0, len(tokens), CHUNK_SIZE):
        progress.share_read = begin / len(tokens)
        state = (await primed.read(state, tokens[begin : begin + CHUNK_SIZE])).state
    progress.share_read = None
    return state


def predict_next(model: Model, state: States, tokens: Tokens) -> Logits:
    """Return the logits [V] after some tokens [n], n >= 1; do not call it on the event loop."""
    states = state[None]
    for token in tokens:
        logits, states = model.step(np.array([token]), states)
    last: Logits = logits[0]
    return last
