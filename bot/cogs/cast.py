"""Show and change the cast, its players and its lock."""

from __future__ import annotations

from re import Match
from typing import Literal

import discord
from discord import app_commands

from ..i18n.catalogue import say
from ..screenplay.free_text import parse_cast, parse_name
from ..session.channel_session import ChannelSession
from ..storage.schema import Script
from ..ui.components import CAST_BUTTON_ID, Interaction, make_view, position_pattern
from ..ui.delivery import FirstResponse, complete_response, edit_response
from ..ui.markdown import inline
from ..ui.responses import check_bot_permissions
from .feature import (
    MAX_CHOICE_LENGTH,
    Choices,
    FeatureCog,
    allow_in_servers_and_dms,
    answer_errors,
    answer_suggestions,
    listens_to,
    suggest,
)
from .requester import format_requester, get_requester


class Cast(FeatureCog, name="OnBook.cast"):
    """See and change who is in the script."""

    cast_group = allow_in_servers_and_dms(
        app_commands.Group(name="cast", description="The script's cast")
    )

    @cast_group.command(name="add")
    @app_commands.describe(
        names="Characters to add, separated by commas", player="Who plays them; by default nobody"
    )
    @answer_errors
    async def add_to_cast(
        self,
        interaction: Interaction,
        names: app_commands.Range[str, 1, 1000],
        player: discord.User | discord.Member | None = None,
    ) -> None:
        """Add characters, or set who plays one"""
        check_bot_permissions(interaction)
        player_id = player.id if player else None
        session = self.services.admit_to_session(interaction)
        if player:
            self.services.in_flight.track_person(player.id)
        await FirstResponse(interaction).defer(thinking=True)
        script = await session.library.add_to_cast(
            get_requester(interaction), parse_cast(names), player_id
        )
        await self._show_change(interaction, session, script)

    @cast_group.command(name="remove")
    @app_commands.describe(character="The character to remove; their lines stay")
    @answer_errors
    async def remove_from_cast(
        self, interaction: Interaction, character: app_commands.Range[str, 1, 60]
    ) -> None:
        """Remove a character from the cast"""
        check_bot_permissions(interaction)
        session = self.services.admit_to_session(interaction)
        await FirstResponse(interaction).defer(thinking=True)
        script = await session.library.remove_from_cast(
            get_requester(interaction), parse_name(character)
        )
        await self._show_change(interaction, session, script)

    @listens_to(CAST_BUTTON_ID)
    @answer_errors
    async def add_speaker(self, interaction: Interaction, match: Match[str]) -> None:
        """Add the character whom a button names, and leave the other buttons."""
        check_bot_permissions(interaction)
        name, session = parse_name(match["name"]), self.services.admit_to_session(interaction)
        await FirstResponse(interaction).defer()
        await session.library.add_speaker_to_cast(
            get_requester(interaction), int(match["script"]), name
        )
        assert interaction.message is not None  # because its button was pressed
        others = discord.ui.View.from_message(interaction.message).children
        left = [one for one in others if getattr(one, "custom_id", "") != match.string]
        content = say("{name} is in the cast now.", name=inline(name, 60))
        await edit_response(interaction, content=content, view=make_view(*left) if left else None)
        who = format_requester(interaction)
        note = say("{who} added {name} to the cast.", who=who, name=inline(name, 60))
        await self.turns.sync(interaction, session, f"-# {note}")

    @cast_group.command(name="list")
    @listens_to(position_pattern("menu-cast"))
    @answer_errors
    async def list_cast(self, interaction: Interaction) -> None:
        """See the cast and who plays whom"""
        session = self.services.admit_to_session(interaction)
        await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
        script = await session.library.load_script()
        await complete_response(interaction, content=format_cast(script))

    @cast_group.command(name="lock")
    @app_commands.describe(lock="on: only the cast speaks; off: anyone may")
    @answer_errors
    async def lock_cast(self, interaction: Interaction, lock: Literal["on", "off"]) -> None:
        """Choose whether only the cast may speak"""
        check_bot_permissions(interaction)
        session = self.services.admit_to_session(interaction)
        await FirstResponse(interaction).defer(thinking=True)
        script = await session.library.change_preferences(
            get_requester(interaction), {"lock": lock == "on"}
        )
        await complete_response(interaction, content=format_cast(script))

    @add_to_cast.autocomplete("names")
    @answer_suggestions
    async def _suggest_name(self, interaction: Interaction, current: str) -> Choices:
        names = await self.services.admit_to_session(interaction).library.list_characters()
        *earlier, last = str(current).split(",")
        given = [name.strip() for name in earlier if name.strip()]
        given_names = {name.casefold() for name in given}
        suggestions = suggest(
            [name for name in names if name.casefold() not in given_names], last.strip()
        )
        completions = [", ".join([*given, name.value]) for name in suggestions]
        return [
            app_commands.Choice(name=name, value=name)
            for name in completions
            if len(name) <= MAX_CHOICE_LENGTH
        ]

    @remove_from_cast.autocomplete("character")
    @answer_suggestions
    async def _suggest_member(self, interaction: Interaction, current: str) -> Choices:
        session = self.services.admit_to_session(interaction)
        running = await self.store.scripts.find_running_script(session.channel)
        return suggest(running.cast if running else [], current)

    async def _show_change(
        self, interaction: Interaction, session: ChannelSession, script: Script
    ) -> None:
        """Show the cast to everybody, and offer its members in the panel."""
        await complete_response(interaction, content=format_cast(script))
        await self.turns.sync(interaction, session)


def format_cast(script: Script) -> str:
    """Return the cast of a script as a list."""
    if not script.cast:
        return say("The cast is empty. Add characters with {/cast add}.")
    lines = [
        f"- {_format_character(inline(character, 60), script.players.get(character))}"
        for character in script.cast
    ]
    if script.lock:
        lock = say("The voice writes only for the cast now.")
    else:
        lock = say("The voice may write for others now, too.")
    return "\n".join([*lines, f"-# {lock}"])


def _format_character(character: str, player: int | None) -> str:
    if player is None:
        return character
    return say("{character}, played by {player}", character=character, player=f"<@{player}>")
