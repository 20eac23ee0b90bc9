"""Define the characters that a voice knows, and fold every other character into them."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

RARE = 3
"""The fewest occurrences of a learned character in the training text; a rarer one is folded."""

# Plain forms of typographic characters, the preferred form first. Characters that Unicode itself
# decomposes (accents, ligatures, full-width forms) are not listed, because NFKD knows them.
PLAIN_FORMS: Mapping[str, tuple[str, ...]] = {
    "\t": (" ",), "\u00a0": (" ",), "\u00ab": ('"', "'"), "\u00bb": ('"', "'"),
    "\u00d7": ("x",), "\u00df": ("ss",), "\u00c6": ("AE",), "\u00e6": ("ae",),
    "\u0152": ("OE",), "\u0153": ("oe",), "\u00d8": ("O",), "\u00f8": ("o",), "\u0141": ("L",),
    "\u0142": ("l",), "\u00d0": ("D",), "\u00f0": ("d",), "\u00de": ("Th",), "\u00fe": ("th",),
    "\u0131": ("i",), "\u2010": ("-",), "\u2011": ("-",), "\u2012": ("-",), "\u2013": ("-",),
    "\u2014": ("--", "-"), "\u2015": ("--", "-"), "\u2212": ("-",), "\u2018": ("'", '"'),
    "\u2019": ("'", '"'), "\u201a": ("'", ","), "\u201b": ("'",), "\u2032": ("'",),
    "\u00b4": ("'",), "`": ("'",), "\u201c": ('"', "'"), "\u201d": ('"', "'"),
    "\u201e": ('"', "'"), "\u2033": ('"', "'"), "\u2026": ("...", "."), "\u2022": ("-",),
    "\u2028": ("\n",), "\u2029": ("\n",), '"': ("'",), "'": ('"',), "[": ("(",), "]": (")",),
    "{": ("(",), "}": (")",), ";": (",",), ":": (".",), "!": (".",), "?": (".",), "&": ("and",),
}  # fmt: skip

# Latin letters with marks, general punctuation, letter-like symbols, ligatures, full-width forms.
FOLDED_BLOCKS = (
    range(0x20, 0x7F),
    range(0xA0, 0x250),
    range(0x1E00, 0x1F00),
    range(0x2000, 0x2070),
    range(0x2100, 0x2150),
    range(0xFB00, 0xFB07),
    range(0xFF01, 0xFF5F),
)


@dataclass(frozen=True)
class Vocabulary:
    """A voice's characters and its fold map.

    ``characters``: the index of a character is its token id. ``fold``: from single characters
    outside ``characters`` to strings of known characters.
    """

    characters: tuple[str, ...]
    fold: Mapping[str, str]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Vocabulary:
        """Return a training text's vocabulary: characters that occur `RARE` times or more."""
        # The newline separates elements, so every voice must know it.
        known = sorted(_find_frequent(texts, RARE) | {"\n"})
        return cls(tuple(known), _map_folds(frozenset(known)))

    def extend(self, texts: Iterable[str], seen: int) -> Vocabulary:
        """Return this vocabulary, extended by characters that occur ``seen`` times or more."""
        known = frozenset(self.characters)
        more = sorted(_find_frequent(texts, seen) - known)
        return Vocabulary((*self.characters, *more), _map_folds(known | set(more)))

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> NDArray[np.int64]:
        """Encode a text as token ids: NFC, then folded; characters without a fold are skipped.

        The ids lie in [0, len(self)). Never raises: any text can be encoded.
        """
        folded = unicodedata.normalize("NFC", text).translate(self._translation)
        points = np.frombuffer(folded.encode("utf-32-le", "surrogatepass"), "<u4")
        ids = self._ids.take(points, mode="clip")
        return ids[ids >= 0]

    def decode(self, ids: Iterable[int]) -> str:
        """Decode token ids; raises IndexError for an id outside of [0, len(self))."""
        return "".join(self.characters[i] for i in ids)

    def count_skipped(self, text: str) -> int:
        """Return how many characters of the text are neither known nor folded."""
        normal = unicodedata.normalize("NFC", text)
        known = {*self.characters, *self.fold}
        return sum(c not in known for c in normal)

    def to_json(self) -> str:
        """Return the vocabulary as JSON, the content of ``vocabulary.json`` in a run folder."""
        document = {"characters": list(self.characters), "fold": dict(self.fold)}
        return json.dumps(document, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, document: str) -> Vocabulary:
        """Read what `to_json` returned; raises KeyError or ValueError for anything else."""
        fields = json.loads(document)
        return cls(tuple(fields["characters"]), dict(fields["fold"]))

    @cached_property
    def _ids(self) -> NDArray[np.int64]:
        """Return the id of each code point, -1 for none; the last entry is for all higher ones."""
        points = [ord(character) for character in self.characters]
        ids = np.full(max(points) + 2, -1)
        ids[points] = np.arange(len(points))
        return ids

    @cached_property
    def _translation(self) -> dict[int, str]:
        return {ord(character): plain for character, plain in self.fold.items()}


def _find_frequent(texts: Iterable[str], least: int) -> set[str]:
    """Return the characters that occur ``least`` times or more in the texts."""
    counts = Counter[str]()
    for text in texts:
        counts.update(unicodedata.normalize("NFC", text))
    return {character for character, n in counts.items() if n >= least}


def _map_folds(known: frozenset[str]) -> dict[str, str]:
    """Return the fold map: every foldable character to its first form in ``known`` characters."""
    fold: dict[str, str] = {}
    for character in (*(chr(c) for block in FOLDED_BLOCKS for c in block), *PLAIN_FORMS):
        plain = next((form for form in _list_forms(character) if known.issuperset(form)), "")
        if plain and character not in known:
            fold[character] = plain
    return fold


def _list_forms(character: str) -> Iterator[str]:
    """Yield plain forms of a character, the best first."""
    yield from PLAIN_FORMS.get(character, ())
    decomposed = unicodedata.normalize("NFKD", character)
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    yield bare
    # For an accented capital of an alphabet that was seen in one case only, for "1/2" with a
    # fraction slash, and for whatever else becomes plain in a second step.
    yield "".join(PLAIN_FORMS.get(c, (c,))[0] for c in bare)
    yield bare.swapcase()
