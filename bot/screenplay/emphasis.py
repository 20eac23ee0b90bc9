"""Convert emphasis between Fountain's marks and runs of styled text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter

from screenplain.richstring import RichString, parse_emphasis

_LITERAL_MARK = re.compile(r"(?<=[^\W_])_+(?=[^\W_])|(?<=\d)\*(?=\d)")
"""Matches marks that people mean as they are, as in “snake_case” and “5*3”."""

_LITERAL = "\ue707"  # private use, so no clean text contains it
_MARKS = {"Italic": "*", "Bold": "**", "Underline": "_"}
"""Fountain's marks of the styles, the outermost last."""

Run = tuple[str, frozenset[str]]
"""Text, and the names of its styles, which are screenplain's classes: Italic, Bold, Underline."""


def escape_literal_marks(line: str) -> str:
    """Return a marked line in which the marks of “snake_case” and “5*3” are escaped."""
    return _LITERAL_MARK.sub(lambda marks: _escape(marks[0], "*_"), line)


def parse_emphasized(line: str) -> RichString:
    r"""Return a marked line (see `Element.marked`) as rich text of screenplain."""
    # screenplain knows `\*`, but not `\_`.
    found = parse_emphasis(escape_literal_marks(line).replace(r"\_", _LITERAL))
    for segment in found.segments:
        segment.text = segment.text.replace(_LITERAL, "_")
    return found


def split_runs(line: str) -> list[Run]:
    """Return a marked line as runs, each with one set of styles."""
    return [
        (segment.text, frozenset(style.__name__ for style in segment.styles))
        for segment in parse_emphasized(line).segments
    ]


def format_runs(parts: Sequence[Run]) -> str:
    """Return a line that reads as these runs, without styles that Fountain lacks."""
    joined = _join_runs((text, styles & _MARKS.keys()) for text, styles in parts)
    # Escape as few literal stars and underscores as possible: only those that a reader mistakes.
    for mistaken in ("", "*", "_"):
        line = _mark_runs(joined, mistaken)
        if split_runs(line) == joined:
            return line
    line = _mark_runs(joined, "*_")
    if _read_text(split_runs(line)) == _read_text(joined):
        return line
    # Fountain cannot underline part of a word.
    fewer = [(text, styles - {"Underline"}) for text, styles in joined]
    return line if fewer == joined else format_runs(fewer)


def _read_text(parts: Iterable[Run]) -> str:
    return "".join(text for text, _ in parts)


def _mark_runs(runs: Iterable[Run], mistaken: str) -> str:
    escaped = ((_escape(text, mistaken), styles) for text, styles in runs)
    return _wrap_in_marks(escaped, tuple(_MARKS))


def _escape(text: str, mistaken: str) -> str:
    return text.translate({ord(mark): f"\\{mark}" for mark in mistaken})


def _join_runs(parts: Iterable[Run]) -> list[Run]:
    by_styles = groupby(filter(itemgetter(0), parts), key=itemgetter(1))
    return [("".join(text for text, _ in runs), styles) for styles, runs in by_styles]


def _wrap_in_marks(runs: Iterable[Run], styles: Sequence[str]) -> str:
    """Return runs as a line, in which each style encloses the ones before it in `_MARKS`.

    Marks must touch a letter on the inside.
    """
    if not styles:
        return _read_text(runs)
    *others, outermost = styles
    parts: list[str] = []
    for has_style, group in groupby(runs, key=lambda run: outermost in run[1]):
        text = _wrap_in_marks(group, others)
        inner = text.strip()
        mark = _MARKS[outermost] if has_style and inner else ""
        parts.append(text.replace(inner, f"{mark}{inner}{mark}", 1) if mark else text)
    return "".join(parts)
