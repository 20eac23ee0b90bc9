"""Test what the bot says in other languages: a catalogue is complete and correct."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from babel.messages.catalog import Catalog

import bot as package
from bot.i18n.catalogue import LANGUAGES, NAME, THINGS, many, say, speaking
from tests.tools.catalogue import FORMS, collect, keys, missing, read, update

SOURCE = Path(package.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))

TO_ITS_OPERATOR = {
    # Sentences of these files appear in a terminal or in a log.
    *("__main__.py", "settings.py", "sharding.py", "app", "storage", "cogs/command_group.py"),
    "inference/sandbox.py",
}

NOT_SAID = {
    "text",
    "describe",
    "debug",
    "info",
    "warning",
    "error",
    "exception",
    "Group",
    "compile",
}


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def called(call: ast.Call) -> str:
    """Return the name of the called function."""
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def calls(file: Path, names: Iterable[str]) -> Iterator[ast.Call]:
    """Yield the calls of these functions."""
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Call) and called(node) in names:
            yield node


@pytest.fixture(scope="module")
def template() -> Catalog:
    """Return all that the bot says."""
    return asyncio.run(collect())


def test_every_marked_sentence_is_a_literal() -> None:
    for file in FILES:
        for call in calls(file, ("phrase", "plural", "say", "say_plural")):
            if called(call) in ("phrase", "plural"):
                assert all(isinstance(one, ast.Constant) for one in call.args), (file, call.lineno)
            else:
                assert not isinstance(call.args[0], ast.JoinedStr), (file, call.lineno)


def test_whatever_reads_as_a_sentence_is_one_for_the_catalogues() -> None:
    for file in FILES:
        within = file.relative_to(SOURCE)
        if not TO_ITS_OPERATOR & {str(within), *map(str, within.parents)}:
            assert list(_unmarked(parsed(file))) == [], within


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_every_sentence_and_nothing_else(language: str, template: Catalog) -> None:
    assert keys(read(language)) ^ keys(template) == set()
    assert list(missing(read(language))) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_fills_in_what_the_sentence_does(language: str) -> None:
    for one in read(language):
        first, english = _forms(one.id)[0], _forms(one.id)[-1]
        for other in _forms(one.string) if english else ():
            assert _fields(first) <= _fields(other) <= _fields(english), english
            assert other.strip() + _tail(english) == other, english
            assert english.endswith(tuple(".:?…")) == other.endswith(tuple(".:?…")), english


@pytest.mark.parametrize("language", LANGUAGES)
def test_translated_names_are_such_as_discord_takes(language: str) -> None:
    for one in read(language):
        if one.context == NAME:
            assert re.fullmatch(r"[-_\w]{1,32}", one.string), one.id
            assert one.string == one.string.lower()
        elif "description" in " ".join(one.auto_comments):
            assert len(one.string) <= 100, one.id


def test_every_command_and_option_that_is_named_exists(template: Catalog) -> None:
    names = {one.id for one in template if one.context == NAME}
    for one in template:
        for field in _fields(_forms(one.id)[-1]):
            if field[:1] in ("/", "*"):
                assert set(field[1:].split()) <= names, one.id


def test_a_new_language_begins_without_translations(template: Catalog) -> None:
    assert set(missing(update(Catalog(locale="fr"), template))) == keys(template)


def test_a_sentence_is_said_in_the_language_of_a_locale() -> None:
    assert many(1200, "line") == "1,200 lines"
    with speaking("de"):
        assert many(1200, "line") == "1.200 Zeilen"
        assert many(1, "line") == "1 Zeile"
    with speaking("en-GB"), speaking("fr"):
        assert many(1200, "line") == "1,200 lines"


def test_commands_are_named_as_they_are_called_there() -> None:
    words: dict[str, Any] = {"number": 2}
    assert say("{/script show}, {*title}: {number}", **words) == "/script show, title: 2"
    there = {one.id: one.string for one in read("de") if one.context == NAME}
    for locale in ("de", "en-GB"):
        with speaking(locale, "onbook"):
            assert say("{/script show}, {*title}") == "/onbook script show, title"
    with speaking("de"):
        named = f"/{there['script']} {there['show']}, {there['title']}"
        assert say("{/script show}, {*title}") == named != "/script show, title"


def test_whatever_is_counted_has_its_words() -> None:
    for thing in THINGS:
        assert many(1, thing).startswith("1 ")
        assert many(2000, thing).startswith("2,000 ")


def _tail(sentence: str) -> str:
    """Return the trailing space, after which a sentence continues with another."""
    return sentence[len(sentence.rstrip()) :]


def _forms(texts: str | Sequence[str]) -> Sequence[str]:
    return (texts,) if isinstance(texts, str) else texts


def _fields(sentence: str) -> set[str]:
    return {
        f"{name}:{spec}" if spec else name
        for _, name, spec, _ in Formatter().parse(sentence)
        if name
    }


FOR_PROGRAMS = {
    # Keys of Fountain, and the key of Linux for the name of a processor.
    "Draft date", "draft date", "model name",
}  # fmt: skip
MARKUP = re.compile(r"<[!?/]?\w|;\s*\}")


def _for_programmers(call: ast.Call) -> bool:
    """Return whether the call makes an error for logs, whose message begins in lower case.

    An error that people see, such as of characters that a voice cannot spell, has a sentence that
    the bot says.
    """
    first = next((node for node in ast.walk(call) if isinstance(node, ast.Constant)), None)
    return (
        called(call) in ("ValueError", "OSError") and not str(first and first.value)[:1].isupper()
    )


def _unmarked(tree: ast.AST) -> Iterator[str]:
    """Yield texts of several words that are neither said, logged, nor documentation."""
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Call) and called(node) in FORMS.keys() | NOT_SAID:
            continue
        if isinstance(node, ast.Call) and _for_programmers(node):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("__red_"):
            continue  # Red shows this to people of all languages at once
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            reads_as_one = re.search(r"[A-Za-z]{2,},? [a-z]{2,}", text)
            if reads_as_one and text not in FOR_PROGRAMS and not MARKUP.search(text):
                yield f"{node.lineno}: {text}"
            continue
        stack += ast.iter_child_nodes(node)
