"""Split a text into paragraphs that know their line in the source."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

WORDS = tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
"""Lists of words by name."""


@dataclass(frozen=True)
class Paragraph:
    """Hold the lines between two blank lines, as printed; `line` counts from 1 in the source."""

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


FOREIGN_SHARE = 0.15
"""The share of longer paragraphs that must be foreign for a book to have a foreign column; mottoes
and quotations have a smaller share."""
LONG = 5
"""The fewest words of a paragraph whose language is judged; fewer may hold no function word."""

ENGLISH = frozenset(WORDS["english"].split())
LATIN = frozenset(WORDS["latin"].split())
WORD = re.compile(r"[A-Za-z']+")


def leave_out_foreign(paragraphs: Sequence[Paragraph]) -> list[Paragraph]:
    """Return the English paragraphs of a book that prints another language beside them.

    A short paragraph is foreign if it stands in the column of the foreign paragraphs.
    """
    long = [paragraph for paragraph in paragraphs if len(WORD.findall(paragraph.text)) >= LONG]
    foreign = [paragraph for paragraph in long if is_foreign(paragraph.text)]
    if not foreign or len(foreign) < FOREIGN_SHARE * len(long):
        return list(paragraphs)
    column = Counter(paragraph.indent for paragraph in foreign).most_common(1)[0][0]
    return [
        paragraph
        for paragraph in paragraphs
        if not is_foreign(paragraph.text)
        and not (paragraph.indent == column and _is_bare(paragraph))
    ]


def is_foreign(text: str) -> bool:
    """Return whether Latin function words outnumber English ones."""
    words = [word.lower() for word in WORD.findall(text)]
    return sum(word in LATIN for word in words) > 2 * sum(word in ENGLISH for word in words)


def _is_bare(paragraph: Paragraph) -> bool:
    """Return whether a paragraph is neither a name, nor a direction, nor certainly English."""
    words = [word.lower() for word in WORD.findall(paragraph.text)]
    marked = re.match(r"[_\[({]", paragraph.first) or paragraph.first.isupper()
    return not marked and not any(word in ENGLISH for word in words)
