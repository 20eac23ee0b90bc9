"""Script settings: how the voice writes here, who may write, and which words are banned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord
from discord import app_commands

from ..generation.options import PREFERENCES, Value
from ..i18n.catalogue import phrase, say
from ..session.banned_words import changed, check_casts, shown_words
from ..session.preferences import BANNED, EVERYTHING, MOST_TAKES, NAMES, at_first, changed_to, shown
from ..session.turn import RoomError
from ..settings import Settings
from ..ui.components import Interaction
from ..ui.delivery import delivered, reply_to
from ..ui.responses import check_may_set, check_permissions
from .feature import FeatureCog, answered, choices, for_scripts, with_options
from .requester import channel_of, writer_of


class ScriptSettings(FeatureCog, name="OnBook.settings"):
    """See and change how the voice writes."""

    settings_group = for_scripts(
        app_commands.Group(name="settings", description="This script's settings")
    )

    @settings_group.command(name="show")
    @answered
    async def show_settings(self, interaction: Interaction) -> None:
        """See this script's settings"""
        room = self.services.room(interaction)
        script = await room.script()
        banned = {
            say("in this channel"): await self.store.banned_words.load_word_list(
                "channel", room.channel
            )
        }
        if interaction.guild_id is not None:
            banned[say("in this server")] = await self.store.banned_words.load_word_list(
                "guild", interaction.guild_id
            )
        content = shown(script, await self._at_first(interaction), banned)
        await reply_to(interaction).send_message(content, ephemeral=True)

    @settings_group.command(name="voice")
    @app_commands.describe(
        model="The voice to write with",
        takes="How many takes to write at once",
        cast_lock="Let only the cast speak",
        skip_played="Leave characters to the people who play them",
    )
    @with_options(PREFERENCES.values())
    @answered
    async def set_voice(
        self,
        interaction: Interaction,
        /,
        model: app_commands.Range[str, 1, 100] | None = None,
        takes: app_commands.Range[int, 1, MOST_TAKES] | None = None,
        cast_lock: bool | None = None,
        skip_played: bool | None = None,
        **options: Value | None,
    ) -> None:
        """Change how the voice writes this script"""
        chosen = {
            "voice": model,
            "takes": takes,
            "lock": cast_lock,
            "skip_played": skip_played,
            **options,
        }
        await self._set(interaction, chosen)

    @settings_group.command(name="turns")
    @app_commands.describe(
        alternate="Let nobody write twice in a row",
        cooldown="Seconds between two lines, or 0",
        role="Who may write here; only moderators can set it",
    )
    @answered
    async def set_turns(
        self,
        interaction: Interaction,
        alternate: bool | None = None,
        cooldown: app_commands.Range[int, 0, 86_400] | None = None,
        role: discord.Role | None = None,
    ) -> None:
        """Change who may write this script, and when"""
        chosen = {
            "alternate": alternate,
            "cooldown": cooldown,
            "role": role.id if role else None,
        }
        await self._set(interaction, chosen)

    @settings_group.command(name="reset")
    @app_commands.describe(setting="The setting to reset")
    @app_commands.choices(
        setting=[app_commands.Choice(name=NAMES[one], value=one) for one in NAMES]
        + [app_commands.Choice(name=phrase("banned words"), value=BANNED)]
        + [app_commands.Choice(name="everything", value=EVERYTHING)]
    )
    @answered
    async def reset(self, interaction: Interaction, setting: str) -> None:
        """Reset this script's settings"""
        room = self.services.room(interaction)
        if setting == BANNED:
            check_may_set(interaction, "channel")
            await self.store.banned_words.replace_word_list(
                "channel", room.channel, [], interaction.guild_id
            )
            told = say(
                "This channel bans no words of its own now. The lists of the bot and the server "
                "still apply."
            )
            await reply_to(interaction).send_message(told, ephemeral=True)
            return
        first = at_first(await room.script(), await self._at_first(interaction))
        if setting != EVERYTHING:
            await self._change(interaction, {setting: first[setting]})
            return
        # The role and the banned words belong to the moderators: each is reset by its name alone.
        chosen = {one: value for one, value in first.items() if one != "role"}
        banned = await self.store.banned_words.load_word_list("channel", room.channel)
        stays = say("The channel's banned words stay. Reset them separately.")
        await self._change(interaction, chosen, stays if banned else "")

    @set_voice.autocomplete("model")
    async def _suggest_voice(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        return choices(self.services.voices.names(), current)

    async def _at_first(self, interaction: Interaction) -> Settings:
        """Return the settings of a new script here, whose voice is the guild's."""
        room = self.services.room(interaction)
        voice = await room.library.chosen_voice(interaction.guild_id)
        return self.services.settings.model_copy(update={"model": voice})

    async def _set(self, interaction: Interaction, chosen: Mapping[str, Any]) -> None:
        """Change the settings that were given a value."""
        given = {one: value for one, value in chosen.items() if value is not None}
        if not given:
            raise RoomError(
                say("Choose a setting to change, or see them all with {/settings show}.")
            )
        await self._change(interaction, given)

    async def _change(
        self, interaction: Interaction, values: Mapping[str, Any], more: str = ""
    ) -> None:
        """Change settings, and tell everybody, with ``more`` after it."""
        check_permissions(interaction)
        # Opening a voice for the first time takes a moment.
        await reply_to(interaction).defer(thinking=True)
        room = self.services.room(interaction)
        script = await room.library.change(writer_of(interaction), values)
        told = changed_to(script, self.services.settings, values)
        await delivered(interaction, content=f"{told} {more}" if more else told)

    @settings_group.command(name="banned")
    @app_commands.describe(
        add="Words or phrases to ban, separated by commas",
        remove="Words or phrases to allow again, separated by commas",
        clear="Empty the list first",
        server="For the whole server instead of this channel",
    )
    @answered
    async def banned(
        self,
        interaction: Interaction,
        add: app_commands.Range[str, 1, 2000] | None = None,
        remove: app_commands.Range[str, 1, 2000] | None = None,
        clear: bool = False,
        server: bool = False,
    ) -> None:
        """See or change the words that the voice must not say here"""
        self.services.admit(interaction)
        scope, place = _scope(interaction, server)
        words = await self.store.banned_words.load_word_list(scope, place)
        if add or remove or clear:
            check_may_set(interaction, scope)
            words = changed([] if clear else words, add or "", remove or "")
            if add:
                check_casts(await self.store.scripts.list_cast_names(scope, place), words)
            await self.store.banned_words.replace_word_list(
                scope, place, words, interaction.guild_id
            )
        where = say("in this server") if scope == "guild" else say("in this channel")
        await reply_to(interaction).send_message(shown_words(words, where), ephemeral=True)


def _scope(interaction: Interaction, server: bool) -> tuple[str, int]:
    """Return the scope of a list of banned words, and the id of its channel or guild."""
    if not server:
        return "channel", channel_of(interaction)
    if interaction.guild_id is None:
        raise RoomError(say("This is not a server. Leave out {*server}."))
    return "guild", interaction.guild_id
