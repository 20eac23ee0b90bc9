"""Compose the closing card of a script that has ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import discord
from discord import ui

from ...i18n.catalogue import many, phrase, say, say_plural
from ...screenplay.exporters.edition import format_share, list_writers, shorten
from ...screenplay.statistics import ScriptStatistics
from ...storage.schema import Line, Script
from ..components import make_layout, make_next_script_buttons
from ..images.pictures import MAX_BARS, format_summary
from ..lines.looks import MORE, format_credit, format_scene
from ..markdown import NAME_SIZE, inline, join_within, size

CARD_SIZE, LINE_SIZE = 4000, 400
"""The largest sizes of all texts of a card, by Discord's limit, and of one of the best lines."""

STAR_HINT = phrase(
    "A reaction with ⭐, or *Star* in the *Details* of a message, gives a line a star. The closing "
    "card shows the lines with the most stars."
)


def make_closing_card(
    script: Script,
    statistics: ScriptStatistics,
    best: Iterable[tuple[Line, int]],
    files: Sequence[discord.File],
    notes: Sequence[str],
) -> ui.LayoutView:
    """Return the card of a script, with the buttons that reopen it and start the next one.

    The card lists as many of the best lines as fit, each with the number of its stars. It shows the
    attached pictures and offers the other files, with notes on them. Unless a picture shows all
    writers, the text says who wrote how much.
    """
    title = f"## {inline(script.title, 100)}\n{say('The end')} · {format_summary(statistics)}"
    heading = f"### {say('Best lines')}\n"
    pictures = [file for file in files if file.filename.endswith(".png")]
    is_drawn = pictures and len(list_writers(statistics)) <= MAX_BARS
    shares = [f"### {say('Who wrote')}", *_list_shares(statistics)]
    wrote = "" if is_drawn else "\n".join(shares)
    remarks = "\n".join(f"-# {note}" for note in notes)
    room = CARD_SIZE - sum(map(size, (title, heading, wrote, remarks)))
    # A blank line ends a quotation.
    quoted = join_within((_format_best_line(*quote) for quote in best), "\n\n", room)[0]
    container: ui.Container[ui.LayoutView] = ui.Container(accent_colour=discord.Colour.gold())
    for text in filter(None, (title, quoted and heading + quoted, wrote)):
        container.add_item(ui.TextDisplay(text))
    for file in files:
        if file in pictures:
            container.add_item(ui.MediaGallery(discord.MediaGalleryItem(file)))
        else:
            container.add_item(ui.File(file))
    if notes:
        container.add_item(ui.TextDisplay(remarks))
    start, surprise, reopen = make_next_script_buttons(script.id)
    # A phone would wrap the label of a third button in the row.
    container.add_item(ui.ActionRow(start, surprise)).add_item(ui.ActionRow(reopen))
    return make_layout(container)


def _format_best_line(line: Line, stars: int) -> str:
    scene = format_scene([line.element], LINE_SIZE, f"-# {say(MORE)}")
    name = inline(format_credit(line), NAME_SIZE)
    if line.author is None:
        name = say("the voice “{name}”", name=name)
    credit = f"{name} · {many(stars, 'star')}" if stars else name
    return f"{scene}\n> -# {credit}"


def _list_shares(statistics: ScriptStatistics) -> list[str]:
    """Return how much each writer wrote, and in one entry the names of those who wrote one line."""
    writers = list_writers(statistics)
    once = [writer for writer in writers if writer.lines == 1 and not writer.rewritten]
    shares = [format_share(writer, statistics) for writer in writers if writer not in once]
    rows = [f"- {inline(share, 120)}" for share in shorten(shares)]
    if once:
        names = inline(", ".join(writer.name for writer in once), 600)
        row = say_plural("- One line: {names}", "- One line each: {names}", len(once), names=names)
        rows.append(row)
    return rows
