"""On Book: write a script together with a small neural network, in a Discord channel.

``await bot.load_extension("onbook")`` (or whatever this folder is called) is all that a
``commands.Bot`` needs; the module `settings` says what can be configured. For Red-DiscordBot the
folder is a cog package, which ``info.json`` describes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the process that examines a voice imports this package, and needs no Discord
    from discord.ext import commands

__version__ = "0.1.0"

__red_end_user_data_statement__ = (
    "On Book stores the lines that people write with it, with their names and IDs, who started a "
    "script, who plays whom, votes and stars. Where the bot's owner allows it, it reads messages "
    "that mention the bot or reply to it, and direct messages, to make lines of them. `/onbook "
    "privacy` shows, exports and deletes this data."
)
"""Red's name for its statement about the data of users."""


# onnxruntime reports its use unless this variable is set before its first import, but people are
# promised that nothing is sent to anybody. The choice of the bot's owner is kept.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


async def setup(bot: commands.Bot) -> None:
    """Add the cogs to a host, for ``load_extension``; leave it to the host to sync the commands.

    All commands are in one group, whose name is a setting. Raises SettingsError,
    CommandConflict, ModelError or StoreError.
    """
    # Imported here, because importing any one module must stay light, and because `redbot` is
    # installed only if Red is the host.
    if any(kind.__module__.startswith("redbot.") for kind in type(bot).__mro__):
        from .app.red import setup_in_red

        await setup_in_red(bot)
    else:
        from .cogs import add_cogs
        from .settings import read_settings

        chosen = read_settings()
        await add_cogs(bot, chosen, group=chosen.group)
