"""Check who may do what with a script."""

from __future__ import annotations

import datetime as dt
import math

from ..i18n.catalogue import many, say
from ..i18n.markdown import inline
from ..storage.schema import Line, Poll, Script
from .turn import Requester, SessionError


def check_may_write(script: Script, requester: Requester) -> None:
    """Raise SessionError for a requester who lacks the role that a script is kept to."""
    if script.role is None or requester.moderator or script.role in requester.roles:
        return
    raise SessionError(
        say(
            "“{title}” is limited to a role that you do not have. Ask a moderator, or use "
            "{/start} in another channel.",
            title=inline(script.title, 100),
        )
    )


def check_may_remove(script: Script, line: Line, requester: Requester) -> None:
    """Raise SessionError for a requester who may neither take a line back nor rewrite it.

    A model's line belongs to everybody, a person's to its author, the script's owner and the
    moderators.
    """
    if line.author in (None, requester.id) or _manages(script, requester):
        return
    raise SessionError(
        say(
            "That would remove {name}'s line. Ask them, the script's owner or a moderator, or "
            "use {/script fork}.",
            name=inline(line.credit, 60),
        )
    )


def check_may_manage(script: Script, requester: Requester) -> None:
    """Raise SessionError for a requester who is neither a script's owner nor a moderator."""
    if not _manages(script, requester):
        raise SessionError(
            say(
                "Only the script's owner or a moderator (Manage Messages) can change that. Ask "
                "one of them."
            )
        )


def check_may_pick(ballot: Poll, requester: Requester) -> None:
    """Raise SessionError for a requester who neither asked for the takes nor is a moderator."""
    if requester.id != ballot.asker and not requester.moderator:
        raise SessionError(
            say(
                "Only a moderator (Manage Messages) or whoever requested these takes can choose. "
                "For a vote, add {*vote} to {/continue}."
            )
        )


def check_alternation(script: Script, last: Line | None, requester: Requester) -> None:
    """Raise SessionError if the requester wrote the last line and the script alternates."""
    if script.alternate and last is not None and last.author == requester.id:
        raise SessionError(
            say("Nobody writes twice in a row here. Wait for someone else, or use {/continue}.")
        )


def check_cooldown(script: Script, last: dt.datetime | None, now: dt.datetime) -> None:
    """Raise SessionError during a requester's cooldown; both times have a time zone."""
    if last is None:
        return
    left = math.ceil(script.cooldown - (now - last).total_seconds())
    if left > 0:
        raise SessionError(
            say(
                "This script has a cooldown. Try again in {seconds}.",
                seconds=many(left, "second"),
            )
        )


def _manages(script: Script, requester: Requester) -> bool:
    return requester.moderator or requester.id == script.owner
