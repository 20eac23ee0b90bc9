"""Inputs of generation: where a script stands for a model, and how its next line is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..arrays import States, Tokens
from ..inference.lexicon import RECALL_LINES, RecentElements
from ..inference.model import Model
from ..inference.processors.repetition import REACH
from ..inference.sampling import Sampling
from ..screenplay.drafts import Draft, ScriptLine
from ..screenplay.elements import Element, Kind
from ..screenplay.fountain import format_for_model, make_cue


@dataclass(frozen=True)
class Standing:
    """Everything above a line that the line depends on, for one model."""

    state: States
    """The model's state after the last line: float32 [S]."""
    recent: Tokens
    """The last `REACH` characters of the script as tokens, or all there are: int64 [n]."""
    opening: str = ""
    """The id of the opening that the model read before the script; empty for none."""
    said: tuple[str, ...] = ()
    """The texts of the last lines, by which candidates are compared."""
    heard: RecentElements = ()
    """The last `RECALL_LINES` elements, and whether a person wrote each."""

    def after(self, model: Model, draft: Draft) -> Standing:
        """Return where the script stands after one more line."""
        assert draft.state is not None  # only lines that are read in bulk have none
        read = model.encode(format_for_model(draft.element.text))
        recent = np.concatenate([self.recent, read])[-REACH:]
        said = (*self.said, draft.element.text)
        heard = (*self.heard, (draft.element.text, draft.author is not None))[-RECALL_LINES:]
        return replace(self, state=draft.state, recent=recent, said=said, heard=heard)


@dataclass(frozen=True)
class Manner:
    """How one element is written: the sampling, and what the element may be and say."""

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
    quality: str = "quick"
    """The name of the number of candidates, one of `reranking.CANDIDATES`."""
    candidates: int = 1
    """The most candidates from which the element is chosen."""
    whatever_load: bool = False
    """Whether a busy engine writes as many candidates as an idle one, so that a seed that somebody
    gave leads to the same line."""
    form: Kind | None = None
    """The kind of the first candidate, which the others share where nobody speaks."""
    cue: str | None = None
    """The cue of the first candidate, which the others share in a speech."""

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
        cue = self.cue or (make_cue(self.character) if self.character else "")
        return f"{cue}\n" if cue else ""


def recent(model: Model, lines: Sequence[ScriptLine]) -> Tokens:
    """Return the last characters of a script as a model's tokens: int64 [at most REACH]."""
    return model.encode("".join(format_for_model(line.element.text) for line in lines))[-REACH:]


def heard(lines: Sequence[ScriptLine]) -> RecentElements:
    """Return the last elements, and whether a person wrote each: a line takes up their words."""
    return tuple((line.element.text, line.author is not None) for line in lines[-RECALL_LINES:])
