"""Describe lines apart from the database: those that are stored, and those that will be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from ..arrays import Floats, States
from .elements import Element


class ScriptLine(Protocol):
    """A line of a script."""

    @property
    def element(self) -> Element:
        """Return what stands in the script."""

    @property
    def author(self) -> int | None:
        """Return the id of the person who wrote the line; None for a model's."""

    @property
    def credit(self) -> str:
        """Return the name of the person or the model."""


@dataclass(frozen=True)
class Draft:
    """A line before it is stored."""

    element: Element
    author: int | None
    credit: str
    state: States | None
    """What the model remembers after the line; None where that is not kept."""
    fingerprint: str
    """The key under which the state is kept, as `openings.state_key` makes it."""
    origin: dict[str, Any] = field(default_factory=dict)
    surprise: Floats | None = None
    """Bits that each character of the line but the first cost the model: float32 [n]."""
