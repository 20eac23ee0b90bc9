"""Change how the model writes, who may write, and which words are banned."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from re import Match
from typing import Any

import discord
from discord import app_commands, ui

from ..errors import ModelError, RequestError
from ..generation.moods import MOOD_OPTIONS, label_moods
from ..generation.openings import label_style
from ..generation.options import OptionValue
from ..i18n.catalogue import phrase, say
from ..interactions.option_checks import parse_choice
from ..interactions.requester import (
    format_requester,
    get_channel,
    get_message_channel,
    get_requester,
)
from ..interactions.windows import collect_texts
from ..preference_spec import PreferenceSpec
from ..screenplay.elements import Kind
from ..session.permissions import check_may_change
from ..session.preferences import (
    ADVANCED,
    EVERYTHING,
    LOOK,
    MODEL,
    MOOD,
    PLAIN_MESSAGES,
    PREFERENCES,
    RESET,
    ROLE,
    SPECS,
    STYLE,
    TAKES,
    initial_values,
    parse_number,
    parse_preference,
    resolve_values,
)
from ..session.turn import ScriptPosition, current_position
from ..settings import Look, Settings
from ..storage.schema import Script
from ..ui.cards.model_cards import list_styles
from ..ui.cards.settings_messages import (
    LISTS,
    format_banned_words,
    format_changes,
    format_dropped_style,
    format_label,
    format_preferences,
    format_setting,
    make_settings_card,
)
from ..ui.components import (
    MAX_LABEL,
    Interaction,
    make_options,
    make_position_button,
    make_position_select,
    make_view,
    parse_position,
    position_pattern,
)
from ..ui.delivery.installations import check_bot_is_member, find_installer
from ..ui.delivery.responses import check_bot_permissions, check_person
from ..ui.delivery.sending import FirstResponse, complete_response, edit_response
from ..ui.markdown import inline, plain
from .feature import (
    Choice,
    Choices,
    FeatureCog,
    answer_suggestions,
    command,
    listens_to,
    suggest,
)

OpenWindow = Callable[[Script, Interaction], Awaitable[None]]

RESET_LABEL = phrase("reset")
"""The value `RESET`, as people call it."""


class ScriptSettings(FeatureCog, name="OnBook.settings"):
    """See and change how the voice writes."""

    @command("settings")
    @app_commands.describe(
        setting="The setting to see or change; by default, a card with the most important ones",
        value="The new value, or reset",
    )
    @app_commands.choices(
        setting=[
            *(app_commands.Choice(name=spec.label, value=name) for name, spec in SPECS.items()),
            app_commands.Choice(name=EVERYTHING, value=EVERYTHING),
        ]
    )
    @listens_to(position_pattern("menu-settings"))
    @listens_to(position_pattern("menu-all-settings"), setting=EVERYTHING)
    async def settings(
        self,
        interaction: Interaction,
        setting: str | None = None,
        value: app_commands.Range[str, 1, 100] | None = None,
    ) -> None:
        """See and change how this script is written"""
        if value is None:
            await self._show(interaction, setting)
        elif setting is None:
            raise RequestError("Also fill in {*setting}: which setting should get this value?")
        elif value.strip().casefold() in (RESET, say(RESET_LABEL).casefold()):
            await self._reset(interaction, setting)
        else:
            await self._set(interaction, setting, value)

    @settings.autocomplete("value")
    @answer_suggestions
    async def _suggest_value(self, interaction: Interaction, current: str) -> Choices:
        name = interaction.namespace.setting
        labels = await self._list_values(interaction, name)
        labels = {key: plain(label, MAX_LABEL) for key, label in labels.items()}
        return suggest({**labels, RESET: say(RESET_LABEL)}, current)

    async def _list_values(
        self, interaction: Interaction, name: str | None, script: Script | None = None
    ) -> Mapping[str, str]:
        """Return the values of a setting with their labels, if it has only a few.

        The script is the running one, which is read only if it matters.
        """
        match name:
            case MOOD.name:
                return label_moods(self.services.settings)
            case MODEL.name:
                return {name: name for name in self.services.models.names()}
            case STYLE.name:
                session = self.services.admit_to_session(interaction)
                script = script or await session.library.load_script()
                with suppress(ModelError):  # the voice is gone
                    styles = list_styles(await self.services.models.look(script.model))
                    labels = {style: label_style(style) for style in styles}
                    return {STYLE.unset: say(STYLE.unset), **labels} if labels else {}
            case ROLE.name:
                return {str(role.id): role.name for role in _list_roles(interaction)}
            case _ if name in SPECS:
                return SPECS[name].choices
        return {}

    async def _show(self, interaction: Interaction, name: str | None) -> None:
        """Show a setting, all of them, or the card of the most important ones."""
        session = await self.open_session(interaction, thinking=True, ephemeral=True)
        script = await session.library.load_script()
        await complete_response(interaction, **await self._make_card(interaction, script, name))

    async def _make_card(
        self, interaction: Interaction, script: Script, name: str | None
    ) -> Mapping[str, Any]:
        """Return the content and the view that show a setting, all of them, or the first card."""
        settings = self.services.settings
        if name is None:
            offered = {name: await self._list_values(interaction, name, script) for name in LISTS}
            return {"content": None, "view": make_settings_card(script, settings, offered)}
        if name != EVERYTHING:
            return {"content": format_setting(name, script, settings)}
        self.services.recent_scripts[script.id] = script
        banned = await self._load_banned_words(interaction)
        initial = await self._load_initial_settings(interaction, script)
        content = format_preferences(script, initial, banned)
        position = current_position(script)
        elsewhere = {*LISTS, *ADVANCED} | ({ROLE.name} if interaction.guild is None else set())
        labels = {key: format_label(spec) for key, spec in SPECS.items() if key not in elsewhere}
        menu = make_position_select("menu-setting", position, labels, say("Change a setting…"))
        button = make_position_button("menu-advanced", position)
        return {"content": content, "view": make_view(menu, button)}

    async def _set(
        self, interaction: Interaction, name: str, text: str, position: ScriptPosition | None = None
    ) -> None:
        """Change a setting, or those of a mood, to what a person typed or chose."""
        if name == EVERYTHING:
            raise RequestError("All settings together can only be reset. Set {*value} to `reset`.")
        await self._defer_change(interaction)
        library = self.services.admit_to_session(interaction).library
        await library.load_script_to_change(get_requester(interaction), [name])
        chosen = parse_preference(name, text, self.services.settings)
        if role := chosen.get(ROLE.name):
            chosen = {ROLE.name: _find_role(interaction, str(role))}
        note = self._explain(interaction, chosen)
        await self._change_preferences(interaction, chosen, note, position)

    def _explain(self, interaction: Interaction, chosen: Mapping[str, Any]) -> str:
        """Return what people must know about a change, if anything.

        Raises RequestError if the bot must be a member, or may not read messages.
        """
        if chosen.get(TAKES.name, 1) > 1:
            check_bot_is_member(interaction)
        if chosen.get(PLAIN_MESSAGES.name):
            if not self.services.hears:
                raise RequestError(
                    "I do not read messages here. Ask the bot's owner to set "
                    "`ONBOOK_MENTIONS=True`."
                )
            if not self.bot.intents.message_content:
                raise RequestError(
                    "I cannot read plain messages. Mention me, or ask the bot's owner to enable "
                    "the message-content intent."
                )
            return say("I now read every message here. `NAME: text` and `*action*` become lines.")
        webhooks = self.services.messages.line_messages.webhooks
        is_characters = chosen.get(LOOK.name) == Look.CHARACTERS
        if is_characters and webhooks.lacks_permission(get_message_channel(interaction)):
            return say("I lack **Manage Webhooks** here, so lines are shown as cards.")
        return ""

    @listens_to(position_pattern(*(f"menu-{name}" for name in LISTS)))
    async def choose_setting(self, interaction: Interaction, match: Match[str]) -> None:
        """Change a setting to the value that was chosen from the card."""
        name, value = match["action"].removeprefix("menu-"), parse_choice(interaction)
        await self._set(interaction, name, value, parse_position(match))

    @listens_to(position_pattern("menu-setting"))
    async def open_setting(self, interaction: Interaction, match: Match[str]) -> None:
        """Open the window of a setting that was chosen from the list below all settings."""
        spec = SPECS[parse_choice(interaction, SPECS)]
        open_window = partial(self._open_setting_window, spec)
        await self._open_or_offer(interaction, match, say(spec.label), open_window)

    @listens_to(position_pattern("menu-advanced"))
    async def open_advanced(self, interaction: Interaction, match: Match[str]) -> None:
        """Open the window with the numbers that few people change."""
        await self._open_or_offer(interaction, match, say("Advanced"), self._open_advanced_window)

    async def _open_or_offer(
        self, interaction: Interaction, match: Match[str], title: str, open_window: OpenWindow
    ) -> None:
        """Open a window for a script in memory, or else read the script and offer the window."""
        position, session = parse_position(match), self.services.admit_to_session(interaction)
        if script := self.services.recent_scripts.get(position.script):
            await open_window(script, interaction)
            return
        await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
        script = await session.library.load_running(position.script)
        choice = Choice(title, partial(open_window, script), opens_window=True)
        await self.offer(interaction, inline(script.title, 100), choice)

    async def _open_setting_window(
        self, spec: PreferenceSpec[Any], script: Script, interaction: Interaction
    ) -> None:
        check_may_change(script, [spec.name], get_requester(interaction))
        value = resolve_values(script.preferences, self.services.settings)[spec.name]
        field: ui.Select[Any] | ui.RoleSelect[Any] | ui.TextInput[Any]
        if spec.choices:
            chosen = ("off", "on")[value] if spec.type is bool else str(value)
            field = ui.Select(options=make_options(spec.choices, chosen))
        elif spec is ROLE:
            chosen_roles = [role for role in _list_roles(interaction) if role.id == value]
            field = ui.RoleSelect(
                default_values=chosen_roles, min_values=0, placeholder=say(spec.unset)
            )
        else:
            field = _make_number_input(value)

        async def submit(answer: Interaction) -> None:
            if isinstance(field, ui.RoleSelect):
                roles = [str(role.id) for role in field.values if not role.is_default()]
                text = next(iter(roles), spec.unset)
            else:
                text = field.values[0] if isinstance(field, ui.Select) else field.value
            async with self.answering(answer, keep=collect_texts(answer)):
                await self._set(answer, spec.name, text, current_position(script))

        await self.open_modal(interaction, say("Settings"), [_label_input(spec, field)], submit)

    async def _open_advanced_window(self, script: Script, interaction: Interaction) -> None:
        check_may_change(script, ADVANCED, get_requester(interaction))
        before = resolve_values(script.preferences, self.services.settings)
        inputs = {name: _make_number_input(before[name]) for name in ADVANCED}

        async def submit(answer: Interaction) -> None:
            typed = [f"{say(SPECS[name].label)}: {inputs[name].value}" for name in inputs]
            async with self.answering(answer, keep="\n".join(typed)):
                chosen = {name: parse_number(name, field.value) for name, field in inputs.items()}
                changed = {name: value for name, value in chosen.items() if value != before[name]}
                if not changed:
                    raise RequestError(
                        "No setting was changed. Change one, then submit the window again."
                    )
                position = current_position(script)
                await self._change_preferences(answer, changed, position=position)

        labels = [_label_input(SPECS[name], number) for name, number in inputs.items()]
        await self.open_modal(interaction, say("Advanced"), labels, submit)

    async def _reset(self, interaction: Interaction, name: str) -> None:
        """Reset a setting, those of a mood, or all of them."""
        session = self.services.admit_to_session(interaction)
        await self._defer_change(interaction)
        script = await session.library.load_script()
        settings = await self._load_initial_settings(interaction, script)
        initial = initial_values(script.cast, settings)
        if name != EVERYTHING:
            names = MOOD_OPTIONS if name == MOOD.name else (name,)
            await self._change_preferences(interaction, {key: initial[key] for key in names})
            return
        now, then = (resolve_values(values, settings) for values in (script.preferences, initial))
        # Some belong to the moderators, as the banned words do: each is reset only by its name.
        chosen = {
            key: initial[key]
            for key, spec in PREFERENCES.items()
            if not spec.is_moderated and now[key] != then[key]
        }
        if not chosen:
            raise RequestError(
                "There is nothing to reset. The role is reset only if you choose it as "
                "{*setting}. To change the banned words, use {/banned}."
            )
        banned = await self.sessions.banned_words.load("channel", session.channel)
        note = say("The channel's banned words stay. Clear them with {/banned}.")
        await self._change_preferences(interaction, chosen, note if banned else "")

    async def _load_initial_settings(self, interaction: Interaction, script: Script) -> Settings:
        """Return the settings of a new script here that begins with the heading of a script."""
        library = self.services.admit_to_session(interaction).library
        elements = await library.load_elements(script)
        heading = elements[0].body if elements and elements[0].kind is Kind.HEADING else ""
        model = await library.find_chosen_model(interaction.guild_id, heading)
        return self.services.settings.model_copy(update={"model": model})

    async def _defer_change(self, interaction: Interaction) -> None:
        """Defer the response that shows a change, unless it is already deferred.

        The response is an answer that everybody sees, or else a change of the card.
        """
        check_bot_permissions(interaction)
        self.services.admit(interaction)
        if interaction.response.type is None:
            await FirstResponse(interaction).defer(thinking=_is_answered(interaction))

    async def _change_preferences(
        self,
        interaction: Interaction,
        values: Mapping[str, Any],
        note: str = "",
        position: ScriptPosition | None = None,
    ) -> None:
        """Change settings, and tell everybody, followed by the ``note``.

        Raises RequestError if a script other than that of the position is running.
        """
        await self._defer_change(interaction)
        session = self.services.admit_to_session(interaction)
        before = await session.library.load_script()
        if position:
            await session.library.check_is_running(before, position.script)
        script = await session.library.change_preferences(get_requester(interaction), values)
        self.services.recent_scripts[script.id] = script
        dropped = "" if STYLE.name in values else format_dropped_style(before, script)
        notes = [text for text in (dropped, note) if text]
        # For a command, Discord says who used it.
        who = "" if _is_command(interaction) else format_requester(interaction)
        sentence = format_changes(script, self.services.settings, values, who)
        if _is_answered(interaction):
            await complete_response(interaction, content=" ".join([sentence, *notes]))
            if MODEL.name in values:
                await self.turns.sync(interaction, session)  # the panel names the voice
            return
        is_window = interaction.type is discord.InteractionType.modal_submit
        card = await self._make_card(interaction, script, EVERYTHING if is_window else None)
        await edit_response(interaction, **card)
        await self.turns.sync(interaction, session, f"-# {' '.join([sentence, *notes])}")

    @command("banned")
    @app_commands.describe(
        add="Words or phrases to ban, separated by commas",
        remove="Words or phrases to allow again, separated by commas",
        clear="Empty the list first",
        server="For the whole server instead of this channel",
    )
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
        guild, scope, place = interaction.guild_id, "channel", get_channel(interaction)
        if server:
            if guild is None:
                raise RequestError("This is not a server. Leave out {*server}.")
            scope, place = "guild", guild
        changes = add or remove or clear
        if changes:
            check_person(interaction, "manage_guild" if server else "manage_channels")
        await FirstResponse(interaction).defer(thinking=True, ephemeral=True)
        if changes:
            edit = self.sessions.banned_words.edit
            await edit(scope, place, guild, add or "", remove or "", clear=clear)
        banned = await self._load_banned_words(interaction)
        await complete_response(interaction, content=format_banned_words(banned))

    async def _load_banned_words(self, interaction: Interaction) -> Mapping[str, Sequence[str]]:
        """Return the words banned in the channel and in the server, keyed by the place in words."""
        load = self.sessions.banned_words.load
        banned = {say("in this channel"): await load("channel", get_channel(interaction))}
        if interaction.guild_id is not None:
            banned[say("in this server")] = await load("guild", interaction.guild_id)
        return banned


def _is_command(interaction: Interaction) -> bool:
    return interaction.type is discord.InteractionType.application_command


def _is_answered(interaction: Interaction) -> bool:
    """Return whether an answer says what was changed, because no panel can."""
    return _is_command(interaction) or find_installer(interaction) is not None


def _list_roles(interaction: Interaction) -> Sequence[discord.Role]:
    """Return the roles of a server, without the one that everybody has."""
    return interaction.guild.roles[1:] if interaction.guild else ()


def _find_role(interaction: Interaction, text: str) -> int:
    """Return the id of the role that a person means by its id or its name."""
    roles, typed = _list_roles(interaction), text.strip().casefold()
    found = [
        role.id for role in roles if typed in (str(role.id), role.mention, role.name.casefold())
    ]
    if len(found) > 1:
        raise RequestError(
            "Several roles are called “{role}”. Choose one from the list, or type its ID.",
            role=text,
        )
    if found:
        return found[0]
    error = RequestError("This server has no role “{role}”. Choose one from the list.", role=text)
    raise error.suggest(text, (role.name for role in roles))


def _make_number_input(value: OptionValue | None) -> ui.TextInput[Any]:
    default = "" if value is None else say("{value:,}", value=value)
    return ui.TextInput(default=default, required=False, max_length=20)


def _label_input(spec: PreferenceSpec[Any], field: ui.Item[Any]) -> ui.Label[Any]:
    text = format_label(spec)
    if spec.range:
        text = say("{setting}, {least:,} to {most:,}", setting=text, **spec.limits)
    return ui.Label(text=text, description=say(spec.description), component=field)
