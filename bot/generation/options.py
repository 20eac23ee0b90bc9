"""Declare once the options of generation that people can choose.

The ranges and words of the preferences, the values of a new script, the options of a request and of
another take, and how they are resolved all come from `OPTIONS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..i18n.catalogue import phrase

OptionValue = float | str
"""The value of an option: a number, or one of its choices."""

QUICK = "quick"
"""The quality without a choice: the first candidate is the line."""

QUALITIES = {QUICK: phrase("quick"), "good": phrase("good"), "best": phrase("best")}
"""The qualities by their values, as people call them."""


@dataclass(frozen=True)
class OptionSpec:
    """One option of generation."""

    name: str
    """The key in requests, in provenance and in a script's options."""
    label: str
    """The option as people call it."""
    template: str
    """The option with its ``value``, for a list or a sentence; empty where it is never shown."""
    type: type[float | int | str] = float
    default: str | float = ""
    """The default: a number, or the field of `Settings` that has it if its name is another one."""
    description: str = ""
    """What the option does, as people read it; empty if no person can set the option."""
    bounds: tuple[float, float] | None = None
    """The least and the largest value of a number."""
    choices: Mapping[str, str] | None = None
    """The values of a text, as people call them."""
    is_copied: bool = False
    """Whether a new script copies the default; otherwise the script follows the operator."""
    is_public: bool = True
    """Whether a script, or a request for its own lines alone, can have a value of its own."""
    is_advanced: bool = False
    """Whether the window *Advanced* has the number. The window has room for four and the seed."""

    def default_in(self, settings: object) -> OptionValue:
        """Return the value where neither request nor script has one."""
        if not isinstance(self.default, str):
            return self.default
        value: OptionValue = getattr(settings, self.default or self.name)
        return value

    def initial(self, settings: object) -> OptionValue | None:
        """Return the value of a new script; None where the script follows the operator."""
        return self.default_in(settings) if self.is_copied else None

    def accepts(self, value: Any) -> bool:  # noqa: ANN401 - may come from JSON
        """Return whether a value has the type of the option, and is within its range."""
        if self.choices is not None:
            return value in self.choices
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        least, most = self.bounds or (value, value)
        return least <= value <= most and self.type(value) == value


OPTIONS = (
    OptionSpec(
        name="temperature",
        label="temperature",
        template=phrase("temperature {value:,}"),
        description=phrase("How daring the voice is, from 0.1 to 2.0"),
        bounds=(0.1, 2.0),
        is_copied=True,
    ),
    OptionSpec(
        name="top_p",
        label="top-p",
        template=phrase("top-p {value:,}"),
        description=phrase("Top-p sampling: the share of probability to choose from, up to 1.0"),
        bounds=(0.05, 1.0),
        is_copied=True,
        is_advanced=True,
    ),
    OptionSpec(
        name="min_p",
        label="min-p",
        template=phrase("min-p {value:,}"),
        description=phrase(
            "Min-p sampling: the least probability, relative to the likeliest, from 0 (off) to 1.0"
        ),
        bounds=(0.0, 1.0),
        is_advanced=True,
    ),
    OptionSpec(
        name="repetition",
        label="repetition",
        template=phrase("repetition {value:,}"),
        description=phrase("The penalty for repeating earlier passages, from 0 (off) to 2.0"),
        bounds=(0.0, 2.0),
        is_advanced=True,
    ),
    OptionSpec(
        name="company",
        label="company",
        template=phrase("company {value:,}"),
        description=phrase("How readily earlier speakers speak again, from 0 (off) to 2.0"),
        bounds=(0.0, 2.0),
        is_advanced=True,
    ),
    OptionSpec(
        name="length",
        type=int,
        label="length",
        template=phrase("length {value}"),
        default="soft_length",
        description=phrase("About how many characters long a line should be"),
        bounds=(0, 1500),
    ),
    OptionSpec(
        name="recall",
        label="recall",
        template="",
        bounds=(0.0, 2.0),
        is_public=False,
    ),
    OptionSpec(
        name="quality",
        type=str,
        label=phrase("quality"),
        template=phrase("quality {value}"),
        description=phrase("How many candidates to choose each line from: 1, 16 or 64"),
        choices=QUALITIES,
    ),
)
"""All options, in the order in which people see them."""

SAMPLING_OPTIONS = tuple(one for one in OPTIONS if one.choices is None)
"""The options that go into `Sampling`: numbers."""

PREFERENCES = {one.name: one for one in OPTIONS if one.is_public}
"""The options that a script or a request can have values of."""

ADVANCED_OPTIONS = tuple(one.name for one in OPTIONS if one.is_advanced)
"""The options in the window *Advanced*."""


def read_options(stored: Mapping[str, Any]) -> dict[str, OptionValue]:
    """Return a script's own options as it is stored, without values that are not valid now."""
    return {
        name: stored[name]
        for name, spec in PREFERENCES.items()
        if name in stored and spec.accepts(stored[name])
    }


def resolve_options(
    requested: Mapping[str, OptionValue | None], stored: Mapping[str, Any], settings: object
) -> dict[str, Any]:
    """Return the value of each option: the request's, or the script's, or the operator's.

    Raises ValueError for a request of what is no option, or of one that only the operator sets.
    """
    if unknown := requested.keys() - PREFERENCES.keys():
        raise ValueError(f"a request cannot set: {', '.join(sorted(unknown))}")
    own = read_options(stored)
    resolved = {}
    for spec in OPTIONS:
        values = (requested.get(spec.name), own.get(spec.name), spec.default_in(settings))
        resolved[spec.name] = next(value for value in values if value is not None)
    return resolved


def extract_requested_options(origin: Mapping[str, Any]) -> dict[str, OptionValue | None]:
    """Return the options that ask for another line as one with this origin was written."""
    return {name: origin.get(name) for name in PREFERENCES}
