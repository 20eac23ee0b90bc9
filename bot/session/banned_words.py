"""Show and change the lists of words that no model writes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from ..cleaning import clean
from ..i18n.catalogue import many, say
from ..i18n.markdown import fenced, inline, size
from ..inference.word_filter import find_banned_word, normalize_words
from .turn import SessionError

MAX_WORDS = 500
"""The most words and phrases of a list."""

MAX_WORD_LENGTH = 60
"""The most characters of a word or phrase."""

LIST_SIZE = 1500
"""The size from which on only the beginning of a list is shown."""

SUMMARY_SIZE = 200
"""The size to which a list in a sentence is cut."""


@lru_cache(maxsize=4)
def read_words(path: Path) -> tuple[str, ...]:
    """Return the words of a file, one a line but for remarks after a #; raise OSError."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def edit_words(words: Sequence[str], add: str, remove: str) -> list[str]:
    """Return a list, in alphabetical order, with words added and removed that commas separate.

    Words are compared without case and accents. Raises SessionError.
    """
    kept = {normalize_words(word): word for word in words}
    for plain, word in _parse_words(remove).items():
        if kept.pop(plain, None) is None:
            raise SessionError(
                say(
                    "“{word}” is not on this list. See it with {/settings banned}.",
                    word=inline(word, 60),
                )
            )
    edited = sorted((kept | _parse_words(add)).values())
    if len(edited) > MAX_WORDS:
        raise SessionError(
            say(
                "That would make {words}, but the limit is {most:,}. Remove some first.",
                words=many(len(edited), "word"),
                most=MAX_WORDS,
            )
        )
    return edited


def check_casts(names: Sequence[str], words: Sequence[str]) -> None:
    """Raise SessionError where a word would ban somebody in a cast."""
    for name in names:
        if word := find_banned_word(name, words):
            raise SessionError(
                say(
                    "“{word}” cannot be banned, because “{name}” is in a cast. Use "
                    "{/cast remove} first.",
                    word=inline(word, 60),
                    name=inline(name, 60),
                )
            )


def format_words(words: Sequence[str], where: str) -> str:
    """Return a list as a message; ``where`` says in words whether channel or server has it."""
    if not words:
        return say("Only the bot's own list applies {where}. Ban words with `{*add}`.", where=where)
    text = ", ".join(words)
    if size(text) > LIST_SIZE:
        # Half of it in code points is never more than all of it in UTF-16.
        text = say(
            "{words} … and more, {number:,} in total",
            words=text[: LIST_SIZE // 2].rsplit(", ", 1)[0],
            number=len(words),
        )
    above = say("Besides the bot's own list, these words are banned {where}:", where=where)
    return f"{above}\n{fenced(text)}"


def summarize_words(words: Sequence[str]) -> str:
    """Return a list for a sentence: the number of words, and as many of them as fit."""
    if not words:
        return say("none")
    count, listed = many(len(words), "word"), inline(", ".join(words), SUMMARY_SIZE)
    return f"{count} ({listed})"


def _parse_words(text: str) -> dict[str, str]:
    """Return the words in a text by their plain form; raise SessionError."""
    written = (" ".join(clean(word.casefold()).split()) for word in re.split(r"[,;\n]", text))
    words = {normalize_words(word): word for word in written if word}
    if any(len(word) > MAX_WORD_LENGTH for word in words.values()):
        raise SessionError(
            say(
                "One of these is longer than {most:,} characters. Shorten it.", most=MAX_WORD_LENGTH
            )
        )
    if "" in words:
        raise SessionError(say("A banned word needs at least one letter or digit."))
    return words
