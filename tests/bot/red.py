"""``python red.py ADDRESS ...``: Red, as its owner starts it, at the fake Discord.

It knows nothing of this repository, since it runs where nothing but Red is installed. The other
arguments are those of Red's own program.
"""

from __future__ import annotations

import sys

import discord
import yarl
from redbot.__main__ import main
from redbot.core import _events


async def nothing_newer() -> tuple[None, None]:
    """In place of a question to the network whether there is a newer Red."""
    return None, None


if __name__ == "__main__":
    address = sys.argv.pop(1)
    discord.http.Route.BASE = f"{address}/api/v10"
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"{address}/").with_scheme("ws")
    _events.fetch_latest_red_version_info = nothing_newer
    main()
