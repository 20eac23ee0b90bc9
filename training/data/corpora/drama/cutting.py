"""Cut a book into its plays, without essays, lists of persons and advertisements.

Speeches identify a play: it is a stretch in which speeches follow each other, and it begins with
the heading of its first act.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .cues import HEADING
from .speakers import Part

FEWEST_SPEECHES = 8
"""The fewest speeches of a stretch that is kept; a preface quotes fewer."""
FEWEST_OF_PLAY = 40
"""The fewest speeches of a play beside a longer one; an essay quotes fewer."""
MOST_NAMES = 0.5
"""The most names of a stretch, as a share of its speeches; with more, it is a glossary or list."""
LONGEST_GAP = 30
"""The paragraphs without a new speaker that end a stretch; songs and long directions have fewer."""
LONGEST_TEXT = 9_000
"""The number of characters that such paragraphs must also have to end a stretch."""
LONGEST_LIST = 60
"""Paragraphs within which a list of persons must end, as the longest casts do."""
SAME_CAST = 0.3
"""The share of speeches by common speakers that makes two stretches one play; two plays of an
anthology may both have a servant."""
LONG_HEADING, LONG_TITLE = 60, 70
"""The number of characters from which a text is a sentence: not the heading of a list or of the end
of a play, and not the title of front matter."""
HEADING_LINES = 4
"""The lines at the top of a paragraph in which a list of persons may have its heading."""
MOST_INDENTED = 12
"""The largest indent of directions; a heading in the centre has more."""
LAST_DIRECTIONS, FIRST_DIRECTIONS = 24, 8
"""The most paragraphs of directions behind the last speech, or before the first without heading."""
NEAR = 1
"""The most paragraphs between front matter, such as a list of scenes, and the first speech for
which the heading of the act may stand above both."""

PERSONS = re.compile(
    r"(?:THE )?(?:LIST OF )?(?:DRAMATIS PERSON|PERSON(?:S|AGES|AE)\b|CHARACTERS\b|CAST\b"
    r"|ACTORS\b|PEOPLE (?:IN|OF)|THE PEOPLE|ACTORUM|SPEAKERS|THE PERSONS"
    r"|NAMES OF THE PERSONS)",
    re.IGNORECASE,
)
LIST_OF_PERSONS = re.compile(
    r"DRAMATIS PERSONAE|PERSONAGES"
    r"|(?:THE )?(?:PERSONS|CHARACTERS|CAST)(?: OF THE PLAY| REPRESENTED)?"
)
END = re.compile(
    r"(?:THE )?(?:END\.?$|END OF (?:THE )?(?:PLAY|COMEDY|TRAGEDY|DRAMA|FARCE|LAST|VOL)|FINIS\b)"
    r"|(?:THE )?END OF (?!.*\b(?:ACT|SCENE)\b)[A-Z ,']+$",
    re.IGNORECASE,
)
FRONT_MATTER = re.compile(
    r"(?:NOTES?|PREFACE|INTRODUCTION|APPENDIX|ADVERTISEMENTS?|BIBLIOGRAPHY|CONTENTS|INDEX|GLOSSARY"
    r"|DEDICATION|TO THE READER|FOREWORD|LIST OF|ERRATA|BIOGRAPHICAL|COPYRIGHT|PRINTED (?:BY|IN)"
    r"|ALL RIGHTS|PUBLISHED BY|BY THE SAME"
    r"|A (?:FARCE|COMEDY|TRAGEDY|DRAMA|PLAY|COMEDIETTA)\b.{0,60}$"
    r"|COSTUMES?|PROPERTIES|STAGE DIRECTIONS|SCENERY)[ .:,]?",
    re.IGNORECASE,
)
FIRST_ACT = re.compile(
    r"(?:THE )?(?:ACTS? ?(?:I|1|ONE|THE FIRST|FIRST)\b|FIRST ACT|ACTUS PRIM|PROLOGUE|INDUCTION"
    r"|SCENE (?:I|1|ONE|THE FIRST|FIRST)\b|FIRST SCENE|ACT I\b)",
    re.IGNORECASE,
)
CURTAIN = re.compile(
    r"[\[(_]*(?:(?:THE )?(?:SLOW |QUICK )?CURTAIN\b|TABLEAU|EXEUNT|EXIT|DANCE|END OF)",
    re.IGNORECASE,
)


@dataclass
class Play:
    """Hold a play: its parts in order, and the paragraphs before them, which may name it."""

    parts: list[Part]
    before: list[Part]

    @property
    def cast(self) -> Counter[str]:
        """Return the number of speeches of each speaker."""
        return Counter(part.cue.key for part in self.parts if part.cue)


def cut_plays(parts: Sequence[Part]) -> list[Play]:
    """Return the plays of a book."""
    plays: list[Play] = []
    # A title above a list of persons is no cue, even if it is somebody's name.
    parts = [Part(part.paragraph, None) if heads_persons(part) else part for part in parts]
    for play in _find_stretches(parts):
        speeches = sum(play.cast.values())
        if speeches < FEWEST_SPEECHES or len(play.cast) > MOST_NAMES * speeches:
            continue
        if plays and _is_same(plays[-1], play):
            plays[-1].parts += play.parts
        else:
            plays.append(play)
    most = max((sum(play.cast.values()) for play in plays), default=0)
    return [play for play in plays if sum(play.cast.values()) >= min(most, FEWEST_OF_PLAY)]


def _is_same(play: Play, other: Play) -> bool:
    casts = play.cast, other.cast
    common = casts[0].keys() & casts[1].keys()
    shares = [sum(cast[name] for name in common) / sum(cast.values()) for cast in casts]
    return min(shares) > SAME_CAST / 2 and max(shares) > SAME_CAST


def _find_stretches(parts: Sequence[Part]) -> Iterator[Play]:
    """Yield the stretches between gaps, each with the paragraphs cut before it."""
    spoken = [i for i, part in enumerate(parts) if part.cue]
    if not spoken:
        return
    cut_from, first = 0, spoken[0]
    for before, after in zip(spoken, [*spoken[1:], len(parts)], strict=True):
        if after < len(parts) and not _is_gap(parts[before + 1 : after]):
            continue
        stop = _find_stop(parts, before, after)
        start = _skip_persons(parts, _find_start(parts, cut_from, first), stop)
        yield Play(list(parts[start:stop]), list(parts[cut_from:start]))
        cut_from, first = stop, after


def _skip_persons(parts: Sequence[Part], start: int, stop: int) -> int:
    """Return the heading of the first act, if each name before it occurs only once.

    A list of persons looks like speeches: `BOX. Small swallow-tailed coat, buff waistcoat.`
    """
    names = Counter[str]()
    for i in range(start, min(start + LONGEST_LIST, stop)):
        part = parts[i]
        if HEADING.match(_read_heading(part)) and i > start and names:
            return _skip_contents(parts, i, stop)
        names.update([part.cue.key] if part.cue else [])
        if names and max(names.values()) > 1:
            break
    return start


def _skip_contents(parts: Sequence[Part], start: int, stop: int) -> int:
    """Return the second heading of the first act, after a list of the acts and their places."""
    act = start
    for i in range(start + 1, min(start + LONGEST_LIST, stop)):
        if parts[i].cue:
            break
        if FIRST_ACT.match(_read_heading(parts[i])) and "ACT" in _read_heading(parts[i]).upper():
            act = i
    return act


def _is_gap(between: Sequence[Part]) -> bool:
    """Return whether the paragraphs between two speeches are more than directions."""
    if any(_is_boundary(part) for part in between):
        return True
    size = sum(len(part.paragraph.text) for part in between)
    return len(between) > LONGEST_GAP and size > LONGEST_TEXT


def _is_boundary(part: Part) -> bool:
    text = part.paragraph.plain.strip(" [](){}.")
    is_list = PERSONS.match(text) and len(part.paragraph.first) < LONG_HEADING
    if heads_persons(part) or is_list or (END.match(text) and len(text) < LONG_HEADING):
        return True
    return len(text) < LONG_TITLE and bool(FRONT_MATTER.match(text)) and _is_printed_large(part)


def heads_persons(part: Part) -> bool:
    """Return whether a line of its own heads a list of persons, perhaps below a title."""
    lines = (line.strip(" _[]().:") for line in part.paragraph.lines[:HEADING_LINES])
    return any(LIST_OF_PERSONS.fullmatch(line) for line in lines)


def _is_printed_large(part: Part) -> bool:
    first = part.paragraph.first.strip("_[]() .")
    return first.isupper() or part.paragraph.indent > MOST_INDENTED


def _find_stop(parts: Sequence[Part], spoken: int, limit: int) -> int:
    """Return the end of a stretch: behind the curtain, or before what is not part of a play."""
    stop = spoken + 1
    has_fallen = False
    for i in range(spoken + 1, min(limit, spoken + 1 + LAST_DIRECTIONS)):
        falls = bool(CURTAIN.match(parts[i].paragraph.plain))
        if _is_boundary(parts[i]) or (has_fallen and not falls):
            break
        if falls or (stop == i and not _is_printed_large(parts[i])):
            stop = i + 1
        has_fallen = falls
    return stop


def _find_start(parts: Sequence[Part], floor: int, spoken: int) -> int:
    """Return the start of a stretch: the heading of its first act, or its first directions."""
    boundary = max((i for i in range(floor, spoken) if _is_boundary(parts[i])), default=floor - 1)
    above = range(max(floor, spoken - LONGEST_GAP), spoken)
    if near := [i for i in above if FIRST_ACT.match(_read_heading(parts[i]))]:
        acts = [i for i in near if re.match(r".*\bACT", _read_heading(parts[i]), re.IGNORECASE)]
        last = (acts or near)[-1]
        is_below = spoken - boundary - 1 <= NEAR
        return last if last > boundary or is_below else max(boundary + 1, last)
    for i in reversed(above):
        if i > boundary and HEADING.match(_read_heading(parts[i])):
            return i
    start = spoken
    while start > max(boundary + 1, spoken - FIRST_DIRECTIONS) and _is_direction(parts[start - 1]):
        start -= 1
    return start


def _read_heading(part: Part) -> str:
    return part.paragraph.first.strip("_[]() ")


def _is_direction(part: Part) -> bool:
    text = part.paragraph.text.lstrip()
    return text[:1] in "[(_{" or bool(re.match(r"(?:The scene|Scene|Enter|A room)\b", text))
