"""Check who may do what with a script."""

from __future__ import annotations

from typing import Any

from ..errors import NotTheirs, PersonId, RequestError
from ..i18n.catalogue import Phrase
from ..preference_spec import PreferenceSpec
from ..storage.schema import ON_BOOK, Line, Poll, Rotation, Script
from .preferences import ROLE
from .turn import Requester


def check_may_write(script: Script, requester: Requester) -> None:
    """Raise RequestError for a requester who lacks the role that a script is kept to."""
    role = ROLE.of(script)
    if role is None or requester.moderator or role in requester.roles:
        return
    raise RequestError(
        "“{title}” is limited to a role that you do not have. Ask a moderator, or use "
        "{/start} in another channel.",
        title=script.title,
    )


def check_may_remove(script: Script, line: Line, requester: Requester) -> None:
    """Raise NotTheirs for a requester who may neither take a line back nor rewrite it.

    A model's line belongs to everybody, as does an opening that was drawn; a person's to its
    author, whoever added it, the script's owner and the moderators.
    """
    if line.author in (None, ON_BOOK) or requester.id in (line.author, line.asker):
        return
    if is_manager(script, requester):
        return
    raise NotTheirs(script=script.id, line=line.id, name=line.credit)


def check_may_rewrite(script: Script, line: Line, requester: Requester) -> None:
    """Raise RequestError for a requester who may not rewrite a line of a script."""
    check_may_write(script, requester)
    check_may_remove(script, line, requester)


def check_may_manage(script: Script, requester: Requester, act: Phrase) -> None:
    """Raise RequestError for a requester who is neither a script's owner nor a moderator.

    The sentence says what only they can do: to ``act`` on the script.
    """
    if not is_manager(script, requester):
        raise RequestError(
            "Only the script's owner or a moderator (Manage Messages) can {act}. Ask {owner}.",
            act=act,
            owner=PersonId(script.owner),
        )


def check_may_change(spec: PreferenceSpec[Any], requester: Requester) -> None:
    """Raise RequestError for who may manage a script, but not change one of its preferences."""
    if spec.is_moderated and not requester.moderator:
        raise RequestError(
            "Only a moderator (Manage Messages) can change the setting “{setting}”. Ask one.",
            setting=spec.label,
        )


def check_may_recast(
    script: Script, character: str, player: int | None, requester: Requester
) -> None:
    """Raise RequestError for a requester who may not give a character another player.

    A free character is anybody's to give; one with a player that player's, the script's owner's
    and the moderators'.
    """
    current = script.players.get(character)
    if current in (None, player, requester.id) or is_manager(script, requester):
        return
    raise RequestError(
        "{person} plays {name}. Ask them, the script's owner or a moderator.",
        person=PersonId(current),
        name=character,
    )


def check_may_pick(poll: Poll, requester: Requester) -> None:
    """Raise RequestError for a requester who neither asked for the takes nor is a moderator."""
    if requester.id != poll.asker and not requester.moderator:
        raise RequestError(
            "Only a moderator (Manage Messages) or whoever requested these takes can choose. "
            "For a vote, add {*vote} to {/continue}."
        )


def check_turn(rotation: Rotation | None, script: Script, requester: Requester) -> None:
    """Raise RequestError if it is another person's turn to write.

    The script's owner and moderators may write at any time.
    """
    if rotation is None or rotation.writers[0] == requester.id or is_manager(script, requester):
        return
    raise RequestError(
        "It is {person}'s turn. Wait for yours, or see and join the order with {/script turns}.",
        person=PersonId(rotation.writers[0]),
    )


def is_manager(script: Script, requester: Requester) -> bool:
    """Return whether a requester is a script's owner or a moderator."""
    return requester.moderator or requester.id == script.owner
