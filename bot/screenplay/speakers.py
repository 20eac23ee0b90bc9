"""Tell the name of a speaker from other words that people type before a colon."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from unicodedata import normalize

from .elements import NUMBER
from .fountain import is_name

MAX_CAPITALISED = 3
"""The most capitalised words in a name unknown to the script, unless all of it is in capitals."""

_LABELS = Path(__file__).with_name("labels.toml").read_text(encoding="utf-8")
_WORDS = {
    name: frozenset(map(str.casefold, words))  # which turns ß into ss
    for name, words in tomllib.loads(_LABELS).items()
}
_NUMBER = re.compile(NUMBER)
_ACCENTS = re.compile(r"[\u0300-\u036f]")
_TELLS_APART = re.compile(r"\d|\b\w$|^MRS?\b")
_SIGNS = re.compile(r"[ .'\u2019&/#_+-]")


def fold(text: str) -> str:
    """Return text without case and accents, as people type what they look for."""
    return _ACCENTS.sub("", normalize("NFD", text.casefold()))


def fold_name(name: str) -> str:
    """Return what spellings of one name share: its letters and digits without case and accents."""
    return _SIGNS.sub("", fold(name))


def looks_like_name(text: str) -> bool:
    """Return whether words before a colon name a speaker whom the script does not know.

    A name is in capitals, or has one to three words that begin with a capital, or is one of the
    names that every script knows.
    """
    if text.casefold() in _WORDS["collective"]:
        return True
    if not is_name(text) or _is_label(text):
        return False
    particles = _WORDS["particles"]
    words = [word for word in text.split() if word not in particles and any(map(str.isalpha, word))]
    is_capitalised = text[0].isupper() and all(word[0].isupper() for word in words)
    return text.isupper() or (is_capitalised and len(words) <= MAX_CAPITALISED)


def find_meant(typed: str, names: Iterable[str]) -> str:
    """Return the name of which a new one differs by one slip of the finger, or "" for none.

    GUARD 1 and GUARD 2 are two people, and so may be MR LEE and MRS LEE, or TOM and TIM.
    """
    known = () if _TELLS_APART.search(typed) else names
    return next((name for name in known if len(typed + name) > 6 and _is_slip(typed, name)), "")


def _is_slip(typed: str, name: str) -> bool:
    """Return whether one letter is missing, added or wrong, or two have changed places."""
    same = (at for at in range(len(typed) + 1) if typed[:at] == name[:at])
    return any(
        {ours, ours[1:]} & {theirs, theirs[1:]} or ours == theirs[1::-1] + theirs[2:]
        for ours, theirs in ((typed[at:], name[at:]) for at in same)
    )


def _is_label(text: str) -> bool:
    words = text.casefold().replace(".", "").removeprefix("the ").split()
    is_numbered = all(map(_NUMBER.fullmatch, words[1:]))
    first, last = words[0], words[-1]
    is_label = first in _WORDS["labels"] and is_numbered
    return is_label or first in _WORDS["openers"] or last in _WORDS["closers"]
