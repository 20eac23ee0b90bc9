"""Write the works below a folder, and a report beside them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from ...texts import number_name
from ..folder import write_corpus
from .copies import remove_copies
from .facets import count_commonest, find_facets
from .manifest import HELD_OUT
from .sources import read_sources
from .works import Work, convert


@dataclass(frozen=True)
class Selected:
    """Hold the selected works with their facets, and the works with too many doubtful places."""

    works: Mapping[Work, Sequence[str]]
    doubtful: Sequence[Work]


def select(works: Sequence[Work], wanted: Collection[str] = ()) -> Selected:
    """Select works that have all wanted facets.

    Copies are looked for in all works, and words are counted in all works, so that a facet has the
    same meaning whatever is wanted.
    """
    doubtful = [work for work in works if not work.is_sound]
    held_out = frozenset().union(*HELD_OUT.values())
    kept = remove_copies([work for work in works if work.is_sound], held_out)
    commonest = count_commonest(work.script for work in kept)
    chosen: dict[Work, Sequence[str]] = {}
    for work in kept:
        facets = find_facets(work.script, commonest)
        if set(wanted) <= set(facets):
            chosen[work] = facets
    return Selected(chosen, doubtful)


ERAS, OTHER = ("old", "modern"), "plays"
"""The facets with a folder of their own, and the folder of all other works."""

REPORT = "report.tsv"
COLUMNS = (
    "number", "title", "part", "file", "speeches", "characters", "facets", "doubts", "doubtful",
)  # fmt: skip
LEFT_OUT = "left out"
"""In the report, the part of a work with too many doubtful places."""


def write(source: Path, out: Path, wanted: Collection[str] = ()) -> Selected:
    """Write the plays of a folder or a file, as `select` selects them, below `out`, with a report.

    No work is written twice. Learned works go into a folder for each of `ERAS`, so that a training
    can read some of the plays more often than others. Raises CorpusError if `source` holds no
    plays.
    """
    works = [
        work
        for book in tqdm(read_sources(source), desc="plays", unit="book")
        for work in convert(book.number, book.title, book.text)
    ]
    selected = select(works, wanted)
    files: dict[str, str] = {}
    rows: list[Sequence[object]] = [COLUMNS]
    taken = set[str]()
    for work, facets in selected.works.items():
        part = next((p for p, numbers in HELD_OUT.items() if work.number in numbers), "train")
        slug = re.sub(r"[^a-z0-9]+", "-", work.title.lower()).strip("-")[:60].strip("-")
        slug = number_name(f"{work.number}-{slug}", taken)
        taken.add(slug)
        era = f"{next((era for era in ERAS if era in facets), OTHER)}/" if part == "train" else ""
        name = f"{era}{slug}.fountain"
        files[f"{part}/{name}"] = work.script
        rows.append(_describe(work, part, name, facets))
    rows += [_describe(work, LEFT_OUT, "", ()) for work in selected.doubtful]
    lines = ("\t".join(map(str, row)) + "\n" for row in rows)
    write_corpus(out, files | {REPORT: "".join(lines)})
    return selected


def _describe(work: Work, part: str, name: str, facets: Sequence[str]) -> Sequence[object]:
    size, doubtful = len(work.script), "; ".join(work.doubtful)
    return (
        *(work.number, work.title, part, name, work.speeches, size),
        *(" ".join(facets), work.doubts, doubtful),
    )
