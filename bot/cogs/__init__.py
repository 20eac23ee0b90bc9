"""The slash commands, one file a subject: parse, call the room, show."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from ..i18n.catalogue import phrase
from ..settings import Settings
from ..ui import components
from .branches import Branches
from .commands import for_scripts
from .company import Company
from .guest import NoPlace, check_places, grouped
from .models import Models
from .preferences import Manners
from .privacy import Privacy
from .reading import Reading
from .scripts import Scripts
from .strays import Strays
from .takes import Takes
from .writing import Writing

__all__ = ["OnBook"]


class OnBook(
    Writing,
    Takes,
    Branches,
    Scripts,
    Company,
    Reading,
    Manners,
    Models,
    Privacy,
    Strays,
    name=components.COG,
):
    """Scripts in channels, written by people and a voice in turn."""

    def __init__(self, bot: commands.Bot, chosen: Settings | None = None) -> None:
        super().__init__(bot, chosen)
        if self.group:
            # What stands here is what discord.py gives to a host, and takes from it again.
            self.__cog_app_commands__ = [grouped(self.group, self.get_app_commands())]
        # A cog's body can have no commands on messages.
        self.menus = [
            for_scripts(app_commands.ContextMenu(name=name, callback=callback))
            for name, callback in (
                (phrase("Continue from here"), self.continue_from),
                (phrase("Rewrite this line"), self.rewrite_in),
            )
        ]

    async def cog_load(self) -> None:
        """Opens the voice and the database; raises NoPlace, ModelError or StoreError."""
        tree, wanted = self.bot.tree, [*self.get_app_commands(), *self.menus]
        check_places(tree, wanted)
        await super().cog_load()
        try:
            # Again, since the host may have done other things in the meantime.
            check_places(tree, wanted)
        except NoPlace:
            await super().cog_unload()
            raise
        for menu in self.menus:
            tree.add_command(menu)

    async def cog_unload(self) -> None:
        """Ends the engines and closes the database."""
        for menu in self.menus:
            self.bot.tree.remove_command(menu.name, type=menu.type)
        await super().cog_unload()
