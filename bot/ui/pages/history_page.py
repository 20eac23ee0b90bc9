"""Format a script's lines as a list and a menu, and open the modal to rewrite one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import discord
from discord import ui

from ...generation.options import OPTIONS_BY_NAME
from ...i18n.catalogue import phrase, say
from ...screenplay.elements import Element, Kind
from ...settings import Settings
from ...storage.schema import Line
from ..cards.settings_messages import format_values
from ..components import CUSTOM_ID_PREFIX, ID_PATTERN, make_page_buttons, make_view
from ..lines.looks import format_credit
from ..markdown import LIMIT, inline, plain, size

MAX_REWRITE = 4000
"""The most characters of a text from a window; a command's may have more."""

LABEL_SIZE = 90
"""The size of a line in a menu, of which Discord allows 100."""

NAME_SIZE = 25
"""The size of a name in the hint of a window, in which Discord allows 100 characters."""

REQUESTED_MARK = "\N{BLACK RIGHT-POINTING POINTER} "
"""Marks the line that somebody asked for; a triangle would be shown as an emoji."""

KIND_LABELS = {
    Kind.DIALOGUE: phrase("speech"),
    Kind.ACTION: phrase("action"),
    Kind.HEADING: phrase("scene heading"),
    Kind.TRANSITION: phrase("transition"),
}

LINE_ID = rf"{CUSTOM_ID_PREFIX}line:(?P<script>{ID_PATTERN})"


def format_lines(
    lines: Sequence[Line],
    numbers: Mapping[int, int],
    present: Mapping[str, Any],
    settings: Settings,
    requested: int | None = None,
    max_size: int = LIMIT,
) -> str:
    """Return lines as a list, with their authors, seeds and settings.

    Only settings that differ from the present ones are listed or, if they need too much room, a
    note that they differ. ``numbers`` has the numbers, from 1, of the lines that stand in the
    script, by their ids. The line with the id ``requested`` is marked.
    """
    for in_full in (True, False):
        origins = [
            _format_origin(line, line.id in numbers, present, settings, in_full=in_full)
            for line in lines
        ]
        formatted = _format_list(lines, numbers, origins, requested)
        if size(formatted) <= max_size:
            break
    return formatted


def format_label(element: Element, number: int | None) -> str:
    """Return a line for a menu, without formatting, in at most 100 characters."""
    text = plain(element.one_line, LABEL_SIZE)
    return f"{number}. {text}" if number else text


def make_option(line: Line, number: int | None) -> discord.SelectOption:
    kind, name = say(KIND_LABELS[Kind(line.kind)]), format_credit(line)
    if number:
        description = say("{kind} by {name}", kind=kind, name=name)
    else:
        description = say("not in the script now, {kind} by {name}", kind=kind, name=name)
    return discord.SelectOption(
        label=format_label(line.element, number),
        value=str(line.id),
        description=plain(description, 100),
    )


def _format_list(
    lines: Sequence[Line], numbers: Mapping[int, int], origins: Sequence[str], requested: int | None
) -> str:
    entries = []
    for line, origin in zip(lines, origins, strict=True):
        mark = REQUESTED_MARK if line.id == requested else ""
        number, text = numbers.get(line.id), inline(line.element.one_line, 70)
        entry = f"**{number}** {text}" if number else f"~~{text}~~"
        entries.append(f"{mark}{entry}\n-# {origin}")
    if any(line.origin for line in lines):
        entries.append(
            f"-# {say('Settings are listed where they differ from those in {/settings}.')}"
        )
    return "\n".join(entries)


def _format_origin(
    line: Line, stands: bool, present: Mapping[str, Any], settings: Settings, *, in_full: bool
) -> str:
    origin = line.origin
    details = [say(KIND_LABELS[Kind(line.kind)])]
    if origin:
        details.append(say("seed {seed}", seed=origin["seed"]))
    changed = [name for name in OPTIONS_BY_NAME if name in origin and origin[name] != present[name]]
    if in_full:
        details += format_values(changed, origin, settings)
    elif changed:
        details.append(say("with other settings"))
    details += [say("text removed")] if line.removed else []
    details += [say("rewritten")] if line.rewrite_of else []
    if line.copy_of:
        details.append(say("copied") if stands else say("from an earlier version"))
    return f"{inline(format_credit(line), 40)}: {', '.join(details)}"


def make_line_menu(
    script: int, options: Sequence[discord.SelectOption], page: int = 0, pages: int = 1
) -> ui.View:
    """Return a menu of at most 25 lines, and the buttons to other pages of the history, from 0."""
    menu: ui.Select[ui.View] = ui.Select(
        custom_id=f"{CUSTOM_ID_PREFIX}line:{script}",
        placeholder=say("Continue from a line…"),
        options=list(options),
    )
    return make_view(menu, *make_page_buttons("history", script, page, pages))


def format_rewrite_hint(line: Line) -> str:
    """Return what a window says beside the text of a line."""
    if cue := line.element.cue:
        return say(
            "Submit it empty to cut it. Without a name, {name} speaks; *She waves.* is action.",
            name=plain(cue, NAME_SIZE),
        )
    return say("Submit it empty to cut the line.")


def make_rewrite_input(line: Line) -> ui.TextInput[ui.Modal]:
    """Return the input in which a line is rewritten, or cut; a blank line splits it in two."""
    return ui.TextInput(
        style=discord.TextStyle.paragraph, default=line.text, required=False, max_length=MAX_REWRITE
    )
