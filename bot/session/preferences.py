"""Show and change the preferences of a script."""

from __future__ import annotations

import math
from typing import Any

from ..errors import RequestError
from ..generation.moods import Mood, label_moods, load_moods
from ..generation.options import PREFERENCES, OptionValue, read_options
from ..i18n.catalogue import Phrase, phrase
from ..inference.sampling import LARGEST_SEED
from ..settings import Settings
from ..storage.schema import Script

PreferenceValue = str | float | None
"""The value of a preference: a number, on or off, a name, or the id of a role (None: everybody)."""

MAX_TAKES = 5
"""The most takes of a line that are written at once."""

BANNED = "banned"
"""Stands for the banned words of a channel, where a preference is chosen."""

EVERYTHING = "everything"
"""Stands for all preferences, where one is chosen."""

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
    "plain_messages": phrase("plain messages"),
    "ping": phrase("pings"),
    "look": phrase("look"),
}
"""The preferences, as people call them, in the order in which they are shown."""

LOOKS = {
    "characters": phrase("characters"),
    "cards": phrase("cards"),
    "typewriter": phrase("typewriter"),
}
"""The looks of lines in a channel."""

RANGES: dict[str, tuple[float, float]] = {
    **{name: spec.bounds for name, spec in PREFERENCES.items() if spec.bounds},
    "seed": (0, LARGEST_SEED),
    "takes": (1, MAX_TAKES),
    "cooldown": (0, 86_400),
}
"""The least and the largest value of each number, as in the options of the commands."""


def parse_mood(name: str, settings: Settings) -> Mood:
    """Return the mood with a name in any language; raise RequestError for any other name."""
    labels = label_moods(settings)
    wanted = name.strip().casefold()
    for key, label in labels.items():
        if wanted in (key, label.casefold()):
            return load_moods(settings)[key]
    raise RequestError("Choose a mood from {moods}.", moods=", ".join(labels.values()))


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
        "plain_messages": False,
        "ping": False,
        "look": None,
    }


def current_values(script: Script, settings: Settings) -> dict[str, Any]:
    """Return the current value of each preference: the operator's if the script has none."""
    values = own_values(script)
    defaults = {name: spec.default_in(settings) for name, spec in PREFERENCES.items()}
    defaults["look"] = settings.look
    return values | {name: value for name, value in defaults.items() if values[name] is None}


def own_values(script: Script) -> dict[str, Any]:
    """Return the script's own value of each preference; None if it follows the operator."""
    options = read_options(script.options)
    return {
        name: options.get(name) if name in PREFERENCES else getattr(script, name) for name in LABELS
    }


def parse_number(name: str, text: str) -> PreferenceValue:
    """Return the number of a preference that a person typed; raise RequestError.

    Nothing restores the seed's default.
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
        raise RequestError(
            "{setting} must be a number from {least:,} to {most}.",
            setting=Phrase(LABELS[name]),
            least=least,
            most=most,
        )
    return value
