"""Test that the catalogues of translations are complete and correct."""

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
from bot.i18n.catalogue import LANGUAGES, NAME, many, say, speaking
from bot.inference.sandbox import OUT_OF_MEMORY_SIGNS
from bot.screenplay.elements import Kind
from bot.storage.schema import Line
from bot.ui.pages.history_page import format_rewrite_hint
from tests.tools.catalogue import FORMS, collect, keys, missing, read, update

SOURCE = Path(package.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))

FOR_OPERATORS = {
    # Sentences of these files appear in a terminal or in a log.
    *("__main__.py", "settings.py", "sharding.py", "app", "storage", "cogs/command_group.py"),
    "telemetry.py",
}

NOT_SAID = {
    *("text", "describe", "debug", "info", "warning", "error", "exception", "log_failure"),
    "Group",
    "compile",
}
"""Functions whose texts people do not see."""


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def calls(file: Path, names: Iterable[str]) -> Iterator[ast.Call]:
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Call) and called(node) in names:
            yield node


@pytest.fixture(scope="module")
def template() -> Catalog:
    return asyncio.run(collect())


def test_marked_sentences_are_literals() -> None:
    for file in FILES:
        for call in calls(file, ("phrase", "plural", "say", "say_plural")):
            if called(call) in ("phrase", "plural"):
                assert all(isinstance(arg, ast.Constant) for arg in call.args), (file, call.lineno)
            else:
                assert not isinstance(call.args[0], ast.JoinedStr), (file, call.lineno)


def test_every_sentence_is_marked_for_translation() -> None:
    for file in FILES:
        within = file.relative_to(SOURCE)
        if not FOR_OPERATORS & {str(within), *map(str, within.parents)}:
            assert list(find_unmarked(parsed(file))) == [], within


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated(language: str, template: Catalog) -> None:
    assert keys(read(language)) == keys(template)
    assert list(missing(read(language))) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translation_has_the_fields_and_the_end_of_its_sentence(language: str) -> None:
    for message in read(language):
        first, english = _forms(message.id)[0], _forms(message.id)[-1]
        for other in _forms(message.string) if english else ():
            assert _fields(first) <= _fields(other) <= _fields(english), english
            # Another sentence may follow a trailing space.
            assert other.strip() + english[len(english.rstrip()) :] == other, english
            assert english.endswith(tuple(".:?…")) == other.endswith(tuple(".:?…")), english


@pytest.mark.parametrize("language", LANGUAGES)
def test_discord_accepts_translated_names(language: str) -> None:
    for message in read(language):
        if message.context == NAME:
            assert re.fullmatch(r"[-_\w]{1,32}", message.string), message.id
            assert message.string == message.string.lower()
        elif "description" in " ".join(message.auto_comments):
            assert len(message.string) <= 100, message.id


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_the_hint_of_a_window_fits_below_its_label(language: str) -> None:
    line = Line(kind=Kind.DIALOGUE, text=f"{'X' * 60}\nHello.")
    with speaking(language):
        assert len(format_rewrite_hint(line)) <= 100


def test_commands_named_in_sentences_exist(template: Catalog) -> None:
    names = {message.id for message in template if message.context == NAME}
    for message in template:
        for field in _fields(_forms(message.id)[-1]):
            if field[:1] in ("/", "*"):
                assert set(field[1:].split()) <= names, message.id


def test_new_catalogue_has_no_translations(template: Catalog) -> None:
    assert set(missing(update(Catalog(locale="fr"), template))) == keys(template)


def test_numbers_and_plurals_follow_the_locale() -> None:
    assert many(1200, "line") == "1,200 lines"
    with speaking("de"):
        assert many(1200, "line") == "1.200 Zeilen"
        assert many(1, "line") == "1 Zeile"
        assert say("{share:.0%}", share=0.84) == "84\u00a0%"
    with speaking("en-GB"), speaking("fr"):
        assert many(1200, "line") == "1,200 lines"


def test_commands_have_their_translated_names() -> None:
    words: dict[str, Any] = {"number": 2}
    assert say("{/script show}, {*title}: {number}", **words) == "/script show, `title:`: 2"
    there = {message.id: message.string for message in read("de") if message.context == NAME}
    for locale in ("de", "en-GB"):
        with speaking(locale, "onbook"):
            assert say("{/script show}, {*title}") == "/onbook script show, `title:`"
    with speaking("de"):
        named = f"/{there['script']} {there['show']}, `{there['title']}:`"
        assert say("{/script show}, {*title}") == named != "/script show, `title:`"


def _forms(texts: str | Sequence[str]) -> Sequence[str]:
    return (texts,) if isinstance(texts, str) else texts


def _fields(sentence: str) -> set[str]:
    found = Formatter().parse(sentence)
    return {f"{name}:{spec}" if spec else name for _, name, spec, _ in found if name}


FOR_PROGRAMS = {"Draft date", "draft date", "model name", *OUT_OF_MEMORY_SIGNS}
"""Keys of Fountain, the key of Linux for the name of a processor, and messages of onnxruntime."""

MARKUP = re.compile(r"<[!?/]?\w|;\s*\}")


def for_programmers(call: ast.Call) -> bool:
    """Return whether a call makes an error for logs, whose message begins in lower case."""
    text = next((node.value for node in ast.walk(call) if isinstance(node, ast.Constant)), None)
    return called(call) in ("ValueError", "OSError") and not str(text)[:1].isupper()


def find_unmarked(tree: ast.AST) -> Iterator[str]:
    """Yield texts of several words that are neither translated, logged, nor documentation."""
    stack: list[ast.AST] = [tree]
    while stack:
        match stack.pop():
            case ast.Call() as call if called(call) in FORMS.keys() | NOT_SAID:
                pass
            case ast.Call() as call if for_programmers(call):
                pass
            case ast.Expr(value=ast.Constant()):
                pass
            case ast.Assign(targets=[ast.Name(id=name), *_]) if name.startswith("__red_"):
                pass  # Red shows it to people of all languages
            case ast.Constant(value=str(text), lineno=line):
                is_sentence = re.search(r"[A-Za-z]{2,},? [a-z]{2,}", text)
                if is_sentence and text not in FOR_PROGRAMS and not MARKUP.search(text):
                    yield f"{line}: {text}"
            case node:
                stack += ast.iter_child_nodes(node)
