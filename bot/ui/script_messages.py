"""Show elements of a script in messages, as pages in code blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence

import discord

from ..i18n.catalogue import say
from ..screenplay.elements import Element
from ..screenplay.page_layout import SCREEN_WIDTH, lay_out_page
from ..storage.schema import Script
from .components import make_page_buttons, make_view
from .markdown import fenced, inert, inline, join_within, size

PAGE_SIZE = 1800
"""The size of a page of /script show, which leaves room for its title."""

_FENCES = size(fenced(" ")) - 1


def split_into_messages(elements: Iterable[Element], limit: int = 1900) -> list[str]:
    """Return the page of the elements in code blocks, none of them for no elements.

    Each block is at most `limit` long, as `size` counts. An element is cut only if it is longer
    than a block, at the end of a line or of a word.

    Raises:
        ValueError: `limit` is too small for one line of the page.
    """
    space = limit - _FENCES
    if space < SCREEN_WIDTH:
        raise ValueError(f"a block of {limit} has no room for a line of the page")
    blocks: list[str] = []
    block = ""
    for element in elements:
        text = inert(lay_out_page([element]))
        joined = f"{block}\n\n{text}" if block else text
        if size(joined) <= space:
            block = joined
            continue
        if block:
            blocks.append(block)
        *full, block = join_within(_cut_lines(text.split("\n"), space), "\n", space)
        blocks += full
    return [fenced(block) for block in (*blocks, block) if block]


def _cut_lines(lines: Iterable[str], space: int) -> Iterator[str]:
    """Yield the lines, and cut those that are too long by themselves.

    The lines of a page can be, because combining marks take no columns but count as characters.
    """
    for line in lines:
        if size(line) <= space:
            yield line
        else:
            step = space // 2
            yield from (line[start : start + step] for start in range(0, len(line), step))


async def format_page(
    script: Script, elements: Sequence[Element], number: int
) -> tuple[str, discord.ui.View]:
    """Return one page of a script, from 0; a number past the end is the last page."""
    pages = await asyncio.to_thread(split_into_messages, elements, PAGE_SIZE)
    number = min(number, len(pages) - 1) % len(pages)
    title = format_page_title(script, number, len(pages))
    view = make_view(*make_page_buttons("page", script.id, number, len(pages)))
    return f"{title}\n{pages[number]}", view


def format_page_title(script: Script, number: int, pages: int) -> str:
    """Return the title above a page, from 0, of a script or of its history."""
    title = f"**{inline(script.title, 100)}**"
    if pages == 1:
        return title
    return say("{title}, page {number:,} of {pages:,}", title=title, number=number + 1, pages=pages)
