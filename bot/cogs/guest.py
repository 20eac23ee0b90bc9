"""Guests: put all commands into one group in a host's bot."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

import discord
from discord import AppCommandType, app_commands

from .branches import MENUS
from .feature import Command, for_scripts
from .lifecycle import OnBook
from .services import Host


class NoPlace(Exception):
    """A host has no place for a command: one sentence about it, and what to do."""


def grouped(name: str, inside: Iterable[Command]) -> app_commands.Group:
    """Return a group of commands; raise ValueError for more than 25."""
    group = for_scripts(
        app_commands.Group(name=name, description="Write a script with a small neural network")
    )
    for one in inside:
        group.add_command(one)
    return group


def check_places(bot: Host, group: str) -> None:
    """Raise NoPlace where a host has no place for the group, or for the commands on messages.

    It has none beside another On Book. Stand-ins are added to the tree, so that discord.py's own
    rules decide, and removed again.
    """
    if OnBook.__cog_name__ in bot.cogs:
        raise NoPlace("On Book is already loaded here, from another folder. Unload that one first.")
    tree: app_commands.CommandTree[Any] = bot.tree
    wanted: list[app_commands.Group | app_commands.ContextMenu] = [grouped(group, ())]
    wanted += [app_commands.ContextMenu(name=name, callback=_do_nothing) for name in MENUS]
    with ExitStack() as added:
        for one in wanted:
            try:
                tree.add_command(one)
            except app_commands.CommandAlreadyRegistered:
                raise NoPlace(_taken(one)) from None
            except app_commands.CommandLimitReached as error:
                raise NoPlace(
                    f"There is no room for “{one.name}”, because Discord allows {error.limit} "
                    "commands of its kind. Remove one."
                ) from None
            added.callback(tree.remove_command, one.name, type=_type(one))


async def _do_nothing(
    interaction: discord.Interaction[discord.Client], message: discord.Message
) -> None:
    """Stand in for a command on messages."""


def _type(one: app_commands.Group | app_commands.ContextMenu) -> AppCommandType:
    return one.type if isinstance(one, app_commands.ContextMenu) else AppCommandType.chat_input


def _taken(one: app_commands.Group | app_commands.ContextMenu) -> str:
    if isinstance(one, app_commands.ContextMenu):
        return f"This bot already has a command “{one.name}”. Rename that one."
    return f"This bot already has a command /{one.name}. Set ONBOOK_GROUP to another name."
