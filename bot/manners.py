"""How a script is written: the settings that are kept with it, as people see and change them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .render import inline
from .settings import Settings
from .store import Script

MOST_TAKES = 5
"""Takes of a line that are written at once, at the most."""

EVERYTHING = "everything"
"""Stands for all settings, where one is chosen."""

HOW = (
    "-# /settings voice and /settings turns change it, /settings reset takes that back, /settings "
    "banned has the words that no voice says."
)

NAMES = {
    "voice": "model",
    "temperature": "temperature",
    "top_p": "top-p",
    "min_p": "min-p",
    "repetition": "repetition",
    "length": "length",
    "takes": "takes",
    "lock": "cast lock",
    "skip_played": "skip played",
    "alternate": "alternate",
    "cooldown": "cooldown",
    "role": "role",
}
"""The settings by their columns, and how people call them."""


def at_first(script: Script, settings: Settings) -> dict[str, Any]:
    """What each setting is before anybody changes it."""
    return {
        "voice": settings.model,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "min_p": None,
        "repetition": None,
        "length": None,
        "takes": 1,
        "lock": bool(script.cast),
        "skip_played": False,
        "alternate": False,
        "cooldown": 0,
        "role": None,
    }


def shown(script: Script, settings: Settings) -> str:
    """All settings of a script, one a line; those that were changed are bold."""
    first = at_first(script, settings)
    lines = [
        f"- **{entry}**" if getattr(script, one) != first[one] else f"- {entry}"
        for one, entry in zip(NAMES, _entries(script, settings, NAMES), strict=True)
    ]
    title = f"“{inline(script.title, 100)}” is written like this:"
    return "\n".join((title, *lines, HOW))


def changed_to(script: Script, settings: Settings, changed: Iterable[str]) -> str:
    """Settings that have just been changed, in a sentence."""
    return f"From now on: {', '.join(_entries(script, settings, changed))}."


def _entries(script: Script, settings: Settings, names: Iterable[str]) -> list[str]:
    return [f"{NAMES[one]} {_value(script, settings, one)}" for one in names]


def _value(script: Script, settings: Settings, name: str) -> str:
    operators = {
        "min_p": settings.min_p,
        "repetition": settings.repetition,
        "length": settings.soft_length,
    }
    value = getattr(script, name)
    if value is None:
        value = operators.get(name)
    match name:
        case "role":
            return f"<@&{value}>" if value else "everybody"
        case "cooldown":
            return f"{value} s" if value else "none"
        case "voice":
            return inline(value, 40)
        case _ if isinstance(value, bool):
            return "on" if value else "off"
        case _:
            return str(value)
