"""The slash commands, one file a subject: parse, call the room, show."""

from __future__ import annotations

from .. import views
from .manners import Manners
from .reading import Reading
from .writing import Writing

__all__ = ["OnBook"]


class OnBook(Writing, Reading, Manners, name=views.COG):
    """Scripts in channels, written by people and a voice in turn."""
