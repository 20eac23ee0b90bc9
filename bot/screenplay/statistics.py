"""Count who wrote and who speaks how much of a script, and how long the script is."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from ..i18n.catalogue import many, say
from .drafts import ScriptLine
from .elements import Kind
from .page_layout import LINES_A_PAGE, PAPER_COLUMNS, lay_out_page


@dataclass(frozen=True)
class WriterStatistics:
    """Hold the lines and words of one speaker or writer."""

    name: str
    lines: int
    words: int


@dataclass(frozen=True)
class ScriptStatistics:
    """Hold the statistics of a script. Counts are in descending order of words."""

    lines: int
    words: int
    scenes: int
    pages: float
    """Pages of paper; by an old rule, one page lasts a minute on the screen."""
    characters: tuple[WriterStatistics, ...]
    """The speakers, and what they say."""
    writers: tuple[WriterStatistics, ...]
    """People, each under their latest name."""
    voices: tuple[WriterStatistics, ...]
    """Models."""


def count_script(lines: Sequence[ScriptLine]) -> ScriptStatistics:
    """Count a script. Call it off the event loop: thousands of lines take a while."""
    words = [len(line.element.body.split()) for line in lines]
    counted = list(zip(lines, words, strict=True))
    people = ((one.author, one.credit, n) for one, n in counted if one.author is not None)
    page = lay_out_page((line.element for line in lines), PAPER_COLUMNS)
    return ScriptStatistics(
        len(lines),
        sum(words),
        sum(line.element.kind == Kind.HEADING for line in lines),
        (page.count("\n") + bool(lines)) / LINES_A_PAGE,
        _sum_by_key((cue, cue, n) for line, n in counted if (cue := line.element.cue)),
        _sum_by_key(people),
        _sum_by_key((one.credit, one.credit, n) for one, n in counted if one.author is None),
    )


def format_minutes(pages: float) -> str:
    """Return in words how long so many pages last on the screen."""
    whole = round(pages)
    if pages < 1:
        return say("less than a minute")
    return say("about {minutes}", minutes=many(whole, "minute"))


def compute_share(count: WriterStatistics, whole: ScriptStatistics) -> float:
    """Return the share of the script's words, from 0 to 1; of its lines if it has no words."""
    return count.words / whole.words if whole.words else count.lines / max(whole.lines, 1)


def _sum_by_key(parts: Iterable[tuple[Hashable, str, int]]) -> tuple[WriterStatistics, ...]:
    """Add up triples of a key, a name and words, by key, under each key's last name."""
    counts: dict[Hashable, WriterStatistics] = {}
    for key, name, words in parts:
        had = counts.get(key, WriterStatistics(name, 0, 0))
        counts[key] = WriterStatistics(name, had.lines + 1, had.words + words)
    return tuple(sorted(counts.values(), key=lambda one: (-one.words, -one.lines, one.name)))
