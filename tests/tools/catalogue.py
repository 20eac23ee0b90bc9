"""Update the translation catalogues: ``python -m tests.tools.catalogue [LANGUAGE ...]``.

The program adds missing sentences to each ``bot/i18n/locales/*.po``, without a translation, and
removes sentences that the code no longer says. A new LANGUAGE, such as ``fr``, gets a catalogue.
"""

import ast
import asyncio
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import discord
import tyro
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from discord import app_commands
from discord.ext import commands
from tyro.conf import Positional

import bot
from bot import errors
from bot.cogs import add_cogs
from bot.i18n.catalogue import LANGUAGES, NAME
from bot.i18n.translator import is_name
from bot.settings import RunnerSettings

SOURCE = Path(bot.__file__).parent
LOCALES = SOURCE / "i18n" / "locales"

FORMS = {"say": 1, "phrase": 1, "say_plural": 2, "plural": 2} | {
    name: 1
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.RequestError | errors.ContractError)
}
"""The functions and errors that take a sentence, and in how many forms (singular and plural)."""

Key = tuple[str | None, Any]
"""The context of a sentence, and the sentence or its forms."""


class _Listening(app_commands.Translator):
    """A translator that adds all texts of the commands to a catalogue."""

    def __init__(self, template: Catalog) -> None:
        self.template = template

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> None:
        """Add a text, with its place as a comment."""
        comment = f"a {context.location.name.replace('_', ' ')}"
        what = NAME if is_name(context) else None
        self.template.add(string.message, auto_comments=[comment], context=what)


def _marked(tree: ast.AST) -> Iterator[str | tuple[str, ...]]:
    """Yield the marked sentences, including those within f-strings, which Babel skips."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            forms = node.args[: FORMS.get(node.func.id, 0)]
            texts = [form.value for form in forms if isinstance(form, ast.Constant)]
            if texts:
                yield tuple(texts) if len(texts) > 1 else texts[0]


async def collect() -> Catalog:
    """Return a catalogue of all sentences of the bot, without translations."""
    template = Catalog()
    for file in sorted(SOURCE.rglob("*.py")):
        for message in _marked(ast.parse(file.read_text(encoding="utf-8"))):
            template.add(message, locations=[(f"bot/{file.relative_to(SOURCE).as_posix()}", None)])
    listening = _Listening(template)
    with tempfile.TemporaryDirectory() as folder:
        client = commands.Bot(command_prefix="!", intents=discord.Intents.none())
        await client.tree.set_translator(listening)
        services = await add_cogs(client, RunnerSettings(database=Path(folder) / "scripts.db"))
        for command in client.tree.get_commands():
            await command.get_translated_payload(client.tree, listening)
        await services.close()
    return template


def read(language: str) -> Catalog:
    """Return the catalogue of a language, or an empty one."""
    file = LOCALES / f"{language}.po"
    if not file.exists():
        comment = f"# On Book in {language}."
        return Catalog(locale=language, header_comment=comment, fuzzy=False)
    with file.open("rb") as opened:
        return read_po(opened, locale=language)


def keys(catalogue: Catalog) -> set[Key]:
    """Return all sentences of a catalogue."""
    return {(message.context, message.id) for message in catalogue if message.id}


def missing(catalogue: Catalog) -> Iterator[Key]:
    """Yield the sentences without a translation, or with a fuzzy one."""
    for message in catalogue:
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        if message.id and (message.fuzzy or not all(forms)):
            yield message.context, message.id


def update(catalogue: Catalog, template: Catalog) -> Catalog:
    """Add the sentences of a template, and remove all others; return the same catalogue."""
    catalogue.update(template, no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    return catalogue


def main(languages: Positional[tuple[str, ...]] = ()) -> int:
    """Write the catalogues, and print missing translations; return 1 if there are any.

    Args:
        languages: New languages, such as fr.
    """
    template = asyncio.run(collect())
    failed = False
    for language in sorted({*LANGUAGES, *languages}):
        catalogue = read(language)
        unused = keys(catalogue) - keys(template)
        update(catalogue, template)
        with (LOCALES / f"{language}.po").open("wb") as file:
            write_po(file, catalogue, width=100, sort_output=True)
        lacking = list(missing(catalogue))
        for _, sentence in sorted(unused, key=str):
            print(f"{language}: removed, because the code no longer says it: {sentence!r}")
        for _, sentence in lacking:
            print(f"{language}: not translated: {sentence!r}")
        print(f"{language}: {len(keys(template)) - len(lacking):,} of {len(keys(template)):,}")
        failed |= bool(lacking)
    return int(failed)


if __name__ == "__main__":
    sys.exit(tyro.cli(main, prog="python -m tests.tools.catalogue", description=__doc__))
