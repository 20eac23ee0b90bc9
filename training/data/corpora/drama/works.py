"""Make works from a published text, for the command to write and for filters to examine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from .cleaning import clean
from .conversion import convert_play
from .cutting import PERSONS, Play, cut_plays
from .paragraphs import leave_out_foreign, split_paragraphs
from .speakers import Part, read_speakers

SHORTEST = 1_500
"""The fewest characters of a work that is kept; a fragment has no scene."""
SHOWN = 12
"""The most doubtful places of a work that are listed; somebody who mends it needs no more."""
MOST_DOUBTFUL = 0.1
"""The most doubtful places of a work that is kept, as a share of its speeches; a novel has more."""


@dataclass(frozen=True)
class Work:
    """Hold one play as Fountain, and what is doubtful in it."""

    number: int
    title: str
    script: str
    speeches: int
    doubtful: tuple[str, ...]
    """Short notes on doubtful places, with line numbers of the source."""
    doubts: int = 0
    """Number of doubtful places, including those not listed."""

    @property
    def is_sound(self) -> bool:
        """Return whether the work has few enough doubtful places to be learned."""
        return self.doubts <= MOST_DOUBTFUL * self.speeches


def convert(number: int, title: str, text: str) -> list[Work]:
    """Return the plays of a published text, one work for each play of an anthology."""
    parts = read_speakers(leave_out_foreign(list(split_paragraphs(clean(text)))))
    plays = cut_plays(parts)
    works: list[Work] = []
    for play, name in zip(plays, _name_plays(title, plays), strict=True):
        script, doubtful = convert_play(play.parts, play.before)
        content = "\n\n".join([f"Title: {name}", *script.elements]) + "\n"
        shown = tuple(doubtful[:SHOWN])
        if len(content) >= SHORTEST:
            works.append(Work(number, name, content, script.speeches, shown, len(doubtful)))
    return works


def _name_plays(title: str, plays: Sequence[Play]) -> list[str]:
    if len(plays) == 1:
        return [title]
    names: list[str] = []
    for position, play in enumerate(plays, start=1):
        above = takewhile(lambda part: not PERSONS.match(part.paragraph.plain), play.before)
        name = next((name for part in above if (name := _read_title(part))), "")
        names.append(name if name and name not in names else f"{title}, {position}")
    return names


def _read_title(part: Part) -> str:
    text = part.paragraph.plain.strip("[](){} .,:;")
    wanted = 2 < len(text) < 60 and text.isupper() and len(part.paragraph.lines) <= 2
    unwanted = re.match(
        r"(?:THE )?(?:AN? (?:PLAY|FARCE|COMEDY|TRAGEDY|DRAMA|COMEDIETTA|SKETCH)"
        r"|END|CURTAIN|FINIS|CHARACTERS|PERSON|DRAMATIS|CAST|SCENE|ACT|ACT[VU]S|PROLOG[VU]S|BY"
        r"|COPYRIGHT|NOTE|PREFACE|INTRODUCTION|CONTENTS|FIRST|THE \d+|TIME|PLACE|TO|ALL|PRINTED"
        r"|EPILOGUE|PROLOGUE|OR"
        r"|IN (?:ONE|TWO|THREE|FOUR|FIVE) ACTS?|FROM THE SERIES|\w+ SERIES|PERSONS|AFTERMATH"
        r"|TRANSLATED|ORIGINALLY|EDITED|EDITION|REVISED)\b",
        text,
    )
    return text.title().replace("'S", "'s") if wanted and not unwanted else ""
