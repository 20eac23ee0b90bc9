"""Define what people request of a session, and what they get back."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..errors import OnBookError, RequestError, Stopped
from ..generation.options import OptionValue
from ..generation.prefill import Progress
from ..screenplay.elements import Element, Kind
from ..screenplay.free_text import parse_person_text
from ..storage.schema import ON_BOOK, ROOT_LINE, Line, Poll, Script

R = TypeVar("R")

Clock = Callable[[], dt.datetime]
"""Tells the time, with its zone."""

NO_SCRIPT = 0
"""Stands for the id of a script if none runs."""

MAX_LINES = 10
"""The maximum number of lines in one turn."""

MAX_ELEMENT_LENGTH = 1500
"""The most characters that one element of a person's text may have, to fit in a message."""


@dataclass(frozen=True)
class ScriptPosition:
    """A position in a script: the script and its last line, as buttons carry them."""

    script: int
    line: int
    """`ROOT_LINE` if there is no line yet."""


@dataclass(frozen=True)
class Requester:
    """The person who requests something, and the id of the interaction or message."""

    id: int
    name: str
    delivery: str
    """The id of the interaction or message. Discord may deliver it twice, but it writes once."""
    moderator: bool = False
    """Whether the person moderates the channel."""
    roles: frozenset[int] = frozenset()
    """The ids of the person's roles in the server."""
    ignores_vote: bool = False
    """Whether the person has said to go on although people are voting on the next line."""


OPENING_WRITER = Requester(ON_BOOK, "On Book", delivery="")
"""The writer of the openings that are drawn."""


@dataclass(frozen=True, kw_only=True)
class ContinueRequest:
    """A request to continue the script with the model."""

    lines: int = 1
    character: str | None = None
    """The first speaker; None leaves the choice to the model."""
    kind: Kind | None = None
    takes: int | None = None
    """How many takes of the lines to write, to choose one from; None for the script's number."""
    vote: int | None = None
    """The seconds for which everybody may vote; None leaves the choice to whoever asked."""
    seed: int | None = None
    options: Mapping[str, OptionValue | None] = field(default_factory=dict)
    """Options by the names of `options.OPTIONS`; None leaves it to the script or the bot."""

    @property
    def is_unspoken(self) -> bool:
        """Return whether the request is for something unspoken, which begins with no name."""
        return self.kind in (Kind.ACTION, Kind.HEADING)


@dataclass(frozen=True, kw_only=True)
class NewScript:
    """A request for a new script."""

    title: str
    guild: int | None = None
    cast: Sequence[str] = ()
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    """Options by the names of `options.OPTIONS_BY_NAME`, instead of the bot owner's."""
    model: str | None = None
    """The name of a model; None for the one that the guild or the bot's owner has chosen."""
    style: str | None = None
    """The style whose opening the model reads first."""
    replaced: int | None = None
    """The script that may be shelved, or `NO_SCRIPT` for none; None for whichever runs."""
    only_empty: bool = False
    """Whether a script may be shelved only while it has no line."""


class Job:
    """A long piece of work, such as a turn or a replay: its progress, and a way to stop it."""

    def __init__(self) -> None:
        self.progress = Progress()
        self.news = asyncio.Event()
        """Set whenever a line is stored and at the end; whoever shows the job clears it."""
        self.begun = asyncio.Event()
        """Set once nothing forbids the work, and it begins."""
        self.is_finished = False
        self.stopped = False
        self._now: asyncio.Future[Any] | None = None

    @property
    def is_running(self) -> bool:
        """Return whether work that can be stopped is running."""
        return self._now is not None

    def finish(self) -> None:
        """Tell those who show the job that it has ended."""
        self.is_finished = True
        self.news.set()

    def stop(self) -> None:
        """Stop the work: drop the line in progress, and keep the finished ones."""
        self.stopped = True
        if self._now:
            self._now.cancel()

    async def run(self, work: Coroutine[Any, Any, R]) -> R:
        """Run work that can be stopped, and return its result; raise Stopped."""
        if self.stopped:
            work.close()
            raise Stopped
        self.begun.set()
        self._now = task = asyncio.ensure_future(work)
        try:
            return await task
        except asyncio.CancelledError:
            if self.stopped and task.cancelled():
                raise Stopped from None
            raise
        finally:
            self._now = None


@dataclass(frozen=True)
class TurnResult:
    """The result of a turn."""

    script: Script
    lines: list[Line] = field(default_factory=list)
    """The new lines."""
    before: Script | None = None
    """The script that ran when the turn was locked; None if none did or a new one begins."""
    unreadable: bool = False
    """Whether the writer must be told that the model cannot read much of the text."""
    note: str = ""
    """A note on a file that was read, whose lines are too many to be shown."""
    unread: int = 0
    """The number of last lines of a file that the model had no time to read."""
    poll: Poll | None = None
    """The takes to choose from; the script stands where it did."""
    picked: int | None = None
    """The poll from which a take was picked, or None."""
    is_edit: bool = False
    """Whether the turn has undone or redone a rewrite or cut."""
    failure: OnBookError | None = None
    """Why there are fewer lines than were asked for, unless somebody pressed Stop."""
    new_model: str = ""
    """The name of a model that has read the script instead of another, if nobody was told yet."""


@dataclass(frozen=True)
class PollResult:
    """The result of a vote."""

    poll: int
    """The id of the poll."""
    script: Script
    counts: dict[int, int]
    """The votes for each take, from 0."""
    winner: int
    lines: list[Line]
    """The lines of the take that won."""
    taken: bool
    """Whether the lines are in the script; not if it had gone on or was not running."""


def current_position(script: Script) -> ScriptPosition:
    return ScriptPosition(script.id, script.head or ROOT_LINE)


def parse_typed_text(
    text: str, character: str | None, names: Iterable[str], speaker: str | None = None
) -> list[Element]:
    """Parse what a person typed as `parse_person_text` does.

    Raises RequestError for what cannot be a turn.
    """
    elements = parse_person_text(text, character, names, speaker)
    if any(len(element.text) > MAX_ELEMENT_LENGTH for element in elements):
        raise RequestError(
            "One line is longer than {most:,} characters. Split it with blank lines, and begin "
            "each part of a speech with the speaker's name.",
            most=MAX_ELEMENT_LENGTH,
        )
    if len(elements) > MAX_LINES:
        raise RequestError(
            "That is {lines:,} lines at once. Write at most {most}.",
            lines=len(elements),
            most=MAX_LINES,
        )
    return elements
