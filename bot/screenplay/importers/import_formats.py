"""Register the formats that scripts are read from, and read a file by the ending of its name."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePath

from ...errors import RequestError
from .manuscript import Manuscript

LARGEST_SCRIPT_FILE = 2**20
"""The largest file, in bytes."""

MOST_ELEMENTS = 20_000
"""The most elements of a script in a file: several times the longest film."""

ImportFunction = Callable[[bytes], Manuscript]
"""Read the content of a file; raise RequestError for a sentence about why that fails."""

IMPORTERS: dict[str, ImportFunction] = {}
"""The readers of files, by the lower-case ending of their names."""

_ANY_LINE_BREAK = re.compile(r"\r\n?|[\v\x85\u2028\u2029]")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_MOST_CONTROLS = 0.01


def importer(ending: str) -> Callable[[ImportFunction], ImportFunction]:
    """Register a function as the reader of files whose names end like this, such as `.txt`."""

    def register(read: ImportFunction) -> ImportFunction:
        IMPORTERS[ending] = read
        return read

    return register


def list_endings() -> str:
    """Return the endings in English: ".fountain, .fdx or .txt"."""
    *some, last = IMPORTERS
    return f"{', '.join(some)} or {last}"


def check_file(file_name: str, size: int) -> None:
    """Raise RequestError for an unknown ending, or for more than `LARGEST_SCRIPT_FILE` bytes."""
    if PurePath(file_name).suffix.lower() not in IMPORTERS:
        *some, last = IMPORTERS
        raise RequestError(
            "A script must be a {some} or {last} file. Save it in one of these formats.",
            some=", ".join(some),
            last=last,
        )
    if size > LARGEST_SCRIPT_FILE:
        raise RequestError(
            "That file is {size:.1f} MB, but the limit is {most} MB. Import part of it.",
            size=size / 2**20,
            most=LARGEST_SCRIPT_FILE // 2**20,
        )


def read_script_file(file_name: str, data: bytes) -> Manuscript:
    """Read the script in a file. Call it off the event loop: a large file takes a second.

    Raises RequestError for a file that is too large, is not of its format, or has no element.
    """
    check_file(file_name, len(data))
    found = IMPORTERS[PurePath(file_name).suffix.lower()](data)
    if not found.elements:
        raise RequestError("That file has no lines. Attach one that has some.")
    if len(found.elements) > MOST_ELEMENTS:
        raise RequestError(
            "That file has {lines:,} lines, but a script can have {most:,}. Import part of it.",
            lines=len(found.elements),
            most=MOST_ELEMENTS,
        )
    return found


def decode_text(data: bytes) -> str:
    """Return text in UTF-8, in UTF-16 with a byte order mark, or else in Windows-1252.

    Raises RequestError for data that is not text.
    """
    encodings = ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = _ANY_LINE_BREAK.sub("\n", data.decode(encoding))
        except UnicodeDecodeError:
            continue
        # Some programs leave a stray control character where they cut or joined a text.
        if len(_CONTROLS.findall(text)) <= _MOST_CONTROLS * len(text):
            return text
    raise RequestError("That file is not text. Save the script as UTF-8 text, then try again.")
