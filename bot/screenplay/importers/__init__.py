"""Read scripts from files by the endings of their names, one module a format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath

from ...errors import RequestError
from .final_draft_reader import read_final_draft
from .fountain_reader import read_fountain
from .manuscript import MOST_ELEMENTS, Manuscript, check_length
from .plain_text_reader import read_plain_text

LARGEST_SCRIPT_FILE = 2**20
"""The largest file, in bytes."""

IMPORTERS: dict[str, Callable[[bytes, Sequence[str]], Manuscript]] = {
    ".fountain": read_fountain,
    ".fdx": read_final_draft,
    ".txt": read_plain_text,
}
"""The readers of files, by the lower-case ending of their names. To add a format, name it here.

A reader takes a file's data and the names in the script's cast. If reading fails, it raises
RequestError with a sentence about why.
"""


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


def read_script_file(file_name: str, data: bytes, names: Sequence[str] = ()) -> Manuscript:
    """Read the script in a file. Call it off the event loop: a large file takes a second.

    In text, the ``names`` in the script's cast may be in any case.

    Raises RequestError for a file that is too large, is not of its format, or has no element.
    """
    check_file(file_name, len(data))
    # People change a file's ending to one that a program or website accepts.
    is_final_draft = b"<FinalDraft" in data[:1000].replace(b"\0", b"")
    suffix = ".fdx" if is_final_draft else PurePath(file_name).suffix.lower()
    found = IMPORTERS[suffix](data, names) if data.strip() else Manuscript()
    if not found.elements:
        raise RequestError("That file has no lines. Attach one that does.")
    check_length(len(found.elements), MOST_ELEMENTS)
    return found
