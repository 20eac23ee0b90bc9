"""A guest's commands: one group has them all, and its name must be free in the host."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from discord import AppCommandType, app_commands

from .commands import for_scripts

Command = app_commands.Command[Any, ..., Any] | app_commands.Group


class NoPlace(Exception):
    """One sentence about a command that a host has no place for, and what to do about it."""


def grouped(name: str, all_of_them: Iterable[Command]) -> app_commands.Group:
    """The group of a name, with all the commands in it; raises ValueError for more than 25."""
    group = for_scripts(
        app_commands.Group(name=name, description="Write a script with a small neural network")
    )
    for one in all_of_them:
        group.add_command(one)
    return group


def check_places(
    tree: app_commands.CommandTree[Any], wanted: Iterable[Command | app_commands.ContextMenu]
) -> None:
    """Raises NoPlace for a command that a host has no place for.

    They are all added, by which discord.py's own rules decide, and taken away again.
    """
    with ExitStack() as added:
        for one in wanted:
            try:
                tree.add_command(one)
            except app_commands.CommandAlreadyRegistered:
                raise NoPlace(_taken(one)) from None
            except app_commands.CommandLimitReached as error:
                raise NoPlace(
                    f"This bot has no place for “{one.name}”: Discord allows {error.limit} "
                    f"commands of its kind."
                ) from None
            added.callback(tree.remove_command, one.name, type=_type(one))


def _type(one: Command | app_commands.ContextMenu) -> AppCommandType:
    return one.type if isinstance(one, app_commands.ContextMenu) else AppCommandType.chat_input


def _taken(one: Command | app_commands.ContextMenu) -> str:
    if isinstance(one, app_commands.ContextMenu):
        return f"This bot has a command “{one.name}” already: give that another name."
    return f"This bot has a command /{one.name} already: set ONBOOK_GROUP to another name."
