"""Define what the declaration of a preference contains.

Commands, menus, the cards of settings, validation, sentences and the table of the documentation are
derived from the declaration.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from .i18n.catalogue import Count, Phrase, phrase, say
from .settings import Settings, find_range

V = TypeVar("V")

PreferenceValue = str | float | None
"""A number, on or off, a name, or the id of a role; None for the default."""

ON, OFF = phrase("on"), phrase("off")
"""The values of a preference that is on or off, as people type them."""


class HasPreferences(Protocol):
    """A script as a specification sees it."""

    @property
    def preferences(self) -> Mapping[str, Any]:
        """Return the script's own values, by the names of the preferences."""


class Group(StrEnum):
    """Name the groups of preferences on the card of all settings, in their order."""

    VOICE = phrase("The voice")
    WRITERS = phrase("Who writes")
    CHANNEL = phrase("In the channel")
    """The next script of a channel begins with the values of the last one."""
    ADVANCED = phrase("Advanced")
    """The numbers in the window of this name, which has room for five and is full."""


@dataclass(frozen=True, kw_only=True)
class PreferenceSpec(Generic[V]):
    """One preference of a script."""

    name: str
    """The key among a script's preferences, in requests and in provenance."""
    label: Phrase
    """The preference as people call it."""
    description: str
    """The effect of the preference, as people read it."""
    group: Group
    type: type[float | int | str]
    """The type of a value; a `StrEnum` has the choices."""
    default: V
    """The value of a script that has none; None if `setting` decides."""
    setting: str = ""
    """The field of `Settings` with the bot owner's value, and with the range of a number."""
    own_range: tuple[float, float] | None = None
    """The smallest and the largest value of a number that has no such field."""
    is_copied: bool = False
    """Whether a new script copies the bot owner's value; otherwise the script follows it."""
    is_moderated: bool = False
    """Whether only moderators may change the preference, and only by its own name."""
    unit: str = ""
    """The things that a number counts, a key of `catalogue.THINGS`."""
    unset: str = phrase("none")
    """The text that people read for no value, and for none of a unit."""
    label_value: Callable[[str], str] = str
    """Return what people call a value, given the value as text."""
    is_listed: bool = False
    """Whether the first card has a list of the preference's values."""

    @property
    def range(self) -> tuple[float, float] | None:
        """Return the smallest and the largest value of a number, or None if all are accepted."""
        is_number = self.type in (int, float)
        return find_range(self.setting) if self.setting and is_number else self.own_range

    @property
    def limits(self) -> dict[str, object]:
        """Return the range of a number as two fields of a sentence, ``most`` with the unit."""
        assert self.range is not None  # because it is a number
        least, most = self.range
        return {"least": least, "most": Count(int(most), self.unit) if self.unit else most}

    @property
    def choices(self) -> dict[str, str]:
        """Return the values of a preference that has only a few, as people call them."""
        if self.type is bool:
            return {"on": say(ON), "off": say(OFF)}
        if issubclass(self.type, StrEnum):
            return {choice: say(choice) for choice in self.type}
        least, most = self.range or (0, math.inf)
        if self.type is not int or most - least >= 10:  # too many for a list
            return {}
        return {str(number): str(number) for number in range(int(least), int(most) + 1)}

    def accepts(self, value: Any) -> bool:  # noqa: ANN401 - may come from JSON
        """Return whether a value has the type of the preference, and is within its range."""
        match value:
            case bool():
                return self.type is bool
            case str() if issubclass(self.type, StrEnum):
                return value in list(self.type)
            case str():
                return self.type is str
            case int() | float() if self.type in (int, float):
                least, most = self.range or (value, value)
                return least <= value <= most and self.type(value) == value
        return False

    def find_own(self, preferences: Mapping[str, Any]) -> V | None:
        """Return the valid value among a script's preferences, or None."""
        value: V | None = preferences.get(self.name)
        return value if self.accepts(value) else None

    def of(self, script: HasPreferences) -> V:
        """Return a script's value, or the default if the script has no valid one."""
        own = self.find_own(script.preferences)
        return self.default if own is None else own

    def default_in(self, settings: Settings) -> Any:  # noqa: ANN401 - of the field's type
        """Return the value of a script that has none of its own."""
        return getattr(settings, self.setting) if self.setting else self.default

    def initial(self, settings: Settings) -> Any:  # noqa: ANN401 - of the field's type
        """Return the value that a new script copies, or None."""
        return self.default_in(settings) if self.is_copied else None
