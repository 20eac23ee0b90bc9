"""Notices: what people must be told once, such as that another model reads their script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..generation.openings import Reading
from ..inference.model import Model
from ..screenplay.elements import Element
from .turn import Turn

UNREADABLE_SHARE = 0.1
"""The share of characters that a model cannot read from which on their writer is told."""


class Notices:
    """What this process has noticed and told; the database knows which model read a script before.

    It outlives the sessions, which are made again whenever somebody uses a channel.
    """

    def __init__(self) -> None:
        self._readers: dict[int, str] = {}
        self._new_readers: dict[int, str] = {}
        self._told_unreadable: set[tuple[int, int]] = set()

    def knows_reader(self, script: int) -> bool:
        """Return whether a model has read a script since the process began."""
        return script in self._readers

    def note_reader(self, script: int, reading: Reading, before: str | None = None) -> None:
        """Note that a model reads a script.

        ``before`` is the fingerprint of the model that read it in an earlier process, if any did.
        """
        before = self._readers.get(script) or before
        self._readers[script] = reading.fingerprint
        if before and before != reading.fingerprint:
            self._new_readers[script] = reading.model.name

    def attach_reader(self, turn: Turn) -> Turn:
        """Return a turn with the name of the model, if it has just replaced another one."""
        return replace(turn, read_by=self._new_readers.pop(turn.script.id, ""))

    def attach(self, turn: Turn, person: int, model: Model, elements: Sequence[Element]) -> Turn:
        """Return a turn with everything that a person who wrote these elements must be told."""
        unreadable = self.is_unreadable(turn.script.id, person, model, elements)
        return self.attach_reader(replace(turn, unreadable=unreadable))

    def is_unreadable(
        self, script: int, person: int, model: Model, elements: Sequence[Element]
    ) -> bool:
        """Return, once for each script and person, whether a model cannot read much of a text."""
        text = "".join(element.body for element in elements)
        if model.skipped(text) <= UNREADABLE_SHARE * len(text):
            return False
        is_news = (script, person) not in self._told_unreadable
        self._told_unreadable.add((script, person))
        return is_news

    def forget(self, person: int) -> None:
        """Forget what a person was told."""
        self._told_unreadable -= {told for told in self._told_unreadable if told[1] == person}
