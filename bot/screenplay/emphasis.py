"""Emphasis: text in italics, bold or underlined, as Fountain marks it and as other formats do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from screenplain.richstring import Bold, Italic, RichString, Underline, parse_emphasis

_LITERAL = "\ue707"  # for private use, so that no clean text has it
_MARKS = {"Italic": "*", "Bold": "**", "Underline": "_"}
"""The outermost last."""

Run = tuple[str, frozenset[str]]
"""Text, and the names of its styles: Italic, Bold, Underline."""


def rich(line: str) -> RichString:
    r"""A marked line (see `Element.marked`) as the library for screenplays knows it."""
    # The library knows `\*`, but not `\_`.
    found = parse_emphasis(line.replace(r"\_", _LITERAL))
    for segment in found.segments:
        segment.text = segment.text.replace(_LITERAL, "_")
    return found


def runs(line: str) -> list[Run]:
    """A marked line as runs of text that have one style each."""
    names = {Italic: "Italic", Bold: "Bold", Underline: "Underline"}
    return [
        (segment.text, frozenset(names[style] for style in segment.styles))
        for segment in rich(line).segments
    ]


def marked(parts: Sequence[Run]) -> str:
    """A line that reads as these runs, which may have other styles too: those are left out."""
    joined = _joined((text, styles & _MARKS.keys()) for text, styles in parts)
    # Stars that mean themselves are escaped, but not where nobody would mistake them.
    for mistaken in ("", "*", "_"):
        line = "".join(_mark(_escaped(text, mistaken), styles) for text, styles in joined)
        if runs(line) == joined:
            return line
    return "".join(_mark(_escaped(text, "*_"), styles) for text, styles in joined)


def _escaped(text: str, mistaken: str) -> str:
    return "".join(f"\\{one}" if one in mistaken else one for one in text)


def _joined(parts: Iterable[Run]) -> list[Run]:
    joined: list[Run] = []
    for text, styles in parts:
        if joined and joined[-1][1] == styles:
            joined[-1] = (joined[-1][0] + text, styles)
        elif text:
            joined.append((text, styles))
    return joined


def _mark(text: str, styles: frozenset[str]) -> str:
    """The text between its marks, which must touch it."""
    inner = text.strip()
    if not inner:
        return text
    start = text.index(inner[0])
    marks = [mark for name, mark in _MARKS.items() if name in styles]
    before, after = "".join(reversed(marks)), "".join(marks)
    return f"{text[:start]}{before}{inner}{after}{text[start + len(inner) :]}"
