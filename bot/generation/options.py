"""Declare once what people can choose about how a model writes.

The options of the commands, the ranges and words of the preferences, the values of a new script,
the options of a request and of another take, and how they are resolved all come from `OPTIONS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..i18n.catalogue import phrase

Value = float | str
"""The value of an option: a number, or one of its choices."""

QUICK = "quick"
"""The quality without a choice: the first candidate is the line."""

QUALITIES = {QUICK: phrase("quick"), "good": phrase("good"), "best": phrase("best")}
"""The qualities by their values, as people call them."""


@dataclass(frozen=True)
class OptionSpec:
    """One option of generation."""

    name: str
    """The key in requests and provenance, and the name of the script's column."""
    type: type[float | int | str]
    label: str
    """The option as people call it."""
    entry: str
    """The option with its ``value``, for a list or a sentence; empty where it is never shown."""
    default: str | float
    """The default: a number, or the name of the field of `Settings` that has it."""
    description: str = ""
    """What the option does, as Discord's commands show it; empty if no command has the option."""
    bounds: tuple[float, float] | None = None
    """The least and the largest value of a number."""
    choices: Mapping[str, str] | None = None
    """The values of a text, as people call them."""
    copied: bool = False
    """Whether a new script copies the default; otherwise the script follows the operator."""
    is_preference: bool = True
    """Whether a script can have a value of its own."""
    is_requestable: bool = True
    """Whether a request can have a value for its own lines alone."""

    def default_in(self, settings: object) -> Value:
        """Return the value where neither request nor script has one."""
        if not isinstance(self.default, str):
            return self.default
        value: Value = getattr(settings, self.default)
        return value

    def initial(self, settings: object) -> Value | None:
        """Return the value of a new script; None where the script follows the operator."""
        return self.default_in(settings) if self.copied else None


OPTIONS = (
    OptionSpec(
        name="temperature",
        type=float,
        label="temperature",
        entry=phrase("temperature {value:,}"),
        default="temperature",
        description=phrase("How daring the voice is, from 0.1 to 2.0"),
        bounds=(0.1, 2.0),
        copied=True,
    ),
    OptionSpec(
        name="top_p",
        type=float,
        label="top-p",
        entry=phrase("top-p {value:,}"),
        default="top_p",
        description=phrase("From which share of likely characters it chooses, up to 1.0"),
        bounds=(0.05, 1.0),
        copied=True,
    ),
    OptionSpec(
        name="min_p",
        type=float,
        label="min-p",
        entry=phrase("min-p {value:,}"),
        default="min_p",
        description=phrase(
            "How likely a character must be beside the likeliest, from 0 (off) to 1.0"
        ),
        bounds=(0.0, 1.0),
    ),
    OptionSpec(
        name="repetition",
        type=float,
        label="repetition",
        entry=phrase("repetition {value:,}"),
        default="repetition",
        description=phrase("What repeating an earlier passage costs, from 0 (off) to 2.0"),
        bounds=(0.0, 2.0),
    ),
    OptionSpec(
        name="company",
        type=float,
        label="company",
        entry=phrase("company {value:,}"),
        default="company",
        description=phrase("How readily those speak who have spoken before, from 0 (off) to 2.0"),
        bounds=(0.0, 2.0),
    ),
    OptionSpec(
        name="length",
        type=int,
        label="length",
        entry=phrase("length {value}"),
        default="soft_length",
        description=phrase("Characters after which it brings a line to its end"),
        bounds=(0, 1500),
        is_requestable=False,
    ),
    OptionSpec(
        name="recall",
        type=float,
        label="recall",
        entry="",
        default="recall",
        bounds=(0.0, 2.0),
        is_preference=False,
        is_requestable=False,
    ),
    OptionSpec(
        name="quality",
        type=str,
        label=phrase("quality"),
        entry=phrase("quality {value}"),
        default="quality",
        description=phrase(
            "How many candidates it writes for each line, to keep the best: 1, 16 or 64"
        ),
        choices=QUALITIES,
    ),
)
"""All options, in the order in which people see them."""

SAMPLING_OPTIONS = tuple(one for one in OPTIONS if one.choices is None)
"""The options that go into `Sampling`: numbers."""

PREFERENCES = {one.name: one for one in OPTIONS if one.is_preference}
"""The options that a script can have values of."""


def resolve(
    requested: Mapping[str, Value | None], script: object, settings: object
) -> dict[str, Any]:
    """Return the value of each option: the request's, or the script's, or the operator's.

    Raises ValueError for a request of what is no requestable option.
    """
    unknown = requested.keys() - {one.name for one in OPTIONS if one.is_requestable}
    if unknown:
        raise ValueError(f"these are no options of a request: {', '.join(sorted(unknown))}")
    resolved = {}
    for one in OPTIONS:
        own = getattr(script, one.name) if one.is_preference else None
        given = (requested.get(one.name), own, one.default_in(settings))
        resolved[one.name] = next(value for value in given if value is not None)
    return resolved


def requested_in(origin: Mapping[str, Any]) -> dict[str, Value | None]:
    """Return the options that ask for another line as one with this origin was written."""
    return {one.name: origin.get(one.name) for one in OPTIONS if one.is_requestable}
