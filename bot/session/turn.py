"""What is asked of a room, and what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..generation.generator import Progress
from ..i18n.catalogue import phrase, say
from ..screenplay.elements import Kind
from ..storage.schema import BEFORE_THE_FIRST, Ballot, Line, Script

R = TypeVar("R")

NO_SCRIPT = 0
"""Stands for the id of a script where none runs."""


class RoomError(Exception):
    """One friendly sentence for the person who asked; nothing was changed."""


class NoScript(RoomError):
    """No script runs in the channel."""


@dataclass(frozen=True)
class Place:
    """A line of a script as a button carries it."""

    script: int
    line: int
    """`BEFORE_THE_FIRST` when there is no line yet."""


class LineIsOld(RoomError):
    """The line that was acted on is no longer the last one of the script.

    ``sentence`` is one for the catalogues, and is said here.
    """

    def __init__(
        self,
        place: Place,
        sentence: str = phrase("The script has gone on since: this is no longer its last line."),
    ) -> None:
        super().__init__(say(sentence))
        self.place = place


@dataclass(frozen=True)
class Writer:
    """The person who asks for something, and the interaction in which they do."""

    id: int
    name: str
    delivery: str
    """Unique to the interaction: what it wrote once is not written again."""
    moderator: bool = False
    """Whether they may take back what others wrote here."""
    roles: frozenset[int] = frozenset()
    """The ids of the roles that they have here."""


@dataclass(frozen=True)
class Wish:
    """How the next lines are to be written; None leaves it to the script or the settings."""

    lines: int = 1
    character: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    kind: Kind | None = None
    min_p: float | None = None
    repetition: float | None = None
    company: float | None = None
    takes: int | None = None
    """How many takes of the lines, from which one is chosen then."""
    vote: int | None = None
    """The seconds for which everybody may vote; None leaves the choice to who asked."""
    quality: str | None = None
    """One of `reranking.CANDIDATES`."""


class Patience:
    """A turn that takes a while: how far it is, and a way to stop it."""

    def __init__(self) -> None:
        self.progress = Progress()
        self.stopped = False
        self._now: asyncio.Future[Any] | None = None

    def stop(self) -> None:
        """Gives up the line that is being written; what is finished stays."""
        self.stopped = True
        if self._now:
            self._now.cancel()

    async def wait(self, work: Coroutine[Any, Any, R]) -> R:
        """Does what can be stopped; raises Stopped."""
        if self.stopped:
            work.close()
            raise Stopped
        self._now = task = asyncio.ensure_future(work)
        try:
            return await task
        except asyncio.CancelledError:
            if self.stopped and task.cancelled():
                raise Stopped from None
            raise
        finally:
            self._now = None


class Stopped(Exception):
    """Somebody pressed Stop."""


@dataclass(frozen=True)
class Turn:
    """What changed: the new lines, and which lines left the script or came back into it."""

    script: Script
    lines: list[Line] = field(default_factory=list)
    moved_from: int | None = None
    """The head before; its message loses its buttons."""
    left: frozenset[int] = frozenset()
    returned: frozenset[int] = frozenset()
    shelved: Script | None = None
    """The script that ran before, when another one began."""
    unreadable: bool = False
    """Whether the writer must be told that the voice cannot read much of this."""
    note: str = ""
    """What the script's end is shown under, where `lines` are too many to be shown."""
    ballot: Ballot | None = None
    """Takes that were written for one to be chosen; the script stands where it did."""

    read_by: str = ""
    """The voice that has read the script anew instead of another, if nobody was told yet."""

    @property
    def touched(self) -> set[int]:
        """All lines whose messages look different now."""
        heads = (self.moved_from or BEFORE_THE_FIRST, self.script.head or BEFORE_THE_FIRST)
        return {*heads, *self.left, *self.returned}

    @property
    def place(self) -> Place:
        """Where the script stands now."""
        return place_of(self.script)


@dataclass(frozen=True)
class Outcome:
    """How a vote ended."""

    ballot: Ballot
    script: Script
    counts: dict[int, int]
    """The votes for each take, from 0."""
    won: int
    """The take that won."""
    lines: list[Line]
    """Its lines."""
    turn: Turn | None
    """What it changed; None where the script had gone on or did not run, and stays where it is."""


def place_of(script: Script) -> Place:
    """Where a script stands."""
    return Place(script.id, script.head or BEFORE_THE_FIRST)
