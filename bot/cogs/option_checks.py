"""Repeat the checks of Discord's clients, because any program can send requests.

A client asks for a number from 1 to 10, but discord.py passes on any number that was sent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import discord
from discord import AppCommandOptionType as Type
from discord import app_commands

from ..errors import RequestError

MAX_ID = 2**63 - 1
"""The largest integer of a database."""

VALUE_TYPES: dict[Type, tuple[type, ...]] = {
    Type.string: (str,),
    Type.integer: (int,),
    Type.number: (int, float),
    Type.boolean: (bool,),
    Type.user: (discord.User, discord.Member),
    Type.role: (discord.Role,),
    Type.attachment: (discord.Attachment,),
}
"""The types of the values of each kind of option."""


class InvalidOption(app_commands.CheckFailure):
    """An option has a value that no client offers."""


def check_options(command: app_commands.Command[Any, ..., Any], values: object) -> None:
    """Raise InvalidOption for a value that an option of a command does not take.

    ``values`` has the values as attributes, as an interaction's namespace does.
    """
    for option in command.parameters:
        value = getattr(values, option.display_name, None)
        fits = not option.required if value is None else _accepts(option, value)
        if not fits:
            raise InvalidOption(option.display_name)


def _accepts(option: app_commands.Parameter, value: object) -> bool:
    if isinstance(value, bool) is not (option.type is Type.boolean):
        return False
    if not isinstance(value, VALUE_TYPES[option.type]):
        return False
    if option.choices and value not in [choice.value for choice in option.choices]:
        return False
    least, most = option.min_value, option.max_value
    if isinstance(value, str):
        return (least is None or len(value) >= least) and (most is None or len(value) <= most)
    if isinstance(value, int | float):
        fits = math.isfinite(value) and abs(value) <= MAX_ID
        return fits and (least is None or value >= least) and (most is None or value <= most)
    return True


def check_lengths(**texts: tuple[object, int]) -> None:
    """Raise RequestError for a value that is no text, or is longer than the number beside it."""
    for text, most in texts.values():
        if not isinstance(text, str) or len(text) > most:
            raise RequestError("That is longer than {most:,} characters. Shorten it.", most=most)


def parse_chosen_id(values: Sequence[object]) -> int:
    """Parse the id that was chosen from a menu; raise RequestError for any other value."""
    if len(values) == 1 and isinstance(values[0], str) and values[0].isdecimal():
        number = int(values[0][:20])
        if 0 < number <= MAX_ID:
            return number
    raise RequestError("That is no longer on the list. Open the list again.")


def parse_choice(values: Sequence[object]) -> str:
    """Return the one text that was chosen from a list; raise InvalidOption for anything else."""
    if len(values) != 1 or not isinstance(values[0], str):
        raise InvalidOption
    return values[0]
