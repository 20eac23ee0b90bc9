"""Turns: what people ask of a session, and what they get back."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..generation.options import Value
from ..generation.prefill import Progress
from ..i18n.catalogue import phrase, say
from ..screenplay.elements import Element, Kind
from ..screenplay.free_text import parse_person_text
from ..storage.schema import ROOT_LINE, Line, Poll, Script

R = TypeVar("R")

NO_SCRIPT = 0
"""Stands for the id of a script where none runs."""

MOST_LINES = 10
"""The most lines of one turn."""

LONGEST_TEXT = 1500
"""Characters that one element of a person's text may have, so that a message can show it."""


class RoomError(Exception):
    """One friendly sentence for the person who asked; nothing was changed."""


class NoScript(RoomError):
    """No script runs in the channel."""


@dataclass(frozen=True)
class Place:
    """A line of a script, as a button carries it."""

    script: int
    line: int
    """`ROOT_LINE` where there is no line yet."""


class LineIsOld(RoomError):
    """The line that was acted on is no longer the script's last one."""

    def __init__(
        self,
        place: Place,
        sentence: str = phrase("The script has moved on. This is no longer its last line."),
    ) -> None:
        """Note the place, and say ``sentence``, which is one for the catalogues."""
        super().__init__(say(sentence))
        self.place = place


@dataclass(frozen=True)
class Writer:
    """The person who asks for something, and the interaction that asks."""

    id: int
    name: str
    delivery: str
    """The id of the interaction, which never writes twice."""
    moderator: bool = False
    """Whether the person moderates the channel."""
    roles: frozenset[int] = frozenset()
    """The ids of the person's roles in the server."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A request for lines by the model."""

    lines: int = 1
    character: str | None = None
    """The first speaker; None leaves the choice to the model."""
    kind: Kind | None = None
    takes: int | None = None
    """How many takes of the lines are written, of which one is chosen; None for the script's."""
    vote: int | None = None
    """The seconds for which everybody may vote; None leaves the choice to who asked."""
    seed: int | None = None
    options: Mapping[str, Value | None] = field(default_factory=dict)
    """Options by the names of `options.OPTIONS`; None leaves one to the script or the operator."""

    @property
    def is_unspoken(self) -> bool:
        """Return whether the request is for what nobody speaks, which begins with no name."""
        return self.kind in (Kind.ACTION, Kind.HEADING)


@dataclass(frozen=True, kw_only=True)
class NewScript:
    """A request for a new script."""

    title: str
    guild: int | None = None
    cast: Sequence[str] = ()
    temperature: float | None = None
    voice: str | None = None
    """The name of a model; None for the one that the guild has chosen, or the operator."""
    style: str | None = None
    """The style whose opening the model reads first."""
    over: int | None = None
    """The script that may be shelved, `NO_SCRIPT` for none; None for whichever runs."""


class Patience:
    """The progress of a long turn, and a way to stop it."""

    def __init__(self) -> None:
        self.progress = Progress()
        self.stopped = False
        self._now: asyncio.Future[Any] | None = None

    def stop(self) -> None:
        """Give up the line that is being written, and keep the finished ones."""
        self.stopped = True
        if self._now:
            self._now.cancel()

    async def wait(self, work: Coroutine[Any, Any, R]) -> R:
        """Run work that can be stopped, and return its result; raises Stopped."""
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
    """What a turn changed: the new lines, and the lines that left the script or came back."""

    script: Script
    lines: list[Line] = field(default_factory=list)
    moved_from: int | None = None
    """The head before the turn, whose message loses its buttons."""
    left: frozenset[int] = frozenset()
    returned: frozenset[int] = frozenset()
    shelved: Script | None = None
    """The script that ran before, where another one began."""
    unreadable: bool = False
    """Whether the writer must be told that the model cannot read much of the text."""
    note: str = ""
    """A note above the end of the script, where `lines` are too many to be shown."""
    ballot: Poll | None = None
    """The takes that one is chosen from; the script stands where it did."""

    read_by: str = ""
    """The name of a model that has read the script instead of another, if nobody was told yet."""

    @property
    def touched(self) -> set[int]:
        """Return all lines whose messages look different now."""
        heads = (self.moved_from or ROOT_LINE, self.script.head or ROOT_LINE)
        return {*heads, *self.left, *self.returned}

    @property
    def place(self) -> Place:
        """Return where the script stands now."""
        return place_of(self.script)


@dataclass(frozen=True)
class Outcome:
    """The end of a vote."""

    ballot: Poll
    script: Script
    counts: dict[int, int]
    """The votes for each take, from 0."""
    won: int
    """The take that won."""
    lines: list[Line]
    """The lines of the take that won."""
    turn: Turn | None
    """What the vote changed; None where the script had gone on or did not run."""


def place_of(script: Script) -> Place:
    """Return where a script stands."""
    return Place(script.id, script.head or ROOT_LINE)


def typed_elements(text: str, character: str | None) -> list[Element]:
    """Parse what a person typed; raises RoomError and ScriptError for what cannot be a turn."""
    elements = parse_person_text(text, character)
    if any(len(element.text) > LONGEST_TEXT for element in elements):
        raise RoomError(
            say(
                "One line is longer than {most:,} characters. Split it with blank lines.",
                most=LONGEST_TEXT,
            )
        )
    if len(elements) > MOST_LINES:
        raise RoomError(
            say(
                "That is {lines:,} lines at once. Write at most {most}.",
                lines=len(elements),
                most=MOST_LINES,
            )
        )
    return elements
