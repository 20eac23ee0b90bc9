"""Tally: who wrote and who says how much of a script, and how long it is."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from ..i18n.catalogue import many, say
from .drafts import ScriptLine
from .render import PAPER, page
from .script import Kind

LINES_A_PAGE = 55
"""Lines of a typed page."""


@dataclass(frozen=True)
class Count:
    """How much is somebody's."""

    name: str
    lines: int
    words: int


@dataclass(frozen=True)
class Tally:
    """What can be counted in a script. Each list begins with whoever has the most words."""

    lines: int
    words: int
    scenes: int
    pages: float
    """Pages of paper, which are minutes on the screen by the old rule."""
    characters: tuple[Count, ...]
    """Who speaks, and what they say."""
    writers: tuple[Count, ...]
    """People, each by their latest name."""
    voices: tuple[Count, ...]


def tally(lines: Sequence[ScriptLine]) -> Tally:
    """Counts a script. Takes a while for thousands of lines: not for the event loop."""
    words = [len(line.element.body.split()) for line in lines]
    counted = list(zip(lines, words, strict=True))
    spoken = [(cue, cue, n) for line, n in counted if (cue := line.element.cue)]
    rows = len(page((line.element for line in lines), PAPER).split("\n")) if lines else 0
    return Tally(
        len(lines),
        sum(words),
        sum(line.element.kind == Kind.HEADING for line in lines),
        rows / LINES_A_PAGE,
        _counts(spoken),
        _counts((line.author, line.credit, n) for line, n in counted if line.author is not None),
        _counts((line.credit, line.credit, n) for line, n in counted if line.author is None),
    )


def minutes(pages: float) -> str:
    """How long so many pages last, in words."""
    whole = round(pages)
    if pages < 1:
        return say("less than a minute")
    return say("about {minutes}", minutes=many(whole, "minute"))


def share(count: Count, whole: Tally) -> float:
    """Their share of the script's words, from 0 to 1; of its lines, where there are no words."""
    return count.words / whole.words if whole.words else count.lines / max(whole.lines, 1)


def _counts(parts: Iterable[tuple[Hashable, str, int]]) -> tuple[Count, ...]:
    """Adds up the words of whoever has the same key, under the name that came last."""
    counts: dict[Hashable, Count] = {}
    for key, name, words in parts:
        had = counts.get(key, Count(name, 0, 0))
        counts[key] = Count(name, had.lines + 1, had.words + words)
    return tuple(sorted(counts.values(), key=lambda one: (-one.words, -one.lines, one.name)))
