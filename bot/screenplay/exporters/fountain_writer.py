"""Write Fountain."""

from __future__ import annotations

from ..elements import Element
from ..fountain import format_fountain
from .edition import Edition, remove_scene_number
from .export_formats import ExportedFile, PaperSize


def write_fountain(edition: Edition, _: PaperSize) -> ExportedFile:
    elements = [
        Element(element.kind, f"{remove_scene_number(element.text)} #{number}#")
        if number
        else element
        for element, number in edition.numbered()
    ]
    return ExportedFile(format_fountain(edition.title, elements, edition.about).encode())
