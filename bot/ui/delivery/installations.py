"""Tell places where the bot is a member from those where only a person has installed it.

Where only a person has installed it, Discord lets the bot answer interactions, and nothing else.
"""

from __future__ import annotations

import hashlib

from ...errors import RequestError
from ..components import Interaction

GUILD_INSTALL, USER_INSTALL = 0, 1
"""Discord's types of installations."""


def find_installer(interaction: Interaction) -> int | None:
    """Return the person through whose installation alone the bot is asked, or None for a member.

    A button belongs to the installation of its message, whoever presses it.
    """
    owners = interaction._integration_owners  # noqa: SLF001 - discord.py tells only of the presser
    if GUILD_INSTALL in owners or USER_INSTALL not in owners:
        return None
    return int(owners[USER_INSTALL])


def make_private_channel(channel: int, installer: int) -> int:
    """Return the number that stands for the channel of the scripts of one installer in a channel.

    It is negative, so that it is the id of no channel of Discord's.
    """
    digest = hashlib.blake2b(f"{channel} {installer}".encode(), digest_size=8).digest()
    return -1 - (int.from_bytes(digest) >> 1)


def check_bot_is_member(interaction: Interaction) -> None:
    """Raise RequestError if the bot can post nothing but answers."""
    if find_installer(interaction) is not None:
        raise RequestError(
            "That works only in servers that have added me, and in direct messages with me."
        )
