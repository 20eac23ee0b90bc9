"""Repeat the checks of Discord's clients, because any program can send requests.

A client asks for a number from 1 to 10, but discord.py passes on any number that was sent.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import discord
from discord import AppCommandOptionType as Type
from discord import app_commands, ui

from ..errors import RequestError
from ..ui.components import Interaction

log = logging.getLogger("onbook.option_checks")

MAX_ID = 2**63 - 1
"""The largest integer of a database."""

MAX_VALUE_LENGTH, MAX_INPUT = 100, 4000
"""Discord's limits: the characters in a menu's value, and in a window's text."""

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
    """Raise InvalidOption for a value that an option of a command does not accept.

    ``values`` has the values as attributes, as an interaction's namespace does.
    """
    for option in command.parameters:
        value = getattr(values, option.display_name, None)
        fits = not option.required if value is None else _accepts(option, value)
        if not fits:
            _log_refusal(command.qualified_name, option.display_name)
            raise InvalidOption(option.display_name)


@lru_cache
def _log_refusal(command: str, option: str) -> None:
    """Log a refused value once, because it is mostly a sign of commands that were not synced."""
    log.warning(
        "/%s was sent a value that its option %s does not accept. If On Book was upgraded, sync "
        "your bot's commands.",
        command,
        option,
    )


def _accepts(option: app_commands.Parameter, value: object) -> bool:
    if isinstance(value, bool) is not (option.type is Type.boolean):
        return False
    if not isinstance(value, VALUE_TYPES[option.type]):
        return False
    if option.choices and value not in [choice.value for choice in option.choices]:
        return False
    if not isinstance(value, str | int | float):
        return True
    size = len(value) if isinstance(value, str) else value
    least, most = option.min_value, option.max_value
    # Neither NaN nor an infinity is at most `MAX_ID`.
    return (
        abs(size) <= MAX_ID and (least is None or size >= least) and (most is None or size <= most)
    )


def parse_choice(interaction: Interaction, offered: Iterable[str] | None = None) -> str:
    """Return the value that was chosen from a menu; raise InvalidOption for any other data.

    ``offered`` has the values of the menu, if they are known.
    """
    data: Any = interaction.data
    match data.get("values"):
        case [str(value)] if 0 < len(value) <= MAX_VALUE_LENGTH:
            if offered is None or value in offered:
                return value
    raise InvalidOption


def parse_chosen_id(interaction: Interaction) -> int:
    """Return the id that was chosen from a menu; raise RequestError for any other value."""
    value = parse_choice(interaction)
    if value.isdecimal() and 0 < int(value) <= MAX_ID:
        return int(value)
    raise RequestError("That is no longer on the list. Open the list again.")


def check_inputs(modal: ui.Modal) -> None:
    """Raise InvalidOption for a value that an input of a submitted window does not accept."""
    if not all(map(_takes_value, modal.walk_children())):
        raise InvalidOption


def _takes_value(item: ui.Item[Any]) -> bool:
    if isinstance(item, ui.TextInput):
        fits = isinstance(item.value, str) and len(item.value) <= (item.max_length or MAX_INPUT)
        return fits and bool(item.value or not item.required)
    if isinstance(item, ui.Select):
        offered = [option.value for option in item.options]
        return len(item.values) <= item.max_values and all(
            value in offered for value in item.values
        )
    return not isinstance(item, ui.Checkbox) or isinstance(item.value, bool)
