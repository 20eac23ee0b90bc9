"""On Book: write a script together with a small neural network, in a Discord channel.

``await bot.load_extension("onbook")`` (or under whatever name this folder has) is all that a
``commands.Bot`` needs; `bot.settings` says what can be configured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the process that examines a voice comes through here, and speaks to nobody
    from discord.ext import commands


async def setup(bot: commands.Bot) -> None:
    """The door for ``load_extension``; raises SettingsError, NoPlace, ModelError or StoreError.

    Its commands lie under one group, whose name is a setting. Syncing them is left to the host.
    """
    from .cog import OnBook  # not before it is needed: importing a part must stay light

    await bot.add_cog(OnBook(bot))
