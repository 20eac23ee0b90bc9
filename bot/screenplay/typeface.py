"""Provide the typeface of pages and pictures: Courier Prime, which screenplain ships."""

from __future__ import annotations

import io
from functools import cache
from importlib.resources import files


@cache
def load_typeface(*, bold: bool = False) -> bytes:
    """Return the TrueType file."""
    name = "Courier Prime Bold.ttf" if bold else "Courier Prime.ttf"
    return (files("screenplain.export") / "courier_prime" / name).read_bytes()


def lacks_glyphs(text: str) -> bool:
    """Return whether the typeface shows boxes in the text. Call it off the event loop."""
    return any(ord(character) not in _known_code_points() for character in set(text) - {"\n"})


@cache
def _known_code_points() -> frozenset[int]:
    # Imported here because reportlab loads its fonts and pictures, which slows the start.
    from reportlab.pdfbase.ttfonts import TTFontFile

    return frozenset(TTFontFile(io.BytesIO(load_typeface())).charToGlyph)
