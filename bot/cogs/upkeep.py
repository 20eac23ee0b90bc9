"""Run background tasks once the client is ready, and at intervals."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial

import discord
from discord.ext import commands, tasks

from ..errors import TransactionFailed
from ..sharding import Shards
from ..ui.delivery.server_language import speaking_in
from .feature import FeatureCog

log = logging.getLogger("onbook.upkeep")

REDRAW_MINUTES = 10
"""Minutes between two searches for stale messages, because a person whom one process forgets may
have written in the servers of all processes."""

EVICTION_MINUTES = 10
"""Minutes between two checks of the states' size, which at 20 lines a second grows by 100 MB."""


class Upkeep(FeatureCog, name="OnBook.upkeep"):
    """Do what is due: votes, deadlines, stale messages, data of servers that removed the bot."""

    async def resume(self) -> None:
        """Start the loops and timers, and note the servers that left or came back."""
        await super().resume()
        await self._resume_timers()
        here = {guild.id for guild in self.bot.guilds}  # with those that are unavailable now
        with suppress(TransactionFailed):  # which the store has logged; the next start does it
            if not await self.services.claim_housekeeping():
                log.error(
                    "another bot looks after the scripts in this database: this bot closes no "
                    "votes and deletes nothing here, so give it a database of its own"
                )
                return
            self.services.in_flight.try_later(self.services.stale.show_unshown)
            if self.bot.intents.guilds:  # without it the client does not know its servers
                await self.sessions.housekeeping.compare_servers(here, Shards.of(self.bot))

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Record that a server has removed the bot; an unavailable server has not."""
        with suppress(TransactionFailed):  # the next start notes it
            if await self.services.claim_housekeeping():
                await self.sessions.housekeeping.record_departure(guild.id)

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Record that the bot is back in a server."""
        with suppress(TransactionFailed):  # the next start notes it
            if await self.services.claim_housekeeping():
                await self.sessions.housekeeping.record_return(guild.id)

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Delete what the bot's webhook has posted late, after it was already posted again."""
        application, webhook = self.bot.application_id, message.webhook_id
        # The answers of interactions have the application as their webhook.
        if webhook is None or message.application_id != application or webhook == application:
            return
        channel, services = message.channel, self.services
        session, delete = services.sessions.get(channel.id), services.messages.delete_unrecorded
        # The next turn looks for what remains.
        services.in_flight.try_later(partial(delete, channel, session, message.id, webhook))

    @commands.Cog.listener()
    async def on_webhooks_update(self, channel: discord.abc.GuildChannel) -> None:
        """Look for the bot's webhook again in a channel where somebody may have moved it."""
        self.services.messages.line_messages.webhooks.note_change(channel.id)

    @commands.Cog.listener("on_raw_message_edit")
    async def redraw_late(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Undo an edit by the bot that Discord has carried out after a later one."""
        message, edited, services = payload.message, payload.message.edited_at, self.services
        if edited and services.messages.line_messages.edited.get(message.id):
            channel, redraw = message.channel, services.messages.redraw_late
            session = services.sessions.get(channel.id)
            with speaking_in(message.guild, services.group):  # as the task then does
                services.in_flight.try_later(partial(redraw, channel, session, message.id, edited))

    @tasks.loop(minutes=REDRAW_MINUTES)
    async def _draw_stale(self) -> None:
        """Redraw stale messages that earlier attempts or other processes have left.

        Also resume votes and deadlines, in case the database did not work when the client became
        ready.
        """
        await self.services.stale.redraw()
        await self._resume_timers()

    @tasks.loop(minutes=EVICTION_MINUTES)
    async def _evict_states(self) -> None:
        """Evict the oldest states, which can be computed again, if they take too much room."""
        with suppress(TransactionFailed):  # which the store has logged; the next time tries again
            if await self.services.claim_housekeeping():
                await self.sessions.housekeeping.evict_states()

    @tasks.loop(hours=1)
    async def _delete_departed(self) -> None:
        """Delete the scripts of servers that have been without the bot for long enough."""
        with suppress(TransactionFailed):  # which the store has logged; the next hour tries again
            if not await self.services.claim_housekeeping():
                return
            housekeeping, days = self.sessions.housekeeping, self.services.settings.departed_days
            for guild in await housekeeping.list_departed(days, Shards.of(self.bot)):
                if self.bot.get_guild(guild) is None:
                    scripts = await housekeeping.delete_server(guild)
                    log.info("deleted %d scripts of a server that had removed the bot", scripts)

    async def _resume_timers(self) -> None:
        with suppress(TransactionFailed):  # which the store has logged, unless the bot ends
            if await self.services.claim_housekeeping():
                await self.services.live_polls.resume()
                await self.services.deadline_messages.resume()
