"""Translate the bot's sentences into the language of the person who reads them.

The code contains each sentence in English. The gettext catalogues, ``locales/LANGUAGE.po``, contain
the translations. A context variable holds the language of an interaction, so that all tasks and
threads of the answer inherit the language.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib import resources
from string import Formatter
from typing import Any, NamedTuple

LOCALES = resources.files(f"{__package__}.locales")

LANGUAGES = sorted(
    file.name.removesuffix(".po") for file in LOCALES.iterdir() if file.name.endswith(".po")
)
"""The languages that have a catalogue; the code itself has English."""

NAME = "name"
"""The context, in the catalogues, of the names of commands and options, which are lower-case."""


@dataclass(frozen=True)
class Language(Formatter):
    """The language of an answer: its sentences, its marks in numbers and the names of commands.

    It fills in sentences, in which ``{/script show}`` is a command and ``{*title}`` an option.
    In a host's bot the commands are under a ``group`` and have English names. In a standalone bot
    there is no group, and each person sees the commands' names in their own language.
    """

    catalogue: NullTranslations = field(default_factory=NullTranslations)
    separators: Mapping[int, str] = field(default_factory=dict)
    group: str | None = None

    def command(self, path: str) -> str:
        """Return a mention of a command that people can click, or its name if its id is unknown."""
        words = [self.group, *path.split()] if self.group else path.split()
        if known := _command_ids.get(words[0]):
            return f"</{' '.join(words)}:{known}>"
        return "/" + " ".join(word if word == self.group else self.option(word) for word in words)

    def option(self, name: str) -> str:
        """Return the name of an option, or of one part of a command's name."""
        return name if self.group else self.catalogue.pgettext(NAME, name)

    def get_field(
        self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[object, str]:
        match field_name[:1]:
            case "/":
                return self.command(field_name[1:]), field_name
            case "*":
                return f"`{self.option(field_name[1:])}:`", field_name
            case _:
                return kwargs[field_name], field_name

    def format_field(self, value: object, format_spec: str) -> str:
        match value:
            case Count():
                return many(*value)
            case Phrase():
                return say(value)
        text = format(value, format_spec)
        return text.translate(self.separators) if format_spec else text


class Phrase(str):
    """A sentence, or part of one, that the catalogues translate, also as a field of another."""

    __slots__ = ()


class Count(NamedTuple):
    """A number of things as a field of a sentence; ``thing`` is a key of `THINGS`."""

    number: int
    thing: str


_command_ids: dict[str, int] = {}
"""The ids that Discord gave the commands, by their names, in the one application of a process."""


def remember_commands(ids: Mapping[str, int]) -> None:
    """Remember the ids of commands, so that sentences mention these commands."""
    _command_ids.update(ids)


_LANGUAGE: ContextVar[Language] = ContextVar("onbook.language", default=Language())  # noqa: B039 - frozen


def say(sentence: str, /, **fields: object) -> str:
    """Return a sentence in the language of the answer, or in English without a translation.

    The fields are filled in as by `str.format`. ``{/script show}`` becomes a mention of a command,
    and ``{*title}`` the name of an option in the same language, as code with the colon that Discord
    shows. Fields that are a `Phrase` or a `Count` are said in that language, too.

    Raises:
        KeyError: A field is not given.
    """
    language = _LANGUAGE.get()
    return language.vformat(language.catalogue.gettext(sentence), (), fields)


def say_plural(singular: str, several: str, /, number: int, **fields: object) -> str:
    """Return a sentence as `say` does, in the form for a ``number``, which is also a field."""
    language = _LANGUAGE.get()
    template = language.catalogue.ngettext(singular, several, number)
    return language.vformat(template, (), {"number": number, **fields})


def phrase(sentence: str) -> Phrase:
    """Mark a constant that the catalogues translate."""
    return Phrase(sentence)


def plural(singular: str, several: str) -> tuple[str, str]:
    """Return both forms unchanged, to mark constants that the catalogues translate."""
    return singular, several


NUMBER = phrase("1,234.5%")
"""A percentage with both separators, which each catalogue writes as its language does."""

THINGS = {
    "line": plural("{number:,} line", "{number:,} lines"),
    "word": plural("{number:,} word", "{number:,} words"),
    "scene": plural("{number:,} scene", "{number:,} scenes"),
    "minute": plural("{number:,} minute", "{number:,} minutes"),
    "hour": plural("{number:,} hour", "{number:,} hours"),
    "day": plural("{number:,} day", "{number:,} days"),
    "second": plural("{number:,} second", "{number:,} seconds"),
    "star": plural("{number:,} star", "{number:,} stars"),
    "vote": plural("{number:,} vote", "{number:,} votes"),
    "character": plural("{number:,} character", "{number:,} characters"),
    "take": plural("{number:,} take", "{number:,} takes"),
    "message": plural("{number:,} message", "{number:,} messages"),
    "break": plural("{number:,} page break", "{number:,} page breaks"),
    "remark": plural(
        "{number:,} note, comment or section", "{number:,} notes, comments or sections"
    ),
}
"""The phrases for one and for several of each thing that is counted."""


def many(number: int, thing: str) -> str:
    """Return a number of things as “1 line” or “1,200 lines”; ``thing`` is a key of `THINGS`."""
    return say_plural(*THINGS[thing], number)


def count_wait(seconds: float) -> Count:
    """Return a wait, rounded up, in the largest unit of which it contains at least two."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length:
            return Count(math.ceil(seconds / length), unit)
    return Count(math.ceil(seconds), "second")


def join_names(names: Sequence[str]) -> str:
    """Return names as “MAYA, JONAS and ZOE”, and no names as ""."""
    *others, last = names or [""]
    return say("{others} and {last}", others=", ".join(others), last=last) if others else last


def format_percent(share: float) -> str:
    """Return a share as a whole percentage, such as “84%”, or “<1%” for less than half of one."""
    return say("<1%") if 0 < share < 0.005 else say("{share:.0%}", share=share)


@contextmanager
def speaking(locale: str, group: str | None = None) -> Iterator[None]:
    """Set the language of all sentences until the context exits.

    The locale is one of Discord's, such as ``de`` or ``en-GB``. The commands of a host's bot are in
    a ``group``.
    """
    before = _LANGUAGE.set(_language(locale, group))
    try:
        yield
    finally:
        _LANGUAGE.reset(before)


def translated(text: str, locale: str, *, is_name: bool) -> str:
    """Return a command's name or description in a language, or unchanged without a translation."""
    catalogue = _language(locale, None).catalogue
    return catalogue.pgettext(NAME, text) if is_name else catalogue.gettext(text)


@cache
def _language(locale: str, group: str | None) -> Language:
    # Imported here, because the process that examines a voice imports this module and never speaks.
    from babel import negotiate_locale

    code = negotiate_locale([locale.replace("-", "_")], LANGUAGES)
    if code is None:
        return Language(group=group)
    catalogue = _compiled(code)
    ours, theirs = (re.findall(r"\D+", text) for text in (NUMBER, catalogue.gettext(NUMBER)))
    return Language(catalogue, str.maketrans(dict(zip(ours, theirs, strict=True))), group)


@cache
def _compiled(code: str) -> GNUTranslations:
    """Return a catalogue in the form that the standard library's gettext can read."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with (LOCALES / f"{code}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return GNUTranslations(compiled)
