"""Format lines for the messages in which a channel shows them, one line a message."""

from __future__ import annotations

from enum import StrEnum

from ..i18n.catalogue import phrase, say
from ..i18n.markdown import LIMIT, size
from ..screenplay.elements import Element
from .script_messages import split_into_messages

MORE = phrase("and more: see all of it with {/script show}")


class Look(StrEnum):
    """Name the looks of lines in a channel; the values are stored."""

    TYPEWRITER = "typewriter"
    """Every line is a code block, laid out as on a page."""


def format_block(element: Element) -> str:
    """Return an element as a page in a code block; one that is too long is cut, with a note."""
    note = f"\n-# {say(MORE)}"
    first, *rest = split_into_messages([element], LIMIT - size(note))
    return f"{first}{note}" if rest else first
