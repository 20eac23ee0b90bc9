"""Declare the preferences of a script, and read, parse and resolve their values."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ..errors import RequestError
from ..generation.moods import Mood, find_mood, label_moods, load_moods
from ..generation.openings import label_style
from ..generation.options import OPTIONS_BY_NAME, OptionValue
from ..i18n.catalogue import phrase, say
from ..inference.sampling import LARGEST_SEED
from ..preference_spec import Group, PreferenceSpec, PreferenceValue
from ..settings import Look, Settings

MAX_TAKES = 5
"""The maximum number of takes of a line that are written at once."""

EVERYTHING = "everything"
"""Stands for all preferences where a single one is chosen."""

RESET = "reset"
"""The value that stands for a preference's initial value."""

_Switch = partial(PreferenceSpec[bool], type=bool, default=False)

MODEL = PreferenceSpec[str](
    name="voice",
    label=phrase("voice"),
    description=phrase("The voice to write with"),
    group=Group.VOICE,
    type=str,
    default="",
    setting="model",
    is_copied=True,
    is_listed=True,
)
MOOD = PreferenceSpec[str | None](
    name="mood",
    label=phrase("mood"),
    description=phrase("How daring the voice is and how long its lines get"),
    group=Group.VOICE,
    type=str,
    default=None,
    label_value=say,
    is_listed=True,
)
"""Stands for the preferences that a mood sets: it is shown and changed like one, but not stored."""
STYLE = PreferenceSpec[str | None](
    name="style",
    label=phrase("style"),
    description=phrase("The tone to write in; each voice has its own"),
    group=Group.VOICE,
    type=str,
    default=None,
    label_value=label_style,
    is_listed=True,
)
SEED = PreferenceSpec[int | None](
    name="seed",
    label=phrase("seed"),
    description=phrase("The same seed in the same place gives the same lines"),
    group=Group.ADVANCED,
    type=int,
    default=None,
    own_range=(0, LARGEST_SEED),
)
TAKES = PreferenceSpec[int](
    name="takes",
    label=phrase("takes"),
    description=phrase("How many takes to write at once"),
    group=Group.VOICE,
    type=int,
    default=1,
    own_range=(1, MAX_TAKES),
    is_listed=True,
)
LOCK = _Switch(
    name="lock",
    label=phrase("cast lock"),
    description=phrase("Let only the cast speak"),
    group=Group.WRITERS,
)
SKIP_PLAYED = _Switch(
    name="skip_played",
    label=phrase("skip played"),
    description=phrase("Leave characters to the people who play them"),
    group=Group.WRITERS,
)
ALTERNATE = _Switch(
    name="alternate",
    label=phrase("alternate"),
    description=phrase("Let nobody write twice in a row; one message may have several lines"),
    group=Group.WRITERS,
)
COOLDOWN = PreferenceSpec[int](
    name="cooldown",
    label=phrase("cooldown"),
    description=phrase(
        "How long a person must wait after writing or asking the voice, for one line or several"
    ),
    group=Group.WRITERS,
    type=int,
    default=0,
    own_range=(0, 86_400),
    unit="second",
    unset=phrase("off"),
)
ROLE = PreferenceSpec[int | None](
    name="role",
    label=phrase("role"),
    description=phrase("The role that may write here; only moderators can set it"),
    group=Group.WRITERS,
    type=int,
    default=None,
    is_moderated=True,
    unset=phrase("everyone"),
)
PLAIN_MESSAGES = _Switch(
    name="plain_messages",
    label=phrase("plain messages"),
    description=phrase("Turn plain messages into lines: `NAME: text` and `*action*`"),
    group=Group.CHANNEL,
)
PING = _Switch(
    name="ping",
    label=phrase("pings"),
    description=phrase("Ping whoever has the next turn"),
    group=Group.CHANNEL,
)
LOOK = PreferenceSpec[str | None](
    name="look",
    label=phrase("look"),
    description=phrase(
        "Characters with faces, cards, or a typewritten page (too wide for a phone)"
    ),
    group=Group.CHANNEL,
    type=Look,
    default=None,
    setting="look",
    label_value=say,
    is_listed=True,
)

_ORDER: tuple[PreferenceSpec[Any], ...] = (
    MODEL,
    MOOD,
    STYLE,
    LOOK,
    TAKES,
    *OPTIONS_BY_NAME.values(),
    SEED,
    LOCK,
    SKIP_PLAYED,
    ALTERNATE,
    COOLDOWN,
    ROLE,
    PLAIN_MESSAGES,
    PING,
)

SPECS = {spec.name: spec for spec in _ORDER}
"""All that people can see and change one by one, in the order in which they see them."""

PREFERENCES = {name: spec for name, spec in SPECS.items() if spec is not MOOD}
"""The preferences of a script, which are stored by their names."""

ADVANCED = tuple(name for name, spec in PREFERENCES.items() if spec.group is Group.ADVANCED)
"""The numbers in the window *Advanced*."""

_GROUPED = re.compile(r"[1-9]\d{0,2}([.,])\d{3}(\1\d{3})*")
"""A whole number with separated thousands, as in "1,500" or the German "1.500"."""


def parse_mood(name: str, settings: Settings) -> Mood:
    """Return the mood with a name in any language; raise RequestError for any other name."""
    labels = label_moods(settings)
    if key := _find_choice(name, labels):
        return load_moods(settings)[key]
    names = labels.values()
    raise RequestError("Choose one of these moods: {moods}.", moods=", ".join(names)).suggest(
        name, names
    )


def parse_preference(name: str, text: str, settings: Settings) -> Mapping[str, PreferenceValue]:
    """Return the preferences that a person's text changes; raise RequestError.

    A mood changes several. The name of a voice or of a style is returned unchecked.
    """
    spec = SPECS[name]
    if spec is MOOD:
        return parse_mood(text, settings)
    wanted = text.strip().casefold()
    if not spec.choices and wanted in (spec.unset, say(spec.unset).casefold()):
        if spec.unit:
            return {name: 0}
        if spec.default_in(settings) is None:
            return {name: None}
    if spec.range:
        return {name: parse_number(name, text)}
    if not (choices := spec.choices):
        return {name: text.strip()}
    key = _find_choice(text, choices)
    if key is None:
        raise RequestError(
            "Choose one of these values: {values}.", values=", ".join(choices.values())
        ).suggest(text, choices.values())
    return {name: key == "on" if spec.type is bool else key}


def _find_choice(text: str, labels: Mapping[str, str]) -> str | None:
    """Return the key of the choice that a person means by its key or its label, or None."""
    wanted = text.strip().casefold()
    return next((key for key, label in labels.items() if wanted in (key, label.casefold())), None)


def parse_number(name: str, text: str) -> PreferenceValue:
    """Return the number of a preference that a person typed; raise RequestError.

    An empty text restores the seed's default.
    """
    spec = PREFERENCES[name]
    if spec is SEED and not text.strip():
        return None
    typed = text.strip()
    if spec.type is int and _GROUPED.fullmatch(typed):
        typed = re.sub("[.,]", "", typed)
    try:
        value = spec.type(typed.replace(",", "."))
    except ValueError:
        value = math.nan
    if not spec.accepts(value):
        raise RequestError(
            "Choose a number from {least:,} to {most:,} for “{setting}”.",
            setting=spec.label,
            **spec.limits,
        )
    return value


def combine_options(
    mood: str | None, temperature: float | None, settings: Settings
) -> dict[str, OptionValue]:
    """Return the options of a mood; a given temperature takes precedence over the mood's."""
    options = dict(parse_mood(mood, settings)) if mood else {}
    return options if temperature is None else options | {"temperature": temperature}


def initial_values(cast: Sequence[str], settings: Settings) -> dict[str, Any]:
    """Return the preferences of a new script with a cast; None for those that it does not have."""
    initial = {name: spec.initial(settings) for name, spec in PREFERENCES.items()}
    return initial | {LOCK.name: True if cast else None}


def resolve_values(preferences: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Return the value of each preference and the mood: a script's own value or the default."""
    values = {}
    for name, spec in PREFERENCES.items():
        own = spec.find_own(preferences)
        values[name] = spec.default_in(settings) if own is None else own
    return values | {MOOD.name: find_mood(values, settings)}


def select_kept(preferences: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a script's preferences with which its channel's next script begins."""
    kept = [name for name, spec in PREFERENCES.items() if spec.group is Group.CHANNEL]
    return {name: preferences[name] for name in kept if name in preferences}
