"""The lists of words that a voice must not say, as people change and see them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .constraint import plain_words, said
from .render import fenced, inline, size
from .script import clean
from .turn import RoomError

MOST_WORDS = 500
"""Words and phrases that a list may have."""

LONGEST_WORD = 60
"""Characters that one of them may have."""

SHOWN = 1500
"""The size of a list from which on only its beginning is shown."""


def changed(words: Sequence[str], add: str, remove: str) -> list[str]:
    """A list with words added and removed, in alphabetical order; both are separated by commas.

    Words are the same whatever their case and accents are. Raises RoomError.
    """
    kept = {plain_words(word): word for word in words}
    for plain, word in _words(remove).items():
        if kept.pop(plain, None) is None:
            raise RoomError(
                f"“{inline(word, 60)}” is not on this list: see it with /settings banned."
            )
    after = sorted((kept | _words(add)).values())
    if len(after) > MOST_WORDS:
        raise RoomError(
            f"That would be {len(after)} words, and {MOST_WORDS} fit: remove some first."
        )
    return after


def check_casts(names: Sequence[str], words: Sequence[str]) -> None:
    """Raises RoomError where a word would ban somebody in a cast."""
    for name in names:
        if word := said(name, words):
            raise RoomError(
                f"“{inline(word, 60)}” cannot be banned while “{inline(name, 60)}” is in a cast: "
                f"take them out with /cast remove first."
            )


def shown_words(words: Sequence[str], where: str) -> str:
    """A list as it is shown to the person who asked."""
    if not words:
        return f"Nothing is banned in {where} beyond the bot's own list: `add` bans words."
    text = ", ".join(words)
    if size(text) > SHOWN:
        # Half of it in code points is never more than all of it in UTF-16.
        text = text[: SHOWN // 2].rsplit(", ", 1)[0] + f" … and more, {len(words)} in all"
    return f"Beyond the bot's own list, no voice says these in {where}:\n{fenced(text)}"


def _words(text: str) -> dict[str, str]:
    """The words in a text, by their plain form; raises RoomError."""
    written = (" ".join(clean(word.casefold()).split()) for word in re.split(r"[,;\n]", text))
    words = {plain_words(word): word for word in written if word}
    if any(len(word) > LONGEST_WORD for word in words.values()):
        raise RoomError(f"One of these has more than {LONGEST_WORD} characters: shorten it.")
    if "" in words:
        raise RoomError("One of these has neither a letter nor a digit: name words or phrases.")
    return words
