"""Write scripts as files, one module a format."""

from __future__ import annotations

from .export_formats import ExportFormat
from .final_draft_writer import write_final_draft
from .fountain_writer import write_fountain
from .html_writer import write_html
from .pdf_writer import write_pdf
from .text_writer import write_text

EXPORT_FORMATS = {
    "fountain": ExportFormat("Fountain", "fountain", write_fountain),
    "pdf": ExportFormat("PDF", "pdf", write_pdf),
    "fdx": ExportFormat("Final Draft", "fdx", write_final_draft),
    "html": ExportFormat("HTML", "html", write_html),
    "txt": ExportFormat("Text", "txt", write_text),
}
"""The formats by their endings, in the order in which people choose. To add one, name it here."""


def list_endings() -> str:
    """Return the endings in English: ".fountain, .pdf, .fdx, .html or .txt"."""
    *some, last = (f".{ending}" for ending in EXPORT_FORMATS)
    return f"{', '.join(some)} or {last}"
