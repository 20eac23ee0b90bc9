"""Find the requester and the channel of an interaction."""

from __future__ import annotations

import discord

from ..errors import RequestError
from ..session.turn import Requester
from ..ui.components import Interaction
from ..ui.delivery.installations import find_installer, make_private_channel
from ..ui.delivery.sending import MessageChannel
from ..ui.markdown import NAME_SIZE, inline, plain


def get_channel(interaction: Interaction) -> int:
    """Return the number of the channel whose scripts an interaction is about; raise RequestError.

    Where only people have installed the bot, each of them has scripts of their own.
    """
    channel, installer = _get_channel_id(interaction), find_installer(interaction)
    return channel if installer is None else make_private_channel(channel, installer)


def _get_channel_id(interaction: Interaction) -> int:
    if interaction.channel_id is None:
        raise RequestError("Scripts are written in channels. Use this command in one.")
    return interaction.channel_id


def get_guild(interaction: Interaction) -> int | None:
    """Return the id of the server whose member the bot is, or None."""
    return interaction.guild_id if find_installer(interaction) is None else None


def get_message_channel(interaction: Interaction) -> MessageChannel:
    """Return an interaction's channel, to post in; raise RequestError if there is none."""
    if isinstance(interaction.channel, MessageChannel):
        return interaction.channel
    return interaction.client.get_partial_messageable(_get_channel_id(interaction))


def get_requester(interaction: Interaction) -> Requester:
    """Return the requester, with their permissions in the channel."""
    return make_requester(interaction.user, interaction.id, interaction.permissions)


def make_requester(
    user: discord.User | discord.Member, request: int, permissions: discord.Permissions
) -> Requester:
    """Return a person as a requester, with permissions and an interaction's or message's id."""
    roles = user.roles if isinstance(user, discord.Member) else []
    return Requester(
        user.id,
        find_name(user),
        str(request),
        moderator=permissions.manage_messages,
        roles=frozenset(role.id for role in roles),
    )


def format_requester(interaction: Interaction) -> str:
    """Format the requester's name as Markdown for a sentence."""
    return inline(find_name(interaction.user), NAME_SIZE)


def find_name(user: discord.User | discord.Member) -> str:
    """Return a person's name here, or their Discord name or id if it has no visible character."""
    return plain(user.display_name, NAME_SIZE) or plain(user.name, NAME_SIZE) or str(user.id)
