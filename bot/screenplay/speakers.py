"""Tell the name of a speaker from other words that people type before a colon."""

from __future__ import annotations

import re
from unicodedata import normalize

from .fountain import is_name

MAX_CAPITALISED = 3
"""The most words with capitals of a name that the script does not know, unless all is capitals."""

NUMBER = r"(?:\d+|[ivx]+|one|two|three|four|five|six|seven|eight|nine|ten)"
"""Matches the number of an act or a scene, where case is ignored."""

_PARTICLES = "& + and da de den der di du et la le of the und van von y"
"""Words of a name that need no capital."""

_LABELS = """
    act chapter day episode night part rule scene season step take
    akt kapitel nacht regel szene tag teil

    afternoon dawn dusk evening midnight morning noon
    monday tuesday wednesday thursday friday saturday sunday
    backstage downstairs elsewhere inside offstage onstage outside upstairs
    beginning end epilogue finale interlude intermission prologue ende
    camera close-up credits cut flashback fx light lights montage music sfx song sound sounds
    beat caption cast characters chyron date insert location place props setting sign silence
    subtitle super time title musik ort zeit

    answer btw edit example from fyi hint idea link nb note notes ooc plot poll ps question re recap
    reminder result source spoiler spoilers subject summary tldr to todo update warning
    achtung anmerkung antwort frage hinweis idee notiz
    also no ok okay so well yes
"""
"""Words that are no names, alone or with a number: `Note: rain.`, `Act One: The Roof`."""

_OPENERS = """
    after afterwards at back before dear finally later meanwhile next now suddenly then today
    tomorrow tonight yesterday danach gestern heute inzwischen morgen pl\u00f6tzlich sp\u00e4ter
"""
"""Words with which no name begins: `Later That Night: rain.`"""

_CLOSERS = "ago card earlier fact in later news note out sp\u00e4ter tip to twist"
"""Words with which no name ends: `Smash Cut To: rain.`"""

PARTICLES, LABELS, OPENERS, CLOSERS = (
    frozenset(words.split()) for words in (_PARTICLES, _LABELS, _OPENERS, _CLOSERS)
)
_NUMBER = re.compile(NUMBER)
_SIGNS = re.compile(r"[\u0300-\u036f .'\u2019&/#_+-]")


def fold_name(name: str) -> str:
    """Return what spellings of one name share: its letters and digits without case and accents."""
    return _SIGNS.sub("", normalize("NFD", name.casefold()))


def looks_like_name(text: str) -> bool:
    """Return whether words before a colon name a speaker whom the script does not know.

    A name is in capitals, or has one to three words that begin with a capital.
    """
    if not is_name(text) or _is_label(text):
        return False
    first, *others = text.split()
    words = [first, *(one for one in others if one not in PARTICLES and any(map(str.isalpha, one)))]
    is_capitalised = all(word[0].isupper() for word in words)
    return text.isupper() or (is_capitalised and len(words) <= MAX_CAPITALISED)


def _is_label(text: str) -> bool:
    words = text.casefold().replace(".", "").removeprefix("the ").split()
    is_numbered = all(map(_NUMBER.fullmatch, words[1:]))
    first, last = words[0], words[-1]
    return first in OPENERS or last in CLOSERS or (first in LABELS and is_numbered)
