"""Make the panel: what stands under the newest line of a script."""

from __future__ import annotations

import discord

from ..i18n.catalogue import say
from ..i18n.markdown import inline
from ..session.turn import current_position
from ..storage.schema import Line, Script
from ..storage.store import Store
from . import components


async def load_panel(
    store: Store, script: Script, line: Line | None
) -> tuple[str, discord.ui.View]:
    """Return the text and the buttons under the last line of a script; None before the first."""
    title = inline(script.title, 100)
    text = f"-# **{title}**" if line else _format_start(title)
    view = components.make_line_buttons(
        current_position(script),
        by_model=line is not None and line.author is None,
        redo=await store.lines.find_redo_line(script.id, script.head) is not None,
    )
    return text, view


def _format_start(title: str) -> str:
    return say(
        "**{title}** starts here. Write the first line with {/write}, or let the voice start.",
        title=title,
    )
