"""Choose what of the corpus is written: no copies, and only works with a facet, if one is asked."""

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
        longest_speech: Characters that a speech has at most, or 0 for as many as it has.
    """

    facets: Sequence[str] = ()
    longest_speech: int = 0


@dataclass(frozen=True)
class Selected:
    """Hold what was chosen and what was not.

    Attributes:
        works: The works that were chosen, each with its facets.
        doubtful: The works that were left out because too many of their places are doubtful.
        copies: What was taken because another work has it.
        overlap: What share of each held-out work stands in a learned one, too.
    """

    works: Mapping[Work, Sequence[str]]
    doubtful: Sequence[Work]
    copies: Sequence[Copy]
    overlap: Mapping[Work, float]


def select(works: Sequence[Work], texts: Mapping[int, str], selection: Selection) -> Selected:
    """Return the works that a corpus is made of.

    Copies are looked for in all works, and words are counted in all, so that a facet means the
    same whatever is asked for.

    Args:
        works: All works that were read.
        texts: The published text of each number, for its title page.
        selection: What is asked for.
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
