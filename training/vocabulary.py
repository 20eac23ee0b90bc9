"""The characters that a voice knows, and how every other character is folded into them."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

RARE = 3
"""A character seen fewer times than this in the training text is folded, not learned."""

# Plain forms of typographic characters, the preferred one first. What Unicode itself can
# decompose (accents, ligatures, full-width forms) is not listed: NFKD knows it.
PLAIN_FORMS: Mapping[str, tuple[str, ...]] = {
    "\t": (" ",),
    "\u00a0": (" ",),
    "\u00ab": ('"', "'"),
    "\u00bb": ('"', "'"),
    "\u00d7": ("x",),
    "\u00df": ("ss",),
    "\u00c6": ("AE",),
    "\u00e6": ("ae",),
    "\u0152": ("OE",),
    "\u0153": ("oe",),
    "\u00d8": ("O",),
    "\u00f8": ("o",),
    "\u0141": ("L",),
    "\u0142": ("l",),
    "\u00d0": ("D",),
    "\u00f0": ("d",),
    "\u00de": ("Th",),
    "\u00fe": ("th",),
    "\u0131": ("i",),
    "\u2010": ("-",),
    "\u2011": ("-",),
    "\u2012": ("-",),
    "\u2013": ("-",),
    "\u2014": ("--", "-"),
    "\u2015": ("--", "-"),
    "\u2212": ("-",),
    "\u2018": ("'", '"'),
    "\u2019": ("'", '"'),
    "\u201a": ("'", ","),
    "\u201b": ("'",),
    "\u2032": ("'",),
    "\u00b4": ("'",),
    "`": ("'",),
    "\u201c": ('"', "'"),
    "\u201d": ('"', "'"),
    "\u201e": ('"', "'"),
    "\u2033": ('"', "'"),
    "\u2026": ("...", "."),
    "\u2022": ("-",),
    "\u2028": ("\n",),
    "\u2029": ("\n",),
    '"': ("'",),
    "'": ('"',),
    "[": ("(",),
    "]": (")",),
    "{": ("(",),
    "}": (")",),
    ";": (",",),
    ":": (".",),
    "!": (".",),
    "?": (".",),
    "&": ("and",),
}

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
    that are not in ``characters`` to strings that are made of them alone.
    """

    characters: tuple[str, ...]
    fold: Mapping[str, str]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Vocabulary:
        """The vocabulary of a training text: each character seen at least `RARE` times."""
        counts = Counter[str]()
        for text in texts:
            counts.update(unicodedata.normalize("NFC", text))
        # The newline separates elements, so every voice knows it.
        known = sorted({c for c, n in counts.items() if n >= RARE} | {"\n"})
        return cls(tuple(known), _fold_into(frozenset(known)))

    def grown(self, texts: Iterable[str], seen: int) -> Vocabulary:
        """This vocabulary and, after its own, what it lacks and the texts have ``seen`` times."""
        counts = Counter[str]()
        for text in texts:
            counts.update(unicodedata.normalize("NFC", text))
        known = frozenset(self.characters)
        more = sorted(c for c, n in counts.items() if n >= seen and c not in known)
        return Vocabulary((*self.characters, *more), _fold_into(known | set(more)))

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> list[int]:
        """Token ids of a text: NFC, then folded; what has no fold is skipped.

        The ids lie in [0, len(self)). Never raises: any text can be read.
        """
        folded = unicodedata.normalize("NFC", text).translate(self._translation)
        ids = self._ids
        return [ids[c] for c in folded if c in ids]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of token ids; raises IndexError for an id outside of [0, len(self))."""
        return "".join(self.characters[i] for i in ids)

    def skipped(self, text: str) -> int:
        """How many characters of the text are neither known nor folded."""
        normal = unicodedata.normalize("NFC", text)
        return sum(c not in self._ids and c not in self.fold for c in normal)

    def to_json(self) -> str:
        """The JSON form that a run folder keeps as ``vocabulary.json``."""
        document = {"characters": list(self.characters), "fold": dict(self.fold)}
        return json.dumps(document, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, document: str) -> Vocabulary:
        """The inverse of `to_json`; raises KeyError or ValueError for anything else."""
        fields = json.loads(document)
        return cls(tuple(fields["characters"]), dict(fields["fold"]))

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {character: i for i, character in enumerate(self.characters)}

    @cached_property
    def _translation(self) -> dict[int, str]:
        return {ord(character): plain for character, plain in self.fold.items()}


def _fold_into(known: frozenset[str]) -> dict[str, str]:
    """The fold map: every foldable character to its first form that ``known`` can spell."""
    foldable = dict.fromkeys([chr(c) for block in FOLDED_BLOCKS for c in block])
    foldable |= dict.fromkeys(PLAIN_FORMS)
    fold: dict[str, str] = {}
    for character in foldable:
        if character in known:
            continue
        plain = next((form for form in _forms(character) if known.issuperset(form)), None)
        if plain:
            fold[character] = plain
    return fold


def _forms(character: str) -> Iterator[str]:
    """Ways to write a character plainly, the best first."""
    yield from PLAIN_FORMS.get(character, ())
    decomposed = unicodedata.normalize("NFKD", character)
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    yield bare
    # An accented capital of an alphabet that was seen in one case only, "1/2" with a fraction
    # slash, and whatever else becomes plain in a second step.
    yield "".join(PLAIN_FORMS.get(c, (c,))[0] for c in bare)
    yield bare.swapcase()
