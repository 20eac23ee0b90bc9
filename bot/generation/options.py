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
    """The key in requests and provenance, and the name of the script's column."""
    type: type[float | int | str]
    label: str
    """The option as people call it."""
    template: str
    """The option with its ``value``, for a list or a sentence; empty where it is never shown."""
    default: str
    """The operator's setting that has the default: the name of a field of `Settings`."""
    bounds: tuple[float, float] | None = None
    """The least and the largest value of a number."""
    choices: Mapping[str, str] | None = None
    """The values of a text, as people call them."""
    is_copied: bool = False
    """Whether a new script copies the default; otherwise the script follows the operator."""
    is_preference: bool = True
    """Whether a script can have a value of its own."""
    is_requestable: bool = True
    """Whether a request can have a value for its own lines alone."""

    def initial(self, settings: object) -> OptionValue | None:
        """Return the value of a new script; None where the script follows the operator."""
        value: OptionValue | None = getattr(settings, self.default) if self.is_copied else None
        return value


OPTIONS = (
    OptionSpec(
        name="temperature",
        type=float,
        label="temperature",
        template=phrase("temperature {value:,}"),
        default="temperature",
        bounds=(0.1, 2.0),
        is_copied=True,
    ),
    OptionSpec(
        name="top_p",
        type=float,
        label="top-p",
        template=phrase("top-p {value:,}"),
        default="top_p",
        bounds=(0.05, 1.0),
        is_copied=True,
    ),
    OptionSpec(
        name="min_p",
        type=float,
        label="min-p",
        template=phrase("min-p {value:,}"),
        default="min_p",
        bounds=(0.0, 1.0),
    ),
    OptionSpec(
        name="repetition",
        type=float,
        label="repetition",
        template=phrase("repetition {value:,}"),
        default="repetition",
        bounds=(0.0, 2.0),
    ),
    OptionSpec(
        name="company",
        type=float,
        label="company",
        template=phrase("company {value:,}"),
        default="company",
        bounds=(0.0, 2.0),
    ),
    OptionSpec(
        name="length",
        type=int,
        label="length",
        template=phrase("length {value}"),
        default="soft_length",
        bounds=(0, 1500),
        is_requestable=False,
    ),
    OptionSpec(
        name="recall",
        type=float,
        label="recall",
        template="",
        default="recall",
        bounds=(0.0, 2.0),
        is_preference=False,
        is_requestable=False,
    ),
    OptionSpec(
        name="quality",
        type=str,
        label=phrase("quality"),
        template=phrase("quality {value}"),
        default="quality",
        choices=QUALITIES,
    ),
)
"""All options, in the order in which people see them."""

PREFERENCES = {one.name: one for one in OPTIONS if one.is_preference}
"""The options that a script can have values of."""


def resolve_options(
    requested: Mapping[str, OptionValue | None], script: object, settings: object
) -> dict[str, Any]:
    """Return the value of each option: the request's, or the script's, or the operator's.

    Raises ValueError for a request of what is no requestable option.
    """
    unknown = requested.keys() - {spec.name for spec in OPTIONS if spec.is_requestable}
    if unknown:
        raise ValueError(f"these are no options of a request: {', '.join(sorted(unknown))}")
    resolved = {}
    for spec in OPTIONS:
        script_value = getattr(script, spec.name) if spec.is_preference else None
        values = (requested.get(spec.name), script_value, getattr(settings, spec.default))
        resolved[spec.name] = next(value for value in values if value is not None)
    return resolved


def extract_requested_options(origin: Mapping[str, Any]) -> dict[str, OptionValue | None]:
    """Return the options that ask for another line as one with this origin was written."""
    return {spec.name: origin.get(spec.name) for spec in OPTIONS if spec.is_requestable}
