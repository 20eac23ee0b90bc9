"""Name people in messages."""

from __future__ import annotations

from ..i18n.catalogue import say
from ..storage.schema import ERASED_NAME, ERASED_PERSON

NAME_SIZE = 60
"""The size of a person's name."""


def mention(person: int) -> str:
    """Mention a person, in a message that pings nobody; a forgotten person is “somebody”."""
    return say(ERASED_NAME) if person == ERASED_PERSON else f"<@{person}>"
