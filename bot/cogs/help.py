"""Say what the bot is and how to begin: by a command, and to whoever mentions the bot."""

from __future__ import annotations

import time
from contextlib import suppress

import discord
from discord import app_commands
from discord.ext import commands

from ..i18n.catalogue import phrase, say, speaking
from ..ui.components import Interaction, make_start_button
from ..ui.delivery import CONNECTION_ERRORS, FirstResponse, MessageChannel, post_message
from .feature import FeatureCog, allow_everywhere, answer_errors
from .services import CogServices

HELP_TEXT = phrase(
    "**On Book** writes scripts with you, line by line. Its voice is a very small network that has "
    "read 800 plays and 249 short films, and has understood none of them. That is the fun.\n"
    "1. {/start} begins a script: choose a voice, a place and a cast, or be surprised.\n"
    "2. {/write} adds your line: `INT. DINER - NIGHT`, `MAYA: Hello.`, `CUT TO:`, or an action.\n"
    "3. {/continue} lets the voice write on. So does the panel under the newest line, where you "
    "choose who speaks next.\n"
    "-# {/undo} removes the last line. {/script show} shows the whole script, and "
    "{/script history} goes back to any line."
)

MENTION_SECONDS = 60.0
"""Seconds in which one channel gets one answer to mentions."""


class Help(FeatureCog, name="OnBook.help"):
    """Explain the bot."""

    def __init__(self, services: CogServices) -> None:
        super().__init__(services)
        self._answered: dict[int, float] = {}
        """When mentions were answered last, by channel."""

    @app_commands.command(name="help")
    @allow_everywhere
    @answer_errors
    async def help(self, interaction: Interaction) -> None:
        """Learn what this is, and how to write a script"""
        await FirstResponse(interaction).send_message(
            say(HELP_TEXT), view=make_start_button(), ephemeral=True
        )

    @commands.Cog.listener("on_message")
    async def answer_mention(self, message: discord.Message) -> None:
        """Answer a message that begins with a mention of the bot, seldom enough to be no noise.

        A host's bot may use mentions otherwise, so that its operator has to allow this.
        """
        user, settings = self.bot.user, self.services.settings
        if user is None or message.author.bot or (self.services.group and not settings.mentions):
            return
        if not message.content.startswith((f"<@{user.id}>", f"<@!{user.id}>")):
            return
        now, channel = time.monotonic(), message.channel
        self._answered = {
            place: when for place, when in self._answered.items() if now - when < MENTION_SECONDS
        }
        if channel.id in self._answered or not isinstance(channel, MessageChannel):
            return
        self._answered[channel.id] = now
        locale = (
            message.guild.preferred_locale if message.guild else discord.Locale.american_english
        )
        # The bot may not be allowed to post here.
        allowed = suppress(discord.HTTPException, *CONNECTION_ERRORS)
        with speaking(locale.value, self.services.group), allowed:
            await post_message(channel, say(HELP_TEXT), view=make_start_button())
