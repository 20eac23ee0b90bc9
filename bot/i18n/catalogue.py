"""Translate the bot's sentences into the language of the person whom the bot answers.

The code has each sentence in English, and a catalogue has its translation into another language. A
context variable holds the language of an interaction, so that all tasks and threads of the answer
inherit the language.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from string import Formatter
from typing import Any

NUMBERS = {"de": str.maketrans(",.", ".,")}
"""The languages that have a catalogue, each with the translation of English number separators."""


@dataclass(frozen=True)
class Language:
    """The language of an answer: its sentences, its number separators and the names of commands.

    In a host's bot the commands are under a ``group`` and have English names. In a standalone bot
    there is no group, and each person sees the commands' names in their own language.
    """

    sentences: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[int, int] = field(default_factory=dict)
    group: str | None = None

    def command(self, path: str) -> str:
        """Return the full name of a command, such as ``/script show``."""
        words = [self.option(word) for word in path.split()]
        return "/" + " ".join([self.group, *words] if self.group else words)

    def option(self, name: str) -> str:
        """Return the name of an option, or of one part of a command's name."""
        return name if self.group else self.sentences.get(name, name)


_LANGUAGE: ContextVar[Language] = ContextVar("onbook.language", default=Language())  # noqa: B039 - frozen


class _Sentence(Formatter):
    """Fills in sentences, where ``{/script show}`` is a command and ``{*title}`` an option."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def get_field(
        self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[object, str]:
        match field_name[:1]:
            case "/":
                return self.language.command(field_name[1:]), field_name
            case "*":
                return self.language.option(field_name[1:]), field_name
            case _:
                return kwargs[field_name], field_name

    def format_field(self, value: object, format_spec: str) -> str:
        text = format(value, format_spec)
        return text.translate(self.language.numbers) if format_spec else text


def say(sentence: str, /, **fields: object) -> str:
    """Return a sentence in the language of the answer, or in English without a translation.

    The fields are filled in as by `str.format`. ``{/script show}`` becomes the name of a command,
    and ``{*title}`` that of an option, in the same language.

    Raises:
        KeyError: A field is not given.
    """
    language = _LANGUAGE.get()
    template = language.sentences.get(sentence, sentence)
    return _Sentence(language).vformat(template, (), fields)


def phrase(sentence: str) -> str:
    """Return a sentence unchanged, to mark a constant that the catalogues translate."""
    return sentence


THINGS = {
    "line": (phrase("1 line"), phrase("{number:,} lines")),
    "word": (phrase("1 word"), phrase("{number:,} words")),
    "scene": (phrase("1 scene"), phrase("{number:,} scenes")),
    "minute": (phrase("1 minute"), phrase("{number:,} minutes")),
    "day": (phrase("1 day"), phrase("{number:,} days")),
    "second": (phrase("1 second"), phrase("{number:,} seconds")),
    "vote": (phrase("1 vote"), phrase("{number:,} votes")),
    "character": (phrase("1 character"), phrase("{number:,} characters")),
    "take": (phrase("1 take"), phrase("{number:,} takes")),
    "remark": (
        phrase("1 note, comment or section"),
        phrase("{number:,} notes, comments or sections"),
    ),
}
"""The phrases for one and for several of each thing that is counted."""


def many(number: int, thing: str) -> str:
    """Return a number of things as “1 line” or “1,200 lines”; ``thing`` is a key of `THINGS`."""
    one, several = THINGS[thing]
    return say(one if number == 1 else several, number=number)


@contextmanager
def speaking(locale: str, group: str | None = None) -> Iterator[None]:
    """Set the language of all sentences until the context exits.

    Args:
        locale: A locale of Discord's, such as ``de`` or ``en-GB``.
        group: The group of the commands in a host's bot, or None.
    """
    before = _LANGUAGE.set(_language(locale, group))
    try:
        yield
    finally:
        _LANGUAGE.reset(before)


def translated(text: str, locale: str) -> str | None:
    """Return the translation of a name or a description, or None if there is none."""
    return _language(locale, None).sentences.get(text)


@cache
def _language(locale: str, group: str | None) -> Language:
    code = locale.split("-")[0]
    if code not in NUMBERS:
        return Language(group=group)
    file = resources.files(f"{__package__}.locales") / f"{code}.json"
    return Language(json.loads(file.read_text(encoding="utf-8")), NUMBERS[code], group)
