"""What all commands have: where they can be used, an answer to what goes wrong, suggestions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, get_type_hints

import discord
from discord import app_commands
from discord.ext import commands

from ..generation.options import QUALITIES
from ..i18n.catalogue import say, speaking
from ..i18n.markdown import inline, plain
from ..session.turn import RoomError, Writer
from ..ui.cards import NAME
from ..ui.components import Interaction
from ..ui.responses import HEARD, answer
from ..ui.waiting import waiting


class Grouped(Protocol):
    """What the answers need of a cog: the group under which its commands lie, if they do."""

    group: str | None


C = TypeVar("C")
P = ParamSpec("P")
Cog = TypeVar("Cog", bound=Grouped)
Act = Callable[Concatenate[Cog, Interaction, P], Coroutine[Any, Any, None]]

QUALITY = [app_commands.Choice(name=called, value=one) for one, called in QUALITIES.items()]
"""How good a line can be wished for."""

CHOICES, LONGEST_CHOICE = 25, 100
"""The most suggestions that Discord shows, and the characters that one may have."""


def answered(act: Act[Cog, P]) -> Act[Cog, P]:
    """For what answers an interaction, in its language: what goes wrong is answered too."""
    # discord.py would look for the names in them here, and not where the act stands.
    act.__annotations__ = get_type_hints(act, include_extras=True)

    @functools.wraps(act)
    async def act_or_answer(
        cog: Cog, interaction: Interaction, /, *args: P.args, **kwargs: P.kwargs
    ) -> None:
        with speaking_to(interaction, cog.group):
            try:
                await act(cog, interaction, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 - the last place where it can be answered
                await answer(interaction, error)

    return act_or_answer


@contextmanager
def speaking_to(interaction: Interaction, group: str | None = None) -> Iterator[None]:
    """Says everything in the language of whoever asks for something, and waits for it."""
    interaction.extras[HEARD] = True
    with waiting(interaction), speaking(interaction.locale.value, group):
        yield


def is_alone(bot: commands.Bot) -> bool:
    """Whether On Book is no guest in a bot: only the runner gives it our translator."""
    return getattr(bot.tree.translator, "onbook", False)


def for_scripts(command: C) -> C:
    """Where the commands can be used: in servers that have the bot, and in its direct messages."""
    command = app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)(command)
    return app_commands.allowed_installs(guilds=True, users=False)(command)


def channel_of(interaction: Interaction) -> int:
    """The channel that an interaction comes from; raises RoomError where there is none."""
    if interaction.channel_id is None:
        raise RoomError(say("Scripts are written in channels: use this command in one."))
    return interaction.channel_id


def writer_of(interaction: Interaction) -> Writer:
    """Whoever asks for something."""
    user = interaction.user
    roles = user.roles if isinstance(user, discord.Member) else []
    return Writer(
        user.id,
        name_of(user),
        str(interaction.id),
        moderator=interaction.permissions.manage_messages,
        roles=frozenset(role.id for role in roles),
    )


def who(interaction: Interaction) -> str:
    """The same person in a sentence."""
    return inline(name_of(interaction.user), NAME)


def name_of(user: discord.User | discord.Member) -> str:
    """What somebody is called here, or what they are called at Discord if none of it is seen."""
    return plain(user.display_name, NAME) or plain(user.name, NAME) or str(user.id)


def choices(names: Sequence[str], current: str) -> list[app_commands.Choice[str]]:
    """Those of the names that have in them what was typed."""
    wanted = str(current).casefold()
    matching = [one for one in names if wanted in one.casefold()]
    return [app_commands.Choice(name=one, value=one) for one in matching[:CHOICES]]
