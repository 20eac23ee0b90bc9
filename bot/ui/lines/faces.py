"""Find the pictures of characters: of the members who play them, or monograms."""

from __future__ import annotations

import asyncio
import logging
import time

import discord

from ...recent import Recent
from ...storage.schema import Script
from ..delivery.sending import CONNECTION_ERRORS
from ..images.monogram import Monogram, monogram_of

log = logging.getLogger("onbook.faces")

ANSWER_SECONDS = 5.0
"""Seconds that finding a picture may take; after that, the character has none."""

RETRY_SECONDS = 60.0
"""Seconds after a failure during which no emoji is requested; lines show those that are known."""

PLAYER_SECONDS = 3600.0
"""Seconds after which a person's picture is looked up again, because it may have changed."""


class Faces:
    """The pictures of characters, at addresses where Discord finds them."""

    def __init__(self, client: discord.Client) -> None:
        self.client = client
        self._emojis: dict[str, str] = {}
        """The addresses of the application's emojis, by their names."""
        self._retry_at = 0.0
        """The time from which on emojis are requested."""
        self._players = Recent[tuple[int, float], str](1000)
        """The addresses of people's pictures, by the person and the period of `PLAYER_SECONDS`."""
        self._lock = asyncio.Lock()

    async def find_address(self, script: Script, cue: str | None) -> str | None:
        """Return the address of a character's picture, or of the bot's if nobody speaks."""
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
        key = player, time.monotonic() // PLAYER_SECONDS
        if key not in self._players:
            # Without the members intent, the client's cache keeps the picture from its start.
            self._players[key] = (await self.client.fetch_user(player)).display_avatar.url
        return self._players[key]

    async def _find_emoji(self, monogram: Monogram) -> str | None:
        """Return the address of a monogram's emoji, made if needed, or None after a failure."""
        name = monogram.emoji_name
        async with self._lock:
            if name not in self._emojis and time.monotonic() >= self._retry_at:
                self._retry_at = time.monotonic() + RETRY_SECONDS
                if not self._emojis:
                    await self._list_emojis()
                if name not in self._emojis:
                    await self._create_emoji(monogram)
                self._retry_at = 0.0
            return self._emojis.get(name)

    async def _list_emojis(self) -> None:
        emojis = await self.client.fetch_application_emojis()
        self._emojis = {emoji.name: emoji.url for emoji in emojis}

    async def _create_emoji(self, monogram: Monogram) -> None:
        """Create the application emoji of a monogram, or find it if it exists after all."""
        name, image = monogram.emoji_name, await asyncio.to_thread(monogram.png)
        try:
            emoji = await self.client.create_application_emoji(name=name, image=image)
            self._emojis[name] = emoji.url
        except (discord.HTTPException, *CONNECTION_ERRORS):
            # Discord may have made the emoji although the answer was lost, or another process may
            # have; then Discord refuses a second one of the same name.
            await self._list_emojis()
            if name not in self._emojis:
                raise
