"""Write the works below a folder, and a report beside them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from .parts import choose_part
from .sources import Source, read_sources
from .works import Work, convert

PARTS = ("train", "validation", "test")
REPORT = "report.tsv"
COLUMNS = (
    "number",
    "title",
    "part",
    "file",
    "layout",
    "kept",
    "speeches",
    "characters",
    "doubtful",
)


def write(source: Path, out: Path) -> int:
    """Write the plays of a folder or an archive below `out`, and return how many works there are.

    Raises:
        SourceError: `source` holds no plays.
    """
    return write_works(read_works(read_sources(source)), out)


def read_works(sources: Sequence[Source]) -> Iterator[Work]:
    """Yield the works of all sources, with a bar that shows how far the reading is."""
    for source in tqdm(sources, desc="plays", unit="book"):
        yield from convert(source.number, source.title, source.text)


def write_works(works: Iterable[Work], out: Path) -> int:
    """Write works below `out` in place of what lies there, and return how many there are."""
    for part in PARTS:
        shutil.rmtree(out / part, ignore_errors=True)
        (out / part).mkdir(parents=True)
    rows: list[Sequence[str]] = [COLUMNS]
    taken = set[str]()
    for work in works:
        name = _name_file(work, taken)
        part = choose_part(work.number)
        (out / part / name).write_text(work.script, encoding="utf-8", newline="\n")
        rows.append(_describe(work, part, name))
    table = "".join("\t".join(row) + "\n" for row in rows)
    (out / REPORT).write_text(table, encoding="utf-8", newline="\n")
    return len(rows) - 1


def _name_file(work: Work, taken: set[str]) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", work.title.lower()).strip("-")[:60].strip("-")
    base = name = f"{work.number}-{slug}"
    count = 1
    while name in taken:
        count += 1
        name = f"{base}-{count}"
    taken.add(name)
    return f"{name}.fountain"


def _describe(work: Work, part: str, name: str) -> Sequence[str]:
    report = work.report
    return (
        str(work.number),
        work.title,
        part,
        name,
        report.layout,
        f"{report.kept:.3f}",
        str(report.speeches),
        str(len(work.script)),
        "; ".join(report.doubtful),
    )
