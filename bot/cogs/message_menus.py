"""Use the menus of messages through a command, if a client lacks them."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

from ..errors import RequestError
from ..interactions.requester import get_message_channel
from ..ui.components import MAX_LABEL, Interaction
from ..ui.markdown import plain, to_plain_text
from ..ui.panels.panel import is_panel
from .branches import CONTINUE, REWRITE
from .details import DETAILS
from .feature import Choices, FeatureCog, answer_suggestions, command, suggest
from .messages import ADD

ENTRIES = (CONTINUE, REWRITE, DETAILS, ADD)
"""The commands on messages."""


class MessageMenus(FeatureCog, name="OnBook.message-menus"):
    """Stand in for the menus of messages. Only the local page has this cog."""

    @command("apps")
    @app_commands.describe(entry="What to do with the message", message="The message")
    @app_commands.choices(entry=[app_commands.Choice(name=entry, value=entry) for entry in ENTRIES])
    async def use_menu(self, interaction: Interaction, entry: str, message: str) -> None:
        """Use the menu of a message"""
        menu: Any = self.bot.tree.get_command(entry, type=discord.AppCommandType.message)
        try:
            target = await get_message_channel(interaction).fetch_message(int(message))
        except (ValueError, discord.NotFound):
            raise RequestError("That message is gone. Choose another one.") from None
        await menu.callback(interaction, target)

    @use_menu.autocomplete("message")
    @answer_suggestions
    async def _suggest_message(self, interaction: Interaction, current: str) -> Choices:
        history = get_message_channel(interaction).history()
        labels = {
            str(message.id): plain(_read(message), MAX_LABEL)
            async for message in history
            if not is_panel(message)
        }
        return suggest({message: label for message, label in labels.items() if label}, current)


def _read(message: discord.Message) -> str:
    """Return the text of a message, after the name of the character who says it, if any.

    Cards have both in their components.
    """
    inside = [part for card in message.components for part in getattr(card, "children", ())]
    name = message.author.name if message.webhook_id else ""
    texts = [name, message.content, *(getattr(part, "content", "") for part in inside)]
    return to_plain_text(" ".join(filter(None, texts)))
