"""Add the cogs to a bot, one for each feature with its commands, components and sentences."""

from __future__ import annotations

from typing import Protocol, TypeVar

import discord
from discord.ext import commands

from ..audio.table_read import is_installed
from ..interactions.services import CogServices, Host, OnBook
from ..session.channel_session import ChannelSessions
from ..session.rate_limits import RateLimits
from ..settings import Settings
from ..storage.database import Guard
from ..telemetry import NULL_METER, Meter
from ..ui.background.timers import CallLater
from .branches import Branches
from .cast import Cast
from .command_group import check_conflicts, make_group
from .details import Details
from .ending import Ending
from .expired_interactions import ExpiredInteractions
from .feature import BELOW_SCRIPT, FeatureCog
from .help import Help
from .listening import Listening
from .menu import Menu
from .messages import Messages
from .models import Models
from .privacy import Privacy
from .reading import Reading
from .script_settings import ScriptSettings
from .scripts import Scripts
from .star_reactions import StarReactions
from .starting import Starting
from .stopping import Stopping
from .takes import Takes
from .upkeep import Upkeep
from .writers import Writers
from .writing import Writing

FEATURES: tuple[type[FeatureCog], ...] = (
    Starting,
    Writing,
    Cast,
    Reading,
    Listening,
    Scripts,
    Branches,
    Ending,
    ScriptSettings,
    Models,
    Privacy,
    Details,
    StarReactions,
    Messages,
    Help,
    Menu,
    Takes,
    Writers,
    Stopping,
    ExpiredInteractions,
    Upkeep,
)
"""The features, in the order in which their commands are sent to Discord."""


CogT = TypeVar("CogT", bound=commands.Cog)


class Adapt(Protocol):
    """A function that returns the class that a host uses in place of a cog's class."""

    def __call__(self, kind: type[CogT], /) -> type[CogT]: ...


async def add_cogs(
    bot: Host,
    settings: Settings,
    *,
    group: str | None = None,
    meter: Meter = NULL_METER,
    guard: Guard | None = None,
    call_later: CallLater | None = None,
    adapt: Adapt = lambda kind: kind,
) -> CogServices:
    """Open what the cogs share, and add the cogs to a bot.

    Args:
        bot: The bot.
        settings: The settings.
        group: The group of all commands in a host; None if the bot is On Book alone.
        meter: The meter of the bot's events.
        guard: The guard that is asked before each transaction that writes, or None.
        call_later: The timer of votes and deadlines, or None for the event loop's timer.
        adapt: The function that returns the class that the host uses in place of a cog's class.

    Raises:
        CommandConflict: The host has other commands of these names.
        ModelError: The default voice cannot be used.
        StoreError: The database cannot be used.
    """
    if group:
        check_conflicts(bot, group)
    # Use discord.py's clock, because Discord shows people how long a vote lasts.
    sessions = await ChannelSessions.open(
        settings,
        guard=guard,
        meter=meter,
        clock=discord.utils.utcnow,
        limits=RateLimits(settings.rates),
    )
    services = CogServices(bot, sessions, group, meter, call_later)
    try:
        if group:
            check_conflicts(bot, group)  # again, because the host went on meanwhile
        kinds = [kind for kind in FEATURES if kind is not Listening or is_installed()]
        features = [adapt(kind)(services) for kind in kinds]
        [script] = [feature.script for feature in features if isinstance(feature, Reading)]
        for feature in features:
            for command in feature.release_commands(BELOW_SCRIPT):
                script.add_command(command)
        commands_inside = None
        if group:
            released = [command for feature in features for command in feature.release_commands()]
            commands_inside = make_group(group, released)
        for feature in features:
            await bot.add_cog(feature)
        await bot.add_cog(adapt(OnBook)(services, commands_inside))
        if bot.is_ready():
            for feature in features:
                await feature.resume()
    except BaseException:
        await services.close()
        raise
    return services
