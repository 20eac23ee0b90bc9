"""Format a script's preferences, and lists of banned words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from discord import ui

from ...generation.moods import MOOD_OPTIONS, find_mood
from ...generation.openings import label_style
from ...i18n.catalogue import many, phrase, say
from ...preference_spec import Group, PreferenceSpec, PreferenceValue
from ...session.preferences import MOOD, ROLE, SPECS, STYLE, initial_values, resolve_values
from ...session.turn import current_position
from ...settings import Settings
from ...storage.schema import Script
from ..components import make_layout, make_position_button, make_position_select, make_rows
from ..markdown import fenced, inline, size

HINT = phrase(
    "In {/settings}, choose a setting to see what it does, and a value to change it; `reset` "
    "restores the default. {/banned} changes the banned words."
)

SETTING, CHANGE = phrase("{setting} {value}"), phrase("{setting} to {value}")
"""A setting with its value, as it is and as it has just been set."""

LISTS = {name: spec for name, spec in SPECS.items() if spec.is_listed}
"""The settings that people change most, which have lists on the first card."""

LIST_SIZE = 750
"""The size above which only the beginning of a list is shown: a message has room for two."""


def format_preferences(
    script: Script, settings: Settings, banned: Mapping[str, Sequence[str]]
) -> str:
    """Return all settings of a script in groups, one a line; changed ones have their defaults.

    ``banned`` has the banned words by the place where they are banned, which is given in words.
    """
    current = resolve_values(script.preferences, settings)
    default = resolve_values(initial_values(script.cast, settings), settings)
    rows = [say("The settings of “{title}”:", title=inline(script.title, 100))]
    if current != default:
        rows.append(f"-# {say('In brackets: the default, where this script differs.')}")
    for group in Group:
        specs = [spec for spec in SPECS.values() if spec.group is group]
        rows += [f"### {say(group)}", *(_format_row(spec, current, default) for spec in specs)]
    rows.append(f"### {say('Words that the voice must not say')}")
    for where, words in banned.items():
        listed = inline(", ".join(words), 200) or say("nothing")
        rows.append(f"{_capitalize(where)}: {listed}")
    return "\n".join((*rows, f"-# {say(HINT)}"))


def _format_row(
    spec: PreferenceSpec[Any], current: Mapping[str, Any], default: Mapping[str, Any]
) -> str:
    value, normal = current[spec.name], default[spec.name]
    row = _format_entry(spec, _format_value(spec, value))
    return row if value == normal else f"{row} ({_format_value(spec, normal)})"


def _format_entry(spec: PreferenceSpec[Any], value: str) -> str:
    return f"{format_label(spec)}: {value}"


def format_label(spec: PreferenceSpec[Any]) -> str:
    """Return the name of a setting, with a capital."""
    return _capitalize(say(spec.label))


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]


def make_settings_card(
    script: Script, settings: Settings, offered: Mapping[str, Mapping[str, str]]
) -> ui.LayoutView:
    """Return the card of the settings that people change most, with lists of the offered values."""
    current = resolve_values(script.preferences, settings)
    position = current_position(script)
    selects = [
        # A list shows only the label of what is chosen, so each label names its setting.
        make_position_select(
            f"menu-{name}",
            position,
            {value: _format_entry(spec, label) for value, label in offered[name].items()},
            _format_entry(spec, current[name] or say(spec.unset)),
            str(current[name] or spec.unset),
        )
        for name, spec in LISTS.items()
        if offered[name]
    ]
    title = say("The settings of “{title}”:", title=inline(script.title, 100))
    button = make_position_button("menu-all-settings", position)
    return make_layout(ui.TextDisplay(title), *make_rows([*selects, button]))


def format_setting(name: str, script: Script, settings: Settings) -> str:
    """Return a setting with its value, its range and what it means."""
    spec, current = SPECS[name], resolve_values(script.preferences, settings)
    limits = f" ({', '.join(spec.choices.values())})" if spec.choices else ""
    if spec.range:
        limits = f" {say('({least:,} to {most:,})', **spec.limits)}"
    return f"**{format_preference(spec, current[name])}**{limits}\n-# {say(spec.description)}"


def format_changes(
    script: Script, settings: Settings, changed: Collection[str], who: str = ""
) -> str:
    """Return a sentence with the preferences that have just been changed, and by whom."""
    current = resolve_values(script.preferences, settings)
    changes = ", ".join(format_values(changed, current, settings, CHANGE))
    if who:
        return say("{who} set {changes}.", who=who, changes=changes)
    return say("Set {changes}.", changes=changes)


def format_dropped_style(before: Script, script: Script) -> str:
    """Return the note that a script's new voice lacks the style that it had, or ""."""
    style = STYLE.of(before)
    if style is None or STYLE.of(script) == style:
        return ""
    return say(
        "“{voice}” has no style “{style}”, so the script now has none.",
        voice=inline(script.model, 40),
        style=inline(label_style(style), 40),
    )


def format_values(
    names: Collection[str], values: Mapping[str, Any], settings: Settings, form: str = SETTING
) -> list[str]:
    """Return preferences with their values, in words; a mood's name replaces its numbers."""
    mood = find_mood(values, settings)
    if mood is None or not set(MOOD_OPTIONS) <= set(names):
        return [format_preference(SPECS[name], values[name], form) for name in names]
    others = [name for name in names if name not in MOOD_OPTIONS]
    return [format_preference(MOOD, mood, form), *format_values(others, values, settings, form)]


def format_preference(
    spec: PreferenceSpec[Any], value: PreferenceValue, form: str = SETTING
) -> str:
    """Return a preference with its value, in words."""
    return say(form, setting=spec.label, value=_format_value(spec, value))


def _format_value(spec: PreferenceSpec[Any], value: PreferenceValue) -> str:
    if value is None or (spec.unit and not value):
        return say(spec.unset)
    match value:
        case bool():
            return spec.choices["on" if value else "off"]
        case str():
            return inline(spec.label_value(value), 40)
        case int() if spec is ROLE:
            return f"<@&{value}>"
        case int() if spec.unit:
            return many(value, spec.unit)
        case float():
            return say("{value:,}", value=round(value, 3))
    return str(value)


def format_banned_words(banned: Mapping[str, Sequence[str]]) -> str:
    """Return the banned words as a message; the argument is that of `format_preferences`."""
    if not any(banned.values()):
        return say("Only the bot's own list applies here. Ban words with {*add}.")
    rows = [
        say(
            "The voice says neither these words nor those on the bot's own list. People can still "
            "write them."
        )
    ]
    for where, words in banned.items():
        if words:
            rows.append(f"{_capitalize(where)}:\n{fenced(_join_words(words))}")
    return "\n".join(rows)


def _join_words(words: Sequence[str]) -> str:
    """Return the words of a list, or only the first ones if the list is long."""
    text = ", ".join(words)
    if size(text) <= LIST_SIZE:
        return text
    # Half of it in code points is never more than all of it in UTF-16.
    return say(
        "{words} … and more, {number:,} in total",
        words=text[: LIST_SIZE // 2].rsplit(", ", 1)[0],
        number=len(words),
    )
