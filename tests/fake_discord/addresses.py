"""Addresses: where discord.py looks for Discord."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import discord
import yarl


@contextmanager
def at(address: str) -> Iterator[None]:
    """Point discord.py at this address; nothing else of it is replaced."""
    socket = yarl.URL(address.replace("http", "ws", 1) + "/")
    with (
        patch.object(discord.http.Route, "BASE", f"{address}/api/v10"),
        patch.object(discord.asset.Asset, "BASE", address),
        patch.object(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", socket),
    ):
        yield
