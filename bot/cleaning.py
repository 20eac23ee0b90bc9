"""Strip from text what is invisible or would cover nearby lines, and fold names."""

from __future__ import annotations

import re
from unicodedata import category, combining, normalize

JOINERS = "\u200c\u200d"
"""The zero-width non-joiner and joiner, which emoji and some scripts are spelt with."""

_LINE_BREAK = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)
_MARKS_LIMIT = 2


def clean(text: str) -> str:
    """Return text without anything invisible, in NFC, with LF line breaks and plain spaces.

    Drop control, private-use, bidirectional and zero-width characters, except the joiners inside
    emoji and inside words of the scripts that need them. Keep at most two combining marks on a
    letter, because a pile of them covers the lines above and below.
    """
    if text.isascii() and text.isprintable():  # most text, which nothing below changes
        return text
    text = _INVISIBLE.sub("", _LINE_BREAK.sub("\n", text))
    text = normalize("NFC", "".join(map(_visible, text)))
    # Dropping a mark or a joiner can bring together characters that compose.
    return normalize("NFC", _drop_stray_marks(text))


def fold_case(name: str) -> str:
    """Return what names are compared by: the name in one case and in NFC, with single spaces."""
    return " ".join(normalize("NFC", name).casefold().split())


def _visible(character: str) -> str:
    """Return the character, a space in place of any other space, or "" if it is invisible."""
    if character == "\n" or character in JOINERS:
        return character
    kind, code = category(character), ord(character)
    if kind == "Zs" or character == "\t":
        return " "
    # Unicode reserves these code points as never a character, and XML forbids U+FFFE and U+FFFF.
    is_noncharacter = 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE
    return "" if kind in {"Cc", "Cf", "Cs", "Co"} or is_noncharacter else character


def _drop_stray_marks(text: str) -> str:
    """Drop joiners that join nothing, and marks without a letter or beyond the limit."""
    kept: list[str] = []
    base, marks = "", _MARKS_LIMIT
    for at, character in enumerate(text):
        kind = category(character)
        if kind == "Cf":
            joins, following = {"Lo", "So"}, category(text[at + 1 : at + 2] or " ")
            if base not in joins | {"Mc", "Sk"} or following not in joins | {"Sm"}:
                continue
        elif kind in {"Mn", "Me"} or combining(character):
            marks += 1
            if marks > _MARKS_LIMIT:
                continue
        elif kind == "Mc":
            # A vowel sign has its own column, but marks on the sign count as marks on the letter.
            base = kind
        else:
            base, marks = kind, _MARKS_LIMIT if character.isspace() else 0
        kept.append(character)
    return "".join(kept)
