"""How a script is written: the settings that are kept with it, as people see and change them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..generation.reranking import QUALITIES
from ..i18n.catalogue import many, phrase, say
from ..i18n.markdown import inline
from ..settings import Settings
from ..storage.schema import Script
from .banned_words import mentioned

Value = str | float | None
"""What a setting is: a number, on or off, a name, or the id of a role, None for everybody."""

MOST_TAKES = 5
"""Takes of a line that are written at once, at the most."""

BANNED = "banned"
"""Stands for the words that are banned in a channel, where a setting is chosen."""

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
    "company": "company",
    "length": "length",
    "quality": phrase("quality"),
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
    "company": phrase("company {value:,}"),
    "length": phrase("length {value}"),
    "quality": phrase("quality {value}"),
    "takes": phrase("takes {value:,}"),
    "lock": phrase("cast lock {value}"),
    "skip_played": phrase("skip played {value}"),
    "alternate": phrase("alternate {value}"),
    "cooldown": phrase("cooldown {value}"),
    "role": phrase("role {value}"),
}
"""The same with their values, as they are told."""

RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0.1, 2.0),
    "top_p": (0.05, 1.0),
    "min_p": (0.0, 1.0),
    "repetition": (0.0, 2.0),
    "company": (0.0, 2.0),
    "length": (0, 1500),
    "takes": (1, MOST_TAKES),
    "cooldown": (0, 86_400),
}
"""What those that are numbers can be, from and to: as the options of the commands say, too."""


def at_first(script: Script, settings: Settings) -> dict[str, Any]:
    """What each setting is before anybody changes it."""
    return {
        "voice": settings.model,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "min_p": None,
        "repetition": None,
        "company": None,
        "length": None,
        "quality": None,
        "takes": 1,
        "lock": bool(script.cast),
        "skip_played": False,
        "alternate": False,
        "cooldown": 0,
        "role": None,
    }


def present(script: Script, settings: Settings) -> dict[str, Any]:
    """What each setting is now: the operator's, where the script has none of its own."""
    operators = {
        "min_p": settings.min_p,
        "repetition": settings.repetition,
        "company": settings.company,
        "length": settings.soft_length,
        "quality": settings.quality,
    }
    now = {one: getattr(script, one) for one in NAMES}
    return now | {one: value for one, value in operators.items() if now[one] is None}


def shown(script: Script, settings: Settings, banned: Mapping[str, Sequence[str]]) -> str:
    """All settings of a script, one a line, and what they can be; those changed are bold.

    ``banned`` are the words that nobody is to say, by where that is, in words.
    """
    first, now = at_first(script, settings), present(script, settings)
    lines = [
        f"- {_bold(entry(one, now[one]), getattr(script, one) != first[one])}{_range(one)}"
        for one in NAMES
    ]
    if script.style:
        lines.insert(1, f"- **{say('style {style}', style=inline(script.style, 40))}**")
    for where, words in banned.items():
        list_there = say("banned {where}: {words}", where=where, words=mentioned(words))
        lines.append(f"- {_bold(list_there, bool(words))}")
    title = say("“{title}” is written like this:", title=inline(script.title, 100))
    return "\n".join((title, *lines, f"-# {say(HOW)}"))


def changed_to(script: Script, settings: Settings, changed: Iterable[str]) -> str:
    """Settings that have just been changed, in a sentence."""
    now = present(script, settings)
    return say(
        "From now on: {changes}.", changes=", ".join(entry(one, now[one]) for one in changed)
    )


def entry(name: str, value: Value) -> str:
    """A setting and what it is, in words."""
    return say(TOLD[name], value=_in_words(name, value))


def _bold(text: str, changed: bool) -> str:
    return f"**{text}**" if changed else text


def _range(name: str) -> str:
    """What a setting can be, where there are few ways or it is a number."""
    if name == "quality":
        return f" ({', '.join(map(say, QUALITIES.values()))})"
    if name not in RANGES:
        return ""
    least, most = RANGES[name]
    if name == "cooldown":
        return f" {say('(from {least:,} to {most:,} s)', least=least, most=most)}"
    return f" {say('(from {least:,} to {most:,})', least=least, most=most)}"


def _in_words(name: str, value: Value) -> object:
    match name, value:
        case "role", None:
            return say("everybody")
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
