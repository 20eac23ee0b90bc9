"""Speak the language of a server in messages that answer nobody in particular."""

from __future__ import annotations

from contextlib import AbstractContextManager

import discord

from ...i18n.catalogue import speaking
from ...storage.schema import Script


def speaking_for(
    script: Script, client: discord.Client, group: str | None
) -> AbstractContextManager[None]:
    """Speak the language of a script's server."""
    return speaking_in(None if script.guild is None else client.get_guild(script.guild), group)


def speaking_in(guild: discord.Guild | None, group: str | None) -> AbstractContextManager[None]:
    """Speak the language of a server, or English in direct messages and if it is not known.

    ``group`` is the group of the commands in a host.
    """
    locale = guild.preferred_locale if guild else discord.Locale.american_english
    return speaking(locale.value, group)
