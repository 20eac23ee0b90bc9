"""Read back the elements of the Fountain that this corpus writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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
    """Hold one element as it is written, without the blank line after it."""

    kind: Kind
    text: str
    cue: str = ""
    lines: Sequence[str] = ()
    """What is spoken, line by line, without parentheticals."""

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


def keep_short_speeches(script: str, longest: int) -> str:
    """Return the runs of speeches with at most `longest` characters, or "" where there are none."""
    elements = split_elements(script)
    page = [element for element in elements if element.kind is Kind.PAGE]
    runs = filter(_is_scene, _split_runs(elements[len(page) :], longest))
    kept = [element for run in runs for element in run]
    return join_elements([*page, *kept]) if kept else ""


def _is_scene(run: Sequence[Element]) -> bool:
    speeches = [element for element in run if element.kind is Kind.SPEECH]
    return len(speeches) >= FEWEST and len({speech.cue for speech in speeches}) > 1


def _split_runs(elements: Sequence[Element], longest: int) -> Iterator[list[Element]]:
    """Yield the elements between two long speeches, below the heading of their scene."""
    heading: list[Element] = []
    run: list[Element] = []
    unanswered = False
    for element in elements:
        if element.kind is Kind.HEADING:
            yield heading + run
            heading, run, unanswered = [element], [], False
        elif element.kind is Kind.SPEECH and len(element.spoken) > longest:
            yield heading + run
            run, unanswered = [], True
        elif not unanswered:
            run.append(element)
        elif element.kind is Kind.SPEECH:
            unanswered = False
    yield heading + run
