"""``python host_bot.py ADDRESS TOKEN``: a plain bot with On Book, at the fake Discord.

This program runs where On Book is installed from its wheel, so it imports nothing of the
repository.
"""

import sys
import threading
from typing import Any

import discord
import yarl
from discord.ext import commands


class SomebodysBot(commands.Bot):
    """A bot that loads On Book when it starts, and syncs its commands itself."""

    async def setup_hook(self) -> None:
        await self.load_extension("onbook")
        await self.tree.sync()


bot = SomebodysBot(command_prefix="!", intents=discord.Intents(guilds=True))


@bot.tree.command(description="Show On Book out")
async def leave(interaction: discord.Interaction[Any]) -> None:
    await interaction.response.defer(thinking=True)
    of = sys.modules["onbook"].__file__
    await bot.unload_extension("onbook")
    await bot.tree.sync()
    modules = [module for module in sys.modules if module.partition(".")[0] in ("onbook", "torch")]
    threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("onbook")]
    await interaction.edit_original_response(content=f"{of} left {modules + threads}")


if __name__ == "__main__":
    address, token = sys.argv[1:]
    discord.http.Route.BASE = f"{address}/api/v10"
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"{address}/").with_scheme("ws")
    bot.run(token)
