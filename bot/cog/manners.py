"""The commands that say how the voice writes here."""

from __future__ import annotations

from discord import app_commands

from ..answers import NOBODY, check_may_set
from ..bans import changed, shown_words
from ..room import RoomError
from ..views import Interaction
from .commands import answered, channel_of, for_scripts
from .turns import Turns


class Manners(Turns):
    """See and change how the voice writes."""

    settings_group = for_scripts(
        app_commands.Group(name="settings", description="How the voice writes here")
    )

    @settings_group.command(name="banned")
    @app_commands.describe(
        add="Words or phrases that the voice must not say, separated by commas",
        remove="Words or phrases that it may say again, separated by commas",
        server="Whether this is for the whole server rather than for this channel",
    )
    @answered
    async def banned(
        self,
        interaction: Interaction,
        add: app_commands.Range[str, 1, 2000] | None = None,
        remove: app_commands.Range[str, 1, 2000] | None = None,
        server: bool = False,
    ) -> None:
        """See or change what the voice must not say here"""
        scope, place = _scope(interaction, server)
        words = await self.store.banned_in(scope, place)
        if add or remove:
            check_may_set(interaction, scope)
            words = changed(words, add or "", remove or "")
            await self.store.ban(scope, place, words)
        where = "this server" if scope == "guild" else "this channel"
        await interaction.response.send_message(
            shown_words(words, where), ephemeral=True, allowed_mentions=NOBODY
        )


def _scope(interaction: Interaction, server: bool) -> tuple[str, int]:
    """The list that is meant: its scope, and the id of the channel or guild."""
    if not server:
        return "channel", channel_of(interaction)
    if interaction.guild_id is None:
        raise RoomError("There is no server here: leave out the option server.")
    return "guild", interaction.guild_id
