"""Show and change the preferences of a script."""

from __future__ import annotations

from typing import Any

from ..generation.options import PREFERENCES, read_options
from ..i18n.catalogue import phrase
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
    "voice": "model",
    **{name: spec.label for name, spec in PREFERENCES.items()},
    "takes": "takes",
    "lock": phrase("cast lock"),
    "skip_played": phrase("skip played"),
    "alternate": "alternate",
    "cooldown": "cooldown",
    "role": "role",
}
"""The preferences, as people call them, in the order in which they are shown."""

RANGES: dict[str, tuple[float, float]] = {
    **{name: spec.bounds for name, spec in PREFERENCES.items() if spec.bounds},
    "takes": (1, MAX_TAKES),
    "cooldown": (0, 86_400),
}
"""The least and the largest value of each number, as in the options of the commands."""


def initial_values(script: Script, settings: Settings) -> dict[str, Any]:
    """Return the initial value of each preference."""
    return {
        "voice": settings.model,
        **{name: spec.initial(settings) for name, spec in PREFERENCES.items()},
        "takes": 1,
        "lock": bool(script.cast),
        "skip_played": False,
        "alternate": False,
        "cooldown": 0,
        "role": None,
    }


def current_values(script: Script, settings: Settings) -> dict[str, Any]:
    """Return the current value of each preference: the operator's if the script has none."""
    values = own_values(script)
    return values | {
        name: spec.default_in(settings)
        for name, spec in PREFERENCES.items()
        if values[name] is None
    }


def own_values(script: Script) -> dict[str, Any]:
    """Return the script's own value of each preference; None if it follows the operator."""
    options = read_options(script.options)
    return {
        name: options.get(name) if name in PREFERENCES else getattr(script, name) for name in LABELS
    }
