"""Read the plays of a folder, or of one file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ....errors import CorpusError
from .manifest import read_manifest

NUMBERED = re.compile(r"\d+\.txt")


@dataclass(frozen=True)
class Source:
    """Hold one text as it was published: Project Gutenberg's number, the title, the text."""

    number: int
    title: str
    text: str


def read_sources(path: Path) -> list[Source]:
    """Return the plays of a folder, or of one file such as `1234.txt`, by number.

    Raises CorpusError if the path is missing, or holds no such file.
    """
    if not path.exists():
        raise CorpusError(f"There is no {path}: check the name.")
    files = path.iterdir() if path.is_dir() else [path]
    numbered = sorted((int(file.stem), file) for file in files if NUMBERED.fullmatch(file.name))
    if not numbered:
        raise CorpusError(f"{path} holds no plays: name the files like 1234.txt.")
    titles = {number: entry.title for number, entry in read_manifest().items()}
    return [
        Source(number, titles.get(number, f"Play {number}"), decode(file.read_bytes()))
        for number, file in numbered
    ]


def decode(data: bytes) -> str:
    """Decode UTF-8 or, if the bytes are not valid UTF-8, Windows-1252."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")
