"""Translate the names and descriptions of commands for Discord, in the standalone bot.

A client has only one translator, so a plug-in leaves its host's translator in place.
"""

from __future__ import annotations

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location

from .catalogue import translated

NAMES = (Location.command_name, Location.group_name, Location.parameter_name)


def is_name(context: app_commands.TranslationContextTypes) -> bool:
    """Return whether Discord accepts only lower case without spaces in a place."""
    is_menu = isinstance(context.data, app_commands.ContextMenu)
    return context.location in NAMES and not is_menu


class Names(app_commands.Translator):
    """A translator that finds names and descriptions in the catalogues."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """Return the text in the language of a locale, or None if there is no translation."""
        text = translated(string.message, locale.value, is_name=is_name(context))
        return None if text == string.message else text
