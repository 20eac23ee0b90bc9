"""Count how much of a script each writer wrote and each character speaks, and its length."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from ..i18n.catalogue import many, say
from .drafts import CreditedLine, name_writer
from .page_layout import LINES_A_PAGE, PAPER_COLUMNS, lay_out_page


@dataclass(frozen=True)
class WriterStatistics:
    """Hold the lines and words of one speaker or writer."""

    name: str
    lines: int
    words: int
    rewritten: int = 0
    """Their lines that others rewrote, which count as the others' lines."""


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


def count_script(lines: Sequence[CreditedLine]) -> ScriptStatistics:
    """Count a script. Call it off the event loop: thousands of lines take a while."""
    words = [_count_words(line.element.body) for line in lines]
    counted = list(zip(lines, words, strict=True))
    imported = {(line.author, line.credit) for line in lines if line.imported}

    def make_entry(
        author: int | None, name: str, lines: int = 0, words: int = 0, rewritten: int = 0
    ) -> tuple[Hashable, WriterStatistics]:
        """Return the key of a writer, and some of what this writer has contributed."""
        key = (author, name) if (author, name) in imported else author
        return key, WriterStatistics(name_writer(author, name), lines, words, rewritten)

    # The former writers first, because a line has its writer's latest name.
    wrote = [
        make_entry(author, name, rewritten=1)
        for line in lines
        for author, name in line.former_writers or ()
    ]
    wrote += [make_entry(line.author, line.credit, 1, n) for line, n in counted]
    page = lay_out_page((line.element for line in lines), PAPER_COLUMNS)
    return ScriptStatistics(
        len(lines),
        sum(words),
        sum(line.element.begins_scene for line in lines),
        (page.count("\n") + bool(lines)) / LINES_A_PAGE,
        _sum_by_key(
            (cue, WriterStatistics(cue, 1, n)) for line, n in counted if (cue := line.element.cue)
        ),
        _sum_by_key((author, count) for author, count in wrote if author is not None),
        _sum_by_key((count.name, count) for author, count in wrote if author is None),
    )


def _count_words(text: str) -> int:
    """Count the words of a text; a dash between spaces is not a word."""
    return sum(any(map(str.isalnum, word)) for word in text.split())


def format_count(count: WriterStatistics) -> str:
    """Return how many lines and words somebody wrote."""
    return f"{many(count.lines, 'line')}, {many(count.words, 'word')}"


def format_rewritten(count: WriterStatistics) -> str:
    """Return how many of somebody's lines others rewrote, after a comma, or ""."""
    if not count.rewritten:
        return ""
    return say(", plus {lines} that others rewrote", lines=many(count.rewritten, "line"))


def format_minutes(pages: float) -> str:
    """Return in words how long so many pages last on the screen."""
    if pages < 1:
        return say("less than a minute")
    return say("about {minutes}", minutes=many(round(pages), "minute"))


def compute_share(count: WriterStatistics, whole: ScriptStatistics) -> float:
    """Return the share of the script's words, from 0 to 1; of its lines if it has no words."""
    return count.words / whole.words if whole.words else count.lines / max(whole.lines, 1)


def _sum_by_key(parts: Iterable[tuple[Hashable, WriterStatistics]]) -> tuple[WriterStatistics, ...]:
    """Add up statistics by key, under each key's last name."""
    counts: dict[Hashable, WriterStatistics] = {}
    for key, part in parts:
        had = counts.get(key, WriterStatistics(part.name, 0, 0))
        counts[key] = WriterStatistics(
            part.name,
            had.lines + part.lines,
            had.words + part.words,
            had.rewritten + part.rewritten,
        )
    return tuple(
        sorted(counts.values(), key=lambda share: (-share.words, -share.lines, share.name))
    )
