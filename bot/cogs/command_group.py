"""Put all commands into one group in a host's bot."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

import discord
from discord import AppCommandType, app_commands

from ..errors import CommandConflict
from ..interactions.services import Host, OnBook
from .feature import Command, allow
from .message_menus import ENTRIES


def make_group(name: str, commands: Iterable[Command]) -> app_commands.Group:
    """Return a group of commands; raise ValueError for more than 25."""
    group = allow(
        app_commands.Group(name=name, description="Write a script with a small neural network")
    )
    for command in commands:
        group.add_command(command)
    return group


def check_conflicts(bot: Host, group: str) -> None:
    """Raise CommandConflict if a host has no room for the group or the commands on messages.

    There is no room beside another On Book. Stand-ins are added to the tree and removed again, so
    that discord.py's own rules decide.
    """
    if OnBook.__cog_name__ in bot.cogs:
        raise CommandConflict(
            "On Book is already loaded here, from another folder. Unload that one first."
        )
    tree: app_commands.CommandTree[Any] = bot.tree
    stand_ins: list[app_commands.Group | app_commands.ContextMenu] = [make_group(group, ())]
    stand_ins += [app_commands.ContextMenu(name=name, callback=_do_nothing) for name in ENTRIES]
    with ExitStack() as added:
        for command in stand_ins:
            try:
                tree.add_command(command)
            except app_commands.CommandAlreadyRegistered:
                known, advice = f"/{command.name}", "Set ONBOOK_GROUP to another name."
                if isinstance(command, app_commands.ContextMenu):
                    known, advice = f"“{command.name}”", "Rename that one."
                raise CommandConflict(f"This bot already has a command {known}. {advice}") from None
            except app_commands.CommandLimitReached as error:
                raise CommandConflict(
                    f"There is no room for “{command.name}”, because Discord allows {error.limit} "
                    "commands of its kind. Remove one."
                ) from None
            kind = getattr(command, "type", AppCommandType.chat_input)
            added.callback(tree.remove_command, command.name, type=kind)


async def _do_nothing(
    interaction: discord.Interaction[discord.Client], message: discord.Message
) -> None:
    """Stand in for a command on messages."""
