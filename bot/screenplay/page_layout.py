"""Lay out elements as a typed screenplay page in a monospaced font."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wcwidth import iter_graphemes, width

from .elements import Element

SCREEN_WIDTH = 56
"""Columns of a page on a screen: what a code block shows on a narrow phone, and a few more."""

LINES_A_PAGE = 55
"""Lines of a typed page on paper."""


@dataclass(frozen=True)
class Columns:
    """Place the parts of a page, in the proportions of a typed one.

    `cue`, `parenthetical` and `speech` are pairs of an indent and a width, in columns.
    """

    width: int
    cue: tuple[int, int]
    parenthetical: tuple[int, int]
    speech: tuple[int, int]


SCREEN_COLUMNS = Columns(SCREEN_WIDTH, (20, SCREEN_WIDTH - 20), (14, 34), (8, 46))
"""A page in a message."""

PAPER_COLUMNS = Columns(61, (19, 42), (13, 48), (9, 36))
"""A page on paper, ten characters to the inch."""


def lay_out_page(elements: Iterable[Element], columns: Columns = SCREEN_COLUMNS) -> str:
    """Return the elements as a page, without forcing marks and escapes.

    A blank line stands between elements. A word that is wider than its column is cut.
    """
    return "\n\n".join("\n".join(_format_element(element, columns)) for element in elements)


def _format_element(element: Element, columns: Columns) -> Iterator[str]:
    spec = element.kind.spec
    if spec.has_cue:
        cue, *speech = element.shown
        yield from _place(cue, *columns.cue)
        for line in speech:
            is_parenthetical = line.startswith("(") and line.endswith(")")
            place = columns.parenthetical if is_parenthetical else columns.speech
            yield from _place(line, *place)
        return
    rows = _place(element.body.upper() if spec.is_upper_case else element.body, 0, columns.width)
    if element.is_flush_right:
        rows = (" " * (columns.width - text_width(row)) + row for row in rows)
    yield from rows


def _place(text: str, indent: int, columns: int) -> Iterator[str]:
    for line in text.split("\n"):
        for row in _wrap(line, columns):
            yield " " * indent + row


def _wrap(line: str, columns: int) -> Iterator[str]:
    row, filled = "", 0
    for word in line.split():
        needed = text_width(word)
        if row and filled + 1 + needed <= columns:
            row += f" {word}"
            filled += 1 + needed
            continue
        if row:
            yield row
        *full, row = _chop(word, columns) if needed > columns else [word]
        filled = text_width(row)
        yield from full
    yield row


def _chop(word: str, columns: int) -> list[str]:
    # `wcwidth.wrap` takes quadratic time for such a word.
    rows, room = [""], columns
    # By graphemes, because an emoji of several characters is narrower than their sum.
    for grapheme in iter_graphemes(word):
        needed = text_width(grapheme)
        if needed > room:
            rows.append("")
            room = columns
        rows[-1] += grapheme
        room -= needed
    return rows


def unwrap(lines: Iterable[str], width: int) -> list[str]:
    """Join each line to the previous one if its first word had no room there."""
    joined: list[list[str]] = []
    last = width
    for line in map(str.strip, lines):
        word = line.partition(" ")[0]
        if joined and last + 1 + text_width(word) > width:
            joined[-1].append(line)
        else:
            joined.append([line])
        last = text_width(line)
    return list(map(" ".join, joined))


def text_width(text: str) -> int:
    """Return the columns that text takes: 2 for a wide character or an emoji, 0 for a mark."""
    if text.isascii():
        return len(text)
    # By graphemes, because `width` takes more than quadratic time for a word of flags.
    return sum(width(grapheme, control_codes="ignore") for grapheme in iter_graphemes(text))
