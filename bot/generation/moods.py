"""Name moods: a temperature, a top-p and a length that suit each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..i18n.catalogue import phrase, say
from ..settings import Settings
from .options import OptionValue

Mood = Mapping[str, OptionValue]
"""The values of the options that a mood sets, by their names."""

MOOD_OPTIONS = ("temperature", "top_p", "length")


def _make_mood(temperature: float, top_p: float, length: int) -> Mood:
    return dict(zip(MOOD_OPTIONS, (temperature, top_p, length), strict=True))


MOODS: dict[str, Mood] = {
    phrase("calm"): _make_mood(0.5, 0.9, 40),
    phrase("lively"): _make_mood(0.65, 0.95, 60),
    phrase("unhinged"): _make_mood(1.25, 1.0, 120),
}
"""The moods that every bot has; the bot owner's come after them."""


def load_moods(settings: Settings) -> dict[str, Mood]:
    """Return all moods by their names: those of every bot, and the bot owner's own."""
    own = (entry.split() for entry in settings.moods.split(",") if entry.strip())
    return MOODS | {
        name: _make_mood(float(temperature), float(top_p), int(length))
        for name, temperature, top_p, length in own
    }


def label_moods(settings: Settings) -> dict[str, str]:
    """Return the moods as people call them, by their names."""
    return {name: say(name) for name in load_moods(settings)}


def find_mood(values: Mapping[str, Any], settings: Settings) -> str | None:
    """Return the name of the mood whose values the options have, or None."""
    moods = load_moods(settings).items()
    return next((name for name, mood in moods if mood.items() <= values.items()), None)
