"""The typeface of pages and pictures: Courier Prime, which comes with the maker of the PDFs."""

from __future__ import annotations

import io
from functools import cache
from importlib.resources import files


@cache
def content(*, bold: bool = False) -> bytes:
    """The file of the typeface."""
    name = "Courier Prime Bold.ttf" if bold else "Courier Prime.ttf"
    return (files("screenplain.export") / "courier_prime" / name).read_bytes()


def lacks(text: str) -> bool:
    """Whether there are boxes where some of the text should stand. Not for the event loop."""
    return any(ord(character) not in _known() for character in set(text) - {"\n"})


@cache
def _known() -> frozenset[int]:
    # Not before it is needed: it brings a library for fonts and pictures.
    from reportlab.pdfbase.ttfonts import TTFontFile

    return frozenset(TTFontFile(io.BytesIO(content())).charToGlyph)
