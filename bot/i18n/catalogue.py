"""What the bot says, in the language of the person whom it answers.

A sentence stands in the code in English, and a catalogue has it in another language. What is said
while an interaction is answered is said in its language: a context variable holds it, which each
task and thread of the answer inherits.
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
"""The languages that have a catalogue, and what separates the digits of their numbers."""


@dataclass(frozen=True)
class Language:
    """How something is said: in which words, and what the commands are called to whom it is said.

    In somebody else's bot they lie under a ``group``, and have their English names. Where the bot
    is alone there is no group, and each person sees them in their own language.
    """

    sentences: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[int, int] = field(default_factory=dict)
    group: str | None = None

    def command(self, path: str) -> str:
        """What a command is called, such as ``/script show``."""
        words = [self.option(word) for word in path.split()]
        return "/" + " ".join([self.group, *words] if self.group else words)

    def option(self, name: str) -> str:
        """What an option of a command is called."""
        return name if self.group else self.sentences.get(name, name)


_LANGUAGE: ContextVar[Language] = ContextVar("onbook.language", default=Language())  # noqa: B039 - frozen


class _Sentence(Formatter):
    """Fills a sentence in: ``{/script show}`` is a command, and ``{*title}`` one of its options."""

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
    """A sentence for whoever is being answered, in their language, or in English for want of it.

    Its fields are filled in as by `str.format`; ``{/script show}`` names a command and ``{*title}``
    an option, as they are called there. Raises KeyError for a field that is not given.
    """
    language = _LANGUAGE.get()
    template = language.sentences.get(sentence, sentence)
    return _Sentence(language).vformat(template, (), fields)


def phrase(sentence: str) -> str:
    """Marks a sentence as one for the catalogues, where it stands but is not said yet."""
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
"""What is counted, and how one and several of it are called."""


def many(number: int, thing: str) -> str:
    """A number of things, in words: “1 line”, “1,200 lines”; ``thing`` is one of `THINGS`."""
    one, several = THINGS[thing]
    return say(one if number == 1 else several, number=number)


@contextmanager
def speaking(locale: str, group: str | None = None) -> Iterator[None]:
    """Says everything in the language of a locale of Discord's, such as ``de`` or ``en-GB``.

    ``group`` is the one under which the commands lie, if they do.
    """
    before = _LANGUAGE.set(_language(locale, group))
    try:
        yield
    finally:
        _LANGUAGE.reset(before)


def translated(text: str, locale: str) -> str | None:
    """A name or a description in the language of a locale, None where it stays as it is."""
    return _language(locale, None).sentences.get(text)


@cache
def _language(locale: str, group: str | None) -> Language:
    code = locale.split("-")[0]
    if code not in NUMBERS:
        return Language(group=group)
    file = resources.files(f"{__package__}.locales") / f"{code}.json"
    return Language(json.loads(file.read_text(encoding="utf-8")), NUMBERS[code], group)
