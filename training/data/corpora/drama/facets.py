"""Tell what kind of play a work is, from its text alone.

A facet is a name and a rule about what was counted. The rules are strict: a work without a facet
may still be of that kind, but one that has it should be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from .elements import WORD, Element, split_elements
from .paragraphs import WORDS

COMMONEST = 9_000
"""The number of the most frequent words, which everybody knows."""

OLD = frozenset(WORDS["obsolete"].split())

FEW_SPEECHES = 20
"""The fewest speeches of a work with facets; fewer speeches tell too little."""


@dataclass(frozen=True)
class Measures:
    """Hold what was counted in a work; lengths are in characters."""

    speeches: int
    speech: float
    """The median length of a speech."""
    long_speeches: float
    """Share of the speeches with more than 400 characters."""
    cue: float
    """The median length of a cue."""
    old: float
    """Words of `OLD` per thousand spoken words."""
    known: float
    """Share of the spoken words, except names of the cast, that are among the commonest."""
    verse: float
    """Share of the spoken words in speeches that are lines of verse."""


@dataclass(frozen=True)
class Facet:
    """Hold a rule and, for people, what it asks."""

    asks: str
    holds: Callable[[Measures], bool]


FACETS: Mapping[str, Facet] = {
    "modern": Facet(
        "no thou or hath, short cues and speeches, words that everybody knows",
        lambda its: (
            its.old < 0.5
            and its.cue <= 16
            and its.speech <= 120
            and its.known >= 0.95
            and its.verse < 0.1
        ),
    ),
    "old": Facet("thou and hath, 8 in a thousand words", lambda its: its.old >= 8),
    "talk": Facet(
        "half of the speeches have at most 45 characters, hardly one has 400",
        lambda its: its.speech <= 45 and its.long_speeches <= 0.02,
    ),
}


def count_commonest(scripts: Iterable[str]) -> frozenset[str]:
    """Return the `COMMONEST` words that are spoken in the scripts."""
    counts: Counter[str] = Counter()
    for script in scripts:
        counts.update(WORD.findall(_join_speeches(split_elements(script)).lower()))
    # Words of equal frequency are ordered by the alphabet, so that the result is always the same.
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return frozenset(word for word, _ in ranked[:COMMONEST])


def find_facets(script: str, commonest: Collection[str]) -> tuple[str, ...]:
    """Return the names of the facets that a script has, as `FACETS` has them.

    A style cannot be told from a few speeches: below `FEW_SPEECHES` there is no facet.
    """
    its = measure(script, commonest)
    if its.speeches < FEW_SPEECHES:
        return ()
    return tuple(name for name, facet in FACETS.items() if facet.holds(its))


def measure(script: str, commonest: Collection[str]) -> Measures:
    """Count what the facets ask about."""
    elements = split_elements(script)
    speeches = [element for element in elements if element.cue]
    spoken = _join_speeches(speeches)
    words = WORD.findall(spoken.lower())
    cast = {word for speech in speeches for word in WORD.findall(speech.cue.lower())}
    others = [word for word in words if word not in cast]
    lengths = [len(speech.spoken) for speech in speeches]
    verse = sum(len(speech.spoken) for speech in speeches if is_verse(speech))
    return Measures(
        speeches=len(speeches),
        speech=median(lengths or [0]),
        long_speeches=_compute_share(sum(length > 400 for length in lengths), len(lengths)),
        cue=median([len(speech.cue) for speech in speeches] or [0]),
        old=1000 * _compute_share(sum(word in OLD for word in words), len(words)),
        known=_compute_share(sum(word in commonest for word in others), len(others)),
        verse=_compute_share(verse, sum(lengths)),
    )


def is_verse(speech: Element) -> bool:
    """Return whether a speech has several lines, all of them short enough for verse."""
    lines = speech.lines
    return len(lines) > 1 and all(len(line) <= 75 for line in lines)


def _join_speeches(elements: Iterable[Element]) -> str:
    return " ".join(element.spoken for element in elements if element.cue)


def _compute_share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
