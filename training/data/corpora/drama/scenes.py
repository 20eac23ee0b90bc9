"""Keep the passages of a play without long speeches.

A long speech cannot be shortened without an author, and the line that answers a long speech means
nothing without it. So both are dropped, and the play falls into runs of short speeches. A run too
short to be a scene is dropped as well; each other run opens with the heading of its scene, as a
film cuts back to a place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .elements import Element, Kind, join_elements, split_elements

FEWEST = 6
"""The fewest speeches of a run that is kept: fewer leave nothing to answer."""


@dataclass
class _Run:
    """Collect the elements between two long speeches, below the heading of their scene."""

    heading: Element | None = None
    elements: list[Element] = field(default_factory=list[Element])

    @property
    def is_scene(self) -> bool:
        speeches = [one for one in self.elements if one.kind is Kind.SPEECH]
        return len(speeches) >= FEWEST and len({one.cue for one in speeches}) > 1


def keep_short_speeches(script: str, longest: int) -> str:
    """Return the runs of speeches with at most `longest` characters, or "" where there are none."""
    elements = split_elements(script)
    page = [one for one in elements if one.kind is Kind.PAGE]
    runs = [run for run in _split_runs(elements[len(page) :], longest) if run.is_scene]
    kept = [one for run in runs for one in ([run.heading] if run.heading else []) + run.elements]
    return join_elements([*page, *kept]) if kept else ""


def _split_runs(elements: Sequence[Element], longest: int) -> Iterator[_Run]:
    run = _Run()
    unanswered = False
    for element in elements:
        if element.kind is Kind.HEADING:
            yield run
            run, unanswered = _Run(element), False
        elif element.kind is Kind.SPEECH and len(element.spoken) > longest:
            yield run
            run, unanswered = _Run(run.heading), True
        elif not unanswered:
            run.elements.append(element)
        elif element.kind is Kind.SPEECH:
            unanswered = False
    yield run
