"""Pages of a script: the content of one, its title, and the buttons to others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import discord

from ..i18n.catalogue import say
from ..i18n.markdown import inline
from ..screenplay.elements import Element
from ..storage.schema import Script
from .components import page_buttons, view_of
from .script_messages import messages

PAGE = 1800
"""The size of a page of /script show, which leaves room for its title."""


async def script_page(
    script: Script, elements: Sequence[Element], number: int
) -> tuple[str, discord.ui.View]:
    """Return one page of a script, from 0; a number past the end is the last page."""
    pages = await asyncio.to_thread(messages, elements, PAGE)
    number = min(number, len(pages) - 1) % len(pages)
    title = page_title(script, number, len(pages))
    view = view_of(*page_buttons("page", script.id, number, len(pages)))
    return f"{title}\n{pages[number]}", view


def page_title(script: Script, number: int, pages: int) -> str:
    """Return the title above a page, from 0, of a script or of its history."""
    title = f"**{inline(script.title, 100)}**"
    if pages == 1:
        return title
    return say("{title}, page {number:,} of {pages:,}", title=title, number=number + 1, pages=pages)
