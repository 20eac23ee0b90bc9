"""The lists of words that a voice must not say, as people change and see them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..cleaning import clean
from ..i18n.catalogue import many, say
from ..i18n.markdown import fenced, inline, size
from ..inference.word_filter import plain_words, said
from .turn import RoomError

MOST_WORDS = 500
"""Words and phrases that a list may have."""

LONGEST_WORD = 60
"""Characters that one of them may have."""

SHOWN = 1500
"""The size of a list from which on only its beginning is shown."""

MENTIONED = 200
"""The size to which a list is cut where it stands in a sentence."""


def changed(words: Sequence[str], add: str, remove: str) -> list[str]:
    """A list with words added and removed, in alphabetical order; both are separated by commas.

    Words are the same whatever their case and accents are. Raises RoomError.
    """
    kept = {plain_words(word): word for word in words}
    for plain, word in _words(remove).items():
        if kept.pop(plain, None) is None:
            raise RoomError(
                say(
                    "“{word}” is not on this list: see it with {/settings banned}.",
                    word=inline(word, 60),
                )
            )
    after = sorted((kept | _words(add)).values())
    if len(after) > MOST_WORDS:
        raise RoomError(
            say(
                "That would be {words}, and {most:,} fit: remove some first.",
                words=many(len(after), "word"),
                most=MOST_WORDS,
            )
        )
    return after


def check_casts(names: Sequence[str], words: Sequence[str]) -> None:
    """Raises RoomError where a word would ban somebody in a cast."""
    for name in names:
        if word := said(name, words):
            raise RoomError(
                say(
                    "“{word}” cannot be banned while “{name}” is in a cast: take them out with "
                    "{/cast remove} first.",
                    word=inline(word, 60),
                    name=inline(name, 60),
                )
            )


def shown_words(words: Sequence[str], where: str) -> str:
    """A list as it is shown to the person who asked; ``where`` it holds is said already."""
    if not words:
        return say(
            "Nothing is banned {where} beyond the bot's own list: `{*add}` bans words.", where=where
        )
    text = ", ".join(words)
    if size(text) > SHOWN:
        # Half of it in code points is never more than all of it in UTF-16.
        text = say(
            "{words} … and more, {number:,} in all",
            words=text[: SHOWN // 2].rsplit(", ", 1)[0],
            number=len(words),
        )
    above = say("Beyond the bot's own list, no voice says these {where}:", where=where)
    return f"{above}\n{fenced(text)}"


def mentioned(words: Sequence[str]) -> str:
    """A list in a sentence: how many words it has, and which, as far as there is room."""
    if not words:
        return say("none")
    number, which = many(len(words), "word"), inline(", ".join(words), MENTIONED)
    return f"{number} ({which})"


def _words(text: str) -> dict[str, str]:
    """The words in a text, by their plain form; raises RoomError."""
    written = (" ".join(clean(word.casefold()).split()) for word in re.split(r"[,;\n]", text))
    words = {plain_words(word): word for word in written if word}
    if any(len(word) > LONGEST_WORD for word in words.values()):
        raise RoomError(
            say("One of these has more than {most:,} characters: shorten it.", most=LONGEST_WORD)
        )
    if "" in words:
        raise RoomError(
            say("One of these has neither a letter nor a digit: name words or phrases.")
        )
    return words
