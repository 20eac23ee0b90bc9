"""Turn the elements of a screenplay into what is spoken, and by whom."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple
from unicodedata import name as name_character

from ..screenplay.elements import Element, Kind
from ..screenplay.emphasis import split_runs

ABBREVIATIONS = (
    (re.compile(r"#[^#]*#\s*$"), ""),  # a scene number
    (re.compile(r"^I/E\b\.?", re.IGNORECASE), "INTERIOR, EXTERIOR, "),
    (re.compile(r"\bINT\b\.?/?", re.IGNORECASE), "INTERIOR, "),
    (re.compile(r"\bEXT\b\.?/?", re.IGNORECASE), "EXTERIOR, "),
    (re.compile(r"\s+[-\u2013\u2014]+\s+"), ", "),
)
"""The abbreviations in scene headings, and how they are spoken."""

SPOKEN_MARKS = frozenset(".,;:!?'\"()&%$£€+°…—-")

_PLAIN_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")
_DASH = re.compile(r"\s*(?:-{2,}|[\u2013\u2014])\s*|\s+-\s+")
_STRAY_MARK = re.compile(r"\s+(?=[.,;:!?])|[,;:](?=\s*[.,;:!?])")
_LONG_NUMBER = re.compile(r"\d{13,}")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_ROMAN_NUMBER = re.compile(r"[IVX]+")


class Utterance(NamedTuple):
    """The text that one voice speaks before another takes over."""

    speaker: str | None
    """The name of the character, or None for the narrator."""
    text: str


def list_utterances(element: Element, names: Collection[str] = ()) -> list[Utterance]:
    """Return what is spoken of an element: nothing if none of its letters and digits can be.

    The narrator speaks parentheticals, and whatever has no cue. The names of the cast count as
    words, even in capitals.
    """
    # Single spaces, because the patterns below would scan a long run of spaces again and again.
    rows = [
        " ".join("".join(text for text, _ in split_runs(row)).split()) for row in element.marked
    ]
    if element.kind is Kind.HEADING:
        for abbreviation, full in ABBREVIATIONS:
            rows = [abbreviation.sub(full, row) for row in rows]
        rows = [row.upper() for row in rows]
    parts = list[Utterance]()
    for row in rows[1:] if element.kind.spec.has_cue else rows:
        is_parenthetical = row.startswith("(") and row.endswith(")")
        speaker = None if is_parenthetical else element.cue or None
        before = f"{parts.pop().text} " if parts and parts[-1].speaker == speaker else ""
        parts.append(Utterance(speaker, before + row))
    spoken = [Utterance(part.speaker, make_speakable(part.text, names)) for part in parts]
    return [part for part in spoken if part.text]


def make_speakable(text: str, names: Collection[str] = ()) -> str:
    """Return text without what cannot be spoken, or "" if no letter or digit is left.

    Words in capitals become words in lower case, because they would otherwise be spelt out.
    """
    text = _DASH.sub(" — ", text.translate(_PLAIN_QUOTES))
    text = "".join(character if _is_speakable(character) else " " for character in text)
    # hibari cannot say such a number.
    text = _LONG_NUMBER.sub(lambda match: " ".join(match[0]), text)
    words = {word for name in names for word in _WORD.findall(name.upper())}
    is_shouted = text.isupper()

    def lower(match: re.Match[str]) -> str:
        word = match[0]
        if len(word) == 1 or not word.isupper() or _ROMAN_NUMBER.fullmatch(word):
            return word
        # Among other words, a word as short as FBI is an abbreviation.
        is_word = is_shouted or len(word) > 3 or "'" in word or word in words
        if word.startswith("I'"):
            return f"I{word[1:].lower()}"
        return word.lower() if is_word else word

    text = _STRAY_MARK.sub("", " ".join(_WORD.sub(lower, text).split())).strip(" ,;:—-")
    text = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    if not any(map(str.isalnum, text)):
        return ""
    return text if text[-1] in ".!?…" else f"{text}."


def _is_speakable(character: str) -> bool:
    if character.isspace() or character in SPOKEN_MARKS or character in "0123456789":
        return True
    return character.isalpha() and name_character(character, "").startswith("LATIN ")
