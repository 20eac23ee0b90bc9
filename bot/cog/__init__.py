"""The slash commands, one file a subject: parse, call the room, show."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from .. import views
from ..language import phrase
from ..settings import Settings
from .branches import Branches
from .commands import for_scripts
from .company import Company
from .manners import Manners
from .privacy import Privacy
from .reading import Reading
from .scripts import Scripts
from .takes import Takes
from .writing import Writing

__all__ = ["OnBook"]


class OnBook(Writing, Takes, Branches, Scripts, Company, Reading, Manners, Privacy, name=views.COG):
    """Scripts in channels, written by people and a voice in turn."""

    def __init__(self, bot: commands.Bot, chosen: Settings | None = None) -> None:
        super().__init__(bot, chosen)
        # A cog's body can have no commands on messages.
        self.menus = [
            app_commands.ContextMenu(
                name=phrase("Continue from here"), callback=self.continue_from
            ),
            app_commands.ContextMenu(name=phrase("Rewrite this line"), callback=self.rewrite_in),
        ]

    async def cog_load(self) -> None:
        """Opens the voice and the database; raises ModelError or StoreError."""
        await super().cog_load()
        for menu in self.menus:
            self.bot.tree.add_command(for_scripts(menu))

    async def cog_unload(self) -> None:
        """Ends the engines and closes the database."""
        for menu in self.menus:
            self.bot.tree.remove_command(menu.name, type=menu.type)
        await super().cog_unload()
