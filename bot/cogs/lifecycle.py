"""Lifecycle: the cog that closes the services that the other cogs share."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from .services import CogServices


class OnBook(commands.Cog):
    """Write a script with a small neural network, line by line.

    It is added last, because discord.py removes cogs in the order in which they were added.
    """

    def __init__(self, services: CogServices, group: app_commands.Group | None = None) -> None:
        self.services = services
        if group:
            # discord.py adds the commands of this attribute to a host's, and removes them with the
            # cog.
            self.__cog_app_commands__ = [group]

    async def cog_unload(self) -> None:
        """Finish or stop what is in flight, and close the voices and the database."""
        await self.services.close()
