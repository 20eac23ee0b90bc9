"""Expand abbreviated names in cues to the names in the list of persons."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from .cues import WORDS, normalise_name
from .speakers import Part

TITLES = frozenset(WORDS["titles"].split())
WORD = re.compile(r"[A-Z][A-Za-z]*(?:['-][A-Za-z]+)*")


def expand_names(parts: Sequence[Part], before: Sequence[Part]) -> dict[str, str]:
    """Return the full form of each cue that abbreviates exactly one person's name.

    `LADY B` becomes `LADY BRACKNELL` where one line of the list of persons, or of the directions,
    has words with these beginnings, in this order.
    """
    cues = Counter(part.cue.key for part in parts if part.cue)
    lists = [_read_names(line) for line in _lines_before(before)]
    entries = [
        _read_names(line)
        for part in parts
        if not part.cue and re.match(r"[\[(_]*(?:Re-)?Enter", part.paragraph.text.strip())
        for line in part.paragraph.lines
    ]
    full: dict[str, str] = {}
    for cue in cues:
        longer = _complete(cue, lists) or _complete(cue, entries)
        if longer and longer != cue:
            full[cue] = longer
    return full


def _lines_before(before: Sequence[Part]) -> Iterator[str]:
    for part in before[-120:]:
        for line in part.paragraph.lines:
            if len(line) < 100:
                yield re.split(r"[,;(\[]|\.{2,}|--| {3,}(?=\S.* )", line.strip())[0]


def _read_names(line: str) -> list[str]:
    return [re.sub("'S$", "", word.upper()) for word in WORD.findall(line.replace("_", ""))]


def _complete(cue: str, lines: Sequence[Sequence[str]]) -> str:
    """Return the only completion of a cue from lines of names, or an empty string."""
    words = [word.strip(".,") for word in cue.split()]
    if not words or any(not re.fullmatch(r"[A-Z][A-Z'-]*", word) for word in words):
        return ""
    found = Counter[str]()
    for line in lines:
        completed = _match(words, line)
        if completed:
            found[completed] += 1
    if cue in found:
        return cue
    return next(iter(found)) if len(found) == 1 else ""


def _match(words: Sequence[str], line: Sequence[str]) -> str:
    completed: list[str] = []
    rest = iter(line)
    for word in words:
        if word in TITLES and word in line:
            full = next((other for other in rest if other == word), "")
        else:
            full = next((other for other in rest if _is_short_for(word, other)), "")
        if not full:
            return ""
        completed.append(full)
    return normalise_name(" ".join(completed))


def _is_short_for(word: str, full: str) -> bool:
    return full == word or (
        word not in TITLES and len(full) > len(word) + 1 and full.startswith(word)
    )
