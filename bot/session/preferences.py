"""Show and change the preferences of a script."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..generation.moods import Mood, find_mood, label_moods, load_moods
from ..generation.options import PREFERENCES, QUALITIES, OptionValue, read_options
from ..i18n.catalogue import many, phrase, say
from ..i18n.markdown import inline
from ..inference.sampling import LARGEST_SEED
from ..settings import Settings
from ..storage.schema import Script
from .banned_words import summarize_words
from .turn import SessionError

PreferenceValue = str | float | None
"""The value of a preference: a number, on or off, a name, or the id of a role (None: everybody)."""

MAX_TAKES = 5
"""The most takes of a line that are written at once."""

BANNED = "banned"
"""Stands for the banned words of a channel, where a preference is chosen."""

EVERYTHING = "everything"
"""Stands for all preferences, where one is chosen."""

HINT = phrase(
    "Change these with {/settings writing} and {/settings turns}, or restore them with "
    "{/settings reset}. {/settings banned} lists the banned words."
)

LABELS = {
    "voice": phrase("voice"),
    **{name: spec.label for name, spec in PREFERENCES.items()},
    "style": "style",
    "seed": "seed",
    "takes": "takes",
    "lock": phrase("cast lock"),
    "skip_played": phrase("skip played"),
    "alternate": "alternate",
    "cooldown": "cooldown",
    "role": "role",
    "look": phrase("look"),
}
"""The preferences, as people call them, in the order in which they are shown."""

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
    "look": phrase("look {value}"),
}
"""The preferences with their values."""

LOOKS = {
    "characters": phrase("characters"),
    "cards": phrase("cards"),
    "typewriter": phrase("typewriter"),
}
"""The looks of lines in a channel."""

HIDDEN_IF_NONE = ("style", "seed")
"""The preferences that most scripts do not have, and that are shown only where one does."""

RANGES: dict[str, tuple[float, float]] = {
    **{name: spec.bounds for name, spec in PREFERENCES.items() if spec.bounds},
    "seed": (0, LARGEST_SEED),
    "takes": (1, MAX_TAKES),
    "cooldown": (0, 86_400),
}
"""The least and the largest value of each number, as in the options of the commands."""


def parse_mood(name: str, settings: Settings) -> Mood:
    """Return the mood with a name in any language; raise SessionError for any other name."""
    labels = label_moods(settings)
    wanted = name.strip().casefold()
    for key, label in labels.items():
        if wanted in (key, label.casefold()):
            return load_moods(settings)[key]
    sentence = say("Choose a mood from {moods}.", moods=", ".join(labels.values()))
    raise SessionError(sentence)


def combine_options(
    mood: str | None, temperature: float | None, settings: Settings
) -> dict[str, OptionValue]:
    """Return the options of a mood with a temperature, which goes before that of the mood."""
    options = dict(parse_mood(mood, settings)) if mood else {}
    return options if temperature is None else options | {"temperature": temperature}


def initial_values(script: Script, settings: Settings) -> dict[str, Any]:
    """Return the initial value of each preference."""
    return {
        "voice": settings.model,
        **{name: spec.initial(settings) for name, spec in PREFERENCES.items()},
        "style": None,
        "seed": None,
        "takes": 1,
        "lock": bool(script.cast),
        "skip_played": False,
        "alternate": False,
        "cooldown": 0,
        "role": None,
        "look": None,
    }


def current_values(script: Script, settings: Settings) -> dict[str, Any]:
    """Return the current value of each preference: the operator's if the script has none."""
    values = _own_values(script)
    defaults = {name: spec.default_in(settings) for name, spec in PREFERENCES.items()}
    defaults["look"] = settings.look
    return values | {name: value for name, value in defaults.items() if values[name] is None}


def _own_values(script: Script) -> dict[str, Any]:
    """Return the script's own value of each preference; None if it follows the operator."""
    options = read_options(script.options)
    return {
        name: options.get(name) if name in PREFERENCES else getattr(script, name) for name in LABELS
    }


def parse_number(name: str, text: str) -> PreferenceValue:
    """Return the number of a preference that a person typed; nothing restores the seed's default.

    Raises:
        SessionError: It is no number, or out of range.
    """
    if name == "seed" and not text.strip():
        return None
    least, most = RANGES[name]
    kind = int if name == "seed" else float
    try:
        value = kind(text.strip().replace(",", "."))
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise SessionError(
            say(
                "{setting} must be a number from {least:,} to {most}.",
                setting=say(LABELS[name]),
                least=least,
                most=most,
            )
        )
    return value


def format_preferences(
    script: Script, settings: Settings, banned: Mapping[str, Sequence[str]]
) -> str:
    """Return all preferences of a script with their ranges, one a line; changed ones are bold.

    ``banned`` has the banned words by where they are banned, in words.
    """
    initial, own = initial_values(script, settings), _own_values(script)
    current = current_values(script, settings)
    lines = []
    for name in LABELS:
        if name in HIDDEN_IF_NONE and current[name] is None:
            continue
        preference = _bold(format_preference(name, current[name]), own[name] != initial[name])
        lines.append(f"- {preference}{_format_range(name)}")
    if mood := find_mood(current, settings):
        lines.insert(1, f"- {say('mood {mood}', mood=label_moods(settings)[mood])}")
    for scope, words in banned.items():
        list_there = say("banned {where}: {words}", where=scope, words=summarize_words(words))
        lines.append(f"- {_bold(list_there, bool(words))}")
    title = say("The settings of “{title}”:", title=inline(script.title, 100))
    return "\n".join((title, *lines, f"-# {say(HINT)}"))


def format_changes(script: Script, settings: Settings, changed: Iterable[str]) -> str:
    """Return a sentence with the preferences that have just been changed."""
    current = current_values(script, settings)
    return say(
        "Changed: {changes}.",
        changes=", ".join(format_preference(name, current[name]) for name in changed),
    )


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
            return inline(value, 40)
        case _, float():
            return round(value, 3)
        case _:
            return value
