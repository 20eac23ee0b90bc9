"""Show a script in messages, as pages of numbered lines that wrap on every screen."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import discord

from ...i18n.catalogue import say
from ...screenplay.elements import Element
from ...storage.schema import Script
from ..components import make_page_buttons, make_view
from ..lines.looks import name_rows
from ..markdown import LIMIT, chop, inline, join_within, size

PAGE_SIZE = 1800
"""The size of a page of /script show, which leaves room for its title."""


def split_into_pages(elements: Iterable[Element], limit: int = PAGE_SIZE) -> list[str]:
    """Return the lines of a script with their numbers, as pages at most ``limit`` long.

    Only a line that is longer than a page is cut, at the end of a row or of a word.
    """
    texts = (
        text
        for number, element in enumerate(elements, 1)
        for text in _format_line(element, f"`{number}` ", limit)
    )
    return join_within(texts, "\n\n", limit)


def _format_line(element: Element, number: str, limit: int) -> list[str]:
    """Return a line below its speaker's name, in as few texts as are at most ``limit`` long."""
    room = limit - size(number)
    rows = (text for row in name_rows(element) for text in _format_row(*row, room))
    first, *others = join_within(rows, "\n", room)
    return [f"{number}{first}", *others]


def _format_row(row: str, mark: str, markdown: str, limit: int) -> list[str]:
    """Return a row in as few texts as are at most ``limit`` long, each between its marks."""
    if size(markdown) <= limit:
        return [markdown]
    room = limit - 2 * size(mark)
    words = (inline(piece, LIMIT) for word in row.split() for piece in chop(word, room))
    texts = join_within(words, " ", room)
    return [f"{mark}{text}{mark}" for text in texts if text]


async def format_page(
    script: Script, elements: Sequence[Element], number: int
) -> tuple[str, discord.ui.View]:
    """Return one page of a script, from 0; a number past the end is the last page."""
    pages = await asyncio.to_thread(split_into_pages, elements, PAGE_SIZE)
    number = min(number, len(pages) - 1)
    title = format_page_title(script, number, len(pages))
    view = make_view(*make_page_buttons("page", script.id, number, len(pages)))
    return f"{title}\n{pages[number]}", view


def format_page_title(script: Script, number: int, pages: int) -> str:
    """Return the title above a page, from 0, of a script or of its history."""
    title = f"**{inline(script.title, 100)}**"
    if pages == 1:
        return title
    return say("{title}, page {number:,} of {pages:,}", title=title, number=number + 1, pages=pages)
