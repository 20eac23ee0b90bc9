"""How a script is written: the settings that are kept with it, as people see and change them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .language import phrase, say
from .render import inline
from .settings import Settings
from .store import Script

MOST_TAKES = 5
"""Takes of a line that are written at once, at the most."""

EVERYTHING = "everything"
"""Stands for all settings, where one is chosen."""

HOW = phrase(
    "{/settings voice} and {/settings turns} change it, {/settings reset} takes that back, "
    "{/settings banned} has the words that no voice says."
)

NAMES = {
    "voice": "model",
    "temperature": "temperature",
    "top_p": "top-p",
    "min_p": "min-p",
    "repetition": "repetition",
    "length": "length",
    "takes": "takes",
    "lock": phrase("cast lock"),
    "skip_played": phrase("skip played"),
    "alternate": "alternate",
    "cooldown": "cooldown",
    "role": "role",
}
"""The settings by their columns, and how people call them."""

TOLD = {
    "voice": phrase("model {value}"),
    "temperature": phrase("temperature {value:,}"),
    "top_p": phrase("top-p {value:,}"),
    "min_p": phrase("min-p {value:,}"),
    "repetition": phrase("repetition {value:,}"),
    "length": phrase("length {value:,}"),
    "takes": phrase("takes {value:,}"),
    "lock": phrase("cast lock {value}"),
    "skip_played": phrase("skip played {value}"),
    "alternate": phrase("alternate {value}"),
    "cooldown": phrase("cooldown {value}"),
    "role": phrase("role {value}"),
}
"""The same with their values, as they are told."""


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
    title = say("“{title}” is written like this:", title=inline(script.title, 100))
    return "\n".join((title, *lines, f"-# {say(HOW)}"))


def changed_to(script: Script, settings: Settings, changed: Iterable[str]) -> str:
    """Settings that have just been changed, in a sentence."""
    return say("From now on: {changes}.", changes=", ".join(_entries(script, settings, changed)))


def _entries(script: Script, settings: Settings, names: Iterable[str]) -> list[str]:
    return [say(TOLD[one], value=_value(script, settings, one)) for one in names]


def _value(script: Script, settings: Settings, name: str) -> object:
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
            return f"<@&{value}>" if value else say("everybody")
        case "cooldown":
            return say("{seconds:,} s", seconds=value) if value else say("none")
        case "voice":
            return inline(value, 40)
        case _ if isinstance(value, bool):
            return say("on") if value else say("off")
        case _:
            return value
