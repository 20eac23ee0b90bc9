"""What is told of a script's lines: their first words, and who wrote them from what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import discord

from ..generation.options import PREFERENCES
from ..i18n.catalogue import phrase, say
from ..i18n.markdown import LIMIT, inline, plain, size
from ..screenplay.elements import Kind
from ..session.preferences import entry
from ..storage.schema import Line

ON_A_PAGE = 8
"""Lines on a page, so that a message has room for them."""

LABEL = 90
"""The size of a line in a menu; Discord cuts none, but takes 100 at most."""

ASKED_FOR = "\N{BLACK RIGHT-POINTING POINTER} "
"""Stands before the line that somebody wished to see. The triangle would be shown as an emoji."""

KINDS = {
    Kind.DIALOGUE: phrase("speech"),
    Kind.ACTION: phrase("action"),
    Kind.HEADING: phrase("scene heading"),
    Kind.TRANSITION: phrase("transition"),
}


def told(
    lines: Sequence[Line],
    numbers: Mapping[int, int],
    now: Mapping[str, Any],
    asked_for: int | None = None,
    room: int = LIMIT,
) -> str:
    """Lines as a list; ``numbers`` has the places of those that stand in the script, from 1.

    Of what a voice's line was written with, its seed is told, and what is not as in the settings
    ``now``; that it is not, where the list has no ``room`` for what. The line with the id
    ``asked_for`` is marked.
    """
    in_full = _told(lines, numbers, now, asked_for, in_full=True)
    if size(in_full) <= room:
        return in_full
    return _told(lines, numbers, now, asked_for, in_full=False)


def label(line: Line, number: int | None) -> str:
    """A line in a menu, where there is no formatting; at most 100 characters."""
    cut = plain(line.element.one_line, LABEL)
    return f"{number}. {cut}" if number else cut


def option(line: Line, number: int | None) -> discord.SelectOption:
    """A line to choose."""
    kind, name = say(KINDS[Kind(line.kind)]), line.credit
    if number:
        about = say("{kind} by {name}", kind=kind, name=name)
    else:
        about = say("not in the script now, {kind} by {name}", kind=kind, name=name)
    return discord.SelectOption(
        label=label(line, number), value=str(line.id), description=plain(about, 100)
    )


def _told(
    lines: Sequence[Line],
    numbers: Mapping[int, int],
    now: Mapping[str, Any],
    asked_for: int | None,
    *,
    in_full: bool,
) -> str:
    entries = [
        f"{ASKED_FOR if line.id == asked_for else ''}{_entry(line, numbers.get(line.id))}"
        f"\n-# {_about(line, now, in_full=in_full)}"
        for line in lines
    ]
    if any(line.origin for line in lines):
        entries.append(f"-# {say('What is not told of a seed is as in {/settings show}.')}")
    return "\n".join(entries)


def _entry(line: Line, number: int | None) -> str:
    text = inline(line.element.one_line, 70)
    return f"**{number}** {text}" if number else f"~~{text}~~"


def _about(line: Line, now: Mapping[str, Any], *, in_full: bool) -> str:
    origin = line.origin
    known = [say(KINDS[Kind(line.kind)])]
    if origin:
        known.append(say("seed {seed}", seed=origin["seed"]))
    others = [one for one in PREFERENCES if one in origin and origin[one] != now[one]]
    if in_full:
        known += [entry(one, origin[one]) for one in others]
    elif others:
        known.append(say("with other settings"))
    known += [say("text removed")] if line.removed else []
    known += [say("rewritten")] if line.rewrite_of else []
    known += [say("copied")] if line.copy_of else []
    return f"{inline(line.credit, 40)}: {', '.join(known)}"
