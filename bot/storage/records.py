"""Define what the repositories load from several tables at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..screenplay.elements import Element
from .schema import Line, Poll, Rotation, Script, Sprint, Vote


@dataclass(frozen=True)
class TurnState:
    """The state that a turn needs of the running script."""

    script: Script
    words: set[str]
    """The banned words of the channel's list and the guild's."""
    rotation: Rotation | None
    """The order in which people write, or None if everybody may."""
    vote_ends: dt.datetime | None
    """When the vote ends that decides how the script goes on from where it stands; None without
    one."""


@dataclass(frozen=True)
class PanelState:
    """The state that a script's panel shows besides the script."""

    rotation: Rotation | None = None
    """The order in which people write, or None if everybody may."""
    sprint: Sprint | None = None
    redo: int | None = None
    """The line to which redo moves the head, or None."""
    author: int | None = None
    """The author of the last line; None for a model or without a line."""
    element: Element | None = None
    """The last line."""
    is_voting: bool = False
    """Whether people are voting on how the script goes on from where it stands."""
    has_passed_takes: bool = False
    """Whether there are open takes without a vote that the script has passed."""
    cues: Mapping[str, int] = field(default_factory=dict)
    """The number of speeches with each first line, the latest first."""


@dataclass
class ChannelContent:
    """The content of a channel: its running script, and the newest messages, or 0 for either."""

    script: Script | None
    newest_post: int
    """The newest message that shows a line, of any script."""
    panel: int


@dataclass(frozen=True)
class PersonalData:
    """All that is stored about a person, each item with its script."""

    lines: list[tuple[Line, Script]]
    """The lines that they wrote, without copies of existing lines."""
    asked: list[tuple[Line, Script]]
    """The lines of a model, or of messages of others, that they asked for."""
    rewritten: list[tuple[Line, Script]]
    """The lines by which others replaced theirs, and that name them."""
    scripts: list[Script]
    """The scripts that they began."""
    parts: list[tuple[str, Script]]
    """The characters that they play."""
    votes: list[tuple[Vote, Script]]
    starred: list[tuple[Line, Script]]
    """The lines that have their stars."""
    turns: list[tuple[int, Script]]
    """The places, from 1, that they have in orders."""
    polls: list[tuple[Poll, Script]]
    """The takes that they asked for."""
    sprints: list[tuple[Sprint, Script]]
    """The sprints that they started, and that are still going on."""

    def __bool__(self) -> bool:
        return any(vars(self).values())


@dataclass(frozen=True)
class ErasureResult:
    """The result of erasing a person."""

    lines: int
    """How many lines the person wrote, without copies of existing lines."""
    purged: bool
    """Whether all content is gone from the disk; otherwise it is purged later."""
    messages: Sequence[int] = ()
    """The messages that show the person's name or text until they are redrawn."""
    orders: Sequence[int] = ()
    """The scripts whose order of writers may have changed."""
