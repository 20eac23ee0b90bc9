"""Banned words: the lists of what no model writes, as people see and change them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from ..cleaning import clean
from ..i18n.catalogue import many, say
from ..i18n.markdown import fenced, inline, size
from ..inference.word_filter import find_banned_word, normalize_words
from .turn import RoomError

MOST_WORDS = 500
"""The most words and phrases of a list."""

LONGEST_WORD = 60
"""The most characters of a word or phrase."""

SHOWN = 1500
"""The size from which on only the beginning of a list is shown."""

MENTIONED = 200
"""The size to which a list in a sentence is cut."""


@lru_cache(maxsize=4)
def read_words(path: Path) -> tuple[str, ...]:
    """Return the words of a file, one a line but for remarks after a #; raises OSError."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def changed(words: Sequence[str], add: str, remove: str) -> list[str]:
    """Return a list, in alphabetical order, with words added and removed that commas separate.

    Words are compared without case and accents. Raises RoomError.
    """
    kept = {normalize_words(word): word for word in words}
    for plain, word in _words(remove).items():
        if kept.pop(plain, None) is None:
            raise RoomError(
                say(
                    "“{word}” is not on this list. See it with {/settings banned}.",
                    word=inline(word, 60),
                )
            )
    after = sorted((kept | _words(add)).values())
    if len(after) > MOST_WORDS:
        raise RoomError(
            say(
                "That would make {words}, but the limit is {most:,}. Remove some first.",
                words=many(len(after), "word"),
                most=MOST_WORDS,
            )
        )
    return after


def check_casts(names: Sequence[str], words: Sequence[str]) -> None:
    """Raise RoomError where a word would ban somebody in a cast."""
    for name in names:
        if word := find_banned_word(name, words):
            raise RoomError(
                say(
                    "“{word}” cannot be banned, because “{name}” is in a cast. Use "
                    "{/cast remove} first.",
                    word=inline(word, 60),
                    name=inline(name, 60),
                )
            )


def shown_words(words: Sequence[str], where: str) -> str:
    """Return a list as a message; ``where`` says in words whether channel or server has it."""
    if not words:
        return say("Only the bot's own list applies {where}. Ban words with `{*add}`.", where=where)
    text = ", ".join(words)
    if size(text) > SHOWN:
        # Half of it in code points is never more than all of it in UTF-16.
        text = say(
            "{words} … and more, {number:,} in total",
            words=text[: SHOWN // 2].rsplit(", ", 1)[0],
            number=len(words),
        )
    above = say("Besides the bot's own list, these words are banned {where}:", where=where)
    return f"{above}\n{fenced(text)}"


def mentioned(words: Sequence[str]) -> str:
    """Return a list for a sentence: the number of words, and as many of them as fit."""
    if not words:
        return say("none")
    number, which = many(len(words), "word"), inline(", ".join(words), MENTIONED)
    return f"{number} ({which})"


def _words(text: str) -> dict[str, str]:
    """Return the words in a text by their plain form; raises RoomError."""
    written = (" ".join(clean(word.casefold()).split()) for word in re.split(r"[,;\n]", text))
    words = {normalize_words(word): word for word in written if word}
    if any(len(word) > LONGEST_WORD for word in words.values()):
        raise RoomError(
            say("One of these is longer than {most:,} characters. Shorten it.", most=LONGEST_WORD)
        )
    if "" in words:
        raise RoomError(say("A banned word needs at least one letter or digit."))
    return words
