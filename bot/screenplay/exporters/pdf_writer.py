"""Write PDF."""

from __future__ import annotations

import io
from dataclasses import replace
from threading import Lock

from .. import typeface
from ..elements import Element
from ..page_layout import LINES_A_PAGE
from .edition import Edition, adapt_to_paper
from .export_formats import ExportedFile, PaperSize
from .screenplain_document import to_screenplain

# The library registers its fonts globally for each document, so two documents must not overlap.
_ONE_AT_A_TIME = Lock()


def write_pdf(edition: Edition, paper: PaperSize) -> ExportedFile:
    # Imported here because reportlab loads its fonts and pictures, which slows the start.
    from reportlab.lib import pagesizes
    from screenplain.export import pdf

    from .pdf_pages import Pages

    size, lines = {
        PaperSize.LETTER: (pagesizes.letter, LINES_A_PAGE),
        PaperSize.A4: (pagesizes.A4, LINES_A_PAGE + 3),
    }[paper]
    # Cues are marked first, because two cues in another alphabet may look alike on the page.
    printable, out = _make_printable(adapt_to_paper(edition)), io.BytesIO()
    with _ONE_AT_A_TIME:
        settings = pdf.Settings(page_size=size, lines_per_page=lines)
        settings.dialog_style.allowWidows = 0  # so that no single row of a speech begins a page
        pdf.to_pdf(to_screenplain(printable), out, Pages, settings)
    text = "".join(
        [edition.title, *edition.authors, *(element.text for element in edition.elements)]
    )
    return ExportedFile(out.getvalue(), typeface.find_missing(text))


def _make_printable(edition: Edition) -> Edition:
    """Return an edition in which the typeface has every character."""
    fix = typeface.replace_missing
    return replace(
        edition,
        title=fix(edition.title),
        authors=tuple(map(fix, edition.authors)),
        shares=tuple(map(fix, edition.shares)),
        elements=tuple(Element(element.kind, fix(element.text)) for element in edition.elements),
    )
