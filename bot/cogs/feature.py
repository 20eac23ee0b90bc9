"""Define the base class of the cogs, and the decorators that all commands share."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar, get_type_hints

import discord
from discord import InteractionResponseType as Response
from discord import app_commands, ui
from discord.ext import commands
from discord.ext.tasks import Loop

from ..errors import OnBookError, VoteOpen
from ..generation.moods import label_moods
from ..i18n.catalogue import phrase, remember_commands, say, speaking
from ..interactions.option_checks import check_options
from ..interactions.services import CogServices
from ..interactions.turns import Turn, Turns
from ..interactions.windows import Submit, Window
from ..screenplay.speakers import fold
from ..session.channel_session import ChannelSession
from ..session.rate_limits import Cost
from ..settings import find_range
from ..storage.schema import Script
from ..telemetry import NULL_METER, Meter
from ..ui.components import MAX_OPTIONS, Handler, Interaction, make_custom_id, make_listener
from ..ui.delivery.interaction_state import find_state, measure_wait
from ..ui.delivery.responses import answer_error, answer_privately, return_text
from ..ui.delivery.sending import CONNECTION_ERRORS, FirstResponse

CommandT = TypeVar("CommandT")
P = ParamSpec("P")
Cog = TypeVar("Cog", bound="FeatureCog")
Answer = Callable[Concatenate[Interaction, P], Coroutine[Any, Any, None]]
CogHandler = Callable[Concatenate[Cog, Interaction, P], Coroutine[Any, Any, None]]
Command = app_commands.Command[Any, ..., Any] | app_commands.Group
Choices = list[app_commands.Choice[str]]
Suggest = Callable[[Cog, Interaction, str], Coroutine[Any, Any, Choices]]
TakeTurn = Callable[Concatenate[Cog, Turn, P], Coroutine[Any, Any, None]]

LEAST_TEMPERATURE, LARGEST_TEMPERATURE = find_range("temperature")

Temperature = app_commands.Range[float, LEAST_TEMPERATURE, LARGEST_TEMPERATURE]
"""The type of an option for a temperature."""

OFFER_SECONDS = 600.0
"""The number of seconds for which an offer can be answered."""

READING_SECONDS = 1.0
"""Seconds that suggestions and windows wait for the database, because Discord waits for three."""

BELOW_SCRIPT = {"group": "script"}
"""The extras of a command that is a subcommand of /script."""

ADD_ANYWAY = phrase("Add it anyway")
"""The button that adds a person's lines although people vote."""

DO_ANYWAY = phrase("Do it anyway")
"""The button that makes any other change to the script although people vote."""

UNTITLED = phrase("Untitled")
"""The title of a script that was not given one."""


def answer_suggestions(suggest: Suggest[Cog]) -> Suggest[Cog]:
    """Decorate an autocompletion to answer by itself, in the person's language.

    discord.py would log a traceback if an answer is refused. Errors suggest nothing, and neither
    do suggestions that come too late.
    """

    @functools.wraps(suggest)
    async def handle(cog: Cog, interaction: Interaction, current: str, /) -> Choices:
        choices: Choices = []
        with (
            speaking(interaction.locale.value, cog.services.group),
            suppress(OnBookError, TimeoutError),
        ):
            async with asyncio.timeout(READING_SECONDS):
                choices = await suggest(cog, interaction, current)
        await FirstResponse(interaction).suggest(choices)
        return choices

    return handle


@dataclass(frozen=True)
class Choice:
    """A button of an offer."""

    label: str
    act: Callable[[Interaction], Awaitable[None]]
    """The action for the interaction of the press."""
    style: discord.ButtonStyle = discord.ButtonStyle.secondary
    opens_window: bool = False
    """Whether the button opens a window: the offer then stays until the window is submitted."""


class FeatureCog(commands.Cog):
    """A feature: its commands, and the listeners to its buttons and menus."""

    def __init__(self, services: CogServices) -> None:
        self.services = services
        self.bot = services.bot
        self.sessions = services.sessions
        self.turns = Turns(services)
        # discord.py collects neither commands on messages nor these listeners from a cog's body.
        members = _find_members(type(self))
        self._menus = [
            allow(
                app_commands.ContextMenu(
                    name=member.message_command, callback=_answer_errors(member).__get__(self)
                )
            )
            for member in members
            if hasattr(member, "message_command")
        ]
        self._listeners = [
            make_listener(custom_ids, self._check_before(handler))
            for custom_ids, handler in self._find_handlers(members)
        ]
        self._loops = [
            member.__get__(self, type(self)) for member in members if isinstance(member, Loop)
        ]

    def _find_handlers(self, members: Iterable[Any]) -> Iterator[tuple[str, Handler]]:
        """Yield the pattern and the handler of each `listens_to`."""
        for member in members:
            is_command = isinstance(member, app_commands.Command)
            method = member.callback if is_command else member
            for custom_ids, options in getattr(method, "custom_ids", {}).items():
                if is_command:
                    yield custom_ids, _ignore_match(partial(method, self, **options))
                else:
                    yield custom_ids, _answer_errors(method).__get__(self)

    def _check_before(self, handler: Answer[P]) -> Answer[P]:
        """Return a handler that begins, as a command does, with the check of the command tree.

        A host blocks people and channels in this check.
        """

        async def handle(interaction: Interaction, /, *args: P.args, **kwargs: P.kwargs) -> None:
            find_state(interaction).is_handled = True  # also by a check that says nothing
            tree: app_commands.CommandTree[Any] = self.bot.tree
            try:
                is_allowed = await tree.interaction_check(interaction)
            except app_commands.AppCommandError as error:
                await tree.on_error(interaction, error)
                return
            if is_allowed:
                await handler(interaction, *args, **kwargs)

        return handle

    def release_commands(self, extras: dict[str, str] | None = None) -> list[Command]:
        """Return the cog's commands, or those with certain extras, for the caller to add."""
        own: list[Command] = self.get_app_commands()
        released = [command for command in own if extras is None or command.extras == extras]
        self.__cog_app_commands__ = [command for command in own if command not in released]
        return released

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Resume the work that earlier processes left, now that the servers are known."""
        await self.resume()

    async def resume(self) -> None:
        """Start the loops once the client is ready: the client may log in after a cog is loaded."""
        for loop in self._loops:
            if not loop.is_running():
                loop.start()

    async def cog_load(self) -> None:
        """Add the commands on messages, and start listening."""
        for menu in self._menus:
            self.bot.tree.add_command(menu)
        self.bot.add_dynamic_items(*self._listeners)

    async def cog_unload(self) -> None:
        """Stop the loops, remove the commands on messages, and stop listening."""
        for loop in self._loops:
            loop.cancel()
        for menu in self._menus:
            self.bot.tree.remove_command(menu.name, type=menu.type)
        self.bot.remove_dynamic_items(*self._listeners)

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Raise InvalidOption for command options that none of Discord's clients would send."""
        if isinstance(interaction.command, app_commands.Command):
            check_options(interaction.command, interaction.namespace)
        return True

    async def cog_app_command_error(
        self, interaction: Interaction, error: app_commands.AppCommandError
    ) -> None:
        """Answer an error from before a command has begun, such as an option out of range."""
        async with self.answering(interaction):
            raise error.original if isinstance(error, app_commands.CommandInvokeError) else error

    @asynccontextmanager
    async def answering(self, interaction: Interaction, keep: str = "") -> AsyncIterator[None]:
        """Speak to the person who asks, as `speaking_to` does, and answer an error.

        The text ``keep`` is given back with the error, because it would otherwise be lost.
        """
        with speaking_to(interaction, self.services.group, self.services.meter):
            try:
                yield
            except Exception as error:  # noqa: BLE001 - the last place where it can be answered
                await answer_error(interaction, error, keep)

    async def open_session(
        self, interaction: Interaction, *, thinking: bool = False, ephemeral: bool = False
    ) -> ChannelSession:
        """Admit an interaction, defer its answer before anything is read, and return its session.

        Raises what `CogServices.admit` does.
        """
        session = self.services.admit_to_session(interaction)
        await FirstResponse(interaction).defer(thinking=thinking, ephemeral=ephemeral)
        return session

    async def charge_script(
        self, interaction: Interaction, session: ChannelSession, script: Script
    ) -> None:
        """Charge a script's characters for work on the whole script; raise RateLimited."""
        characters = await session.library.count_text(script)
        self.services.charge(interaction, Cost(characters=characters))

    async def open_modal(
        self, interaction: Interaction, title: str, items: Iterable[ui.Item[Any]], submit: Submit
    ) -> None:
        """Open a window, and call ``submit`` once the person has filled in its items."""
        remove_offer = find_state(interaction).remove_offer

        async def submit_once(answer: Interaction) -> None:
            state = find_state(answer)
            state.remove_offer = remove_offer
            await submit(answer)
            # An update has turned the offer into something else.
            if state.remove_offer and answer.response.type is not Response.deferred_message_update:
                await state.remove_offer()

        window = Window(title, items, self._check_before(submit_once), self.answering)
        await FirstResponse(interaction).send_modal(self.services.in_flight.register(window))

    async def offer(
        self, interaction: Interaction, question: str, *choices: Choice, keep: str = ""
    ) -> None:
        """Ask only the person what to do, in an answer that disappears once they have chosen.

        The text ``keep`` is given back with the question, because the person may choose nothing.
        """
        view = ui.View(timeout=OFFER_SECONDS)

        async def press(choice: Choice, chosen: Interaction) -> None:
            if not choice.opens_window:
                view.stop()
            assert chosen.message is not None  # because it has the button
            find_state(chosen).remove_offer = remove = partial(remove_offer, chosen.message.id)
            async with self.answering(chosen, keep):
                await choice.act(chosen)
            if chosen.response.type is not Response.modal:
                await remove()

        async def remove_offer(message: int) -> None:
            view.stop()
            # The buttons would fail if they were pressed a second time.
            with suppress(discord.HTTPException, *CONNECTION_ERRORS):
                await interaction.followup.delete_message(message)

        for choice in choices:
            custom_id = make_custom_id("choice")
            button = ui.Button[Any](label=choice.label, style=choice.style, custom_id=custom_id)
            button.callback = self._check_before(partial(press, choice))  # type: ignore[assignment, method-assign]  # discord.py's documentation does so
            view.add_item(button)
        files = list[discord.File]()
        if keep:
            returned, files = return_text(interaction, keep)
            question = f"{question} {returned}"
        shown = self.services.in_flight.register(view)
        await answer_privately(interaction, question, view=shown, files=files)

    async def ask_during_vote(
        self,
        interaction: Interaction,
        vote: VoteOpen,
        label: str,
        take_turn: Callable[[Turn], Awaitable[None]],
        keep: str = "",
    ) -> None:
        """Ask whether to go on while people vote on the next line.

        ``take_turn`` goes on anyway, once the button with the ``label`` is pressed.
        """

        async def go_on(chosen: Interaction) -> None:
            turn = await self.turns.admit(chosen)
            await take_turn(replace(turn, requester=replace(turn.requester, ignores_vote=True)))

        question = say(
            "People are voting on the next line until {when}. If you go ahead before then, the "
            "vote ends at once, and no take is added.",
            when=discord.utils.format_dt(vote.ends, "T"),
        )
        await self.offer(interaction, question, Choice(say(label), go_on), keep=keep)

    @answer_suggestions
    async def suggest_model(self, _interaction: Interaction, current: str) -> Choices:
        """Return the voices whose names contain what was typed."""
        return suggest(self.services.models.names(), current)

    @answer_suggestions
    async def suggest_mood(self, _interaction: Interaction, current: str) -> Choices:
        """Return the moods whose names, in the person's language, contain what was typed."""
        return suggest(label_moods(self.services.settings), current)


def listens_to(custom_ids: str, **options: object) -> Callable[[CommandT], CommandT]:
    """Make a method of a cog answer the components whose custom ids match a pattern.

    The method is given the interaction and the match, and its errors are answered. A command's
    method is given only the interaction: the component does what the command does with these
    options.
    """

    def mark(method: CommandT) -> CommandT:
        vars(method).setdefault("custom_ids", {})[custom_ids] = options
        return method

    return mark


def message_command(name: str) -> Callable[[CommandT], CommandT]:
    """Make a method of a cog a command on messages: it is given the interaction and a message.

    Its errors are answered.
    """

    def mark(method: CommandT) -> CommandT:
        vars(method)["message_command"] = name
        return method

    return mark


def command(
    name: str,
    *,
    everywhere: bool = False,
    group: app_commands.Group | None = None,
    extras: dict[str, str] | None = None,
) -> Callable[[CogHandler[Cog, P]], app_commands.Command[Cog, P, None]]:
    """Make a method of a cog a command, which `allow` allows, and whose errors are answered.

    A command below another one is allowed where that one is.
    """
    create = (group.command if group else app_commands.command)(name=name, extras=extras or {})

    def decorate(handler: CogHandler[Cog, P]) -> app_commands.Command[Cog, P, None]:
        return allow(create(_answer_errors(handler)), everywhere=everywhere)

    return decorate


def _find_members(cog: type) -> list[Any]:
    """Return the members of a cog's class, in the order of their names."""
    members: dict[str, Any] = {}
    # The standard library's `getmembers_static` would take a sixth of a bot's start-up time.
    for base in reversed(cog.__mro__):
        members.update(vars(base))
    return [members[name] for name in sorted(members)]


def _ignore_match(command: Callable[[Interaction], Coroutine[Any, Any, None]]) -> Handler:
    return lambda interaction, _: command(interaction)


def _answer_errors(handler: CogHandler[Cog, P]) -> CogHandler[Cog, P]:
    """Decorate an interaction handler to speak the person's language, and answer errors.

    The person's wait is measured.
    """
    # Otherwise discord.py would look up the names in the annotations in this module.
    handler.__annotations__ = get_type_hints(handler, include_extras=True)

    @functools.wraps(handler)
    async def handle(
        cog: Cog, interaction: Interaction, /, *args: P.args, **kwargs: P.kwargs
    ) -> None:
        async with cog.answering(interaction):
            await handler(cog, interaction, *args, **kwargs)

    return handle


def asks_during_vote(label: str, keep: str = "") -> Callable[[TakeTurn[Cog, P]], TakeTurn[Cog, P]]:
    """Decorate a turn to ask whether to go on if people are voting on the next line.

    The button with the ``label`` takes the turn anyway. ``keep`` names a keyword argument of the
    turn, whose text is given back with the question.
    """

    def decorate(take_turn: TakeTurn[Cog, P]) -> TakeTurn[Cog, P]:
        @functools.wraps(take_turn)
        async def handle(cog: Cog, turn: Turn, /, *args: P.args, **kwargs: P.kwargs) -> None:
            async def take_anyway(admitted: Turn) -> None:
                await take_turn(cog, admitted, *args, **kwargs)

            try:
                await take_turn(cog, turn, *args, **kwargs)
            except VoteOpen as vote:
                text = str(kwargs.get(keep, "")).strip()
                await cog.ask_during_vote(turn.interaction, vote, label, take_anyway, text)

        return handle

    return decorate


@contextmanager
def speaking_to(
    interaction: Interaction, group: str | None = None, meter: Meter = NULL_METER
) -> Iterator[None]:
    """Speak the language of the person who asks, and measure how long they wait."""
    find_state(interaction).is_handled = True
    if group and isinstance(interaction.command, app_commands.Command):
        # A host syncs the commands itself, so their ids become known only on first use.
        data: Any = interaction.data
        if "guild_id" not in data:  # another server has a command of its own
            remember_commands({data["name"]: int(data["id"])})
    with measure_wait(interaction, meter), speaking(interaction.locale.value, group):
        yield


def allow(command: CommandT, *, everywhere: bool = False) -> CommandT:
    """Allow a command in servers that have the bot, and in its direct messages.

    With ``everywhere``, allow it also to people who have installed the bot for themselves, and in
    their private channels.
    """
    contexts = app_commands.allowed_contexts(guilds=True, dms=True, private_channels=everywhere)
    return app_commands.allowed_installs(guilds=True, users=everywhere)(contexts(command))


def takes_mood(command: CommandT) -> CommandT:
    """Describe the options ``mood`` and ``temperature`` of a command, and suggest moods."""
    least, most = LEAST_TEMPERATURE, LARGEST_TEMPERATURE
    command = app_commands.describe(
        mood="How daring the voice is and how long its lines get",
        temperature=f"How daring the voice is, from {least} to {most}; overrides the mood",
    )(command)
    return app_commands.autocomplete(mood=FeatureCog.suggest_mood)(command)


def suggest(names: Iterable[str] | Mapping[str, str], current: str) -> Choices:
    """Return the names that contain what was typed, as suggestions.

    A mapping has the names as people call them, by the values of the option.
    """
    labels = names if isinstance(names, Mapping) else {name: name for name in names}
    typed = fold(str(current))
    choices = [
        app_commands.Choice(name=label, value=value)
        for value, label in labels.items()
        if typed in fold(label)
    ]
    return choices[:MAX_OPTIONS]
