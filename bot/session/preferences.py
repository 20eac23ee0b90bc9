"""Preferences: how a script is written, as it is kept with the script, shown and changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..generation.options import PREFERENCES, QUALITIES, read_options
from ..i18n.catalogue import many, phrase, say
from ..i18n.markdown import inline
from ..settings import Settings
from ..storage.schema import Script
from .banned_words import mentioned

Value = str | float | None
"""The value of a preference: a number, on or off, a name, or the id of a role (None: everybody)."""

MOST_TAKES = 5
"""The most takes of a line that are written at once."""

BANNED = "banned"
"""Stands for the banned words of a channel, where a preference is chosen."""

EVERYTHING = "everything"
"""Stands for all preferences, where one is chosen."""

HOW = phrase(
    "Change these with {/settings voice} and {/settings turns}, or restore them with "
    "{/settings reset}. {/settings banned} lists the banned words."
)

NAMES = {
    "voice": "model",
    **{name: one.label for name, one in PREFERENCES.items()},
    "takes": "takes",
    "lock": phrase("cast lock"),
    "skip_played": phrase("skip played"),
    "alternate": "alternate",
    "cooldown": "cooldown",
    "role": "role",
}
"""The preferences, as people call them, in the order in which they are shown."""

ENTRIES = {
    "voice": phrase("model {value}"),
    **{name: one.entry for name, one in PREFERENCES.items()},
    "takes": phrase("takes {value:,}"),
    "lock": phrase("cast lock {value}"),
    "skip_played": phrase("skip played {value}"),
    "alternate": phrase("alternate {value}"),
    "cooldown": phrase("cooldown {value}"),
    "role": phrase("role {value}"),
}
"""The preferences with their values."""

RANGES: dict[str, tuple[float, float]] = {
    **{name: one.bounds for name, one in PREFERENCES.items() if one.bounds},
    "takes": (1, MOST_TAKES),
    "cooldown": (0, 86_400),
}
"""The least and the largest value of each number, as in the options of the commands."""


def at_first(script: Script, settings: Settings) -> dict[str, Any]:
    """Return each preference as it is before anybody changes it."""
    return {
        "voice": settings.model,
        **{name: one.initial(settings) for name, one in PREFERENCES.items()},
        "takes": 1,
        "lock": bool(script.cast),
        "skip_played": False,
        "alternate": False,
        "cooldown": 0,
        "role": None,
    }


def present(script: Script, settings: Settings) -> dict[str, Any]:
    """Return each preference as it is now: the operator's where the script has none of its own."""
    now = _own(script)
    return now | {
        name: one.default_in(settings) for name, one in PREFERENCES.items() if now[name] is None
    }


def _own(script: Script) -> dict[str, Any]:
    """Return the script's own value of each preference; None where it follows the operator."""
    options = read_options(script.options)
    return {
        name: options.get(name) if name in PREFERENCES else getattr(script, name) for name in NAMES
    }


def shown(script: Script, settings: Settings, banned: Mapping[str, Sequence[str]]) -> str:
    """Return all preferences of a script with their ranges, one a line; changed ones are bold.

    ``banned`` has the banned words by where they are banned, in words.
    """
    first, now, own = at_first(script, settings), present(script, settings), _own(script)
    lines = [
        f"- {_bold(entry(one, now[one]), own[one] != first[one])}{_range(one)}" for one in NAMES
    ]
    if script.style:
        lines.insert(1, f"- **{say('style {style}', style=inline(script.style, 40))}**")
    for where, words in banned.items():
        list_there = say("banned {where}: {words}", where=where, words=mentioned(words))
        lines.append(f"- {_bold(list_there, bool(words))}")
    title = say("The settings of “{title}”:", title=inline(script.title, 100))
    return "\n".join((title, *lines, f"-# {say(HOW)}"))


def changed_to(script: Script, settings: Settings, changed: Iterable[str]) -> str:
    """Return a sentence with the preferences that have just been changed."""
    now = present(script, settings)
    return say("Changed: {changes}.", changes=", ".join(entry(one, now[one]) for one in changed))


def entry(name: str, value: Value) -> str:
    """Return a preference with its value, in words."""
    return say(ENTRIES[name], value=_in_words(name, value))


def _bold(text: str, changed: bool) -> str:
    return f"**{text}**" if changed else text


def _range(name: str) -> str:
    """Return the choices or the range of a preference, if it has any."""
    if name in PREFERENCES and (choices := PREFERENCES[name].choices):
        return f" ({', '.join(map(say, choices.values()))})"
    if name not in RANGES:
        return ""
    least, most = RANGES[name]
    if name == "cooldown":
        return f" {say('({least:,} to {most:,} s)', least=least, most=most)}"
    return f" {say('({least:,} to {most:,})', least=least, most=most)}"


def _in_words(name: str, value: Value) -> object:
    match name, value:
        case "role", None:
            return say("everyone")
        case "role", _:
            return f"<@&{value}>"
        case "cooldown", 0:
            return say("none")
        case "cooldown", _:
            return say("{seconds:,} s", seconds=value)
        case "quality", str():
            return say(QUALITIES[value])
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
