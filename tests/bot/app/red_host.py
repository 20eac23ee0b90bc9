"""``python red_host.py ADDRESS ...``: Red, as its owner starts it, at the fake Discord.

This program runs where Red is installed and On Book is not, so it imports nothing of the
repository. The other arguments are those of Red's own program. Red's owner can evaluate
`list_traces`.
"""

import asyncio
import logging
import sys
import threading

import discord
import yarl
from redbot.__main__ import main
from redbot.core import _events
from redbot.core.bot import Red


def list_traces(bot: Red) -> dict[str, object]:
    """Return all that a cog could leave behind in Red and in its process."""
    tree, views = bot.tree, bot._connection._view_store
    tasks = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}
    loggers = logging.root.manager.loggerDict
    return {
        "cogs": list(bot.cogs),
        "commands": len(bot.all_commands),
        "on": sorted([*tree._global_commands, *(name for name, *_ in tree._context_menus)]),
        "off": sorted(
            [*tree._disabled_global_commands, *(name for name, *_ in tree._disabled_context_menus)]
        ),
        "listeners": sum(map(len, bot.extra_events.values())),
        "views": [len(views._views), len(views._modals), len(views._dynamic_items)],
        "threads": [item.name for item in threading.enumerate() if item.name.startswith("onbook")],
        # A task that runs for an event, such as the message that asks for this, ends by itself.
        "tasks": sorted(tasks - {"Client._run_event"}),
        "modules": [name for name in sys.modules if name.partition(".")[0] in ("bot", "onbook")],
        "filters": [name for name, item in loggers.items() if getattr(item, "filters", None)],
    }


async def nothing_newer() -> tuple[None, None]:
    """Answer the question for a newer Red without a network."""
    return None, None


if __name__ == "__main__":
    address = sys.argv.pop(1)
    discord.http.Route.BASE = f"{address}/api/v10"
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"{address}/").with_scheme("ws")
    _events.fetch_latest_red_version_info = nothing_newer
    main()
