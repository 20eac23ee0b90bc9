"""Make a corpus of the plays that Project Gutenberg prints: Fountain, one file a work."""

from .command import add_options, run
from .download import DownloadError
from .manifest import ManifestError
from .sources import Source, SourceError, read_sources
from .works import Report, Work, convert
from .writing import read_works, write, write_works

__all__ = [
    "DownloadError",
    "ManifestError",
    "Report",
    "Source",
    "SourceError",
    "Work",
    "add_options",
    "convert",
    "read_sources",
    "read_works",
    "run",
    "write",
    "write_works",
]
