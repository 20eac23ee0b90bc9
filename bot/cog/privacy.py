"""What people and servers can have deleted, and what they are given of it."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import logging
from contextlib import suppress

import discord
from discord import app_commands
from discord.ext import commands, tasks

from ..delivery import delivered, reply_to
from ..language import many, say
from ..privacy import KEPT, as_file, sure
from ..store import Forgotten, NotKept
from ..views import Interaction
from .commands import answered, for_scripts
from .turns import Turns

log = logging.getLogger("onbook.privacy")

AT_ONCE = 200
"""Lines whose messages are looked for together."""


class Privacy(Turns):
    """See what is kept of a person, have it, and have it deleted."""

    privacy_group = for_scripts(
        app_commands.Group(name="privacy", description="What is kept of you here")
    )

    async def cog_load(self) -> None:
        """Opens the voice and the database; raises ModelError or StoreError."""
        await super().cog_load()
        self._delete_departed.start()
        if self.bot.is_ready():
            await self.on_ready()

    async def cog_unload(self) -> None:
        """Ends the engines and closes the database."""
        self._delete_departed.cancel()
        await super().cog_unload()

    @privacy_group.command(name="about")
    @answered
    async def about_privacy(self, interaction: Interaction) -> None:
        """See what is kept of you, and for how long"""
        days = many(self.settings.departed_days, "day")
        await reply_to(interaction).send_message(say(KEPT, days=days), ephemeral=True)

    @privacy_group.command(name="export")
    @answered
    async def export_mine(self, interaction: Interaction) -> None:
        """Get your lines as a file"""
        await reply_to(interaction).defer(ephemeral=True, thinking=True)
        lines = await self.store.of_person(interaction.user.id)
        if not lines:
            await delivered(interaction, content=say("No line here is yours."))
            return
        content = io.BytesIO(await asyncio.to_thread(as_file, lines))
        await delivered(
            interaction,
            content=say("What is yours: {lines}.", lines=many(len(lines), "line")),
            attachments=[discord.File(content, filename="on-book-lines.json")],
        )

    @privacy_group.command(name="forget")
    @app_commands.describe(text="Also take away the text of the lines that you wrote")
    @answered
    async def forget(self, interaction: Interaction, text: bool = False) -> None:
        """Have your name taken from everything that was written here"""
        if text:
            asked = say(
                "Take your name from every line that you wrote, in every server, and its text, "
                "too? Each stays in its place with “…” for a text, and what the voice wrote below "
                "stays. Nobody can bring it back."
            )
        else:
            asked = say(
                "Take your name from every line that you wrote, in every server? Your lines stay, "
                "by “somebody”, and your scripts have no owner then. Nobody can bring it back."
            )
        await reply_to(interaction).send_message(asked, view=sure(text=text), ephemeral=True)

    @answered
    async def forget_me(self, interaction: Interaction, text: bool) -> None:
        """Somebody is sure that they wish to be forgotten."""
        await reply_to(interaction).defer(ephemeral=True, thinking=True)
        found = await self.store.forget(interaction.user.id, text=text)
        lines = many(found.count, "line")
        if text:
            told = say("You are forgotten. Without name and text now: {lines}.", lines=lines)
        else:
            told = say("You are forgotten. Without your name now: {lines}.", lines=lines)
        await delivered(interaction, content=told)
        await self._draw_again(found)

    async def _draw_again(self, found: Forgotten) -> None:
        """Makes messages tell the truth that named somebody."""
        for one, lines in found.lines.items():
            script = await self.store.find(one)
            if script is None:
                continue
            channel = self.bot.get_partial_messageable(script.channel)
            room = self.rooms.at(script.channel)
            for at in range(0, len(lines), AT_ONCE):
                await self.board.redraw(channel, room, script, set(lines[at : at + AT_ONCE]))
        for ballot in found.ballots:
            self.polls.recount(ballot)

    # Servers that have removed the bot

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Notes which servers have removed the bot, or have it back, while it was off."""
        if not self.bot.intents.guilds:
            return  # then it cannot know in which servers it is
        here = {guild.id for guild in self.bot.guilds}  # those too that are not available now
        known = [guild for guild in await self.store.guilds() if self._is_own(guild)]
        gone = [guild for guild in known if guild not in here]
        await self.store.note_departures(gone, here & set(known))

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Notes that a server has removed the bot; one that is not available has not."""
        if guild.id in await self.store.guilds():
            await self.store.note_departures([guild.id], [])

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Notes that a server has the bot back."""
        await self.store.note_departures([], [guild.id])

    @tasks.loop(hours=1)
    async def _delete_departed(self) -> None:
        """Deletes what the servers had here that have been without the bot for long enough."""
        before = dt.datetime.now(dt.UTC) - dt.timedelta(days=self.settings.departed_days)
        with suppress(NotKept):  # which is in the log; in an hour the disk may work again
            for guild in await self.store.departed(before):
                if self._is_own(guild) and self.bot.get_guild(guild) is None:
                    scripts = await self.store.delete_guild(guild)
                    log.info("%d scripts of a server that left were deleted", scripts)

    @_delete_departed.before_loop
    async def _once_all_is_known(self) -> None:
        await self.bot.wait_until_ready()

    def _is_own(self, guild: int) -> bool:
        """Whether a server is on one of the shards of this process."""
        count = self.bot.shard_count or 1
        own = getattr(self.bot, "shards", None) or {self.bot.shard_id or 0}
        return (guild >> 22) % count in own
