"""Define the formats that scripts are written in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from .edition import Edition


class PaperSize(StrEnum):
    """Name the sizes of paper."""

    LETTER = "letter"
    A4 = "a4"


@dataclass(frozen=True)
class ExportedFile:
    """Hold a file, and the characters that it leaves out because its typeface lacks them."""

    content: bytes
    left_out: str = ""


@dataclass(frozen=True)
class ExportFormat:
    """Describe a format, and write files in it."""

    name: str
    ending: str
    """The ending of the file's name, such as `pdf`, which also names the format in commands."""
    write: Callable[[Edition, PaperSize], ExportedFile]
    """Writes a file. Call it off the event loop, because each page takes some milliseconds."""

    @property
    def label(self) -> str:
        """Return the name as people choose it: "PDF", but "Final Draft (fdx)"."""
        return self.name if self.name.lower() == self.ending else f"{self.name} ({self.ending})"
