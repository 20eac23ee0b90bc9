"""Show and change the preferences of a script."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..errors import RequestError
from ..generation.moods import Mood, label_moods, load_moods
from ..generation.options import PREFERENCES, QUALITIES, OptionValue, read_options
from ..i18n.catalogue import Phrase, phrase, say
from ..inference.sampling import LARGEST_SEED
from ..settings import Settings
from ..storage.schema import Script

PreferenceValue = str | float | None
"""The value of a preference: a number, on or off, a name, or the id of a role (None: everybody)."""

MAX_TAKES = 5
"""The most takes of a line that are written at once."""

MOOD, EVERYTHING = "mood", "everything"
"""Stand for the numbers of a mood, and for all preferences, where one is chosen."""

RESET = "reset"
"""The value that stands for a preference's initial one."""

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

SWITCH = {"on": phrase("on"), "off": phrase("off")}
"""The values of a preference that is on or off."""

SWITCHES = ("lock", "skip_played", "alternate", "plain_messages", "ping")
"""The preferences that are on or off."""

CHOICES: dict[str, Mapping[str, str]] = {
    "quality": QUALITIES,
    "look": LOOKS,
    **dict.fromkeys(SWITCHES, SWITCH),
}
"""The values of the preferences that have a few, as people call them."""

EXPLANATIONS = {
    "voice": phrase("The voice to write with"),
    MOOD: phrase("How the voice feels"),
    **{name: spec.description for name, spec in PREFERENCES.items()},
    "style": phrase("The tone to write in; each voice has its own"),
    "seed": phrase("The same seed in the same place gives the same lines"),
    "takes": phrase("How many takes to write at once"),
    "lock": phrase("Let only the cast speak"),
    "skip_played": phrase("Leave characters to the people who play them"),
    "alternate": phrase("Let nobody write twice in a row"),
    "cooldown": phrase("Seconds between two lines, or 0"),
    "role": phrase("The role that may write here; only moderators can set it"),
    "plain_messages": phrase("Make lines of plain messages: NAME: text, and *action*"),
    "ping": phrase("Ping whoever has the next turn"),
    "look": phrase("Characters with faces, cards, or a typewritten page"),
}
"""What the preferences mean."""

RANGES: dict[str, tuple[float, float]] = {
    **{name: spec.bounds for name, spec in PREFERENCES.items() if spec.bounds},
    "seed": (0, LARGEST_SEED),
    "takes": (1, MAX_TAKES),
    "cooldown": (0, 86_400),
}
"""The least and the largest value of each number."""

WHOLE_NUMBERS = ("seed", "takes", "cooldown", "length")
"""The numbers without decimals."""


def parse_mood(name: str, settings: Settings) -> Mood:
    """Return the mood with a name in any language; raise RequestError for any other name."""
    labels = label_moods(settings)
    if key := _find_choice(name, labels):
        return load_moods(settings)[key]
    raise RequestError("Choose a mood from {moods}.", moods=", ".join(labels.values()))


def parse_preference(name: str, text: str, settings: Settings) -> Mapping[str, PreferenceValue]:
    """Return the preferences that a person changes with a text; raise RequestError.

    A mood changes several. The name of a voice or of a style is returned unchecked.
    """
    if name == MOOD:
        return parse_mood(text, settings)
    if name in RANGES:
        return {name: parse_number(name, text)}
    if name not in CHOICES:
        return {name: text.strip()}
    labels = {key: say(label) for key, label in CHOICES[name].items()}
    key = _find_choice(text, labels)
    if key is None:
        raise RequestError(
            "Choose one of these values: {values}.", values=", ".join(labels.values())
        )
    return {name: key == "on" if name in SWITCHES else key}


def _find_choice(text: str, labels: Mapping[str, str]) -> str | None:
    """Return the key of the choice that a person means by its key or its label, or None."""
    wanted = text.strip().casefold()
    return next((key for key, label in labels.items() if wanted in (key, label.casefold())), None)


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
    kind = int if name in WHOLE_NUMBERS else float
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
