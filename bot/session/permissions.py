"""Permissions: check who may do what with a script, whenever somebody does it."""

from __future__ import annotations

import datetime as dt
import math

from ..i18n.catalogue import many, say
from ..i18n.markdown import inline
from ..storage.schema import Line, Poll, Script
from .turn import RoomError, Writer


def check_may_write(script: Script, writer: Writer) -> None:
    """Raise RoomError for a writer who lacks the role that a script is kept to."""
    if script.role is None or writer.moderator or script.role in writer.roles:
        return
    raise RoomError(
        say(
            "“{title}” is limited to a role that you do not have. Ask a moderator, or use "
            "{/start} in another channel.",
            title=inline(script.title, 100),
        )
    )


def check_may_take(script: Script, line: Line, writer: Writer) -> None:
    """Raise RoomError for a writer who may neither take a line back nor rewrite it.

    A model's line belongs to everybody, a person's to its author, the script's owner and the
    moderators.
    """
    if line.author in (None, writer.id) or _rules(script, writer):
        return
    raise RoomError(
        say(
            "That would remove {name}'s line. Ask them, the script's owner or a moderator, or "
            "use {/fork}.",
            name=inline(line.credit, 60),
        )
    )


def check_may_rule(script: Script, writer: Writer) -> None:
    """Raise RoomError for a writer who is neither a script's owner nor a moderator."""
    if not _rules(script, writer):
        raise RoomError(
            say(
                "Only the script's owner or a moderator (Manage Messages) can change that. Ask "
                "one of them."
            )
        )


def check_may_pick(ballot: Poll, writer: Writer) -> None:
    """Raise RoomError for a writer who neither asked for the takes nor is a moderator."""
    if writer.id != ballot.asker and not writer.moderator:
        raise RoomError(
            say(
                "Only a moderator (Manage Messages) or whoever requested these takes can choose. "
                "For a vote, add {*vote} to {/continue}."
            )
        )


def check_turn(script: Script, last: Line | None, writer: Writer) -> None:
    """Raise RoomError for who wrote the last line, where nobody may write twice in a row."""
    if script.alternate and last is not None and last.author == writer.id:
        raise RoomError(
            say("Nobody writes twice in a row here. Wait for someone else, or use {/continue}.")
        )


def check_cooldown(script: Script, last: dt.datetime | None, now: dt.datetime) -> None:
    """Raise RoomError for a writer whose last line is too young; both times have a time zone."""
    if last is None:
        return
    left = math.ceil(script.cooldown - (now - last).total_seconds())
    if left > 0:
        raise RoomError(
            say(
                "This script has a cooldown. Try again in {seconds}.",
                seconds=many(left, "second"),
            )
        )


def _rules(script: Script, writer: Writer) -> bool:
    return writer.moderator or writer.id == script.owner
