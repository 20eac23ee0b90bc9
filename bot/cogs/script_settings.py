"""Change how the model writes, who may write, and which words are banned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord
from discord import app_commands

from ..generation.options import PREFERENCES, OptionValue
from ..i18n.catalogue import phrase, say
from ..session.banned_words import check_casts, edit_words, format_words
from ..session.preferences import (
    BANNED,
    EVERYTHING,
    LABELS,
    LOOKS,
    MAX_TAKES,
    format_changes,
    format_preferences,
    initial_values,
)
from ..session.turn import SessionError
from ..settings import Settings
from ..ui.components import Interaction
from ..ui.delivery import FirstResponse, complete_response
from ..ui.responses import check_may_set, check_permissions
from .feature import FeatureCog, allow_in_servers_and_dms, answer_errors, suggest, with_options
from .requester import get_channel, get_requester


class ScriptSettings(FeatureCog, name="OnBook.settings"):
    """See and change how the voice writes."""

    settings_group = allow_in_servers_and_dms(
        app_commands.Group(name="settings", description="This script's settings")
    )

    @settings_group.command(name="show")
    @answer_errors
    async def show_settings(self, interaction: Interaction) -> None:
        """See this script's settings"""
        session = self.services.open_session(interaction)
        script = await session.load_script()
        banned = {
            say("in this channel"): await self.store.banned_words.load_word_list(
                "channel", session.channel
            )
        }
        if interaction.guild_id is not None:
            banned[say("in this server")] = await self.store.banned_words.load_word_list(
                "guild", interaction.guild_id
            )
        content = format_preferences(script, await self._load_initial_settings(interaction), banned)
        await FirstResponse(interaction).send_message(content, ephemeral=True)

    @settings_group.command(name="voice")
    @app_commands.describe(
        model="The voice to write with",
        takes="How many takes to write at once",
        cast_lock="Let only the cast speak",
        skip_played="Leave characters to the people who play them",
    )
    @with_options(PREFERENCES.values())
    @answer_errors
    async def set_voice(
        self,
        interaction: Interaction,
        /,
        model: app_commands.Range[str, 1, 100] | None = None,
        takes: app_commands.Range[int, 1, MAX_TAKES] | None = None,
        cast_lock: bool | None = None,
        skip_played: bool | None = None,
        **options: OptionValue | None,
    ) -> None:
        """Change how the voice writes this script"""
        chosen = {
            "voice": model,
            "takes": takes,
            "lock": cast_lock,
            "skip_played": skip_played,
            **options,
        }
        await self._change_given(interaction, chosen)

    @settings_group.command(name="turns")
    @app_commands.describe(
        alternate="Let nobody write twice in a row",
        cooldown="Seconds between two lines, or 0",
        role="Who may write here; only moderators can set it",
    )
    @answer_errors
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
        await self._change_given(interaction, chosen)

    @settings_group.command(name="look")
    @app_commands.describe(look="Characters with faces, cards, or a typewritten page")
    @app_commands.choices(
        look=[app_commands.Choice(name=name, value=key) for key, name in LOOKS.items()]
    )
    @answer_errors
    async def set_look(self, interaction: Interaction, look: str) -> None:
        """Change how this script's new lines look"""
        await self._change_given(interaction, {"look": look})

    @settings_group.command(name="reset")
    @app_commands.describe(setting="The setting to reset")
    @app_commands.choices(
        setting=[app_commands.Choice(name=LABELS[name], value=name) for name in LABELS]
        + [app_commands.Choice(name=phrase("banned words"), value=BANNED)]
        + [app_commands.Choice(name="everything", value=EVERYTHING)]
    )
    @answer_errors
    async def reset(self, interaction: Interaction, setting: str) -> None:
        """Reset this script's settings"""
        session = self.services.open_session(interaction)
        if setting == BANNED:
            check_may_set(interaction, "channel")
            await self.store.banned_words.replace_word_list(
                "channel", session.channel, [], interaction.guild_id
            )
            sentence = say(
                "This channel bans no words of its own now. The lists of the bot and the server "
                "still apply."
            )
            await FirstResponse(interaction).send_message(sentence, ephemeral=True)
            return
        initial = initial_values(
            await session.load_script(), await self._load_initial_settings(interaction)
        )
        if setting != EVERYTHING:
            await self._change_preferences(interaction, {setting: initial[setting]})
            return
        # The role and the banned words belong to the moderators: each is reset by its name alone.
        chosen = {name: value for name, value in initial.items() if name != "role"}
        banned = await self.store.banned_words.load_word_list("channel", session.channel)
        note = say("The channel's banned words stay. Reset them separately.")
        await self._change_preferences(interaction, chosen, note if banned else "")

    @set_voice.autocomplete("model")
    async def _suggest_voice(
        self, interaction: Interaction, current: str
    ) -> list[app_commands.Choice[str]]:
        return suggest(self.services.voices.names(), current)

    async def _load_initial_settings(self, interaction: Interaction) -> Settings:
        """Return the settings of a new script here, whose voice is the guild's."""
        session = self.services.open_session(interaction)
        voice = await session.library.find_chosen_model(interaction.guild_id)
        return self.services.settings.model_copy(update={"model": voice})

    async def _change_given(self, interaction: Interaction, chosen: Mapping[str, Any]) -> None:
        """Change the settings that were given a value."""
        given = {name: value for name, value in chosen.items() if value is not None}
        if not given:
            raise SessionError(
                say("Choose a setting to change, or see them all with {/settings show}.")
            )
        await self._change_preferences(interaction, given)

    async def _change_preferences(
        self, interaction: Interaction, values: Mapping[str, Any], note: str = ""
    ) -> None:
        """Change settings, and tell everybody, with ``note`` after it."""
        check_permissions(interaction)
        # Opening a voice for the first time takes a moment.
        await FirstResponse(interaction).defer(thinking=True)
        session = self.services.open_session(interaction)
        script = await session.library.change_preferences(get_requester(interaction), values)
        sentence = format_changes(script, self.services.settings, values)
        await complete_response(interaction, content=f"{sentence} {note}" if note else sentence)

    @settings_group.command(name="banned")
    @app_commands.describe(
        add="Words or phrases to ban, separated by commas",
        remove="Words or phrases to allow again, separated by commas",
        clear="Empty the list first",
        server="For the whole server instead of this channel",
    )
    @answer_errors
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
        scope, position = _find_scope(interaction, server)
        words = await self.store.banned_words.load_word_list(scope, position)
        if add or remove or clear:
            check_may_set(interaction, scope)
            words = edit_words([] if clear else words, add or "", remove or "")
            if add:
                check_casts(await self.store.scripts.list_cast_names(scope, position), words)
            await self.store.banned_words.replace_word_list(
                scope, position, words, interaction.guild_id
            )
        scope_phrase = say("in this server") if scope == "guild" else say("in this channel")
        await FirstResponse(interaction).send_message(
            format_words(words, scope_phrase), ephemeral=True
        )


def _find_scope(interaction: Interaction, server: bool) -> tuple[str, int]:
    """Return the scope of a list of banned words, and the id of its channel or guild."""
    if not server:
        return "channel", get_channel(interaction)
    if interaction.guild_id is None:
        raise SessionError(say("This is not a server. Leave out {*server}."))
    return "guild", interaction.guild_id
