"""Describe the lines that an engine reads or writes, and the completions that it returns."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field

import numpy as np

from ..arrays import Floats, States, Tokens
from .automaton import Automaton
from .lexicon import RecallWords
from .sampling import Sampling
from .word_filter import BannedWordFilter

LONGEST_LINE = 2_000
"""The largest limit of a line, in characters."""

WORD_OVERRUN = 40
"""Characters that a line may go on beyond its limit to complete a word."""

LONGEST_OVERRUN = WORD_OVERRUN + 200
"""Characters that a line may go on beyond its limit where its automaton forbids an end."""


@dataclass(frozen=True)
class Request:
    """Ask an engine to read or write a line.

    The engine reads ``prompt``, at least one token, from ``state``. Then, if there is ``sampling``,
    it writes characters until an element ends with two newlines. Beyond ``limit`` the engine ends
    the element at the next word.
    """

    state: States
    prompt: Tokens
    sampling: Sampling | None = None
    limit: int = 0
    """Characters after which the element is ended, from 1 to `LONGEST_LINE`."""
    context: Tokens = field(default_factory=lambda: np.empty(0, np.int64))
    """The script before the prompt as the model read it, or its last `repetition.REACH` characters,
    for the processors that look back."""
    _: KW_ONLY
    automaton: Automaton | None = None
    """The form that the element must have."""
    fallback: Automaton | None = None
    """A second automaton, with which the line begins again if its beginning breaks the first.

    With it the model begins freely, and ``automaton`` holds from the first lower-case letter or
    newline on. If that automaton does not allow what came before, the line begins again, and
    ``fallback`` holds. So speech stays as frequent as the model makes it, while the cast decides
    who speaks."""
    banned: BannedWordFilter | None = None
    """Words and phrases that the line must not say."""
    present: tuple[Tokens, ...] = ()
    """Cues, each with its newline, of people who are present whether they have spoken or not."""
    lock: bool = False
    """True if the automaton lets nobody speak but those who are present."""
    recall_words: RecallWords | None = None
    """The words that the line may take up, for `Sampling.recall`."""
    owner: object = None
    """The owner of the request. Owners take turns where requests must wait."""

    @property
    def max_length(self) -> int:
        """Return the most characters that the line can have."""
        return self.limit + LONGEST_OVERRUN


@dataclass(frozen=True)
class Completion:
    """Hold the result of a request."""

    written: list[int]
    state: States
    """The state after the prompt and all written characters but the last: float32 [S].

    The newline that closes an element is read as the first character of the next one."""
    surprise: Floats
    """The model's cost in bits of each character but the prompt's first: float32 [n]."""
