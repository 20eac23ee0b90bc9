"""Requests: what the engine is asked to read or write, and what comes of it."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field

import numpy as np

from ..arrays import Floats, States, Tokens
from .constraint import Automaton, Banned
from .processors.recall import Said
from .sampling import Sampling

LONGEST_LINE = 2_000
"""Characters that a line may be long at the most."""


class NothingLeft(Exception):
    """With what must not be said, this line can say nothing."""


class NoNumber(Exception):
    """The voice gave something else than numbers for this line: its file is damaged."""


@dataclass(frozen=True)
class Request:
    """One line to be read or written.

    ``prompt``, at least one token, is read from ``state``; then, with ``sampling``, characters are
    written until an element ends (two newlines), which a limit brings about at the next word.
    """

    state: States
    prompt: Tokens
    sampling: Sampling | None = None
    limit: int = 0
    """Characters after which the element is ended, up to `LONGEST_LINE`."""
    context: Tokens = field(default_factory=lambda: np.empty(0, np.int64))
    """The script before the prompt as it was read, or the last `repetition.REACH` characters of it:
    what the control of repetition looks back to."""
    _: KW_ONLY
    automaton: Automaton | None = None
    """What the element may look like."""
    otherwise: Automaton | None = None
    """If given, the voice begins freely, and ``automaton`` holds once a lower-case letter or a
    newline has come; but where it would not have allowed what came before that, the line begins
    again, and this one holds. So how often the voice gives somebody a speech stays as it is, while
    the cast decides who that can be."""
    banned: Banned | None = None
    """What must not be said."""
    present: tuple[Tokens, ...] = ()
    """Cues of those who are there, each with its newline, whether they have spoken yet or not."""
    lock: bool = False
    """Whether the automaton leaves the floor to nobody but those who are present."""
    said: Said | None = None
    """The words that it may take up, for a recall."""
    owner: object = None
    """Whose request it is: owners take turns where requests must wait."""


@dataclass(frozen=True)
class Reply:
    """What came of a request.

    ``state`` [S] remembers the prompt and all that was written but its last character: the newline
    that closes an element is read as the first character of what follows it.
    """

    written: list[int]
    state: States
    surprise: Floats
    """Bits that each character but the prompt's first cost the voice: float32."""
