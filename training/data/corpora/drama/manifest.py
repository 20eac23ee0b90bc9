"""Read and write the list of plays: Project Gutenberg's number, the title, the text's SHA-256."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ....errors import CorpusError

MANIFEST = Path(__file__).with_name("manifest.tsv")
"""The list of plays: a line of headings, then one play a line, fields separated by tabs."""

HEADINGS = ["number", "title", "sha256"]


@dataclass(frozen=True)
class Entry:
    """Hold one play: its number, its title, the SHA-256 of its text without header and licence."""

    number: int
    title: str
    sha256: str

    def matches(self, data: bytes) -> bool:
        """Return whether `data` is, byte for byte, the text that the corpus was made from."""
        return sha256(data).hexdigest() == self.sha256


def read_manifest(path: Path = MANIFEST) -> Mapping[int, Entry]:
    """Return the plays by number, in the order of the file.

    Raises CorpusError if a line is not a number, a title and a SHA-256, or a number comes twice.
    """
    headings, *rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    if headings != HEADINGS:
        raise CorpusError(f"{path} does not begin with {', '.join(HEADINGS)}: restore the file.")
    entries: dict[int, Entry] = {}
    for line, row in enumerate(rows, start=2):
        match row:
            case [number, title, digest] if (
                number.isdecimal() and title and len(digest) == 64 and int(number) not in entries
            ):
                entries[int(number)] = Entry(int(number), title, digest)
            case _:
                raise CorpusError(f"Line {line} of {path} is not a new play: restore the file.")
    return entries


def write_manifest(entries: Iterable[Entry], path: Path) -> None:
    """Write the plays so that `read_manifest` finds them, at once and by number."""
    ordered = sorted(entries, key=lambda entry: entry.number)
    write_table(path, [HEADINGS, *([entry.number, entry.title, entry.sha256] for entry in ordered)])


def write_table(path: Path, rows: Iterable[Iterable[object]]) -> None:
    """Write a line for each row, with tabs between its fields."""
    replace_file(path, "".join("\t".join(map(str, row)) + "\n" for row in rows).encode())


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file by `data` in one step, so that no reader sees half a file."""
    partial = path.with_name(path.name + ".part")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


VALIDATION = frozenset(
    {885, 1240, 4093, 12687, 13894, 19094, 27709, 37195, 40700, 42523, 48749, 49480, 55290}
)
TEST = frozenset(
    {383, 854, 1756, 3490, 3618, 4025, 12141, 17091, 31667, 41507, 41750, 50385, 60523, 67988}
)
"""The works of the test part; none is printed in an anthology of the corpus, too."""

HELD_OUT: Mapping[str, frozenset[int]] = {"validation": VALIDATION, "test": TEST}


def choose_part(number: int) -> str:
    """Return the folder of a work: `train`, `validation` or `test`."""
    return next((part for part, numbers in HELD_OUT.items() if number in numbers), "train")
