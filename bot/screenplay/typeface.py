"""Provide the typeface of pages and pictures: Courier Prime, which screenplain ships."""

from __future__ import annotations

import io
import re
from functools import cache
from importlib.resources import files


@cache
def load_typeface(*, bold: bool = False) -> bytes:
    """Return the TrueType file."""
    name = "Courier Prime Bold.ttf" if bold else "Courier Prime.ttf"
    return (files("screenplain.export") / "courier_prime" / name).read_bytes()


def find_missing(text: str) -> str:
    """Return the characters of a text that the typeface lacks, once each and in their order.

    Call this function off the event loop.
    """
    missing = dict.fromkeys(text.replace("\n", ""))
    return "".join(character for character in missing if ord(character) not in _known_code_points())


def replace_missing(text: str) -> str:
    """Return a text with "?" for letters that the typeface lacks, without symbols that it lacks.

    So a name in another alphabet does not turn into blank space, and an emoji leaves no hole. Call
    this function off the event loop.
    """
    replaced, symbols = dict[int, str](), ""
    for character in find_missing(text):
        if character.isalnum():
            replaced[ord(character)] = "?"
        elif character.isspace():
            replaced[ord(character)] = " "
        else:
            symbols += character
    marked, hole = text.translate(replaced), f"[{re.escape(symbols)}]+"
    return re.sub(f"^{hole} ?| ?{hole}", "", marked, flags=re.MULTILINE) if symbols else marked


@cache
def _known_code_points() -> frozenset[int]:
    # Imported here because reportlab loads its fonts and pictures, which slows the start.
    from reportlab.pdfbase.ttfonts import TTFontFile

    return frozenset(TTFontFile(io.BytesIO(load_typeface())).charToGlyph)
