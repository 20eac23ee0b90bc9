"""Lifecycle: the cog that closes what the others share."""

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
            # What stands here discord.py adds to a host's commands, and removes with the cog.
            self.__cog_app_commands__ = [group]

    async def cog_unload(self) -> None:
        """Finish or stop what is in flight, and close the voices and the database."""
        await self.services.close()
