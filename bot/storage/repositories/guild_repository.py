"""Record which guilds use the bot, and delete what departed guilds still have here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import delete, select

from ..deletion import delete_scripts
from ..dialects import insert
from ..schema import BannedWords, Channel, DepartedGuild, KeyValue, PostedLine, Script, utc_now
from .key_value_repository import GUILD_MODEL_PREFIX, guild_model_key
from .repository import Repository


class GuildRepository(Repository):
    """The guilds with scripts, lists of banned words, or a voice of their own."""

    async def list_guilds(self) -> list[int]:
        """Return the guilds about which anything is stored."""
        scripts = select(Script.guild).where(Script.guild.is_not(None))
        lists = select(BannedWords.guild).where(BannedWords.guild.is_not(None))
        models = select(KeyValue.key).where(KeyValue.key.startswith(GUILD_MODEL_PREFIX))
        async with self._database.reading() as session:
            found = {guild for guild in await session.scalars(scripts.union(lists)) if guild}
            chosen = {int(name.split()[1]) for name in await session.scalars(models)}
            return sorted(found | chosen)

    async def record_departures(self, gone: Iterable[int], here: Iterable[int]) -> None:
        """Record that guilds have now left, unless they already had, and that others are here."""
        now = utc_now()
        rows = [{"guild": guild, "departed_at": now} for guild in gone]
        async with self._database.writing() as session:
            if rows:
                await session.execute(insert(session, DepartedGuild).on_conflict_do_nothing(), rows)
            await session.execute(delete(DepartedGuild).where(DepartedGuild.guild.in_(list(here))))

    async def list_departed_guilds(self, before: dt.datetime) -> list[int]:
        """Return the guilds that left ``before`` a moment."""
        wanted = select(DepartedGuild.guild).where(DepartedGuild.departed_at < before)
        return await self._scalars(wanted)

    async def delete_guild(self, guild: int) -> int:
        """Delete all that a guild has here, and return the number of its scripts."""
        # A fork never leaves its guild, so no script outside it reaches any of these lines.
        scripts = select(Script.id).where(Script.guild == guild)
        async with self._database.erasing() as session:
            count = len((await session.scalars(scripts)).all())
            await delete_scripts(session, scripts)
            channels = select(Channel.id).where(Channel.guild == guild)
            await session.execute(delete(PostedLine).where(PostedLine.channel.in_(channels)))
            await session.execute(delete(KeyValue).where(KeyValue.key == guild_model_key(guild)))
            for table in (BannedWords, Channel, DepartedGuild):
                await session.execute(delete(table).where(table.guild == guild))
        await self._database.purge()
        return count
