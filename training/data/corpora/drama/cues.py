"""Find where a paragraph opens with somebody's name, in every way that printers used.

A `Cue` is only a possibility: `training.data.corpora.drama.speakers` decides which are believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache

from .paragraphs import WORDS, Paragraph

LONGEST = 45
"""The most characters of a name; longer openings in capitals are headings and sentences."""
CENTRED = 12
"""The first column from which a line counts as centred; speeches are indented by less."""


class Layout(StrEnum):
    """Name the ways in which a speaker is printed before the speech."""

    CAPITALS = "NAME. Speech"
    BARE = "NAME Speech"
    ITALICS = "_Name._ Speech"
    MIXED = "Name. Speech"
    MIXED_BARE = "Name Speech"
    CAPITALS_ALONE = "NAME alone"
    ITALICS_ALONE = "_Name._ alone"
    MIXED_ALONE = "Name alone"

    @property
    def is_mixed(self) -> bool:
        """Return whether the name is marked only by the capitals at the start of its words."""
        return self in (Layout.MIXED, Layout.MIXED_BARE, Layout.MIXED_ALONE)


@dataclass(frozen=True)
class Cue:
    """Hold a name that may open a speech, as printed, and the text behind it on its line."""

    layout: Layout
    name: str
    rest: str
    is_marked: bool = True
    """True if type or a mark sets the name off, so that it need not be repeated."""

    @cached_property
    def key(self) -> str:
        """Return the name in the form in which names are compared."""
        return normalise_name(self.name)


@lru_cache(maxsize=1 << 15)
def normalise_name(name: str) -> str:
    """Return a name in capitals, without marks at its ends."""
    name = re.sub(r"[_\[\]{}()]", "", name).upper()
    name = re.sub(r"\s*&\s*(?!C\b)", " AND ", name)
    return re.sub(r"\s+", " ", name).strip(" .,:;-")


OPENING = r"[(\[{]"

_CAPS_WORD = (
    r"(?:(?:Mc|Mac|De|de|d'|D'|Van|von|O'|M'|La|Le)?[A-Z][A-Z']*(?:-[A-Z]+)*(?:'s|s')?(?![a-z])"
    r"|\d+(?:ST|ND|RD|TH|st|nd|rd|th|d)?\b|(?:of|and|the|de|la|le|du|von|van|to|in|with)\b|&)"
)
CAPS_NAME = rf"(?=[A-Z\d]){_CAPS_WORD}(?:(?:\.?,? |\.)(?:{_CAPS_WORD}))*"
_MIXED_WORD = r"(?:[A-Z][A-Za-z']*(?:-[A-Za-z]+)*|\d+(?:st|nd|rd|th|d)?\b)"
_LITTLE = r"(?:of|the|and|de|von|van|la|le|du|to|in|a|with)"
MIXED_NAME = (
    rf"(?:v\. |von |de )?{_MIXED_WORD}(?:(?:\.,? |,? |\. ?)(?:{_LITTLE} )*(?:{_MIXED_WORD})){{0,4}}"
)

_STOPS = re.compile(r"\.(?=[ .:-])|(?<=[A-Za-z]{2})\.(?=[A-Z][a-z' ])|[:;]| *(?=[(\[{])|--")

_CAPITALS = re.compile(CAPS_NAME)
_BARE = re.compile(
    rf"(?P<name>{CAPS_NAME}) +(?P<rest>(?:[A-Z\"'][a-z']|[IAO] |[IO][,'!]|[\[({{\"]|--|\.\.).*)$"
)
_ITALICS = re.compile(
    r"(?P<open>_)(?P<name>[A-Z\d][^_]{0,44}?)(?P<inner>[.:,;]?)_"
    rf"(?:(?P<outer>[.:;,]|--)|(?= *{OPENING})|(?= *$)|(?= )) *(?P<rest>.*)$"
)
_MIXED = re.compile(MIXED_NAME)
_MIXED_BARE = re.compile(
    r"(?P<name>[A-Z][a-z]+|(?:Sir|Mrs|Mr|Miss|Lady|Lord) [A-Z][a-z]*\.?) (?P<rest>[A-Z\"'(\[].*)$"
)
# Novelists write `MILLER, to the boy: "Go on!"`
_QUOTED = re.compile(
    rf"(?P<name>{CAPS_NAME}(?<=[A-Z'])|_{MIXED_NAME}_),? "
    r"(?P<direction>[a-z][^\"']{1,60}?)[,.:;]? "
    r"(?P<rest>(?:\"|'(?=_?[A-Z])(?!T(?:is|w)))\w.*)$"
)
_NARRATED = re.compile(rf"(?P<name>{MIXED_NAME}), [a-z][^\"]*[,.:] \"")

_ALONE_END = rf"[.:,]? *(?P<rest>{OPENING}.*)?$"
_CAPITALS_ALONE = re.compile(rf"(?P<name>{CAPS_NAME}){_ALONE_END}")
_ITALICS_ALONE = re.compile(rf"_(?P<name>[A-Z\d][^_]{{0,44}}?)[.:,]?_{_ALONE_END}")
_MIXED_ALONE = re.compile(rf"(?P<name>{MIXED_NAME}){_ALONE_END}")

# In `JABEZ. YES. I will` the last words are spoken; in `MRS. JOUR. I will` they are the name.
_INSIDE = re.compile(r"\w{2,}\. ([\w']+)")
_AFTER_NAME = re.compile(r"^ *,?(?: *(?:\.?--?|[.:;]))* *")

OPENS = re.compile(r"_?[A-Z\d]|v\. |von |de ")
HEADING = re.compile(
    r"(?:THE )?(?:(?:FIRST|SECOND|THIRD|FOURTH|FIFTH|SIXTH|LAST) )?"
    r"(?:ACTS?|SC[AE]NES?|SCA?ENA|ACTUS|PROLOGUE|EPILOGUE|CURTAIN|INDUCTION|FINIS|END|INTERLUDE"
    # Sentences open with these words, too.
    r"|(?:TABLEAU|PICTURE|PART|BOOK|EPISODE)"
    r"(?= (?:THE )?(?:[IVX\d]+|FIRST|SECOND|ONE|TWO)\b|\W*$))\b",
    re.IGNORECASE,
)
NO_NAME = re.compile(
    r"(?:SCENE|CURTAIN|NOTE|NOTES|TIME|PLACE|COSTUMES?|PROPERTIES|CHARACTERS|PERSONS|CAST|CONTENTS"
    r"|DRAMATIS PERSON.*|THE END|END|FINIS|SONG|MUSIC|AIR|DUET|TRIO|CHAPTER|VOL|BY|PRICE|COPYRIGHT"
    r"|PREFACE|INTRODUCTION|EXIT|EXEUNT|ENTER|OMNES EXEUNT|RE-?ENTER|[IVXL]+|[A-Z]|SETTING|DANCE"
    r"|TABLEAU|THE CURTAIN.*|QUICK CURTAIN|SLOW CURTAIN|BIBLIOGRAPHY|[\d ]+|CHORD|STAGE.*|PS|P S"
    r"|MRS?|ST|MESSRS|FOOTNOTES?|INDEX|ERRATA|LINE|P|PP|IBID|VIZ|MEM|N B|ITEM|R|L|C|R H|L H|PAUSE"
    r"|SILENCE|(?:THE )?(?:PERSONS|PEOPLE|CHARACTERS|CAST) (?:OF|IN|REPRESENTED)\b.*"
    r"|AN? (?:[A-Z-]+ )?(?:FARCE|COMEDY|TRAGEDY|DRAMA|MELODRAMA|PLAY|COMEDIETTA)\b.*"
    r"|(?:IN )?(?:ONE|TWO|THREE|FOUR|FIVE) (?:ACTS?|SCENES?))"
)
EXCLAMATION = frozenset(WORDS["exclamations"].split())
BEFORE_NAMES = frozenset(WORDS["before_names"].split())


def find_cues(paragraph: Paragraph) -> tuple[Cue, ...]:
    """Return every way to read the first line of a paragraph as a speaker's name."""
    cues = _find_in_line(paragraph.first, min(paragraph.indent, CENTRED))
    narrated = _NARRATED.match(paragraph.text)
    if narrated and _is_name(narrated["name"], Layout.MIXED):
        rest = paragraph.first[len(narrated["name"]) + 2 :]
        return (*cues, Cue(Layout.MIXED, narrated["name"], rest, is_marked=False))
    return cues


@lru_cache(maxsize=1 << 15)
def _find_in_line(line: str, indent: int) -> tuple[Cue, ...]:
    if not OPENS.match(line) or HEADING.match(line.strip("_[(")):
        return ()
    return (*_find_alone(line, indent), *_find_inline(line))


def _find_alone(line: str, indent: int) -> Iterator[Cue]:
    if len(line.partition("(")[0].partition("[")[0]) > LONGEST + 2:
        return
    for layout, pattern in (
        (Layout.CAPITALS_ALONE, _CAPITALS_ALONE),
        (Layout.ITALICS_ALONE, _ITALICS_ALONE),
        (Layout.MIXED_ALONE, _MIXED_ALONE),
    ):
        match = pattern.fullmatch(line)
        if match and _is_name(match["name"], layout):
            marked = not layout.is_mixed or indent >= CENTRED
            yield Cue(layout, match["name"], match["rest"] or "", marked)


def _find_inline(line: str) -> Iterator[Cue]:
    quoted = _QUOTED.match(line)
    if quoted and _is_name(quoted["name"].strip("_"), Layout.CAPITALS):
        layout = Layout.ITALICS if line.startswith("_") else Layout.CAPITALS
        rest = f"({quoted['direction']}) {quoted['rest']}"
        yield Cue(layout, quoted["name"].strip("_"), rest)
        return
    if match := _ITALICS.match(line):
        marked = match["inner"] or match["outer"] or match["rest"][:1] in ("(", "[", "{")
        opens = re.match(r"[A-Z\"'-]", match["rest"])
        if (marked or opens) and _is_name(match["name"], Layout.ITALICS):
            yield Cue(Layout.ITALICS, match["name"], match["rest"], bool(marked))
        return
    yield from _find_prefixes(line, Layout.CAPITALS, _CAPITALS)
    yield from _find_prefixes(line, Layout.MIXED, _MIXED)
    for layout, pattern in ((Layout.BARE, _BARE), (Layout.MIXED_BARE, _MIXED_BARE)):
        bare = pattern.match(line)
        if bare and _is_name(bare["name"], layout):
            yield Cue(layout, bare["name"], bare["rest"], is_marked=False)


def _find_prefixes(line: str, layout: Layout, pattern: re.Pattern[str]) -> Iterator[Cue]:
    """Yield the longest reading first: `MRS. C. Guess` before `MRS. C`."""
    seen = set[str]()
    for stop in reversed(list(_STOPS.finditer(line, 1, LONGEST + 2))):
        name = line[: stop.start()].rstrip(" ,")
        inside = _INSIDE.search(name)
        if inside and inside[1].lower() in EXCLAMATION:
            continue
        if name not in seen and pattern.fullmatch(name) and _is_name(name, layout):
            rest = _AFTER_NAME.sub("", line[len(name) :])
            yield Cue(layout, name, rest, not layout.is_mixed or rest.startswith('"'))
        seen.add(name)


def _is_name(name: str, layout: Layout) -> bool:
    words = name.replace("_", "").split()
    key = normalise_name(name)
    if len(name) > LONGEST or len(words) > 7 or words[-1].islower() or not key.strip("'-"):
        return False
    if NO_NAME.fullmatch(key) and not re.fullmatch(r"[A-Z]", key):
        return False
    if HEADING.match(key) and not re.match(r"PROLOGUE|EPILOGUE|PICTURE", key):
        return False
    if layout.is_mixed:
        first = words[0].lower().strip(".,:;!?")
        return first not in EXCLAMATION or (first in BEFORE_NAMES and len(words) > 1)
    return words[0].lower().strip(".,:;!?") not in ("enter", "exit", "exeunt", "re-enter")


LONGEST_SONG = 80
"""The most characters of the heading of a song; a line that only begins like one is longer."""

_KIND = (
    r"RECIT(?:ATIVE|\.)?|SONG|AIR|ARIA|BALLAD|SOLOS?|SOLI|DUETT?O?|TRIO|QUARTETT?E?|QUINTETT?E?"
    r"|SEXTETT?E?|SEPTETT?E?|OCTETT?E?|GLEE|MADRIGAL|ENSEMBLE|FINALE|BARCAROLLE|SERENADE|COUPLETS"
)
_NUMBER = re.compile(
    rf"(?P<kind>(?:{_KIND})(?:(?: and | AND |--|, )(?:{_KIND}|CHORUS))*)(?: [IVX]+\b)?"
    r"(?:(?:\.?--| - |[.:,] | (?:by |BY )?)(?P<by>[A-Z].*))?"
)
_CHORUS = re.compile(r"(?:OPENING |FINAL )?CHORUS OF [A-Z][A-Z ]+")
_SINGERS = re.compile(
    r"(?!(?:ACT|IN|TO|OF|FROM)\b)[A-Z][A-Z.'-]+(?:(?:,? (?:AND|and)|,|&)? [A-Z][A-Z.'-]*)*"
)


@dataclass(frozen=True)
class Song:
    """Hold the heading of a song."""

    heading: str
    """The number and its singers, as a sentence; "" if the heading consists of its singers."""
    singers: str
    """The singers' names in capitals, or "" if the heading has none."""


def read_song(text: str) -> Song | None:
    """Return the song headed by a paragraph on one line, or None."""
    text = text.strip("[](){} .")
    if len(text) > LONGEST_SONG:
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
