"""Define the inputs of generation: a model that has read an opening, a context, and options."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self
from weakref import WeakKeyDictionary

from ..arrays import States, Tokens
from ..inference.engine import Engine
from ..inference.model import Model
from ..inference.processors.repetition import REACH
from ..inference.request import Completion, Request
from ..inference.sampling import Sampling
from ..screenplay.elements import Element, Kind
from ..screenplay.fountain import format_for_model, make_cue, split_fountain
from ..settings import Quality
from .openings import identify_opening

_primed_states: WeakKeyDictionary[Engine, dict[str, States]] = WeakKeyDictionary()
"""The states after the openings that each engine has read, by their texts."""


@dataclass(frozen=True)
class PrimedModel:
    """A model that has read the opening of a style, and serves one owner."""

    engine: Engine
    opening: str
    """The id of the opening, 16 hexadecimal digits; empty if the model reads none."""
    start: States
    """The state before the first line: float32 [S]."""
    owner: object = None
    """The owner of all requests: see `Request.owner`."""

    @property
    def model(self) -> Model:
        return self.engine.model

    @property
    def fingerprint(self) -> str:
        """Return the key of the states, which depend on the opening as they do on the network."""
        key = self.model.fingerprint
        return f"{key} {self.opening}" if self.opening else key

    async def read(self, state: States, tokens: Tokens) -> Completion:
        """Read tokens [n], n >= 1, after a state [S]; raise what `Engine.run` raises."""
        return await self.engine.run(Request(state, tokens, owner=self.owner))


def remove_opening(fingerprint: str) -> str:
    """Return the fingerprint of the model alone in a `PrimedModel.fingerprint`."""
    return fingerprint.partition(" ")[0]


async def prime_model(engine: Engine, style: str | None, owner: object) -> PrimedModel:
    """Read the opening of a style, once for each engine; a model without that style reads none.

    Raises what `Engine.run` raises.
    """
    model = engine.model
    unprimed = PrimedModel(engine, "", model.start(), owner)
    text = model.openings.get(style or "", "")
    if not text:
        return unprimed
    states = _primed_states.setdefault(engine, {})
    if text not in states:
        tokens = model.encode("".join(map(format_for_model, split_fountain(text))))
        read = await unprimed.read(unprimed.start, tokens)
        # Only the tone should stay: the script would repeat the nouns of the opening.
        states[text] = model.forget_characters(read.state)
    return replace(unprimed, opening=identify_opening(text), start=states[text])


@dataclass(frozen=True)
class GenerationContext:
    """A model, and everything above a line that the model's next line depends on."""

    primed: PrimedModel
    state: States
    """The model's state after the last line: float32 [S]."""
    recent_texts: tuple[str, ...] = ()
    """The texts of the last lines: at least `REACH` characters together, or all there are."""
    worn_texts: Collection[str] = ()
    """The texts of lines that have been written before, in this script or in others, and that are
    chosen only if nothing else was written."""

    def append(self, text: str, state: States | None) -> Self:
        """Return the context after one more line, and the model's state there."""
        assert state is not None  # only lines that are read in bulk have none
        return replace(self, state=state, recent_texts=(*self.recent_texts, text))

    @cached_property
    def recent_tokens(self) -> Tokens:
        """Return the last `REACH` characters of `recent_texts` as tokens: int64 [n]."""
        texts = self.recent_texts
        begin, size = len(texts), 0
        while begin and size < REACH:
            begin -= 1
            size += len(texts[begin])
        return self.primed.model.encode("".join(map(format_for_model, texts[begin:])))[-REACH:]


@dataclass(frozen=True)
class GenerationOptions:
    """The options of one element: the sampling, and what the element may be and say."""

    sampling: Sampling
    limit: int
    """Characters after which the element is ended at a word."""
    kind: Kind | None = None
    character: str | None = None
    """The speaker; None leaves the choice to the model, or to the cast."""
    cast: tuple[str, ...] = ()
    """The only characters who may speak; empty for everybody."""
    present: tuple[str, ...] = ()
    """The characters whom the model speaks for, whether others may speak or not."""
    banned: tuple[str, ...] = ()
    """Words and phrases that the element must not contain."""
    bars_words: bool = False
    """Whether the ends of banned words are barred, because most lines would contain one."""
    quality: str = Quality.QUICK
    """The name of the number of candidates, one of `reranking.CANDIDATES`."""
    candidates: int = 1
    """The maximum number of candidates from which the element is chosen."""
    ignores_load: bool = False
    """Whether a busy engine writes as many candidates as an idle one, so that a seed that somebody
    gave leads to the same line."""
    shared_kind: Kind | None = None
    """The kind of the first candidate, which the others share if nobody speaks; or speech, if a
    locked cast ruled out what the model wrote freely."""
    shared_cue: str | None = None
    """The cue of the first candidate, which the others share in a speech."""

    def share_beginning(self, first: Element) -> GenerationOptions:
        """Return options for the other candidates: the same speaker, or the same kind."""
        if self.character or self.kind in (Kind.ACTION, Kind.HEADING):
            return self
        if first.kind is Kind.DIALOGUE:
            return replace(self, shared_cue=first.text.partition("\n")[0])
        return replace(self, shared_kind=first.kind)

    @property
    def prefix(self) -> str:
        """Return the cue and its newline if the speaker is known, or an empty string."""
        cue = self.shared_cue or (make_cue(self.character) if self.character else "")
        return f"{cue}\n" if cue else ""
