"""Choose the works to write: no copies and, if facets are given, only works that have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .copies import Copy, remove_copies
from .facets import count_commonest, find_facets, find_title_page
from .overlap import measure_overlap
from .parts import PARTS
from .scenes import keep_short_speeches
from .works import Work


@dataclass(frozen=True)
class Selection:
    """Say which works are wanted, and how long their speeches may be.

    Attributes:
        facets: Names of `facets.FACETS`; a work must have them all.
        longest_speech: The most characters of a speech, or 0 for no limit.
    """

    facets: Sequence[str] = ()
    longest_speech: int = 0


@dataclass(frozen=True)
class Selected:
    """Hold the result of a selection.

    Attributes:
        works: The selected works, each with its facets.
        doubtful: The works left out because too many of their places are doubtful.
        copies: Reports of what was removed because another work has it.
        overlap: The share of each held-out work that a learned work has, too.
    """

    works: Mapping[Work, Sequence[str]]
    doubtful: Sequence[Work]
    copies: Sequence[Copy]
    overlap: Mapping[Work, float]


def select(works: Sequence[Work], texts: Mapping[int, str], selection: Selection) -> Selected:
    """Return the works of a corpus.

    Copies are looked for in all works, and words are counted in all works, so that a facet has the
    same meaning whatever the selection.

    Args:
        works: All works that were read.
        texts: The published text of each number, for its title page.
        selection: The wanted works.
    """
    held_out = frozenset().union(*PARTS.values())
    doubtful = [work for work in works if not work.report.is_sound]
    kept, copies = remove_copies([work for work in works if work.report.is_sound], held_out)
    commonest = count_commonest(work.script for work in kept)
    alone = Counter(work.number for work in works)
    chosen: dict[Work, Sequence[str]] = {}
    for work in kept:
        page = find_title_page(texts[work.number], work.title, alone[work.number] == 1)
        facets = find_facets(work.script, commonest, page)
        if set(selection.facets) <= set(facets) and (script := _shorten(work, selection)):
            chosen[replace(work, script=script)] = facets
    return Selected(chosen, doubtful, copies, measure_overlap(list(chosen), held_out))


def _shorten(work: Work, selection: Selection) -> str:
    longest = selection.longest_speech
    return keep_short_speeches(work.script, longest) if longest else work.script
