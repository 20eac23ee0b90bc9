"""Split a text into paragraphs that know their line in the source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Paragraph:
    """Hold the lines between two blank lines, with their printed indentation.

    `line` counts from 1 in the source.
    """

    line: int
    lines: tuple[str, ...]

    @cached_property
    def indent(self) -> int:
        """Return the columns before the first line."""
        return len(self.lines[0]) - len(self.lines[0].lstrip())

    @cached_property
    def first(self) -> str:
        """Return the first line, without white space around it."""
        return self.lines[0].strip()

    @cached_property
    def text(self) -> str:
        """Return the paragraph on one line."""
        return " ".join(line.strip() for line in self.lines)

    @cached_property
    def plain(self) -> str:
        """Return the paragraph on one line, without underscores."""
        return re.sub(r"\s+", " ", self.text.replace("_", "")).strip()


def split_paragraphs(text: str) -> Iterator[Paragraph]:
    """Yield the paragraphs of a text in order."""
    lines: list[str] = []
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        if line.strip():
            lines.append(line)
        elif lines:
            yield Paragraph(number - len(lines), tuple(lines))
            lines = []
