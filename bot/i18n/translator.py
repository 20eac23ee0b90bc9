"""Translate the names and descriptions of commands for Discord, in the standalone bot.

A client has only one translator, so a plug-in leaves its host's translator in place.
"""

from __future__ import annotations

import discord
from discord import app_commands

from .catalogue import translated


class Names(app_commands.Translator):
    """Finds names and descriptions in the catalogues."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """Return the text in the language of a locale, or None if there is no translation."""
        return translated(string.message, locale.value)
