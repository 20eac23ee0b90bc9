"""Make a corpus of the plays that Project Gutenberg prints: Fountain, one file a work."""

from .sources import Source, SourceError, read_sources
from .works import Report, Work, convert
from .writing import read_works, write, write_works

__all__ = [
    "Report",
    "Source",
    "SourceError",
    "Work",
    "convert",
    "read_sources",
    "read_works",
    "write",
    "write_works",
]
