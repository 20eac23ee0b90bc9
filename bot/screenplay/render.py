"""A script as Discord shows it: as a page in a code block, or as words in a sentence.

Nothing that is shown can ping anybody, break out of its block or format what is around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from unicodedata import category, east_asian_width

from .script import Element, Kind, clean

LIMIT = 2000
"""The longest message that Discord takes. Measure with `size`."""

WIDTH = 56
"""Columns of a page: as many as a code block shows on a narrow screen held upright, and a few."""


@dataclass(frozen=True)
class Columns:
    """Where the parts of a page stand, in the proportions of a typed one: (indent, columns)."""

    width: int
    cue: tuple[int, int]
    parenthetical: tuple[int, int]
    speech: tuple[int, int]


SCREEN = Columns(WIDTH, (20, WIDTH - 20), (14, 34), (8, 46))
"""A page in a message."""

PAPER = Columns(61, (19, 42), (13, 48), (9, 36))
"""A page on paper, ten characters to the inch."""


def page(elements: Iterable[Element], columns: Columns = SCREEN) -> str:
    """The elements as a typed screenplay page for a monospaced font.

    Without forcing characters and escapes, with a blank line between elements. Words that are wider
    than their column are cut.
    """
    return "\n\n".join("\n".join(_laid_out(element, columns)) for element in elements)


def _laid_out(element: Element, at: Columns) -> Iterator[str]:
    whole = (0, at.width)
    match element.kind:
        case Kind.HEADING:
            yield from _block(element.body.upper(), *whole)
        case Kind.ACTION:
            yield from _block(element.body, *whole)
        case Kind.TRANSITION:
            lines = _block(element.body, *whole)
            yield from (" " * (at.width - columns(line)) + line for line in lines)
        case Kind.DIALOGUE:
            cue, *speech = element.shown
            yield from _block(cue, *at.cue)
            for line in speech:
                aside = line.startswith("(") and line.endswith(")")
                yield from _block(line, *(at.parenthetical if aside else at.speech))


def _block(text: str, indent: int, width: int) -> Iterator[str]:
    for line in text.split("\n"):
        for wrapped in _wrapped(line, width):
            yield " " * indent + wrapped


def _wrapped(line: str, width: int) -> Iterator[str]:
    row, filled = "", 0
    for word in line.split():
        needed = columns(word)
        if row and filled + 1 + needed <= width:
            row += f" {word}"
            filled += 1 + needed
            continue
        if row:
            yield row
        *full, row = _chopped(word, width) if needed > width else [word]
        filled = columns(row)
        yield from full
    yield row


def _chopped(word: str, width: int) -> list[str]:
    rows, room = [""], width
    for character in word:
        needed = columns(character)
        if needed > room:
            rows.append("")
            room = width
        rows[-1] += character
        room -= needed
    return rows


def columns(text: str) -> int:
    """How wide text is in a monospaced font: 2 for a wide character, 0 for a combining mark."""
    if text.isascii():
        return len(text)
    return sum(map(_columns_of, text))


@lru_cache(maxsize=1024)
def _columns_of(character: str) -> int:
    if category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def size(text: str) -> int:
    """The length of text in UTF-16 code units: what Discord counts, or more than that."""
    # Counted one by one, the characters of a long script would take seconds.
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


# Blocks ----------------------------------------------------------------------------------------

_MENTION = re.compile(r"@(?=everyone|here|[!&]?\d)")
# Code blocks and strikethrough know no backslash, so only a look-alike is sure not to end them.
_BACKTICK, _TILDE = "\u02cb", "\u223c"
_NOTHING = "\u200b"


def fenced(text: str) -> str:
    """Text in a code block that nothing in it breaks out of, nor mentions anybody from."""
    return _fence(_inert(text))


def _inert(text: str) -> str:
    return _MENTION.sub(f"@{_NOTHING}", text.replace("`", _BACKTICK))


def _fence(inert: str) -> str:
    # Discord shows the fences themselves when nothing is between them.
    return f"```\n{inert or _NOTHING}\n```"


_FENCES = size(_fence(" ")) - 1


def messages(elements: Iterable[Element], limit: int = 1900) -> list[str]:
    """The page in fenced blocks, each at most `limit` long as `size` counts.

    An element is cut only if it is longer than a block, at the end of a line or of a word. There
    are no messages for no elements.

    Raises:
        ValueError: `limit` has no room for one line of the page.
    """
    room = limit - _FENCES
    if room < WIDTH:
        raise ValueError(f"a block of {limit} has no room for a line of the page")
    blocks: list[str] = []
    block = ""
    for element in elements:
        text = _inert(page([element]))
        joined = f"{block}\n\n{text}" if block else text
        if size(joined) <= room:
            block = joined
            continue
        if block:
            blocks.append(block)
        *full, block = _portions(text, room)
        blocks += full
    return [_fence(block) for block in (*blocks, block) if block]


def _portions(text: str, room: int) -> list[str]:
    """The lines of a text in as few pieces as fit."""
    portions = [""]
    for line in _short(text.split("\n"), room):
        joined = f"{portions[-1]}\n{line}" if portions[-1] else line
        if size(joined) <= room:
            portions[-1] = joined
        else:
            portions.append(line)
    return portions


def _short(lines: Iterable[str], room: int) -> Iterator[str]:
    """The lines, cut where even one is too long: marks take up no columns, but do take up room."""
    for line in lines:
        if size(line) <= room:
            yield line
        else:
            step = room // 2
            yield from (line[at : at + step] for at in range(0, len(line), step))


# Sentences -------------------------------------------------------------------------------------

_DIMMED_LIMIT = 150
_SAFE = {mark: f"\\{mark}" for mark in "\\*_|<>#[]()+-.:/"} | {
    "`": _BACKTICK,
    "~": _TILDE,
    "@": f"@{_NOTHING}",
}


def inline(text: str, limit: int) -> str:
    """What a person or a voice wrote, as plain words inside a sentence of the bot.

    On one line, with markdown, links and mentions made inert, and with an ellipsis where it had to
    be cut. `limit` (at least 1) is for the result as `size` counts it, with all that was added.
    """
    return _cut(text, limit, _SAFE)


def plain(text: str, limit: int) -> str:
    """The same where Discord formats nothing: in a menu, a window, or the words of a picture."""
    return _cut(text, limit, {})


def _cut(text: str, limit: int, safe: Mapping[str, str]) -> str:
    line = " ".join(clean(text).split())
    if sum(size(safe.get(one, one)) for one in line) <= limit:
        return "".join(safe.get(one, one) for one in line)
    room, end = limit - 1, 0
    while end < len(line) and (room := room - size(safe.get(line[end], line[end]))) >= 0:
        end += 1
    # Cleaned again: a joiner at the cut joins nothing any more.
    kept = clean(line[:end]).rstrip()
    return "".join(safe.get(one, one) for one in kept) + "…"


def dimmed(element: Element) -> str:
    """An element that is no longer in the script, struck through on one small line."""
    words = element.body if element.cue is None else f"{element.cue}: {element.body}"
    return f"-# ~~{inline(words, _DIMMED_LIMIT)}~~"
