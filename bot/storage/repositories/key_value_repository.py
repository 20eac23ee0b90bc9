"""Read and write small values by key."""

from __future__ import annotations

from sqlalchemy import delete

from ...recent import Recent
from ..database import Database
from ..schema import KeyValue
from .repository import Repository

GUILD_MODEL_PREFIX = "guild-voice"
"""The prefix of the key of a guild's model."""

HOUSEKEEPER = "looked-after-by"
"""The key of the id of the bot that ends polls and deletes leftovers."""

SYNCED_COMMANDS = "synced commands"
"""The key of the digest of the commands that were synced last."""

FORGET_SYNC = delete(KeyValue).where(KeyValue.key == SYNCED_COMMANDS)
"""Makes a bot sync its commands again, for a database that does not know what was synced last."""


def guild_model_key(guild: int) -> str:
    return f"{GUILD_MODEL_PREFIX} {guild}"


class KeyValueRepository(Repository):
    """The small values that the bot must remember about itself, by key."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._recent: Recent[str, str | None] = Recent(most=1_000)

    async def find_value(self, key: str) -> str | None:
        row = await self._get(KeyValue, key)
        self._recent[key] = value = row.value if row else None
        return value

    def recall_value(self, key: str) -> str | None:
        """Return the value of a key if it was found or saved recently, without waiting."""
        return self._recent.get(key)

    async def save_value(self, key: str, value: str) -> None:
        async with self._database.writing() as session:
            await session.merge(KeyValue(key=key, value=value))
        self._recent[key] = value

    async def claim_housekeeping(self, bot: int) -> bool:
        """Return whether a bot, by its id, is the one that ends polls and deletes leftovers here.

        A file belongs to the bot that has opened it. A shared database belongs to the first bot
        that asks, because other bots cannot tell what has been left behind.
        """
        if not self._database.shared:
            return True
        known = await self._get(KeyValue, HOUSEKEEPER)
        if known is None:
            async with self._database.writing() as session:
                known = await session.get(KeyValue, HOUSEKEEPER)
                if known is None:
                    session.add(known := KeyValue(key=HOUSEKEEPER, value=str(bot)))
        return known.value == str(bot)
