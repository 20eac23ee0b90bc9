"""Change how the model writes, who may write, and which words are banned."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from re import Match
from typing import Any

import discord
from discord import app_commands, ui

from ..errors import RequestError
from ..generation.options import ADVANCED_OPTIONS, PREFERENCES, OptionValue
from ..i18n.catalogue import phrase, say
from ..inference.sampling import LARGEST_SEED
from ..session.banned_words import check_casts, edit_words
from ..session.preferences import (
    BANNED,
    EVERYTHING,
    LABELS,
    LOOKS,
    MAX_TAKES,
    RANGES,
    current_values,
    initial_values,
    parse_mood,
    parse_number,
)
from ..session.turn import ScriptPosition, current_position
from ..settings import Settings
from ..storage.schema import Script
from ..ui.components import (
    Interaction,
    make_position_button,
    make_view,
    parse_position,
    position_pattern,
)
from ..ui.delivery import FirstResponse, complete_response
from ..ui.looks import Look
from ..ui.markdown import inline
from ..ui.responses import check_bot_permissions, check_may_set
from ..ui.settings_messages import format_changes, format_preferences, format_words
from .feature import (
    Choice,
    FeatureCog,
    allow_in_servers_and_dms,
    answer_errors,
    listens_to,
    with_options,
)
from .option_checks import parse_choice
from .requester import get_channel, get_message_channel, get_requester

ADVANCED = (*ADVANCED_OPTIONS, "seed")
"""The settings in the window, which has room for five."""


class ScriptSettings(FeatureCog, name="OnBook.settings"):
    """See and change how the voice writes."""

    settings_group = allow_in_servers_and_dms(
        app_commands.Group(name="settings", description="This script's settings")
    )

    @settings_group.command(name="show")
    @answer_errors
    async def show_settings(self, interaction: Interaction) -> None:
        """See this script's settings"""
        session = self.services.admit_to_session(interaction)
        await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
        script = await session.library.load_script()
        self.services.recent_scripts[script.id] = script
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
        button = make_position_button("menu-advanced", current_position(script))
        await complete_response(interaction, content=content, view=make_view(button))

    @settings_group.command(name="writing")
    @app_commands.describe(
        voice="The voice to write with",
        mood="How the voice feels",
        seed="The same seed in the same place gives the same lines",
        takes="How many takes to write at once",
        cast_lock="Let only the cast speak",
        skip_played="Leave characters to the people who play them",
    )
    @app_commands.autocomplete(voice=FeatureCog.suggest_voice, mood=FeatureCog.suggest_mood)
    @with_options(PREFERENCES.values())
    @answer_errors
    async def set_writing(
        self,
        interaction: Interaction,
        /,
        voice: app_commands.Range[str, 1, 100] | None = None,
        mood: app_commands.Range[str, 1, 40] | None = None,
        seed: app_commands.Range[int, 0, LARGEST_SEED] | None = None,
        takes: app_commands.Range[int, 1, MAX_TAKES] | None = None,
        cast_lock: bool | None = None,
        skip_played: bool | None = None,
        **options: OptionValue | None,
    ) -> None:
        """Change how the voice writes this script"""
        chosen = {
            **(parse_mood(mood, self.services.settings) if mood else {}),
            "voice": voice,
            "seed": seed,
            "takes": takes,
            "lock": cast_lock,
            "skip_played": skip_played,
            **{name: value for name, value in options.items() if value is not None},
        }
        await self._change_given(interaction, chosen)

    @listens_to(position_pattern("menu-mood", "menu-style"))
    @answer_errors
    async def choose_setting(self, interaction: Interaction, match: Match[str]) -> None:
        """Change the mood or the style to the one that was chosen from the menu."""
        name, value = match["action"].removeprefix("menu-"), parse_choice(interaction)
        chosen = parse_mood(value, self.services.settings) if name == "mood" else {name: value}
        await self._change_preferences(interaction, chosen, position=parse_position(match))

    @listens_to(position_pattern("menu-advanced"))
    @answer_errors
    async def open_advanced(self, interaction: Interaction, match: Match[str]) -> None:
        """Open the window of the numbers that few people change."""
        position = parse_position(match)
        session = self.services.admit_to_session(interaction)
        script = self.services.recent_scripts.get(position.script)
        if script:
            await self._open_window(script, interaction)
            return
        await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
        script = await session.library.load_running(position.script)
        open_window = partial(self._open_window, script)
        choice = Choice(say("Advanced"), open_window, opens_window=True)
        await self.offer(interaction, inline(script.title, 100), choice)

    async def _open_window(self, script: Script, interaction: Interaction) -> None:
        values = current_values(script, self.services.settings)
        before = {name: values[name] for name in ADVANCED}
        inputs = {name: _make_number_input(name, value) for name, value in before.items()}
        await self.open_modal(
            interaction,
            "advanced",
            say("Advanced"),
            inputs.values(),
            lambda answer: self.submit_advanced(
                answer, script, before, {name: one.value for name, one in inputs.items()}
            ),
        )

    @answer_errors
    async def submit_advanced(
        self,
        interaction: Interaction,
        script: Script,
        before: Mapping[str, OptionValue | None],
        texts: Mapping[str, str],
    ) -> None:
        """Change the numbers of the window that differ from those that it had ``before``."""
        chosen = {name: parse_number(name, text) for name, text in texts.items()}
        changed = {name: value for name, value in chosen.items() if value != before[name]}
        if not changed:
            raise RequestError("No setting was changed. See all settings with {/settings show}.")
        position = current_position(script)
        await self._change_preferences(interaction, changed, position=position)

    @settings_group.command(name="turns")
    @app_commands.describe(
        alternate="Let nobody write twice in a row",
        cooldown="Seconds between two lines, or 0",
        role="The role that may write here; only moderators can set it",
        plain_messages="Make lines of plain messages: NAME: text, and *action*",
        ping="Ping whoever has the next turn",
    )
    @answer_errors
    async def set_turns(
        self,
        interaction: Interaction,
        alternate: bool | None = None,
        cooldown: app_commands.Range[int, 0, 86_400] | None = None,
        role: discord.Role | None = None,
        plain_messages: bool | None = None,
        ping: bool | None = None,
    ) -> None:
        """Change who may write this script, when, and by what messages"""
        if plain_messages and not self.bot.intents.message_content:
            raise RequestError(
                "I cannot read plain messages. Mention me, or ask the bot's owner for the "
                "message-content intent."
            )
        chosen = {
            "alternate": alternate,
            "cooldown": cooldown,
            "role": role.id if role else None,
            "plain_messages": plain_messages,
            "ping": ping,
        }
        note = say("I read every message here now. `NAME: text` and `*action*` become lines.")
        await self._change_given(interaction, chosen, note if plain_messages else "")

    @settings_group.command(name="look")
    @app_commands.describe(look="Characters with faces, cards, or a typewritten page")
    @app_commands.choices(
        look=[app_commands.Choice(name=name, value=key) for key, name in LOOKS.items()]
    )
    @answer_errors
    async def set_look(self, interaction: Interaction, look: str) -> None:
        """Change how this script's new lines look"""
        note = ""
        webhooks = self.services.messages.line_messages.webhooks
        if look == Look.CHARACTERS and webhooks.lacks_permission(get_message_channel(interaction)):
            note = say("I lack **Manage Webhooks** here, so lines are cards.")
        await self._change_given(interaction, {"look": look}, note)

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
        session = self.services.admit_to_session(interaction)
        if setting == BANNED:
            check_may_set(interaction, "channel")
            await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
            await self.store.banned_words.replace_word_list(
                "channel", session.channel, [], interaction.guild_id
            )
            sentence = say(
                "This channel bans no words of its own now. The lists of the bot and the server "
                "still apply."
            )
            await complete_response(interaction, content=sentence)
            return
        await self._defer_change(interaction)
        initial = initial_values(
            await session.library.load_script(), await self._load_initial_settings(interaction)
        )
        if setting != EVERYTHING:
            await self._change_preferences(interaction, {setting: initial[setting]})
            return
        # The role and the banned words belong to the moderators: each is reset by its name alone.
        chosen = {name: value for name, value in initial.items() if name != "role"}
        banned = await self.store.banned_words.load_word_list("channel", session.channel)
        note = say("The channel's banned words stay. Reset them separately.")
        await self._change_preferences(interaction, chosen, note if banned else "")

    async def _load_initial_settings(self, interaction: Interaction) -> Settings:
        """Return the settings of a new script here, whose voice is the guild's."""
        session = self.services.admit_to_session(interaction)
        voice = await session.library.find_chosen_model(interaction.guild_id)
        return self.services.settings.model_copy(update={"model": voice})

    async def _change_given(
        self, interaction: Interaction, chosen: Mapping[str, Any], note: str = ""
    ) -> None:
        """Change the settings that were given a value, and tell everybody, with a ``note``."""
        given = {name: value for name, value in chosen.items() if value is not None}
        if not given:
            raise RequestError("Choose a setting to change, or see them all with {/settings show}.")
        await self._change_preferences(interaction, given, note)

    async def _defer_change(self, interaction: Interaction) -> None:
        """Defer an answer that everybody sees, unless that was done."""
        check_bot_permissions(interaction)
        self.services.admit(interaction)
        if interaction.response.type is None:
            await FirstResponse(interaction).defer(thinking=True)

    async def _change_preferences(
        self,
        interaction: Interaction,
        values: Mapping[str, Any],
        note: str = "",
        position: ScriptPosition | None = None,
    ) -> None:
        """Change settings, and tell everybody, with ``note`` after it.

        Raises RequestError where another script runs than that of the position.
        """
        await self._defer_change(interaction)
        session = self.services.admit_to_session(interaction)
        if position:
            await session.library.load_running(position.script)
        script = await session.library.change_preferences(get_requester(interaction), values)
        self.services.recent_scripts[script.id] = script
        sentence = format_changes(script, self.services.settings, values)
        await complete_response(interaction, content=f"{sentence} {note}" if note else sentence)
        if "voice" in values:
            await self.turns.sync(interaction, session)  # the panel names the voice

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
        scope, place = _find_scope(interaction, server)
        if add or remove or clear:
            check_may_set(interaction, scope)
        await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
        words = await self.store.banned_words.load_word_list(scope, place)
        if add or remove or clear:
            words = edit_words([] if clear else words, add or "", remove or "")
            if add:
                check_casts(await self.store.scripts.list_cast_names(scope, place), words)
            await self.store.banned_words.replace_word_list(
                scope, place, words, interaction.guild_id
            )
        scope_phrase = say("in this server") if scope == "guild" else say("in this channel")
        await complete_response(interaction, content=format_words(words, scope_phrase))


def _find_scope(interaction: Interaction, server: bool) -> tuple[str, int]:
    """Return the scope of a list of banned words, and the id of its channel or guild."""
    if not server:
        return "channel", get_channel(interaction)
    if interaction.guild_id is None:
        raise RequestError("This is not a server. Leave out {*server}.")
    return "guild", interaction.guild_id


def _make_number_input(name: str, value: OptionValue | None) -> ui.TextInput[Any]:
    least, most = RANGES[name]
    return ui.TextInput(
        label=say("{setting}, {least:,} to {most}", setting=LABELS[name], least=least, most=most),
        default="" if value is None else str(value),
        required=False,
        max_length=20,
    )
