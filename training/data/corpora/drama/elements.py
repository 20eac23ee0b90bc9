"""Read back the elements of the Fountain that this corpus writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
"""A word: letters, with apostrophes inside."""

_CUE = re.compile(r"(?=.*[A-Z])[^a-z.!][^a-z]*")


@dataclass(frozen=True)
class Element:
    """Hold one element as it is written, without the blank line after it."""

    text: str
    cue: str = ""
    """The name above a speech; "" for any other element."""
    lines: Sequence[str] = ()
    """What is spoken, line by line, without parentheticals."""

    @property
    def spoken(self) -> str:
        """Return what is spoken as one line."""
        return " ".join(self.lines)


def split_elements(script: str) -> list[Element]:
    """Return the elements of a script."""
    blocks = script.strip("\n").split("\n\n")
    return [_read(block) for block in blocks if block]


def join_elements(elements: Iterable[Element]) -> str:
    """Return the script that has these elements."""
    return "\n\n".join(element.text for element in elements) + "\n"


def _read(block: str) -> Element:
    cue, *lines = block.split("\n")
    if lines and _CUE.fullmatch(cue):
        spoken = [line for line in lines if not (line.startswith("(") and line.endswith(")"))]
        return Element(block, cue, spoken)
    return Element(block)
