"""Compose the closing card of a script that has ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import discord
from discord import ui

from ..i18n.catalogue import many, say
from ..screenplay.statistics import ScriptStatistics
from ..storage.schema import Line, Script
from .components import make_layout, make_script_button
from .credits import format_credit
from .images.pictures import format_summary
from .looks import MORE, format_scene
from .markdown import NAME_SIZE, inline

LINE_SIZE = 400
"""The size of one of the best lines, of which five must fit into a card's 4,000 characters."""

SHARE_SIZE = 120
"""The size of a sentence about one writer."""

COLOUR = discord.Colour.gold()


def make_closing_card(
    script: Script,
    statistics: ScriptStatistics,
    best: Iterable[tuple[Line, int]],
    shares: Sequence[str],
    files: Sequence[discord.File],
    notes: Sequence[str],
) -> ui.LayoutView:
    """Return the card of a script, with the button that reopens the script.

    The card lists the best lines, each with the number of its stars, and the writers' shares, one
    sentence each. It shows the attached pictures and offers the other files, with notes on them.
    """
    title = inline(script.title, 100)
    texts = [f"## {title}\n{say('The end')} · {format_summary(statistics)}"]
    if starred := [_format_best_line(*one) for one in best]:
        # A blank line ends a quotation.
        texts.append(f"### {say('Best lines')}\n" + "\n\n".join(starred))
    writers = [f"- {inline(share, SHARE_SIZE)}" for share in shares]
    texts.append("\n".join([f"### {say('Who wrote')}", *writers]))
    container: ui.Container[ui.LayoutView] = ui.Container(accent_colour=COLOUR)
    for text in texts:
        container.add_item(ui.TextDisplay(text))
    for file in files:
        if file.filename.endswith(".png"):
            picture = discord.MediaGalleryItem(file, description=file.description)
            container.add_item(ui.MediaGallery(picture))
        else:
            container.add_item(ui.File(file))
    if notes:
        container.add_item(ui.TextDisplay("\n".join(f"-# {note}" for note in notes)))
    container.add_item(ui.ActionRow(make_script_button("reopen", script.id)))
    return make_layout(container)


def _format_best_line(line: Line, stars: int) -> str:
    scene = format_scene([line.element], LINE_SIZE, f"-# {say(MORE)}")
    name = inline(format_credit(line), NAME_SIZE)
    if line.author is None:
        name = say("the voice “{name}”", name=name)
    return f"{scene}\n> -# {many(stars, 'star')} · {name}"
