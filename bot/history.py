"""What is told of a script's lines: their first words, and who wrote them from what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import discord

from .render import inline, plain
from .script import Element, Kind
from .store import Line

ON_A_PAGE = 8
"""Lines on a page, so that a message has room for them."""

LABEL = 90
"""The size of a line in a menu; Discord cuts none, but takes 100 at most."""

KINDS = {
    Kind.DIALOGUE: "speech",
    Kind.ACTION: "action",
    Kind.HEADING: "scene heading",
    Kind.TRANSITION: "transition",
}

SETTINGS = {
    "seed": "seed",
    "temperature": "temperature",
    "top_p": "top-p",
    "min_p": "min-p",
    "repetition": "repetition",
}
"""What a line was written from, and how that is called."""


def told(lines: Sequence[Line], numbers: Mapping[int, int]) -> str:
    """Lines as a list; ``numbers`` has the places of those that stand in the script, from 1."""
    return "\n".join(_entry(line, numbers.get(line.id)) for line in lines)


def words(element: Element) -> str:
    """An element on one line, as words that are said."""
    return element.body if element.cue is None else f"{element.cue}: {element.body}"


def label(line: Line, number: int | None) -> str:
    """A line in a menu, where there is no formatting; at most 100 characters."""
    cut = plain(words(line.element), LABEL)
    return f"{number}. {cut}" if number else cut


def option(line: Line, number: int | None) -> discord.SelectOption:
    """A line to choose."""
    state = "" if number else "not in the script now, "
    about = f"{state}{KINDS[Kind(line.kind)]} by {line.credit}"
    return discord.SelectOption(
        label=label(line, number), value=str(line.id), description=plain(about, 100)
    )


def _entry(line: Line, number: int | None) -> str:
    text = inline(words(line.element), 70)
    first = f"**{number}** {text}" if number else f"~~{text}~~"
    return f"{first}\n-# {_about(line)}"


def _about(line: Line) -> str:
    known = [KINDS[Kind(line.kind)]]
    known += [f"{name} {line.origin[key]}" for key, name in SETTINGS.items() if key in line.origin]
    known += ["rewritten"] if line.rewrite_of else []
    known += ["copied"] if line.copy_of else []
    return f"{inline(line.credit, 40)}: {', '.join(known)}"
