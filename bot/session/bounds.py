"""Bounds: what a client keeps its people to, held once more in the bot.

Discord's clients ask for a number from 1 to 10, and discord.py passes on whatever comes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import discord
from discord import AppCommandOptionType as Type
from discord import app_commands

from ..i18n.catalogue import say
from .turn import RoomError

LARGEST_ID = 2**63 - 1
"""The largest number that a database keeps."""

KINDS: dict[Type, tuple[type, ...]] = {
    Type.string: (str,),
    Type.integer: (int,),
    Type.number: (int, float),
    Type.boolean: (bool,),
    Type.user: (discord.User, discord.Member),
    Type.role: (discord.Role,),
    Type.attachment: (discord.Attachment,),
}
"""What each kind of option is filled in with."""


class OutOfBounds(app_commands.CheckFailure):
    """An option was filled in with what no client lets anybody choose."""


def check_options(command: app_commands.Command[Any, ..., Any], given: object) -> None:
    """Raises OutOfBounds for a value that one of a command's options does not take.

    ``given`` has the values as its attributes, as an interaction's namespace does.
    """
    for option in command.parameters:
        value = getattr(given, option.display_name, None)
        fits = not option.required if value is None else _takes(option, value)
        if not fits:
            raise OutOfBounds(option.display_name)


def _takes(option: app_commands.Parameter, value: object) -> bool:
    if isinstance(value, bool) is not (option.type is Type.boolean):
        return False
    if not isinstance(value, KINDS[option.type]):
        return False
    if option.choices and value not in [one.value for one in option.choices]:
        return False
    least, most = option.min_value, option.max_value
    if isinstance(value, str):
        return (least is None or len(value) >= least) and (most is None or len(value) <= most)
    if isinstance(value, int | float):
        fits = math.isfinite(value) and abs(value) <= LARGEST_ID
        return fits and (least is None or value >= least) and (most is None or value <= most)
    return True


def check_texts(**texts: tuple[object, int]) -> None:
    """Raises RoomError for what is no text, or is longer than so many characters."""
    for text, most in texts.values():
        if not isinstance(text, str) or len(text) > most:
            raise RoomError(say("That is longer than {most:,} characters: shorten it.", most=most))


def chosen(values: Sequence[object]) -> int:
    """The id that was chosen from a menu; raises RoomError for what is none."""
    if len(values) == 1 and isinstance(values[0], str) and values[0].isdecimal():
        number = int(values[0][:20])
        if 0 < number <= LARGEST_ID:
            return number
    raise RoomError(say("That cannot be chosen here: ask for the list once more."))
