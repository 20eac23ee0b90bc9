"""Read the plays of a folder, a tar archive or one file, without unpacking anything to the disk."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ....errors import CorpusError

INDEX = "INDEX.tsv"
"""The list that gives each number its title, one play a line."""

NUMBERED = re.compile(r"(\d+)\.txt")


@dataclass(frozen=True)
class Source:
    """Hold one text as it was published: Project Gutenberg's number, the title, the text."""

    number: int
    title: str
    text: str


def read_sources(path: Path) -> list[Source]:
    """Return the plays of a folder, of an archive, or of one file such as `1234.txt`, by number.

    Raises CorpusError if the path is missing, is no archive, or holds no such file.
    """
    files = dict(_read_files(path))
    rows = (line.split("\t") for line in decode(files.pop(INDEX, b"")).splitlines())
    titles = {int(row[0]): _tidy(row[1]) for row in rows if len(row) > 1 and row[0].isdecimal()}
    sources = [
        Source(number, titles.get(number, f"Play {number}"), decode(data))
        for number, data in sorted((int(Path(name).stem), data) for name, data in files.items())
    ]
    if not sources:
        raise CorpusError(f"{path} holds no plays: name the files like 1234.txt.")
    return sources


def decode(data: bytes) -> str:
    """Decode UTF-8 or, if the bytes are not valid UTF-8, Windows-1252."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read_files(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        for file in sorted(path.iterdir()):
            if file.is_file() and _is_wanted(file.name):
                yield file.name, file.read_bytes()
        return
    if not path.is_file():
        raise CorpusError(f"There is no {path}: check the name.")
    if NUMBERED.fullmatch(path.name):
        yield path.name, path.read_bytes()
        return
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                name = Path(member.name).name
                if member.isfile() and _is_wanted(name):
                    content = archive.extractfile(member)
                    if content:
                        yield name, content.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise CorpusError(f"{path} is not a complete tar archive: fetch it again.") from error


def _is_wanted(name: str) -> bool:
    return name == INDEX or bool(NUMBERED.fullmatch(name))


def _tidy(title: str) -> str:
    """Return a catalogue's title with its apostrophes, and without text that runs on behind it."""
    title = re.split(r": 13\b|: amp\b|(?<=[a-z])(?<!Mc)(?<!Mac)(?=[A-Z])", title.strip())[0]
    return re.sub(r"(?<=[A-Za-z]) (?=(?:s|t|d)\b)", "'", title).strip(" :,")
