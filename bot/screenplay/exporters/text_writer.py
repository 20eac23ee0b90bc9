"""Write text: one endless typed page."""

from __future__ import annotations

import wcwidth

from ..elements import Kind
from ..page_layout import PAPER_COLUMNS, lay_out_page
from .edition import TITLE_WIDTH, Edition
from .export_formats import ExportedFile, PaperSize

_MARGIN = 6
"""Columns for scene numbers, at the left of the page."""


def write_text(edition: Edition, _: PaperSize) -> ExportedFile:
    """Write a `.txt` file, with two more blank lines above a scene heading."""
    parts: list[str] = []
    for element, number in edition.numbered():
        rows = lay_out_page([element], PAPER_COLUMNS).split("\n")
        if edition.scene_numbers:
            rows = [f"{'':{_MARGIN}}{row}" for row in rows]
            rows[0] = f"{number or '':<{_MARGIN}}{rows[0][_MARGIN:]}"
        above = [""] * (2 if element.kind is Kind.HEADING and parts else 0)
        parts.append("\n".join([*above, *rows]))
    return ExportedFile((f"{_title_page(edition)}\n\n\n\n" + "\n\n".join(parts) + "\n").encode())


def _title_page(edition: Edition) -> str:
    rows: list[str] = []
    for lines in ((edition.title,), *edition.about.values()):
        rows += [""] if rows else []
        wrapped = (row for line in lines for row in wcwidth.wrap(line, TITLE_WIDTH))
        rows += [wcwidth.center(row, PAPER_COLUMNS.width).rstrip() for row in wrapped]
    return "\n".join(rows)
