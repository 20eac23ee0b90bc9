"""Describe the lines that an engine reads or writes, and the completions that it returns."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field

import numpy as np

from ..arrays import Floats, States, Tokens
from .automaton import Automaton
from .sampling import Sampling

LONGEST_LINE = 2_000
"""The largest limit of a line, in characters."""

WORD_OVERRUN = 40
"""The most characters by which a line may go beyond its limit to complete a word."""

LONGEST_OVERRUN = WORD_OVERRUN + 200
"""The most characters by which a line may go beyond its limit if its automaton forbids an end."""


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
    banned: Automaton | None = None
    """The words and phrases that the line must not say, from `build_word_filter`. If it says one,
    the request fails with NoContinuation."""
    bars_words: bool = False
    """True to bar the ends of banned words, so that no line fails that can go on in another way."""
    present: tuple[Tokens, ...] = ()
    """Cues, each with its newline, of people who are present, whether they have spoken or not."""
    lock: bool = False
    """True if the automaton lets nobody speak but those who are present."""
    owner: object = None
    """The owner of the request. Owners take turns when requests must wait."""

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
    surprisal: Floats
    """The model's cost in bits of each character but the prompt's first: float32 [n]."""
