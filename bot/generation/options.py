"""Declare, in one place, the options of generation that people can choose.

The way the options of a request, a script and another take are resolved comes from `OPTIONS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..i18n.catalogue import phrase, say
from ..preference_spec import Group, PreferenceSpec
from ..settings import Quality, Settings

OptionValue = float | str
"""The value of an option: a number, or one of its choices."""


@dataclass(frozen=True, kw_only=True)
class OptionSpec(PreferenceSpec[OptionValue | None]):
    """One option of generation, which a request can set for its own lines alone."""

    group: Group = Group.VOICE
    type: type[float | int | str] = float
    default: OptionValue | None = None


OPTIONS = (
    OptionSpec(
        name="temperature",
        label=phrase("temperature"),
        description=phrase("How daring the voice is"),
        setting="temperature",
        is_copied=True,
    ),
    OptionSpec(
        name="top_p",
        label=phrase("top-p"),
        description=phrase(
            "Leave out unlikely letters (top-p sampling); lower is safer, and 1 is off"
        ),
        group=Group.ADVANCED,
        setting="top_p",
        is_copied=True,
    ),
    OptionSpec(
        name="min_p",
        label=phrase("min-p"),
        description=phrase(
            "Leave out letters less likely than this share of the likeliest (min-p sampling); 0 is "
            "off"
        ),
        group=Group.ADVANCED,
        setting="min_p",
    ),
    OptionSpec(
        name="repetition",
        label=phrase("repetition"),
        description=phrase("The penalty for repeating earlier passages; 0 is off"),
        group=Group.ADVANCED,
        setting="repetition",
    ),
    OptionSpec(
        name="company",
        label=phrase("company"),
        description=phrase("How readily earlier speakers speak again; 0 is off"),
        group=Group.ADVANCED,
        setting="company",
    ),
    OptionSpec(
        name="length",
        label=phrase("length"),
        description=phrase(
            "After this many characters, a line tends to end; many are shorter, and 0 is off"
        ),
        type=int,
        setting="soft_length",
        unit="character",
    ),
    OptionSpec(
        name="quality",
        label=phrase("quality"),
        description=phrase("How many candidates to choose each line from: 1, 16 or 64"),
        type=Quality,
        setting="quality",
        label_value=say,
    ),
)
"""All options, in the order in which people see them."""

SAMPLING_OPTIONS = tuple(spec for spec in OPTIONS if spec.type is not Quality)
"""The options that go into `Sampling`: numbers."""

OPTIONS_BY_NAME = {spec.name: spec for spec in OPTIONS}


def resolve_options(
    requested: Mapping[str, OptionValue | None], stored: Mapping[str, Any], settings: Settings
) -> dict[str, Any]:
    """Return the value of each option: the request's, or the script's, or the bot owner's.

    A script's value that is no longer valid does not count. Raises ValueError for a request that
    names an option that does not exist.
    """
    if unknown := requested.keys() - OPTIONS_BY_NAME.keys():
        raise ValueError(f"there is no option {', '.join(sorted(unknown))}")
    resolved = {}
    for spec in OPTIONS:
        values = (requested.get(spec.name), spec.find_own(stored), spec.default_in(settings))
        resolved[spec.name] = next(value for value in values if value is not None)
    return resolved
