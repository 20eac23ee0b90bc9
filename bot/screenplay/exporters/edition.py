"""Prepare a script for export: its elements, and a title page that says who wrote how much."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ...i18n.catalogue import format_percent, say
from ..elements import Element, Kind
from ..statistics import (
    ScriptStatistics,
    WriterStatistics,
    compute_share,
    format_count,
    format_rewritten,
)

MOST_CREDITS = 8
"""Writers that a title page has room for; a sentence counts the others."""

TITLE_WIDTH = 48
"""Columns of a title page."""

_CONTINUED = re.compile(r"\(cont", re.IGNORECASE)
"""Matches the part of a cue that says that its speaker goes on."""

_TRAILING_SCENE_NUMBER = re.compile(r"\s*#[\w.-]+#$")


@dataclass(frozen=True)
class Edition:
    """Hold what every format exports: a script, and the entries of its title page."""

    title: str
    elements: tuple[Element, ...]
    authors: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    """How much each author wrote, one sentence each."""
    date: dt.date | None = None
    scene_numbers: bool = False

    @property
    def about(self) -> dict[str, tuple[str, ...]]:
        """Return the title page without the title, under Fountain's keys."""
        entries = {
            "Credit": (say("written by"),) if self.authors else (),
            "Authors": self.authors,
            "Draft date": (self.date.isoformat(),) if self.date else (),
            "Notes": self.shares,
        }
        return {key: lines for key, lines in entries.items() if lines}

    def numbered(self) -> Iterator[tuple[Element, str | None]]:
        """Yield each element with its scene number: None unless it begins a scene to number."""
        scene = 0
        for element in self.elements:
            scene += element.begins_scene
            yield element, str(scene) if element.begins_scene and self.scene_numbers else None


def make_edition(
    title: str,
    elements: Iterable[Element],
    counted: ScriptStatistics,
    date: dt.date | None = None,
    *,
    scene_numbers: bool = False,
) -> Edition:
    """Return the edition of a script with these statistics."""
    writers = list_writers(counted)
    shares = [format_share(writer, counted) for writer in writers]
    names = shorten([writer.name for writer in writers])
    return Edition(title, tuple(elements), names, shorten(shares), date, scene_numbers)


def list_writers(counted: ScriptStatistics) -> list[WriterStatistics]:
    """Return the people who wrote, and then the voices, as people call them."""
    models = [
        replace(voice, name=say("the voice “{name}”", name=voice.name)) for voice in counted.voices
    ]
    return [*counted.writers, *models]


def adapt_to_paper(edition: Edition) -> Edition:
    """Return an edition as on paper, where each cue of a speaker who goes on has (CONT'D).

    Action may stand in between. FADE IN: stands at the left, like action. In files that are meant
    to be read again, all elements stay as written.
    """
    marked, speaker = list[Element](), None
    for element in edition.elements:
        if element.kind is not Kind.ACTION:
            before, speaker = speaker, element.cue
            if speaker and speaker == before:
                cue, speech = element.text.split("\n", 1)
                element = Element(element.kind, f"{continue_cue(cue)}\n{speech}")
        if element.kind is Kind.TRANSITION and not element.is_flush_right:
            element = Element(Kind.ACTION, element.body)
        marked.append(element)
    return replace(edition, elements=tuple(marked))


def continue_cue(cue: str) -> str:
    """Return a cue that says that its speaker goes on."""
    return cue if _CONTINUED.search(cue) else f"{cue} (CONT'D)"


def format_share(writer: WriterStatistics, counted: ScriptStatistics) -> str:
    """Return how much of a script somebody wrote."""
    percent = format_percent(compute_share(writer, counted))
    return f"{writer.name}: {format_count(writer)} ({percent}){format_rewritten(writer)}"


def shorten(entries: Sequence[str]) -> tuple[str, ...]:
    """Return the first `MOST_CREDITS` entries, and how many more there are."""
    more = len(entries) - MOST_CREDITS
    if more <= 0:
        return tuple(entries)
    return (*entries[:MOST_CREDITS], say("and {number:,} more", number=more))


def remove_scene_number(heading: str) -> str:
    """Return a heading without a number such as #12#, which would stand beside ours."""
    return _TRAILING_SCENE_NUMBER.sub("", heading)
