"""Read back the elements of the Fountain that this corpus writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
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
