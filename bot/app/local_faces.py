"""Show the characters of the local page under their own names and faces, as Discord does.

simcord's page shows one name and one face per user, and treats all messages of a webhook as those
of one user. So each character becomes a user of its own, who is the author of what it says.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import urlsplit

import discord
import simcord
from simcord.backend.cdn import CdnStore

from ..ui.images.monogram import monogram_of


class FaceStore(CdnStore):
    """Serve faces in addition to what simcord keeps: it drops emoji images and has no avatars."""

    def __init__(self) -> None:
        super().__init__()
        self.faces: dict[str, bytes] = {}
        """PNG files, by the last part of their addresses, without its ending."""

    def get(self, url: str) -> bytes | None:
        return super().get(url) or self.faces.get(find_stem(url))


class Characters:
    """The users who say what webhooks post."""

    def __init__(self, world: simcord.Env) -> None:
        self._world = world
        self._store = world.backend.cdn = FaceStore()
        self._users: dict[tuple[str, str], int] = {}
        """The ids of users, by the names and faces of their messages."""

    def draw_avatar(self, name: str) -> str:
        """Draw the avatar of a person, and return its hash."""
        self._store.faces[name] = monogram_of(name).png()
        return name

    def keep_emoji(self, emoji: discord.Emoji, image: bytes) -> None:
        """Keep the image of an application emoji, because it is the face of a character."""
        self._store.faces[str(emoji.id)] = image

    async def claim(self, message: discord.Message) -> None:
        """Make a character the author of a message that a webhook has posted."""
        if message.webhook_id is None:
            return
        posted = self._world.backend.get_message(message.channel.id, message.id)
        key = posted.author_name or message.author.name, find_stem(posted.author_avatar or "")
        if key not in self._users:
            name, face = key
            # Not by `create_user`, which is no operation of a bot.
            user = self._world.backend.make_user(name, bot=True, avatar=face or None)
            self._users[key] = user.id
        posted.author_id, posted.author_avatar = self._users[key], None


def find_stem(address: str) -> str:
    """Return the last part of an address, without its ending."""
    return PurePosixPath(urlsplit(address).path).stem
