"""Read the list of plays: Project Gutenberg's number, the title, the text's SHA-256."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

MANIFEST = Path(__file__).with_name("manifest.tsv")
"""The list of plays: a line of headings, then one play a line, fields separated by tabs."""


@dataclass(frozen=True)
class Entry:
    """Hold one play: its number, its title, the SHA-256 of its text without header and licence."""

    number: int
    title: str
    sha256: str

    def matches(self, data: bytes) -> bool:
        """Return whether `data` is, byte for byte, the text that the corpus was made from."""
        return sha256(data).hexdigest() == self.sha256


def read_manifest() -> Mapping[int, Entry]:
    """Return the plays by number, in the order of the file."""
    _, *lines = MANIFEST.read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines)
    return {int(number): Entry(int(number), title, digest) for number, title, digest in rows}


VALIDATION = frozenset(
    {885, 1240, 4093, 12687, 13894, 19094, 27709, 37195, 40700, 42523, 48749, 49480, 55290}
)
TEST = frozenset(
    {383, 854, 1756, 3490, 3618, 4025, 12141, 17091, 31667, 41507, 41750, 50385, 60523, 67988}
)
"""The works of the test part; none of them is also printed in an anthology of the corpus."""

HELD_OUT: Mapping[str, frozenset[int]] = {"validation": VALIDATION, "test": TEST}
