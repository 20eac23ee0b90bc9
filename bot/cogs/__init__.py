"""Add the cogs to a bot, one for each feature with its commands, components and sentences."""

from __future__ import annotations

from typing import Protocol, TypeVar

from discord.ext import commands

from ..settings import Settings
from ..storage.database import Guard
from ..telemetry import SILENT, Meter
from ..ui.live_polls import CallLater
from .branches import Branches
from .cast import Cast
from .feature import FeatureCog
from .guest import check_places, grouped
from .lifecycle import OnBook
from .models import Models
from .privacy import Privacy
from .reading import Reading
from .script_settings import ScriptSettings
from .scripts import Scripts
from .services import CogServices, Host, open_services
from .starting import Starting
from .stopping import Stopping
from .strays import Strays
from .takes import Takes
from .upkeep import Upkeep
from .writing import Writing

FEATURES: tuple[type[FeatureCog], ...] = (
    Privacy,
    Models,
    ScriptSettings,
    Reading,
    Cast,
    Scripts,
    Branches,
    Starting,
    Writing,
    Takes,
    Stopping,
    Strays,
    Upkeep,
)
"""The features, in the order in which Discord is told of their commands."""


C = TypeVar("C", bound=commands.Cog)


class Adapt(Protocol):
    """Returns the class that a host takes in place of a cog's."""

    def __call__(self, kind: type[C], /) -> type[C]:
        """Return a subclass, or the same class."""


def as_it_is(kind: type[C], /) -> type[C]:
    """Return the same class, for a host that takes every cog."""
    return kind


async def add_cogs(
    bot: Host,
    chosen: Settings,
    *,
    group: str | None = None,
    meter: Meter = SILENT,
    guard: Guard | None = None,
    later: CallLater | None = None,
    adapt: Adapt = as_it_is,
) -> CogServices:
    """Open what the cogs share, and add the cogs to a bot.

    Args:
        bot: The bot.
        chosen: The settings.
        group: The group of all commands in a host; None where the bot is On Book alone.
        meter: The meter of the bot's events.
        guard: The guard that is asked before each transaction that writes, or None.
        later: The timer of votes, or None for that of the event loop.
        adapt: The function that returns the class that the host takes in place of a cog's.

    Raises:
        NoPlace: The host has other commands of these names.
        ModelError: The default voice cannot be used.
        StoreError: The database cannot be used.
    """
    if group:
        check_places(bot, group)
    services = await open_services(bot, chosen, group=group, meter=meter, guard=guard, later=later)
    try:
        if group:
            check_places(bot, group)  # again, because the host went on meanwhile
        features = [adapt(kind)(services) for kind in FEATURES]
        commands_inside = None
        if group:
            inside = [command for one in features for command in one.release_commands()]
            commands_inside = grouped(group, inside)
        for one in features:
            await bot.add_cog(one)
        await bot.add_cog(adapt(OnBook)(services, commands_inside))
        if bot.is_ready():
            for one in features:
                await one.resume()
    except BaseException:
        await services.close()
        raise
    return services
