"""The cast: who is in it, who plays whom, and whether the voice writes for anybody else."""

from __future__ import annotations

from typing import Literal

import discord
from discord import app_commands

from ..i18n.catalogue import say
from ..i18n.markdown import inline
from ..screenplay.free_text import cast, name
from ..session.channel_session import ChannelSession
from ..session.turn import NoScript
from ..storage.schema import Script
from ..ui.components import Interaction
from ..ui.delivery import FirstResponse, complete_response
from ..ui.responses import check_permissions
from .feature import LONGEST_CHOICE, FeatureCog, answered, choices, for_scripts
from .requester import writer_of


class Cast(FeatureCog, name="OnBook.cast"):
    """See and change who is in the script."""

    cast_group = for_scripts(app_commands.Group(name="cast", description="Who is in the script"))

    @cast_group.command(name="add")
    @app_commands.describe(
        names="Who comes in, separated by commas", player="Who plays them; nobody if it is left out"
    )
    @answered
    async def add_to_cast(
        self,
        interaction: Interaction,
        names: app_commands.Range[str, 1, 1000],
        player: discord.User | discord.Member | None = None,
    ) -> None:
        """Add characters, or say who plays one"""
        check_permissions(interaction)
        who = player.id if player else None
        session = self.services.open_session(interaction)
        if player:
            self.services.in_flight.concern(player.id)
        await self._defer(interaction, session)
        script = await session.library.add_to_cast(writer_of(interaction), cast(names), who)
        await self._tell(interaction, script)

    @cast_group.command(name="remove")
    @app_commands.describe(character="Who goes; their lines stay")
    @answered
    async def remove_from_cast(
        self, interaction: Interaction, character: app_commands.Range[str, 1, 60]
    ) -> None:
        """Take a character out of the cast"""
        check_permissions(interaction)
        session = self.services.open_session(interaction)
        await self._defer(interaction, session)
        script = await session.library.remove_from_cast(writer_of(interaction), name(character))
        await self._tell(interaction, script)

    @cast_group.command(name="list")
    @answered
    async def list_cast(self, interaction: Interaction) -> None:
        """See the cast, and who plays whom"""
        script = await self.services.open_session(interaction).load_script()
        await FirstResponse(interaction).send_message(list_cast(script), ephemeral=True)

    @cast_group.command(name="lock")
    @app_commands.describe(lock="on: nobody speaks but the cast; off: anybody may")
    @answered
    async def lock_cast(self, interaction: Interaction, lock: Literal["on", "off"]) -> None:
        """Choose whether the voice writes for the cast alone"""
        check_permissions(interaction)
        session = self.services.open_session(interaction)
        await self._defer(interaction, session)
        script = await session.library.change_preferences(
            writer_of(interaction), {"lock": lock == "on"}
        )
        await self._tell(interaction, script)

    @add_to_cast.autocomplete("names")
    async def _suggest_name(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        try:
            names = await self.services.open_session(interaction).library.list_characters()
        except NoScript:
            return []
        *before, last = str(current).split(",")
        given = [one.strip() for one in before if one.strip()]
        there = {one.casefold() for one in given}
        found = choices([one for one in names if one.casefold() not in there], last.strip())
        lists = [", ".join([*given, one.value]) for one in found]
        return [
            app_commands.Choice(name=one, value=one) for one in lists if len(one) <= LONGEST_CHOICE
        ]

    @remove_from_cast.autocomplete("character")
    async def _suggest_member(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        session = self.services.open_session(interaction)
        running = await self.store.scripts.find_running(session.channel)
        return choices(running.cast if running else [], current)

    async def _defer(self, interaction: Interaction, session: ChannelSession) -> None:
        """Defer, because the cast changes only when the voice has written what it is writing."""
        await session.load_script()  # raises NoScript before everybody sees it
        await FirstResponse(interaction).defer(thinking=True)

    async def _tell(self, interaction: Interaction, script: Script) -> None:
        """Show everybody the cast."""
        await complete_response(interaction, content=list_cast(script))


def list_cast(script: Script) -> str:
    """Return the cast of a script as a list."""
    if not script.cast:
        return say("Nobody is in the cast: `{/cast add}` adds characters.")
    lines = [f"- {_played(inline(one, 60), script.players.get(one))}" for one in script.cast]
    if script.lock:
        lock = say("The voice writes for nobody else.")
    else:
        lock = say("The voice writes for others, too.")
    return "\n".join([*lines, f"-# {lock}"])


def _played(character: str, player: int | None) -> str:
    if player is None:
        return character
    return say("{character}, played by {player}", character=character, player=f"<@{player}>")
