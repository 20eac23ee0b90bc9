"""The lists of words that a voice must not say, as people change and see them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .constraint import said
from .render import fenced, inline
from .room import RoomError
from .script import clean

MOST_WORDS = 500
"""Words and phrases that a list may have."""

LONGEST_WORD = 60
"""Characters that one of them may have."""

SHOWN = 1500
"""Characters of a list that are shown."""


def changed(words: Sequence[str], add: str, remove: str) -> list[str]:
    """A list with words added and removed, in alphabetical order; both are separated by commas.

    Words are the same whatever their case and accents are. Raises RoomError.
    """
    new, gone = _words(add), _words(remove)
    for word in gone:
        if not any(_same(word, one) for one in words):
            raise RoomError(
                f"“{inline(word, 60)}” is not on this list: see it with /settings banned."
            )
    kept = [one for one in words if not any(_same(one, word) for word in (*gone, *new))]
    after = sorted({*kept, *new})
    if len(after) > MOST_WORDS:
        raise RoomError(
            f"That would be {len(after)} words, and {MOST_WORDS} fit: remove some first."
        )
    return after


def shown_words(words: Sequence[str], where: str) -> str:
    """A list as it is shown to the person who asked."""
    if not words:
        return f"Nothing is banned in {where} beyond the bot's own list: `add` bans words."
    text = ", ".join(words)
    if len(text) > SHOWN:
        text = text[:SHOWN].rsplit(", ", 1)[0] + f" … and more, {len(words)} in all"
    return f"Beyond the bot's own list, no voice says these in {where}:\n{fenced(text)}"


def _words(text: str) -> list[str]:
    words = [" ".join(clean(word).split()) for word in re.split(r"[,;\n]", text)]
    words = list(dict.fromkeys(word.casefold() for word in words if word))
    for word in words:
        if len(word) > LONGEST_WORD:
            raise RoomError(f"One of these has more than {LONGEST_WORD} characters: shorten it.")
        if said(word, [word]) is None:
            raise RoomError("One of these has neither a letter nor a digit: name words or phrases.")
    return words


def _same(one: str, other: str) -> bool:
    return said(one, [other]) is not None and said(other, [one]) is not None
