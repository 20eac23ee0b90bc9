"""Hold the services that the cogs share, and close them."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from ..log_redaction import guard_loggers, release_loggers
from ..recent import Recent
from ..session.channel_session import ChannelSession, ChannelSessions
from ..session.rate_limits import Cost
from ..storage.schema import Script
from ..telemetry import Meter
from ..ui.background.deadline_messages import DeadlineMessages
from ..ui.background.live_polls import LivePolls
from ..ui.background.stale_messages import StaleMessages
from ..ui.background.timers import CallLater, Timers
from ..ui.channels.message_sync import MessageSync
from ..ui.channels.script_answers import ScriptAnswers
from ..ui.components import Interaction
from ..ui.delivery.interaction_state import find_state
from .in_flight import InFlight
from .requester import get_channel, get_guild

Host = commands.Bot | commands.AutoShardedBot
"""A bot that cogs are added to."""

RECENT_SCRIPTS = 256
"""The number of scripts whose rows are remembered, at some kilobytes each."""

FINISH_SECONDS, SHOW_SECONDS, GIVE_UP_SECONDS = 5.0, 2.0, 1.0
"""Seconds that an unload waits: for work to finish, for stopped turns to show what they have, and
for lines that are given up."""


class CogServices:
    """The services that the cogs share, which the cog `OnBook` closes."""

    def __init__(
        self,
        bot: Host,
        sessions: ChannelSessions,
        group: str | None,
        meter: Meter,
        call_later: CallLater | None,
    ) -> None:
        self.bot = bot
        self.settings = sessions.settings
        self.group = group
        """The group of the commands in a host; None if the bot is On Book alone."""
        self.hears = group is None or self.settings.mentions
        """Whether mentions, replies and direct messages are read."""
        self.meter = meter
        self.models = sessions.models
        self.sessions = sessions
        self.in_flight = InFlight(self.settings.queue)
        self.timers = Timers(self.in_flight.track, call_later)
        self.messages = MessageSync(bot, sessions.posts, self.settings.look, hears=self.hears)
        self.answers = ScriptAnswers(sessions.posts)
        self.live_polls = LivePolls(bot, sessions, self.messages, self.timers, group)
        self.deadline_messages = DeadlineMessages(bot, sessions, self.messages, self.timers, group)
        self.stale = StaleMessages(bot, sessions, self.messages, self.answers, group)
        self.recent_scripts: Recent[int, Script] = Recent(RECENT_SCRIPTS)
        """Scripts that were shown with their buttons, by their ids, to fill windows at once."""
        self._redaction = guard_loggers()
        self._closed = False

    def admit_to_session(self, interaction: Interaction) -> ChannelSession:
        """Admit an interaction and return the session of its channel; raise as `admit` does."""
        self.admit(interaction)
        return self.sessions.get(get_channel(interaction))

    def admit(self, interaction: Interaction) -> None:
        """Charge an interaction for its turn, once, and let an unload wait for its task.

        Raises:
            EngineClosed: The cogs are being unloaded.
            Overloaded: Too many requests are in progress.
            RateLimited: The person, the channel or the server has used up a limit.
            RequestError: The interaction has no channel.
        """
        self.in_flight.admit()
        self.in_flight.track_person(interaction.user.id)
        is_autocomplete = interaction.type is discord.InteractionType.autocomplete
        state = find_state(interaction)
        if not is_autocomplete and not state.is_charged:
            channel, guild = get_channel(interaction), get_guild(interaction)
            self.admit_request(interaction.user.id, channel, guild, Cost(requests=1))
            state.is_charged = True

    def admit_request(self, person: int, channel: int, guild: int | None, cost: Cost) -> None:
        """Count and charge a person's request, and record that the person is present.

        Raises Overloaded or RateLimited.
        """
        self.in_flight.count_request(channel)
        self.sessions.presence.record(channel, person)
        self.sessions.limits.charge(person, channel, guild, cost)

    def charge(self, interaction: Interaction, cost: Cost) -> None:
        """Charge the person, the channel and the server; raise RateLimited at a limit."""
        channel, guild = get_channel(interaction), get_guild(interaction)
        self.sessions.limits.charge(interaction.user.id, channel, guild, cost)

    async def claim_housekeeping(self) -> bool:
        """Return whether this bot, and no other, looks after the scripts in the database."""
        assert self.bot.user is not None  # known once it is ready
        return await self.sessions.housekeeping.claim(self.bot.user.id)

    async def close(self) -> None:
        """Finish or stop the work in flight, and close the voices and the database, once."""
        if self._closed:
            return
        self._closed = True
        self.in_flight.close()
        self.timers.stop()
        await self.in_flight.wait_until_finished(FINISH_SECONDS)
        self.in_flight.stop_jobs()
        await self.in_flight.wait_until_finished(SHOW_SECONDS)
        self.models.close()
        await self.in_flight.wait_until_finished(GIVE_UP_SECONDS)
        self.in_flight.cancel()
        await self.in_flight.wait_until_finished(GIVE_UP_SECONDS)
        self.in_flight.close()  # again, because work in flight may have opened more
        release_loggers(self._redaction)
        await self.sessions.close()


class OnBook(commands.Cog):
    """Write a script with a small neural network, line by line.

    This cog is added last, because discord.py removes cogs in the order in which they were added.
    """

    def __init__(self, services: CogServices, group: app_commands.Group | None = None) -> None:
        self.services = services
        if group:
            # discord.py adds the commands of this attribute to a host's, and removes them with the
            # cog.
            self.__cog_app_commands__ = [group]

    async def cog_unload(self) -> None:
        await self.services.close()
