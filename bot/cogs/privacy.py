"""What people and servers can have deleted, and what they are given of it."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands, tasks

from ..i18n.catalogue import many, say, speaking
from ..session.turn import RoomError
from ..settings import Settings
from ..sharding import Shards
from ..storage.database import NotKept
from ..storage.repositories.person_repository import Forgotten
from ..ui.components import Interaction
from ..ui.delivery import delivered, reply_to
from ..ui.polls import locale_of
from ..ui.privacy import KEPT, STAYS, SURE, as_file, sure, told
from .commands import answered, for_scripts
from .turns import Turns

log = logging.getLogger("onbook.privacy")

DRAWN_EVERY = 10
"""Minutes after which a process looks for what is to be drawn again: a person who is forgotten by
one of them may have written in the servers of all."""

AT_ONCE = 50
"""Messages that are drawn again together."""


class Privacy(Turns):
    """See what is kept of a person, have it, and have it deleted."""

    privacy_group = for_scripts(
        app_commands.Group(name="privacy", description="What is kept of you here")
    )

    def __init__(self, bot: commands.Bot, chosen: Settings | None = None) -> None:
        super().__init__(bot, chosen)
        self._drawing = asyncio.Lock()

    async def cog_load(self) -> None:
        """Opens the voice and the database; raises ModelError or StoreError."""
        await super().cog_load()
        if self.bot.is_ready():
            await self.on_ready()

    async def cog_unload(self) -> None:
        """Ends the engines and closes the database."""
        self._delete_departed.cancel()
        self._draw_left.cancel()
        await super().cog_unload()

    @privacy_group.command(name="about")
    @answered
    async def about_privacy(self, interaction: Interaction) -> None:
        """See what is kept of you, and for how long"""
        self._take_on(interaction)
        days = many(self.settings.departed_days, "day")
        kept = f"{say(KEPT, days=days)}\n{say(STAYS)}"
        await reply_to(interaction).send_message(kept, ephemeral=True)

    @privacy_group.command(name="export")
    @answered
    async def export_mine(self, interaction: Interaction) -> None:
        """Get all that is kept of you as a file"""
        self._take_on(interaction)
        await reply_to(interaction).defer(ephemeral=True, thinking=True)
        kept = await self.store.people.load_kept(interaction.user.id)
        if not kept:
            await delivered(interaction, content=say("Nothing is kept of you here."))
            return
        name, content = await asyncio.to_thread(as_file, kept, interaction.filesize_limit)
        if len(content) > interaction.filesize_limit:
            raise RoomError(
                say("What is kept of you is too large for Discord: ask whoever runs the bot.")
            )
        lines = many(len(kept.lines), "line")
        await delivered(
            interaction,
            content=say("All that is kept of you, with {lines} that you wrote.", lines=lines),
            attachments=[discord.File(io.BytesIO(content), filename=name)],
        )

    @privacy_group.command(name="forget")
    @answered
    async def forget(self, interaction: Interaction) -> None:
        """Have your name taken from everything that was written here, and your text if you wish"""
        self._take_on(interaction)
        asked = f"{say(SURE)}\n-# {say(STAYS)}"
        await reply_to(interaction).send_message(asked, view=sure(), ephemeral=True)

    @answered
    async def forget_me(self, interaction: Interaction, text: bool) -> None:
        """Somebody is sure that they wish to be forgotten."""
        self._take_on(interaction)
        await reply_to(interaction).defer(ephemeral=True, thinking=True)
        found = await self.forget_person(interaction.user.id, text=text)
        await delivered(interaction, content=told(found, text=text))

    async def forget_person(self, person: int, *, text: bool) -> Forgotten:
        """Takes a person's name from everything, and if they wish the text from their lines.

        The messages that show any of it are drawn again soon after. Raises NotKept.
        """
        # Or what they have asked for before would come with their name after it is forgotten.
        await self._ended(person)
        found = await self.store.people.forget(person, text=text)
        self.rooms.notices.forget(person)
        self._hold(asyncio.create_task(self._draw_after({*self._in_hand()})))
        return found

    # Messages that show what was forgotten

    async def _draw_after(self, acts: set[asyncio.Task[Any]]) -> None:
        """Draws again what shows somebody, and once more when all that was in hand is shown."""
        await self._draw_stale()
        if acts:
            await asyncio.wait(acts)
            await self._draw_stale()

    @tasks.loop(minutes=DRAWN_EVERY)
    async def _draw_left(self) -> None:
        """Draws again what could not be drawn before, and what another process asks this one to.

        Votes are gone on with, too, where the database did not work when the bot was ready.
        """
        await self._draw_stale()
        await self.resume_votes()

    async def _draw_stale(self) -> None:
        """Draws the messages again that show what was forgotten; what fails is left for later."""
        try:
            async with self._drawing:
                if not await self._looks_after():
                    return
                for script, messages in (await self.store.posts.list_stale()).items():
                    await self._draw_in(script, messages)
        except NotKept:
            pass  # which is in the log
        except Exception:
            log.exception("messages that show what was forgotten could not be drawn")

    async def _draw_in(self, script: int, messages: Sequence[int]) -> None:
        found = await self.store.scripts.find(script)
        if found is None or not self._is_here(found.guild):
            return
        channel = self.bot.get_partial_messageable(found.channel)
        room = self.rooms.at(found.channel)
        with speaking(locale_of(found, self.bot), self.group):
            for at in range(0, len(messages), AT_ONCE):
                some = messages[at : at + AT_ONCE]
                drawn = await self.board.redraw(channel, room, found, some)
                await self.store.posts.mark_redrawn(drawn)
                if not drawn:
                    return  # nothing comes through there now

    # Servers that have removed the bot

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Notes which servers have removed the bot, or have it back, while it was off."""
        # Not before, or without the servers: the client may not even have logged in then.
        for task in (self._draw_left, self._delete_departed):
            if not task.is_running():
                task.start()
        if not self.bot.intents.guilds:
            return  # then it cannot know in which servers it is
        here = {guild.id for guild in self.bot.guilds}  # those too that are not available now
        with suppress(NotKept):  # which is in the log, unless the bot ends; the next start notes it
            if not await self._looks_after():
                log.error(
                    "another bot looks after the scripts in this database: this one ends no votes "
                    "and deletes nothing here, so give it a database of its own"
                )
                return
            known = [
                guild for guild in await self.store.guilds.list_known() if self._is_here(guild)
            ]
            gone = [guild for guild in known if guild not in here]
            await self.store.guilds.record_departures(gone, here & set(known))

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Notes that a server has removed the bot; one that is not available has not."""
        with suppress(NotKept):  # the next start notes it
            if await self._looks_after() and guild.id in await self.store.guilds.list_known():
                await self.store.guilds.record_departures([guild.id], [])

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Notes that a server has the bot back."""
        with suppress(NotKept):  # the next start notes it
            if await self._looks_after():
                await self.store.guilds.record_departures([], [guild.id])

    @tasks.loop(hours=1)
    async def _delete_departed(self) -> None:
        """Deletes what the servers had here that have been without the bot for long enough."""
        before = dt.datetime.now(dt.UTC) - dt.timedelta(days=self.settings.departed_days)
        with suppress(NotKept):  # which is in the log; in an hour the disk may work again
            if not await self._looks_after():
                return
            for guild in await self.store.guilds.list_departed(before):
                if self._is_here(guild) and self.bot.get_guild(guild) is None:
                    scripts = await self.store.guilds.delete(guild)
                    log.info("%d scripts of a server that left were deleted", scripts)

    def _is_here(self, guild: int | None) -> bool:
        """Whether a server is on one of the shards of this process."""
        return Shards.of(self.bot).have(guild)
