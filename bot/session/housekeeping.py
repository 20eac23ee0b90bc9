"""Find what earlier processes left undone on the shards of this process."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from ..sharding import Shards
from ..storage.schema import Channel, Poll, Script
from ..storage.store import Store


class Housekeeping:
    """What is due in all channels, the servers that the bot has left, and the cached states."""

    def __init__(self, store: Store, states: int) -> None:
        """Look after a store whose cached states may take up this many bytes."""
        self._store = store
        self._states = states
        self._guilds = store.guilds

    async def claim(self, bot: int) -> bool:
        """Return whether a bot, and no other, looks after the scripts in the database."""
        return await self._store.key_values.claim_housekeeping(bot)

    async def evict_states(self) -> None:
        """Evict the oldest states if the states take up more room than they may."""
        await self._store.states.evict_states(self._states)

    async def list_votes(self, shards: Shards) -> list[Poll]:
        """Return the polls whose end was not announced."""
        polls = await self._store.polls.list_unannounced_polls()
        return [poll for poll in polls if await self.find_script(poll.script, shards)]

    async def list_deadlines(self, shards: Shards) -> list[Script]:
        """Return the scripts with a deadline, a ping or a sprint."""
        return _select(await self._store.rotations.list_scripts_with_deadlines(), shards)

    async def list_ended(self, shards: Shards) -> list[Script]:
        """Return the scripts whose closing card is due."""
        return _select(await self._store.scripts.list_ended_scripts(), shards)

    async def list_unshown(self, shards: Shards) -> list[Script]:
        """Return the running scripts whose last line no message shows, or whose panel is gone."""
        return _select(await self._store.messages.list_unshown_scripts(), shards)

    async def list_panels(self, shards: Shards) -> list[Channel]:
        """Return the channels in which the bot shows a running script."""
        channels = await self._store.messages.list_channels_with_panels()
        return [channel for channel in channels if shards.include(channel.guild)]

    async def list_stale_messages(self) -> dict[tuple[int, int | None], list[int]]:
        """Return the messages to redraw or to delete, by channel and server, the oldest first."""
        return await self._store.messages.list_stale_messages()

    async def find_script(self, script: int, shards: Shards | None = None) -> Script | None:
        """Return a script by its id, or None if it was deleted or is on none of the shards."""
        row = await self._store.scripts.find_script(script)
        return row if row and (shards is None or shards.include(row.guild)) else None

    async def find_poll_script(self, poll: int) -> Script | None:
        """Return the script of a poll, or None if it was deleted."""
        row = await self._store.polls.find_poll(poll)
        return await self.find_script(row.script) if row else None

    # Servers

    async def compare_servers(self, here: Collection[int], shards: Shards) -> None:
        """Record which servers on some shards the bot has left, and which it has rejoined."""
        known = {guild for guild in await self._guilds.list_guilds() if shards.include(guild)}
        await self._guilds.record_departures(known.difference(here), known.intersection(here))

    async def record_departure(self, guild: int) -> None:
        """Record that the bot has left a server, if the server has scripts."""
        if guild in await self._guilds.list_guilds():
            await self._guilds.record_departures([guild], [])

    async def record_return(self, guild: int) -> None:
        await self._guilds.record_departures([], [guild])

    async def list_departed(self, days: int, shards: Shards) -> list[int]:
        """Return the servers on some shards that the bot left at least this many days ago."""
        deadline = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
        departed = await self._guilds.list_departed_guilds(deadline)
        return [guild for guild in departed if shards.include(guild)]

    async def delete_server(self, guild: int) -> int:
        """Delete all scripts of a server, and return how many there were."""
        return await self._guilds.delete_guild(guild)


def _select(scripts: list[Script], shards: Shards) -> list[Script]:
    return [script for script in scripts if shards.include(script.guild)]
