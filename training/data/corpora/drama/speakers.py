"""Decide which strings are speakers' names, and so which paragraphs open a speech.

There are two passes: the first counts every reading of every paragraph; the second accepts, at each
place, the layout that prevails around it, because an anthology changes its layout between plays.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from .cues import CENTRED, NO_NAME, OPENS, Cue, Layout, find_cues, normalise_name
from .paragraphs import WORDS, Paragraph

REPEATED = 4
"""The fewest paragraphs that a name must open to be accepted; headings recur less often."""
NEEDED = {Layout.MIXED: 5, Layout.MIXED_ALONE: 5, Layout.MIXED_BARE: 7}
"""The fewest paragraphs for layouts in which sentences look like names."""

BEFORE = {
    Layout.CAPITALS_ALONE: Layout.CAPITALS,
    Layout.ITALICS_ALONE: Layout.ITALICS,
    Layout.MIXED_ALONE: Layout.MIXED,
}
"""The layout of a name before a speech, by the layout of a name above it."""

AROUND = 40
"""Paragraphs before and after a place that decide the prevailing layout: about a scene, so that
neither a song nor the next play of an anthology decides."""
FEWEST = 4
"""The fewest speeches around a place for a layout to be accepted; a list or an essay has a few."""
RIVAL = 0.25
"""The share of the first layout's speeches that a second layout needs to be accepted; layouts below
it are sentences that open like names."""

SENTENCE_END = re.compile(r"[.?!:;)\]}\"'_-]$|^\W*$")
INSIDE_ITALICS = re.compile(r"(?<=[.?!\]\-_]) +(_[A-Z][A-Za-z. ]{0,20}[.:]_) +(?=\S)")


@dataclass(frozen=True)
class Part:
    """Hold a paragraph with its opening cue, or None."""

    paragraph: Paragraph
    cue: Cue | None


def read_speakers(paragraphs: Sequence[Paragraph]) -> list[Part]:
    """Return the paragraphs with their cues; a paragraph that holds several speeches is split."""
    counts = _count(piece for paragraph in paragraphs for piece in _break_lines(paragraph))
    whole = [piece for paragraph in paragraphs for piece in _split_inside(paragraph, counts)]
    counts = _count(whole)
    readings = [list(find_cues(paragraph)) for paragraph in whole]
    density = _measure_density(readings, counts)
    known = {cue.key for cues in readings for cue in cues if is_repeated(cue, counts)}
    parts = list[Part]()
    for i, (paragraph, cues) in enumerate(zip(whole, readings, strict=True)):
        near = {kind: run[i] for kind, run in density.items()}
        cue = _believe(cues, counts, near)
        if not cue and len(paragraph.lines) > 1:
            cue = _find_above(cues, counts, near)
        below = whole[i + 1] if i + 1 < len(whole) else None
        if not cue and below and is_verse(below) and paragraph.indent >= CENTRED:
            cue = _find_singer(cues, known)
        parts.append(Part(paragraph, cue))
    return parts


def is_repeated(cue: Cue, counts: Counter[tuple[Layout, str]]) -> bool:
    """Return whether enough paragraphs open with a name for it to be accepted."""
    return counts[cue.layout, cue.key] >= NEEDED.get(cue.layout, REPEATED)


def is_verse(paragraph: Paragraph) -> bool:
    """Return whether a paragraph is a stanza: short lines, most of which begin with a capital."""
    lines = [line.strip(" _-") for line in paragraph.lines]
    capitals = sum(line[:1].isupper() or line[:1] in "\"'" for line in lines)
    return len(lines) > 2 and max(map(len, lines)) < 60 and 3 * capitals > 2 * len(lines)


def _find_singer(cues: Sequence[Cue], known: Collection[str]) -> Cue | None:
    """Return the name centred above a song, if other cues have it in full or abbreviated."""
    for cue in cues:
        is_known = any(cue.key[:length] in known for length in range(3, len(cue.key) + 1))
        if cue.layout is Layout.CAPITALS_ALONE and is_known:
            return cue
    return None


def _count(paragraphs: Iterable[Paragraph]) -> Counter[tuple[Layout, str]]:
    return Counter((cue.layout, cue.key) for text in paragraphs for cue in find_cues(text))


def _break_lines(paragraph: Paragraph) -> Iterator[Paragraph]:
    """Yield the rest of a paragraph from each place where a speech could begin."""
    lines = [*paragraph.lines]
    if any("_" in line for line in lines):
        lines = [part for line in lines for part in INSIDE_ITALICS.sub(r"\n\1 ", line).split("\n")]
    start = 0
    for i in range(1, len(lines)):
        if SENTENCE_END.search(lines[i - 1]) and OPENS.match(lines[i].lstrip()):
            yield Paragraph(paragraph.line + start, tuple(lines[start:i]))
            start = i
    yield Paragraph(paragraph.line + start, tuple(lines[start:]))


def _split_inside(paragraph: Paragraph, counts: Counter[tuple[Layout, str]]) -> list[Paragraph]:
    """Return the speeches of a paragraph whose printer put no blank line between them."""
    open_one, *pieces = _break_lines(paragraph)
    speeches = [open_one]
    for piece in pieces:
        cues = [cue for cue in find_cues(piece) if cue.is_marked and not cue.layout.is_mixed]
        if any(is_repeated(cue, counts) for cue in cues):
            speeches.append(piece)
        else:
            open_one = speeches[-1]
            speeches[-1] = Paragraph(open_one.line, open_one.lines + piece.lines)
    return speeches if len(speeches) > 1 else [paragraph]


def _measure_density(
    readings: Sequence[Sequence[Cue]], counts: Counter[tuple[Layout, str]]
) -> dict[Layout, list[int]]:
    """Return how many paragraphs around each one open with a repeated name, by layout."""
    density: dict[Layout, list[int]] = {}
    for layout in Layout:
        hits = [
            any(cue.layout is layout and is_repeated(cue, counts) for cue in cues)
            for cues in readings
        ]
        sums = [0, *accumulate(hits)]
        last = len(hits)
        density[layout] = [
            sums[min(i + AROUND + 1, last)] - sums[max(i - AROUND, 0)] for i in range(last)
        ]
    return density


def _believe(
    cues: Sequence[Cue], counts: Counter[tuple[Layout, str]], density: dict[Layout, int]
) -> Cue | None:
    most = max(density.values())
    for cue in sorted(cues, key=lambda cue: -density[cue.layout]):
        share = density[cue.layout]
        certain = cue.is_marked and share > most / 2 and len(cue.key.split()) <= 5
        if share >= max(RIVAL * most, FEWEST) and (certain or is_repeated(cue, counts)):
            return cue
    return None


def _find_above(
    cues: Sequence[Cue], counts: Counter[tuple[Layout, str]], density: dict[Layout, int]
) -> Cue | None:
    """Return the name above a speech, if elsewhere it and most names stand before speeches."""
    for cue in cues:
        before = BEFORE.get(cue.layout)
        if before and density[before] >= max(*density.values(), FEWEST):
            named = Cue(before, cue.name, cue.rest)
            if is_repeated(named, counts):
                return cue
    return None


TITLES = frozenset(WORDS["titles"].split())
WORD = re.compile(r"[A-Z][A-Za-z]*(?:['-][A-Za-z]+)*")


def expand_names(
    parts: Sequence[Part], before: Sequence[Part], persons: Sequence[Part]
) -> dict[str, str]:
    """Return the full form of each cue that abbreviates exactly one person's name.

    `LADY B` becomes `LADY BRACKNELL` if words of one line have these beginnings, in this order: a
    line of the list of persons, or else of the text before the play, or else of the directions.
    """
    cues = Counter(part.cue.key for part in parts if part.cue)
    lists = [[_read_names(line) for line in _list_lines_before(each)] for each in (persons, before)]
    entries = [
        _read_names(line)
        for part in parts
        if not part.cue and re.match(r"[\[(_]*(?:Re-)?Enter", part.paragraph.text.strip())
        for line in part.paragraph.lines
    ]
    full: dict[str, str] = {}
    for cue, number in cues.items():
        if len(cue) == 1 and number < REPEATED:
            continue  # mostly the number of a stanza or a note
        longer = next(filter(None, (_complete(cue, lines) for lines in (*lists, entries))), "")
        if longer and longer != cue:
            full[cue] = longer
    return full


def _list_lines_before(before: Sequence[Part]) -> Iterator[str]:
    for part in before[-120:]:
        for line in part.paragraph.lines:
            if len(line) < 100 and not NO_NAME.fullmatch(line.strip("_[]() .:")):
                yield re.split(r"[,;(\[]|\.{2,}|--| {3,}(?=\S.* )", line.strip())[0]


def _read_names(line: str) -> list[str]:
    return [re.sub("'S$", "", word.upper()) for word in WORD.findall(line.replace("_", ""))]


def _complete(cue: str, lines: Sequence[Sequence[str]]) -> str:
    """Return the only completion of a cue from lines of names, or an empty string."""
    words = [word.strip(".,") for word in cue.split()]
    if not words or any(not re.fullmatch(r"[A-Z][A-Z'-]*", word) for word in words):
        return ""
    found = {completed for line in lines if (completed := _match(words, line))}
    if cue in found:
        return cue
    return found.pop() if len(found) == 1 else ""


def _match(words: Sequence[str], line: Sequence[str]) -> str:
    """Return the names of a line that begin like the words, in the same order, or ""."""
    rest = iter(line)
    completed = [
        next((name for name in rest if _completes(name, word, words, line)), "") for word in words
    ]
    return normalise_name(" ".join(completed)) if all(completed) else ""


def _completes(name: str, word: str, words: Sequence[str], line: Sequence[str]) -> bool:
    is_title = word in TITLES and (len(words) > 1 or word in line)
    # A name that is one letter longer is more likely another form of the word.
    is_longer = len(name) > len(word) + 1 and name.startswith(word)
    return name == word or (is_longer and not is_title)
