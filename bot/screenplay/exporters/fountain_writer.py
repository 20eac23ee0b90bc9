"""Write Fountain."""

from __future__ import annotations

from ..elements import Element
from ..fountain import format_fountain
from .edition import Edition, remove_scene_number
from .export_formats import ExportedFile, PaperSize


def write_fountain(edition: Edition, _: PaperSize) -> ExportedFile:
    """Write a `.fountain` file."""
    elements = [
        Element(one.kind, f"{remove_scene_number(one.text)} #{number}#") if number else one
        for one, number in edition.numbered()
    ]
    return ExportedFile(format_fountain(edition.title, elements, edition.about).encode())
