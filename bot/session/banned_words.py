"""Show and change the lists of words that no model writes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from ..cleaning import clean
from ..errors import RequestError
from ..i18n.catalogue import Count
from ..inference.word_filter import find_banned_word, normalize_words
from ..screenplay.free_text import CAST_LIMIT
from ..storage.store import Store

MAX_WORDS = 500
"""The maximum number of words and phrases in a list."""

MAX_WORD_LENGTH = 60
"""The maximum number of characters in a word or phrase."""


@lru_cache(maxsize=4)
def read_words(path: Path) -> tuple[str, ...]:
    """Return the words of a file, one per line, without # comment lines; raise OSError."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


class BannedWordLists:
    """The lists of banned words of channels and guilds."""

    def __init__(self, store: Store) -> None:
        self._lists = store.banned_words
        self._scripts = store.scripts
        self._editing = asyncio.Lock()

    async def load(self, scope: str, place: int) -> list[str]:
        """Load one list; ``scope`` is ``channel`` or ``guild``."""
        return await self._lists.load_word_list(scope, place)

    async def edit(
        self, scope: str, place: int, guild: int | None, add: str, remove: str, *, clear: bool
    ) -> list[str]:
        """Change a list, as `edit_words` does, and return it; raise RequestError."""
        async with self._editing:
            before = [] if clear else await self.load(scope, place)
            words = edit_words(before, add, remove)
            # Words banned earlier may be in the cast of a script that was paused at that time.
            if added := sorted(set(words).difference(before)):
                _check_names(await self._scripts.list_cast_names(scope, place), added)
            await self._lists.replace_word_list(scope, place, words, guild)
        return words


def edit_words(words: Sequence[str], add: str, remove: str) -> list[str]:
    """Return a list with comma-separated words added and removed, in alphabetical order.

    Words are compared without regard to case and accents. Raises RequestError.
    """
    kept = {normalize_words(word): word for word in words}
    for plain, word in _parse_words(remove).items():
        if kept.pop(plain, None) is None:
            raise RequestError(
                "“{word}” is not on this list. See the list with {/banned}.", word=word
            ).suggest(word, words)
    edited = sorted((kept | _parse_words(add)).values())
    if len(edited) > MAX_WORDS:
        raise RequestError(
            "That would make {words}, but the limit is {most:,}. Remove some first.",
            words=Count(len(edited), "word"),
            most=MAX_WORDS,
        )
    return edited


def _check_names(names: Iterable[str], words: Sequence[str]) -> None:
    if banned := {name: word for name in names if (word := find_banned_word(name, words))}:
        raise RequestError(
            "Nothing was changed, because names in a cast contain words of your list: {names}. "
            "Remove these characters with {/cast} first, or leave out {words}.",
            names=", ".join([*banned][:CAST_LIMIT]),
            words=", ".join(sorted({*banned.values()})[:CAST_LIMIT]),
        )


def _parse_words(text: str) -> dict[str, str]:
    """Return the words in a text, keyed by their plain form; raise RequestError."""
    written = (" ".join(clean(word.casefold()).split()) for word in re.split(r"[,;\n]", text))
    words = {normalize_words(word): word for word in written if word}
    if any(len(word) > MAX_WORD_LENGTH for word in words.values()):
        raise RequestError(
            "A banned word or phrase can have at most {most:,} characters. Shorten it.",
            most=MAX_WORD_LENGTH,
        )
    if "" in words:
        raise RequestError("A banned word needs at least one letter or digit.")
    return words
