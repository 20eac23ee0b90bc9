"""Describe lines apart from the database, both stored lines and drafts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..arrays import Floats, States
from ..i18n.catalogue import phrase, say
from .elements import Element

ERASED_PERSON = 0
"""The id that replaces the id of an erased person."""

ERASED_NAME = phrase("somebody")
"""The name that replaces the name of an erased person."""


class CreditedLine(Protocol):
    """Describe a line of a script with all who wrote it."""

    @property
    def element(self) -> Element:
        """Return the element that the line adds to the script."""

    author: int | None
    """The id of the person who wrote the line; None for a model."""
    credit: str
    """The name of the person or the model."""
    imported: bool
    """Whether the credit names the authors of a file, which the author imported."""

    @property
    def former_writers(self) -> Sequence[Sequence[Any]] | None:
        """Return pairs of author and credit of the others whose lines this line replaces."""


def name_writer(author: int | None, credit: str) -> str:
    """Return a writer's name; for an erased person, it is in the reader's language."""
    return say(ERASED_NAME) if author == ERASED_PERSON else credit


@dataclass(frozen=True)
class Draft:
    """Hold a line before it is stored."""

    element: Element
    author: int | None
    credit: str
    state: States | None
    """The state of the model after the line: float32 [S]; None if it is not kept."""
    fingerprint: str
    """The key of the stored state, see `PrimedModel.fingerprint`."""
    origin: dict[str, Any] = field(default_factory=dict)
    surprisal: Floats | None = None
    """The surprisal of each character but the first, in bits: float32 [n]."""
    imported: bool = False
    """Whether the credit names the authors of a file, which the author imported."""
