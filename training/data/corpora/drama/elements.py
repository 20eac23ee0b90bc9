"""Read back the elements of the Fountain that this corpus writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
"""A word: letters, with apostrophes inside."""

_CUE = re.compile(r"(?=.*[A-Z])[^a-z.!][^a-z]*")


class Kind(Enum):
    """Name the kinds of elements."""

    PAGE = "title page"
    HEADING = "heading"
    ACTION = "action"
    SPEECH = "speech"


@dataclass(frozen=True)
class Element:
    """Hold one element.

    Attributes:
        kind: What the element is.
        text: The element as it is written, without the blank line after it.
        cue: The speaker of a speech, or "".
        lines: What is spoken, line by line, without parentheticals.
    """

    kind: Kind
    text: str
    cue: str = ""
    lines: Sequence[str] = ()

    @property
    def spoken(self) -> str:
        """Return what is spoken as one line."""
        return " ".join(self.lines)


def split_elements(script: str) -> list[Element]:
    """Return the elements of a script."""
    blocks = script.strip("\n").split("\n\n")
    elements = [_read(block) for block in blocks if block]
    if elements and re.match(r"Title: ", elements[0].text):
        elements[0] = Element(Kind.PAGE, elements[0].text)
    return elements


def join_elements(elements: Iterable[Element]) -> str:
    """Return the script that has these elements."""
    return "\n\n".join(element.text for element in elements) + "\n"


def _read(block: str) -> Element:
    cue, *lines = block.split("\n")
    if lines and _CUE.fullmatch(cue):
        spoken = [line for line in lines if not (line.startswith("(") and line.endswith(")"))]
        return Element(Kind.SPEECH, block, cue, spoken)
    return Element(Kind.HEADING if re.match(r"\.(?!\.)", block) else Kind.ACTION, block)


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
