"""Show elements of a script in messages: as pages in code blocks, or as struck-through lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..i18n.markdown import fenced, inert, inline, size
from ..screenplay.elements import Element
from ..screenplay.page_layout import SCREEN_WIDTH, lay_out_page

_FENCES = size(fenced(" ")) - 1
_DIMMED_LIMIT = 150


def messages(elements: Iterable[Element], limit: int = 1900) -> list[str]:
    """Return the page of the elements in code blocks, none of them for no elements.

    Each block is at most `limit` long, as `size` counts. An element is cut only if it is longer
    than a block, at the end of a line or of a word.

    Raises:
        ValueError: `limit` is too small for one line of the page.
    """
    room = limit - _FENCES
    if room < SCREEN_WIDTH:
        raise ValueError(f"a block of {limit} has no room for a line of the page")
    blocks: list[str] = []
    block = ""
    for element in elements:
        text = inert(lay_out_page([element]))
        joined = f"{block}\n\n{text}" if block else text
        if size(joined) <= room:
            block = joined
            continue
        if block:
            blocks.append(block)
        *full, block = _split(text, room)
        blocks += full
    return [fenced(block) for block in (*blocks, block) if block]


def _split(text: str, room: int) -> list[str]:
    """Return the lines of a text in as few pieces as fit."""
    pieces = [""]
    for line in _short_lines(text.split("\n"), room):
        joined = f"{pieces[-1]}\n{line}" if pieces[-1] else line
        if size(joined) <= room:
            pieces[-1] = joined
        else:
            pieces.append(line)
    return pieces


def _short_lines(lines: Iterable[str], room: int) -> Iterator[str]:
    """Yield the lines, and cut those that are too long by themselves.

    The lines of a page can be, because combining marks take no columns but count as characters.
    """
    for line in lines:
        if size(line) <= room:
            yield line
        else:
            step = room // 2
            yield from (line[at : at + step] for at in range(0, len(line), step))


def dimmed(element: Element) -> str:
    """Return an element that is no longer in the script, struck through on one small line."""
    return f"-# ~~{inline(element.one_line, _DIMMED_LIMIT)}~~"
