"""Answer commands that do not exist, and options that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import discord
from discord import AppCommandOptionType, app_commands

from ..cogs.feature import speaking_to
from ..interactions.option_checks import InvalidOption
from ..ui.components import Interaction
from ..ui.delivery.interaction_state import find_state
from ..ui.delivery.responses import answer_error
from ..ui.delivery.sending import FirstResponse


class CommandTree(app_commands.CommandTree[discord.Client]):
    """The command tree of the standalone bot, which also answers unknown commands."""

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Refuse options that discord.py could not read."""
        data: Any = interaction.data or {}
        if all(map(_is_readable, _list_options(data))):
            return True
        await self._refuse(interaction)
        return False

    async def on_error(
        self, interaction: Interaction, error: app_commands.AppCommandError, /
    ) -> None:
        """Answer a command that does not exist, which nothing else answers."""
        if not find_state(interaction).is_handled:
            await self._refuse(interaction)

    async def _refuse(self, interaction: Interaction) -> None:
        with speaking_to(interaction):
            if interaction.type is discord.InteractionType.autocomplete:
                await FirstResponse(interaction).suggest([])
            else:
                await answer_error(interaction, InvalidOption())


_PASSED_ON_TYPES = {
    AppCommandOptionType.string.value,
    AppCommandOptionType.integer.value,
    AppCommandOptionType.boolean.value,
}
"""The types of options whose values discord.py passes on as they are."""


def _list_options(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the options that were given to a command or its subcommand."""
    for option in data.get("options") or ():
        if "options" in option:
            yield from _list_options(option)
        else:
            yield option


def _is_readable(option: dict[str, Any]) -> bool:
    """Return whether discord.py can read an option, whose number or id must really be one."""
    kind, value = option.get("type"), option.get("value")
    if option.get("focused"):
        return isinstance(value, str | int | float)
    if kind == AppCommandOptionType.number.value:
        return isinstance(value, int | float)
    if kind in _PASSED_ON_TYPES:
        return True
    # The id of a user, a role or an attachment.
    return isinstance(value, str) and value.isdecimal() and len(value) <= 20
