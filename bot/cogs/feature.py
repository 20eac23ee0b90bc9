"""Define the base class of the cogs, and the decorators that all commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from inspect import Parameter, signature
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar, get_type_hints

import discord
from discord import app_commands
from discord.ext import commands

from ..generation.moods import label_moods
from ..generation.options import OptionSpec
from ..i18n.catalogue import phrase, remember_commands, speaking
from ..telemetry import NULL_METER, Meter
from ..ui.components import Handler, Interaction, make_listener
from ..ui.responses import IS_HANDLED, answer_error
from ..ui.waiting import measure_wait
from .option_checks import check_options
from .services import CogServices
from .turns import Turns

CommandT = TypeVar("CommandT")
P = ParamSpec("P")
Cog = TypeVar("Cog", bound="FeatureCog")
CogHandler = Callable[Concatenate[Cog, Interaction, P], Coroutine[Any, Any, None]]
MenuCallback = Callable[[Interaction, discord.Message], Coroutine[Any, Any, None]]
Command = app_commands.Command[Any, ..., Any] | app_commands.Group

MAX_CHOICES, MAX_CHOICE_LENGTH = 25, 100
"""Discord's limits: how many suggestions it shows, and how many characters one has."""

UNTITLED = phrase("Untitled")
"""The title of a script that was given none."""


class FeatureCog(commands.Cog):
    """A feature: its commands, and the listeners to its buttons and menus."""

    SCRIPT_COMMANDS: ClassVar[frozenset[str]] = frozenset()
    """The names of the cog's commands that are subcommands of /script."""

    def __init__(self, services: CogServices) -> None:
        self.services = services
        self.bot = services.bot
        self.store = services.store
        self.turns = Turns(services)
        # discord.py collects no context-menu commands from the body of a cog.
        self._menus = [
            allow_in_servers_and_dms(app_commands.ContextMenu(name=name, callback=callback))
            for name, callback in self.menus().items()
        ]
        self._listeners = [make_listener(*one) for one in self.listeners().items()]

    @classmethod
    def is_available(cls) -> bool:
        """Return whether what the feature needs is installed."""
        return True

    def listeners(self) -> Mapping[str, Handler]:
        """Return handlers by patterns of custom ids, as `make_listener` takes them."""
        return {}

    def menus(self) -> Mapping[str, MenuCallback]:
        """Return the commands on messages by their names."""
        return {}

    def release_script_commands(self) -> list[Command]:
        """Return the cog's commands that belong under /script, which it leaves to the caller."""
        released: list[Command] = self.get_app_commands()
        inside = [command for command in released if command.name in self.SCRIPT_COMMANDS]
        self.__cog_app_commands__ = [one for one in released if one not in inside]
        return inside

    def release_commands(self) -> list[Command]:
        """Return the cog's commands, which it leaves to the caller to add to the bot."""
        released: list[Command] = self.get_app_commands()
        self.__cog_app_commands__ = []
        return released

    async def resume(self) -> None:
        """Resume the work that earlier processes left; called once the client is ready."""

    async def cog_load(self) -> None:
        """Add the commands on messages, and begin to listen."""
        for menu in self._menus:
            self.bot.tree.add_command(menu)
        self.bot.add_dynamic_items(*self._listeners)

    async def cog_unload(self) -> None:
        """Remove the commands on messages, and stop listening."""
        for menu in self._menus:
            self.bot.tree.remove_command(menu.name, type=menu.type)
        self.bot.remove_dynamic_items(*self._listeners)

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Raise InvalidOption for options of a command that no client of Discord's would send."""
        if isinstance(interaction.command, app_commands.Command):
            check_options(interaction.command, interaction.namespace)
        return True

    async def cog_app_command_error(
        self, interaction: Interaction, error: app_commands.AppCommandError
    ) -> None:
        """Answer an error from before a command has begun, such as an option out of range."""
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        with self.speaking_to(interaction):
            await answer_error(interaction, cause)

    @contextmanager
    def speaking_to(self, interaction: Interaction) -> Iterator[None]:
        """Speak to the person who asks, as the function `speaking_to` does."""
        with speaking_to(interaction, self.services.group, self.services.meter):
            yield


def answer_errors(handler: CogHandler[Cog, P]) -> CogHandler[Cog, P]:
    """Decorate an interaction handler to speak the person's language, and answer errors.

    How long the person waits is measured.
    """
    # discord.py would look up the names in the annotations in this module.
    handler.__annotations__ = get_type_hints(handler, include_extras=True)

    @functools.wraps(handler)
    async def handle(
        cog: Cog, interaction: Interaction, /, *args: P.args, **kwargs: P.kwargs
    ) -> None:
        with cog.speaking_to(interaction):
            try:
                await handler(cog, interaction, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 - the last place where it can be answered
                await answer_error(interaction, error)

    return handle


@contextmanager
def speaking_to(
    interaction: Interaction, group: str | None = None, meter: Meter = NULL_METER
) -> Iterator[None]:
    """Speak the language of the person who asks, and measure how long they wait."""
    interaction.extras[IS_HANDLED] = True
    if group and isinstance(interaction.command, app_commands.Command):
        # A host syncs the commands itself, so that their ids come with the first use.
        data: Any = interaction.data
        remember_commands({data["name"]: int(data["id"])})
    with measure_wait(interaction, meter), speaking(interaction.locale.value, group):
        yield


def allow_in_servers_and_dms(command: CommandT) -> CommandT:
    """Allow a command in servers that have the bot, and in its direct messages."""
    command = app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)(command)
    return app_commands.allowed_installs(guilds=True, users=False)(command)


def allow_everywhere(command: CommandT) -> CommandT:
    """Allow a command in all places, for people who have installed the bot for themselves too."""
    command = app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)(command)
    return app_commands.allowed_installs(guilds=True, users=True)(command)


def with_options(specs: Iterable[OptionSpec]) -> Callable[[CommandT], CommandT]:
    """Give a command options of generation, which its function gets as keyword arguments."""
    specs = [one for one in specs if one.description]

    def add_options(command: CommandT) -> CommandT:
        own = signature(command)  # type: ignore[arg-type]  # commands are functions here
        kept = [one for one in own.parameters.values() if one.kind is not one.VAR_KEYWORD]
        # discord.py reads a command's options from the signature of its function.
        parameters = [*kept, *map(_to_parameter, specs)]
        command.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        described = app_commands.describe(**{one.name: one.description for one in specs})(command)
        offered = {
            one.name: [
                app_commands.Choice(name=said, value=key) for key, said in one.choices.items()
            ]
            for one in specs
            if one.choices
        }
        return app_commands.choices(**offered)(described)

    return add_options


def _to_parameter(spec: OptionSpec) -> Parameter:
    """Return the parameter of a function by which discord.py offers an option."""
    kind: Any = app_commands.Range[spec.type, *spec.bounds] if spec.bounds else spec.type
    return Parameter(
        spec.name, Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=kind | None
    )


def suggest(names: Sequence[str], current: str) -> list[app_commands.Choice[str]]:
    """Return the names that contain what was typed, as suggestions."""
    typed = str(current).casefold()
    matching = [name for name in names if typed in name.casefold()]
    return [app_commands.Choice(name=name, value=name) for name in matching[:MAX_CHOICES]]


def suggest_moods(
    interaction: Interaction, services: CogServices, current: str
) -> list[app_commands.Choice[str]]:
    """Return the moods whose names contain what was typed, as suggestions."""
    typed = str(current).casefold()
    with speaking(interaction.locale.value, services.group):
        labels = label_moods(services.settings).items()
    choices = [
        app_commands.Choice(name=label, value=name)
        for name, label in labels
        if typed in label.casefold()
    ]
    return choices[:MAX_CHOICES]
