"""On Book: write a script together with a small neural network, in a Discord channel.

``await bot.load_extension("onbook")`` (or under whatever name this folder has) is all that a
``commands.Bot`` needs; `bot.settings` says what can be configured. For Red-DiscordBot the folder is
a cog package, which ``info.json`` describes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the process that examines a voice comes through here, and speaks to nobody
    from discord.ext import commands

__red_end_user_data_statement__ = (
    "On Book keeps the lines that people write with it, with their names and ids, who began a "
    "script, who plays whom, and votes; it reads no other message. `/onbook privacy` shows it, "
    "gives it to them and deletes it."
)
"""What Red tells people whose data is kept, where they look for it."""


# onnxruntime tells its makers which models run, and how much, unless it hears this before it is
# first imported; but people are promised that it is all sent to nobody. Who has set it has chosen.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


async def setup(bot: commands.Bot) -> None:
    """The door for ``load_extension``; raises SettingsError, NoPlace, ModelError or StoreError.

    Its commands lie under one group, whose name is a setting. Syncing them is left to the host.
    """
    # Neither is imported before it is needed: importing a part must stay light, and Red is
    # wherever it is the host.
    if any(kind.__module__.startswith("redbot.") for kind in type(bot).__mro__):
        from .app.red import setup_in_red

        await setup_in_red(bot)
    else:
        from .cogs import OnBook

        await bot.add_cog(OnBook(bot))
