"""Change how the model writes, who may write, and which words are banned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord
from discord import app_commands

from ..i18n.catalogue import phrase, say
from ..session.banned_words import check_casts, edit_words, format_words
from ..session.preferences import (
    BANNED,
    EVERYTHING,
    LABELS,
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
from .feature import QUALITY_CHOICES, FeatureCog, allow_in_servers_and_dms, answer_errors, suggest
from .requester import get_channel, get_requester


class ScriptSettings(FeatureCog, name="OnBook.settings"):
    """See and change how the voice writes."""

    settings_group = allow_in_servers_and_dms(
        app_commands.Group(name="settings", description="How the voice writes here")
    )

    @settings_group.command(name="show")
    @answer_errors
    async def show_settings(self, interaction: Interaction) -> None:
        """See how this script is written"""
        session = self.services.open_session(interaction)
        script = await session.load_script()
        banned = {
            say("in this channel"): await self.store.banned_words.load("channel", session.channel)
        }
        if interaction.guild_id is not None:
            banned[say("in this server")] = await self.store.banned_words.load(
                "guild", interaction.guild_id
            )
        content = format_preferences(script, await self._load_initial_settings(interaction), banned)
        await FirstResponse(interaction).send_message(content, ephemeral=True)

    @settings_group.command(name="voice")
    @app_commands.describe(
        temperature="How daring the voice is, from 0.1 to 2.0",
        top_p="From which share of likely characters it chooses, up to 1.0",
        min_p="How likely a character must be beside the likeliest, from 0 (off) to 1.0",
        repetition="What repeating an earlier passage costs, from 0 (off) to 2.0",
        company="How readily those speak who have spoken before, from 0 (off) to 2.0",
        length="Characters after which it brings a line to its end",
        model="Which voice writes along",
        takes="How many takes of a line it writes at once",
        quality="How many candidates it writes for each line, to keep the best: 1, 16 or 64",
        cast_lock="Let nobody speak but the cast",
        skip_played="Leave characters to the people who play them",
    )
    @app_commands.choices(quality=QUALITY_CHOICES)
    @answer_errors
    async def set_voice(
        self,
        interaction: Interaction,
        temperature: app_commands.Range[float, 0.1, 2.0] | None = None,
        top_p: app_commands.Range[float, 0.05, 1.0] | None = None,
        min_p: app_commands.Range[float, 0.0, 1.0] | None = None,
        repetition: app_commands.Range[float, 0.0, 2.0] | None = None,
        company: app_commands.Range[float, 0.0, 2.0] | None = None,
        length: app_commands.Range[int, 0, 1500] | None = None,
        model: app_commands.Range[str, 1, 100] | None = None,
        takes: app_commands.Range[int, 1, MAX_TAKES] | None = None,
        cast_lock: bool | None = None,
        skip_played: bool | None = None,
        quality: str | None = None,
    ) -> None:
        """Change how the voice writes in this script"""
        chosen = {
            "temperature": temperature,
            "top_p": top_p,
            "min_p": min_p,
            "repetition": repetition,
            "company": company,
            "length": length,
            "voice": model,
            "quality": quality,
            "takes": takes,
            "lock": cast_lock,
            "skip_played": skip_played,
        }
        await self._change_given(interaction, chosen)

    @settings_group.command(name="turns")
    @app_commands.describe(
        alternate="Let nobody write twice in a row",
        cooldown="Seconds to wait between two lines, 0 for none",
        role="Who may write here; a moderator sets it",
    )
    @answer_errors
    async def set_turns(
        self,
        interaction: Interaction,
        alternate: bool | None = None,
        cooldown: app_commands.Range[int, 0, 86_400] | None = None,
        role: discord.Role | None = None,
    ) -> None:
        """Change who writes in this script, and when"""
        chosen = {
            "alternate": alternate,
            "cooldown": cooldown,
            "role": role.id if role else None,
        }
        await self._change_given(interaction, chosen)

    @settings_group.command(name="reset")
    @app_commands.describe(setting="Which setting to reset")
    @app_commands.choices(
        setting=[app_commands.Choice(name=LABELS[name], value=name) for name in LABELS]
        + [app_commands.Choice(name=phrase("banned words"), value=BANNED)]
        + [app_commands.Choice(name="everything", value=EVERYTHING)]
    )
    @answer_errors
    async def reset(self, interaction: Interaction, setting: str) -> None:
        """Reset the settings of this script"""
        session = self.services.open_session(interaction)
        if setting == BANNED:
            check_may_set(interaction, "channel")
            await self.store.banned_words.replace(
                "channel", session.channel, [], interaction.guild_id
            )
            sentence = say(
                "No word is banned in this channel any more, beyond the bot's own list and the "
                "server's: {/settings banned} adds some."
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
        banned = await self.store.banned_words.load("channel", session.channel)
        note = say("The words that are banned in this channel stay: reset them by name.")
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
                say("Choose what to change, or see how it is with {/settings show}.")
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
        add="Words or phrases that the voice must not say, separated by commas",
        remove="Words or phrases that it may say again, separated by commas",
        clear="Remove all that are on the list before",
        server="For the whole server rather than this channel",
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
        """See or change what the voice must not say here"""
        self.services.admit(interaction)
        scope, position = _find_scope(interaction, server)
        words = await self.store.banned_words.load(scope, position)
        if add or remove or clear:
            check_may_set(interaction, scope)
            words = edit_words([] if clear else words, add or "", remove or "")
            if add:
                check_casts(await self.store.scripts.list_cast_names(scope, position), words)
            await self.store.banned_words.replace(scope, position, words, interaction.guild_id)
        scope_phrase = say("in this server") if scope == "guild" else say("in this channel")
        await FirstResponse(interaction).send_message(
            format_words(words, scope_phrase), ephemeral=True
        )


def _find_scope(interaction: Interaction, server: bool) -> tuple[str, int]:
    """Return the scope of a list of banned words, and the id of its channel or guild."""
    if not server:
        return "channel", get_channel(interaction)
    if interaction.guild_id is None:
        raise SessionError(say("There is no server here: leave out the option {*server}."))
    return "guild", interaction.guild_id
