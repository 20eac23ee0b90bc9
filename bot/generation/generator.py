"""How a voice writes one element, and reads one: between the text of a script and the engine."""

from __future__ import annotations

import asyncio
import hashlib
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from ..arrays import Floats, Logits, States, Tokens
from ..inference.automaton import Automaton
from ..inference.engine import Engine, Reply, Request
from ..inference.grammar import element
from ..inference.lexicon import LINES, Heard, Said, said
from ..inference.model import Model
from ..inference.processors.repetition import REACH
from ..inference.sampling import Sampling
from ..inference.word_filter import Banned
from ..screenplay.drafts import Draft, ScriptLine
from ..screenplay.elements import Element, Kind
from ..screenplay.fountain import as_read, cue_line, from_voice
from .openings import Reading, state_key

Bounds = tuple[Automaton | None, Automaton | None, Banned | None]

PIECE = 2_000
"""Characters that are read in one request, so that reading can be given up, and shows progress."""

RELEASE: str = onnxruntime.__version__
"""The release of onnxruntime."""

_SAMPLING = ("seed", "temperature", "top_p", "min_p", "repetition", "length", "company", "recall")


@dataclass(frozen=True)
class Standing:
    """Where a script stands, for a voice: all that its next line depends on."""

    state: States
    """What the voice remembers."""
    recent: Tokens
    """The last `REACH` characters as it read them, or all there are: int64 [n]."""
    opening: str = ""
    """The id of the opening that it read before the script; empty for none."""
    said: tuple[str, ...] = ()
    """The texts of its last lines, for the choice among candidates."""
    heard: Heard = ()
    """The last `LINES` elements, and who wrote them."""

    def after(self, model: Model, draft: Draft) -> Standing:
        """Where it stands after one more line."""
        assert draft.state is not None  # only what is read in bulk has none
        read = model.encode(as_read(draft.element.text))
        recent = np.concatenate([self.recent, read])[-REACH:]
        said = (*self.said, draft.element.text)
        heard = (*self.heard, (draft.element.text, draft.author is not None))[-LINES:]
        return replace(self, state=draft.state, recent=recent, said=said, heard=heard)


@dataclass(frozen=True)
class Manner:
    """How one element is to be written."""

    sampling: Sampling
    limit: int
    """Characters after which it is ended at a word."""
    kind: Kind | None = None
    character: str | None = None
    """Who speaks; None leaves that to the voice, or to the cast."""
    cast: tuple[str, ...] = ()
    """The only ones who may speak; nobody for everybody."""
    present: tuple[str, ...] = ()
    """Those who are there and are left to the voice, whether others may speak or not."""
    banned: tuple[str, ...] = ()
    """What must not be said."""
    quality: str = "quick"
    """How carefully it is chosen from candidates: one of `reranking.CANDIDATES`."""
    candidates: int = 1
    """How many candidates it is chosen from, at the most."""
    whatever_load: bool = False
    """Whether as many are written however busy the engine is, as a seed that was given needs."""
    form: Kind | None = None
    """The kind that the first candidate is of, for the others of a line that nobody speaks."""
    cue: str | None = None
    """The cue that the first candidate has, for the others of a speech."""

    def like(self, first: Element) -> Manner:
        """Return how to write other candidates: by the same speaker, or of the same kind."""
        if self.character or self.kind in (Kind.ACTION, Kind.HEADING):
            return self
        if first.kind is Kind.DIALOGUE:
            return replace(self, cue=first.text.partition("\n")[0])
        return replace(self, form=first.kind)

    @property
    def lead(self) -> str:
        """Return the cue and its newline where the speaker is known, or an empty string."""
        cue = self.cue or (cue_line(self.character) if self.character else "")
        return f"{cue}\n" if cue else ""


@dataclass(frozen=True)
class Lead:
    """The beginning that the candidates of a line share, as their voice has read it."""

    state: States
    """Before the last character of `prompt`."""
    prompt: Tokens
    """The characters before what is written, with the newline above them: int64 [n], n >= 1."""
    surprise: Floats
    """Bits that each of its characters but the first cost: float32 [n - 1]."""


def recent(model: Model, lines: Sequence[ScriptLine]) -> Tokens:
    """The last characters of a script as a voice reads them: int64 [at most REACH]."""
    return model.encode("".join(as_read(line.element.text) for line in lines))[-REACH:]


def heard(lines: Sequence[ScriptLine]) -> Heard:
    """Return what a line may take words from: the last elements, and whether people wrote them."""
    return tuple((line.element.text, line.author is not None) for line in lines[-LINES:])


async def read_lead(engine: Engine, at: Standing, manner: Manner, owner: object) -> Lead:
    """Read the beginning that all candidates of a line share; raises what `Engine.run` raises."""
    prompt = engine.model.encode("\n" + manner.lead)
    if len(prompt) == 1:
        return Lead(at.state, prompt, np.empty(0, np.float32))
    # What the last character costs is known where the others have been read, so both are read.
    before, whole = await asyncio.gather(
        engine.run(Request(at.state, prompt[:-1], owner=owner)),
        engine.run(Request(at.state, prompt, owner=owner)),
    )
    return Lead(before.state, prompt, whole.surprise)


async def write(
    engine: Engine, at: Standing, manner: Manner, owner: object, lead: Lead | None = None
) -> Draft | None:
    """One element by the voice, valid Fountain; None when it had nothing to say.

    ``lead`` is the beginning of the line where that has been read. Raises what `Engine.run`
    raises.
    """
    model = engine.model
    lead = lead or await read_lead(engine, at, manner, owner)
    prompt = lead.prompt
    sampling = manner.sampling
    if len(prompt) > 1 or manner.form:  # Who speaks, or that nobody does, is settled.
        sampling = replace(sampling, company=0.0)
    # Made once for a cast, a list or a place, but then it takes tens of milliseconds.
    (automaton, otherwise, banned), words = await asyncio.to_thread(_around, engine, at, manner)
    reply = await engine.run(
        Request(
            lead.state,
            prompt[-1:],
            sampling,
            manner.limit,
            np.concatenate([at.recent, prompt[:-1]])[-REACH:],
            automaton=automaton,
            otherwise=otherwise,
            banned=banned,
            present=tuple(model.encode(cue_line(name) + "\n") for name in manner.present),
            lock=bool(manner.cast),
            said=words,
            owner=owner,
        )
    )
    found = from_voice(manner.lead + model.decode(reply.written))
    if found is None:
        return None
    reply = replace(reply, surprise=np.concatenate([lead.surprise, reply.surprise]))
    state, surprise = await _as_stored(engine, at.state, prompt, reply, found, owner)
    return Draft(
        found,
        author=None,
        credit=model.name,
        state=state,
        fingerprint=state_key(model, at.opening),
        origin=_origin(model, manner) | {"opening": at.opening},
        surprise=surprise,
    )


async def read(
    engine: Engine,
    state: States,
    found: Element,
    author: int,
    name: str,
    owner: object,
    opening: str = "",
) -> Draft:
    """A person's element, read by the voice; raises what `Engine.run` raises.

    ``opening`` is the id of the one that it read before the script.
    """
    reply = await _read(engine, state, as_read(found.text), owner)
    fingerprint = state_key(engine.model, opening)
    return Draft(found, author, name, reply.state, fingerprint, surprise=reply.surprise)


async def read_all(
    reading: Reading,
    found: Sequence[Element],
    author: int,
    name: str,
    owner: object,
    told: Progress,
    seconds: float,
) -> list[Draft]:
    """A person's script from its first element on, read by the voice; raises as `Engine.run` does.

    A state is kept every `PIECE` characters and at the end: all the states of a long script would
    take a hundred times the room of its text. What was not read in so many seconds is left to
    whoever continues.
    """
    engine, state, fingerprint = reading.engine, reading.start, reading.fingerprint
    drafts: list[Draft] = []
    until = time.monotonic() + seconds
    while len(drafts) < len(found) and time.monotonic() < until:
        told.share_read = len(drafts) / len(found)
        read = _piece(engine.model, found, len(drafts))
        reply = await engine.run(Request(state, np.concatenate(read), owner=owner))
        state = reply.state
        # The first character of a piece has no cost, nor is that of a line's first kept.
        costs = np.split(np.append(np.float32(0), reply.surprise), np.cumsum(list(map(len, read))))
        for one, bits in zip(found[len(drafts) :], costs[:-1], strict=False):
            drafts.append(Draft(one, author, name, None, fingerprint, {}, bits[1:]))
        drafts[-1] = replace(drafts[-1], state=state)
    told.share_read = None
    unread = found[len(drafts) :]
    return [*drafts, *(Draft(one, author, name, None, fingerprint) for one in unread)]


def _piece(model: Model, found: Sequence[Element], begin: int) -> list[Tokens]:
    """The elements from ``begin`` on as a voice reads them, as many as have `PIECE` characters."""
    read: list[Tokens] = []
    size = 0
    while size < PIECE and begin + len(read) < len(found):
        read.append(model.encode(as_read(found[begin + len(read)].text)))
        size += len(read[-1])
    return read


async def costs(engine: Engine, state: States, found: Element, owner: object) -> Floats:
    """What each character of an element but the first costs a voice, in bits: float32 [n]."""
    return (await _read(engine, state, as_read(found.text), owner)).surprise


def expected(model: Model, state: States, read: Tokens) -> Logits:
    """What a voice expects after some characters [n]: logits [V]. Computes: not on the event loop.

    Raises ValueError for no character.
    """
    if len(read) == 0:
        raise ValueError("nothing was read that something could follow")
    states = state[None]
    for token in read:
        logits, states = model.step(np.array([token]), states)
    last: Logits = logits[0]
    return last


async def read_again(
    engine: Engine, state: States, lines: Sequence[ScriptLine], owner: object, told: Progress
) -> States:
    """The state after lines that were read before; raises what `Engine.run` raises."""
    tokens = engine.model.encode("".join(as_read(line.element.text) for line in lines))
    for begin in range(0, len(tokens), PIECE):
        told.share_read = begin / len(tokens)
        request = Request(state, tokens[begin : begin + PIECE], owner=owner)
        state = (await engine.run(request)).state
    told.share_read = None
    return state


@dataclass
class Progress:
    """How far something is that takes a while, for whoever waits for it."""

    share_read: float | None = None
    """How much of the script was read, from 0 to 1; None when nothing is to be read."""
    written: int = 0
    """Lines that are finished."""
    to_prove: int = 0
    """How many lines are written again, where that is what takes a while."""


def _around(engine: Engine, at: Standing, manner: Manner) -> tuple[Bounds, Said | None]:
    """Return what keeps an element within its manner, and the words that it may take up."""
    recalls = manner.sampling.recall > 0 and len(at.heard) > 0
    words = said(engine.lexicon, at.heard) if recalls else None
    return _bounds(engine.model, manner), words


def _bounds(model: Model, manner: Manner) -> Bounds:
    """What keeps an element within its manner; see `Request` for the three."""
    kind, speaking = manner.form or manner.kind, bool(manner.lead)
    banned = banned_of(model.vocabulary, manner.banned) if manner.banned else None
    return *automata_of(model.vocabulary, kind, manner.cast, speaking), banned


@lru_cache(maxsize=256)
def automata_of(
    vocabulary: tuple[str, ...], kind: Kind | None, cast: tuple[str, ...], speaking: bool
) -> tuple[Automaton | None, Automaton | None]:
    """What an element may look like, and where it may begin freely, what it is otherwise.

    Raises ValueError as `element` does, but not for a lock: a cast that a voice cannot spell is
    none.
    """
    if speaking or kind:
        return element(vocabulary, kind, cast, speaking), None
    if not cast:
        return None, None
    try:
        return element(vocabulary, None, cast), element(vocabulary, Kind.DIALOGUE, cast)
    except ValueError:
        return None, None


@lru_cache(maxsize=64)
def banned_of(vocabulary: tuple[str, ...], words: tuple[str, ...]) -> Banned:
    """What must not be said, for a voice."""
    return Banned.of(vocabulary, words)


@lru_cache(maxsize=4)
def words_of(path: Path) -> tuple[str, ...]:
    """The words in a file, one a line; lines that begin with # are remarks. Raises OSError."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def _origin(model: Model, manner: Manner) -> dict[str, Any]:
    """All that a line was written from, so that it can be written again."""
    sampling = manner.sampling
    shared = {"cue": manner.cue, "form": manner.form and str(manner.form)}
    return {
        "fingerprint": model.fingerprint,
        "seed": sampling.seed,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "min_p": sampling.min_p,
        "repetition": sampling.repetition,
        "length": sampling.length,
        "company": sampling.company,
        "recall": sampling.recall,
        "limit": manner.limit,
        "kind": manner.kind and str(manner.kind),
        "character": manner.character,
        "cast": list(manner.cast),
        "present": list(manner.present),
        # It has the seed of the candidate that it was, so that it is written again without others.
        "quality": manner.quality,
        "candidates": manner.candidates,
        # Which list it was; the words themselves belong to the place, and may be many.
        "banned": list_id(manner.banned),
        # The same numbers come out on the same kind of processor with the same release.
        "processor": processor(),
        "onnxruntime": RELEASE,
    } | {name: value for name, value in shared.items() if value}


def manner_of(origin: Mapping[str, Any], banned: tuple[str, ...]) -> Manner:
    """How a line with this origin was written, with a list of what must not be said."""
    noted = {name: origin[name] for name in _SAMPLING if name in origin}
    return Manner(
        Sampling(**noted),
        origin["limit"],
        kind=Kind(origin["kind"]) if origin.get("kind") else None,
        character=origin.get("character"),
        cast=tuple(origin.get("cast", ())),
        present=tuple(origin.get("present", ())),
        banned=banned,
        form=Kind(origin["form"]) if origin.get("form") else None,
        cue=origin.get("cue"),
    )


def list_id(banned: Sequence[str]) -> str:
    """What tells a list of words from others."""
    return hashlib.sha256("\n".join(banned).encode()).hexdigest()[:16]


@lru_cache(maxsize=1)
def processor() -> str:
    """What kind of processor this is, as the system calls it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # Not a Linux: then what Python knows must do.
    return platform.processor() or platform.machine()


async def _as_stored(
    engine: Engine, before: States, prompt: Tokens, reply: Reply, found: Element, owner: object
) -> tuple[States, Floats]:
    """State and surprise of the element as it is stored, which may differ from what was written."""
    stored = engine.model.encode(as_read(found.text))
    if np.array_equal(stored, [*prompt, *reply.written[:-1]]):
        return reply.state, reply.surprise[:-1]
    again = await _read(engine, before, as_read(found.text), owner)
    return again.state, again.surprise


async def _read(engine: Engine, state: States, text: str, owner: object) -> Reply:
    return await engine.run(Request(state, engine.model.encode(text), owner=owner))
