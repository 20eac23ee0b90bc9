"""Read the headings of songs: `SONG--ANNA and CHORUS.` gives the number and the singers.

The verses below such a heading have no cue of their own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .cues import normalise_name

LONGEST = 80
"""The most characters of a heading."""

_KIND = (
    r"RECIT(?:ATIVE|\.)?|SONG|AIR|ARIA|BALLAD|SOLOS?|SOLI|DUETT?O?|TRIO|QUARTETT?E?|QUINTETT?E?"
    r"|SEXTETT?E?|SEPTETT?E?|OCTETT?E?|GLEE|MADRIGAL|ENSEMBLE|FINALE|BARCAROLLE|SERENADE|COUPLETS"
)
_NUMBER = re.compile(
    rf"(?P<kind>(?:{_KIND})(?:(?: and | AND |--|, )(?:{_KIND}|CHORUS))*)"
    r"(?:(?:\.?--| - |[.:,] | (?:by |BY )?)(?P<by>[A-Z].*))?",
)
_CHORUS = re.compile(r"(?:OPENING |FINAL )?CHORUS OF [A-Z][A-Z ]+")
_SINGERS = re.compile(
    r"(?!(?:ACT|IN|TO|OF|FROM)\b)[A-Z][A-Z.'-]+(?:(?:,? (?:AND|and)|,|&)? [A-Z][A-Z.'-]*)*"
)


@dataclass(frozen=True)
class Song:
    """Hold the heading of a song.

    Attributes:
        heading: The number and its singers, as a sentence; "" where the heading is its singers.
        singers: The singers' names in capitals, or "" where the heading has none.
    """

    heading: str
    singers: str


def read_song(text: str) -> Song | None:
    """Return the song headed by a paragraph on one line, or None."""
    text = text.strip("[](){} .")
    if len(text) > LONGEST:
        return None
    if _CHORUS.fullmatch(text):
        return Song("", normalise_name(text))
    match = _NUMBER.fullmatch(text)
    if not match:
        return None
    kind, by = match["kind"].capitalize(), match["by"] or ""
    singers = re.split(r",? (?:with|WITH)\b| ?\(", by)[0]
    if by and not _SINGERS.fullmatch(singers):
        return None
    return Song(f"{kind}: {by}." if by else f"{kind}.", normalise_name(singers))
