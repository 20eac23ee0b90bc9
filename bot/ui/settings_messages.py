"""Format a script's preferences, and lists of banned words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from discord import ui

from ..generation.moods import find_mood, label_moods, load_moods
from ..generation.openings import label_style
from ..generation.options import PREFERENCES, QUALITIES
from ..i18n.catalogue import many, phrase, say
from ..session.preferences import (
    EXPLANATIONS,
    LABELS,
    LOOKS,
    MAX_TAKES,
    MOOD,
    RANGES,
    PreferenceValue,
    current_values,
    initial_values,
    own_values,
)
from ..session.turn import current_position
from ..settings import Settings
from ..storage.schema import Script
from .components import (
    make_layout,
    make_position_button,
    make_position_select,
    make_rows,
)
from .markdown import fenced, inline, size

HINT = phrase(
    "Change one with {/settings}, {*setting} and {*value}; the {*value} `reset` restores it. "
    "{/banned} changes the banned words."
)

CARD = {
    "voice": phrase("Voice: {value}"),
    MOOD: phrase("Mood: {value}"),
    "style": phrase("Style: {value}"),
    "look": phrase("Look: {value}"),
    "takes": phrase("Takes at once: {value}"),
}
"""The settings that people change most, as their lists on the card show them."""

ENTRY_TEMPLATES = {
    "voice": phrase("voice {value}"),
    **{name: spec.template for name, spec in PREFERENCES.items()},
    "style": phrase("style {value}"),
    "seed": phrase("seed {value}"),
    "takes": phrase("takes {value:,}"),
    "lock": phrase("cast lock {value}"),
    "skip_played": phrase("skip played {value}"),
    "alternate": phrase("alternate {value}"),
    "cooldown": phrase("cooldown {value}"),
    "role": phrase("role {value}"),
    "plain_messages": phrase("plain messages {value}"),
    "ping": phrase("pings {value}"),
    "look": phrase("look {value}"),
}
"""The preferences with their values."""

HIDDEN_IF_UNSET = ("style", "seed", "plain_messages", "ping")
"""The preferences that most scripts do not have, and that are shown only where one does."""

LIST_SIZE = 1500
"""The size from which on only the beginning of a list is shown."""

SUMMARY_SIZE = 200
"""The size to which a list in a sentence is cut."""


def format_preferences(
    script: Script, settings: Settings, banned: Mapping[str, Sequence[str]]
) -> str:
    """Return all preferences of a script with their ranges, one a line; changed ones are bold.

    ``banned`` has the banned words by where they are banned, in words.
    """
    initial, own = initial_values(script, settings), own_values(script)
    current = current_values(script, settings)
    lines = []
    for name in LABELS:
        if name in HIDDEN_IF_UNSET and (current[name] is None or current[name] is False):
            continue
        preference = _bold(format_preference(name, current[name]), own[name] != initial[name])
        lines.append(f"- {preference}{_format_range(name)}")
    if mood := find_mood(current, settings):
        lines.insert(1, f"- {_format_mood(mood, settings)}")
    for scope, words in banned.items():
        list_there = say("banned {where}: {words}", where=scope, words=summarize_words(words))
        lines.append(f"- {_bold(list_there, bool(words))}")
    title = say("The settings of “{title}”:", title=inline(script.title, 100))
    return "\n".join((title, *lines, f"-# {say(HINT)}"))


def make_settings_card(
    script: Script, settings: Settings, voices: Sequence[str], styles: Sequence[str]
) -> ui.LayoutView:
    """Return the card of the settings that people change most.

    It offers these voices, and these styles of the script's voice.
    """
    current = current_values(script, settings)
    chosen = current | {MOOD: find_mood(current, settings)}
    offered: dict[str, Mapping[str, str]] = {
        "voice": dict(zip(voices, voices, strict=True)),
        MOOD: label_moods(settings),
        "style": {style: label_style(style) for style in styles},
        "look": {key: say(label) for key, label in LOOKS.items()},
        "takes": {str(number): str(number) for number in range(1, MAX_TAKES + 1)},
    }
    position = current_position(script)
    selects = [
        # A list shows nothing but the label of what is chosen, so each label names its setting.
        make_position_select(
            f"menu-{name}",
            position,
            {value: say(template, value=label) for value, label in offered[name].items()},
            say(template, value=chosen[name] or say("none")),
            str(chosen[name]),
        )
        for name, template in CARD.items()
        if offered[name]
    ]
    title = say("The settings of “{title}”:", title=inline(script.title, 100))
    button = make_position_button("menu-all-settings", position)
    return make_layout(ui.TextDisplay(title), *make_rows([*selects, button]))


def format_setting(name: str, script: Script, settings: Settings) -> str:
    """Return a setting with its value, its range and what it means."""
    current = current_values(script, settings)
    explanation = f"-# {say(EXPLANATIONS[name])}"
    if name == MOOD:
        mood = find_mood(current, settings)
        label = label_moods(settings)[mood] if mood else say("none")
        return f"**{say('mood {mood}', mood=label)}**\n{explanation}"
    return f"**{format_preference(name, current[name])}**{_format_range(name)}\n{explanation}"


def format_changes(script: Script, settings: Settings, changed: Collection[str]) -> str:
    """Return a sentence with the preferences that have just been changed."""
    entries = format_values(changed, current_values(script, settings), settings)
    return say("Changed: {changes}.", changes=", ".join(entries))


def format_values(
    names: Collection[str], values: Mapping[str, Any], settings: Settings
) -> list[str]:
    """Return preferences with their values, in words; the numbers of a mood are its name."""
    mood = find_mood(values, settings)
    if mood is None or not load_moods(settings)[mood].keys() <= set(names):
        return [format_preference(name, values[name]) for name in names]
    others = [name for name in names if name not in load_moods(settings)[mood]]
    return [_format_mood(mood, settings), *format_values(others, values, settings)]


def _format_mood(mood: str, settings: Settings) -> str:
    return say("mood {mood}", mood=label_moods(settings)[mood])


def format_preference(name: str, value: PreferenceValue) -> str:
    """Return a preference with its value, in words."""
    return say(ENTRY_TEMPLATES[name], value=_format_value(name, value))


def _bold(text: str, changed: bool) -> str:
    return f"**{text}**" if changed else text


def _format_range(name: str) -> str:
    """Return the choices or the range of a preference, if it has any."""
    choices = PREFERENCES[name].choices if name in PREFERENCES else {}
    if choices := LOOKS if name == "look" else choices:
        return f" ({', '.join(map(say, choices.values()))})"
    if name not in RANGES:
        return ""
    least, most = RANGES[name]
    if name == "cooldown":
        return f" {say('({least:,} to {most:,} s)', least=least, most=most)}"
    return f" {say('({least:,} to {most:,})', least=least, most=most)}"


def _format_value(name: str, value: PreferenceValue) -> object:
    match name, value:
        case "role", None:
            return say("everyone")
        case "role", _:
            return f"<@&{value}>"
        case ("cooldown", 0) | ("style" | "seed", None):
            return say("none")
        case "cooldown", _:
            return say("{seconds:,} s", seconds=value)
        case (("look" | "quality"), str()):
            return say((LOOKS | QUALITIES)[value])
        case "length", int():
            return many(value, "character")
        case _, bool():
            return say("on") if value else say("off")
        case _, str():
            return inline(label_style(value) if name == "style" else value, 40)
        case _, float():
            return round(value, 3)
        case _:
            return value


def format_words(words: Sequence[str], where: str) -> str:
    """Return a list as a message; ``where`` says in words whether channel or server has it."""
    if not words:
        return say("Only the bot's own list applies {where}. Ban words with `{*add}`.", where=where)
    text = ", ".join(words)
    if size(text) > LIST_SIZE:
        # Half of it in code points is never more than all of it in UTF-16.
        text = say(
            "{words} … and more, {number:,} in total",
            words=text[: LIST_SIZE // 2].rsplit(", ", 1)[0],
            number=len(words),
        )
    above = say("Besides the bot's own list, these words are banned {where}:", where=where)
    return f"{above}\n{fenced(text)}"


def summarize_words(words: Sequence[str]) -> str:
    """Return a list for a sentence: the number of words, and as many of them as fit."""
    if not words:
        return say("none")
    count, listed = many(len(words), "word"), inline(", ".join(words), SUMMARY_SIZE)
    return f"{count} ({listed})"
