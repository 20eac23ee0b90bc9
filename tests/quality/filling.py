"""Read sheets, and fill them in, as their readers do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path


def rows_of(sheet: Path) -> list[list[str]]:
    """Return the cells of each row after its number."""
    rows = re.findall(r"^\| \d+ \|.*$", sheet.read_text(encoding="utf-8"), re.MULTILINE)
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[2:-1]] for row in rows]


def fill(sheet: Path, entries: Sequence[str]) -> None:
    """Write entries into the empty columns of the rows."""
    text, left = sheet.read_text(encoding="utf-8"), iter(entries)
    empty = re.compile(r"^(\| \d+ \|.*?)((?:\|   )+\|)$", re.MULTILINE)
    sheet.write_text(empty.sub(lambda m: f"{m[1]}| {next(left)} |", text), encoding="utf-8")
    assert next(left, None) is None
