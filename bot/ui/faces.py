"""Find the pictures of characters: of the members who play them, or monograms."""

from __future__ import annotations

import asyncio
import logging

import discord

from ..storage.schema import Script
from .delivery import CONNECTION_ERRORS
from .images.monogram import Monogram, monogram_of

log = logging.getLogger("onbook.faces")

ANSWER_SECONDS = 5.0
"""Seconds that finding a picture may take; without it the character has none."""

MAX_PLAYERS = 1000
"""Members whose pictures are remembered."""


class Faces:
    """The pictures of characters, at addresses where Discord finds them."""

    def __init__(self, client: discord.Client) -> None:
        self.client = client
        self._emojis: dict[str, str] | None = None
        """The addresses of the application's emojis, by their names; None before they are known."""
        self._players: dict[int, str] = {}
        self._lock = asyncio.Lock()

    async def find_address(self, script: Script, cue: str | None) -> str | None:
        """Return the address of a character's picture, or of the bot's for nobody's."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                if not cue:
                    return self.client.user.display_avatar.url if self.client.user else None
                if player := script.players.get(cue):
                    return await self._find_player(player)
                return await self._find_emoji(await asyncio.to_thread(monogram_of, cue))
        except (discord.HTTPException, *CONNECTION_ERRORS) as error:
            log.warning("a character has no picture: %s", error)
            return None

    async def _find_player(self, player: int) -> str:
        if player not in self._players:
            if len(self._players) >= MAX_PLAYERS:
                self._players.pop(next(iter(self._players)))
            user = self.client.get_user(player) or await self.client.fetch_user(player)
            self._players[player] = user.display_avatar.url
        return self._players[player]

    async def _find_emoji(self, monogram: Monogram) -> str:
        """Return the address of the application emoji of a monogram, which is made if needed."""
        async with self._lock:
            if self._emojis is None:
                emojis = await self.client.fetch_application_emojis()
                self._emojis = {emoji.name: emoji.url for emoji in emojis}
            name = monogram.emoji_name
            if name not in self._emojis:
                image = await asyncio.to_thread(monogram.png)
                emoji = await self.client.create_application_emoji(name=name, image=image)
                self._emojis[name] = emoji.url
            return self._emojis[name]
