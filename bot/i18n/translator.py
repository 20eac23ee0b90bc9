"""The commands' names and descriptions in each user's language, where the bot is alone.

A client has one translator, so a plug-in leaves that of its host in place.
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
        """The text in the language of a locale; None where it stays as it is."""
        return translated(string.message, locale.value)
