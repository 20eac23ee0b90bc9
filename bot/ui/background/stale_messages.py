"""Redraw messages that show erased text, and show lines that no message shows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import discord

from ...session.channel_session import ChannelSessions
from ...sharding import Shards
from ..channels.message_sync import MessageSync
from ..channels.script_answers import ScriptAnswers
from ..delivery.sending import CONNECTION_ERRORS, MessageChannel, log_failure
from ..delivery.server_language import speaking_for, speaking_in

log = logging.getLogger("onbook.stale_messages")

BATCH_SIZE = 50
"""Messages that are redrawn together."""


@dataclass
class StaleMessages:
    """Redraws the messages that the store lists as stale."""

    client: discord.Client
    sessions: ChannelSessions
    messages: MessageSync
    answers: ScriptAnswers
    group: str | None
    """The group of the commands in a host."""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def redraw(self) -> None:
        """Draw the stale messages on this process's shards; leave failed ones stale."""
        housekeeping = self.sessions.housekeeping
        try:
            async with self._lock:
                # These answers stand where the bot is not a member and knows no language.
                with speaking_in(None, self.group):
                    await self.answers.redraw(self.sessions)
                assert self.client.user is not None  # known once it is ready
                if not await housekeeping.claim(self.client.user.id):
                    return
                stale = await housekeeping.list_stale_messages()
                for (channel, guild), messages in stale.items():
                    if Shards.of(self.client).include(guild):
                        await self._redraw_channel(channel, guild, messages)
        except Exception as error:  # noqa: BLE001 - the next time will try again
            log_failure(log, "could not draw messages that show what was forgotten", error)

    async def count_stale(self, messages: Collection[int]) -> tuple[int, int]:
        """Return how many of the messages will be redrawn, and how many the bot may not delete."""
        stale = await self.sessions.housekeeping.list_stale_messages()
        left = set(messages).intersection(chain.from_iterable(stale.values()))
        undeletable = left & self.messages.line_messages.undeletable
        return len(left - undeletable), len(undeletable)

    async def show_unshown(self) -> None:
        """Show the last lines that earlier processes could not show, on this process's shards."""
        for script in await self.sessions.housekeeping.list_unshown(Shards.of(self.client)):
            channel = self.client.get_partial_messageable(script.channel)
            try:
                with speaking_for(script, self.client, self.group):
                    await self.messages.sync(channel, self.sessions.get(script.channel))
            except Exception as error:  # noqa: BLE001 - the others must not wait for this one
                log_failure(log, f"could not show the end of script {script.id}", error)

    async def redraw_after(self, tasks: set[asyncio.Task[None]]) -> None:
        """Draw now, and again once the tasks in flight have sent their messages."""
        await self.redraw()
        if tasks:
            await asyncio.wait(tasks)
            await self.redraw()

    async def _redraw_channel(self, channel: int, guild: int | None, messages: list[int]) -> None:
        place: MessageChannel = self.client.get_partial_messageable(channel)
        undeletable = self.messages.line_messages.undeletable
        if guild and not (self.client.get_channel(channel) or undeletable.issuperset(messages)):
            # discord.py keeps no archived threads, and Discord allows no edits in them.
            with suppress(discord.HTTPException, *CONNECTION_ERRORS):
                found = await self.client.fetch_channel(channel)
                if isinstance(found, discord.Thread) and found.archived:
                    place = await found.edit(archived=False)
        with speaking_in(self.client.get_guild(guild or 0), self.group):
            redraw = partial(self.messages.redraw, place, self.sessions.get(channel))
            for batch in discord.utils.as_chunks(messages, BATCH_SIZE):
                redrawn = {message for message in batch if await redraw(message)}
                await self.sessions.posts.record_redrawn(redrawn)
                failed = set(batch) - redrawn - undeletable
                if failed and not redrawn:
                    return  # the channel accepts no edits now
