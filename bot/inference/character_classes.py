"""Sort a vocabulary into the sets of tokens from which grammars are built."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from ..cleaning import clean
from ..screenplay.elements import Kind
from ..screenplay.fountain import parse_model_text
from .automaton import Mask


@dataclass(frozen=True)
class CharacterClasses:
    """Sort a vocabulary into sets of tokens; `classify_characters` computes each set once."""

    vocabulary: tuple[str, ...]

    def select(self, test: Callable[[str], bool]) -> Mask:
        """Return the tokens whose characters pass a test."""
        return np.fromiter(map(test, self.vocabulary), np.bool_, self.size)

    def of(self, characters: str) -> Mask:
        """Return the tokens of some characters, leaving out those that the vocabulary lacks."""
        mask = np.zeros(self.size, np.bool_)
        mask[[self.ids[one] for one in characters if one in self.ids]] = True
        return mask

    def case_variants(self, character: str) -> Mask:
        """Return every form of a character that some parser takes for its upper or lower case."""
        pattern = re.compile(re.escape(character), re.IGNORECASE)
        return self.select(lambda one: pattern.fullmatch(one) is not None)

    def can_spell(self, text: str) -> bool:
        """Return whether the vocabulary has all characters of a text."""
        return self.ids.keys() >= set(text)

    @property
    def size(self) -> int:
        """Return the number of characters, V."""
        return len(self.vocabulary)

    @cached_property
    def ids(self) -> dict[str, int]:
        """Return the token of each character."""
        return {character: token for token, character in enumerate(self.vocabulary)}

    @cached_property
    def all(self) -> Mask:
        """Return every token."""
        return self.select(lambda _: True)

    @cached_property
    def newline(self) -> Mask:
        """Return the newline."""
        return self.of("\n")

    @cached_property
    def space(self) -> Mask:
        """Return the space."""
        return self.of(" ")

    @cached_property
    def written(self) -> Mask:
        """Return the characters of a line, without those that `clean` would drop or replace."""
        return self.select(lambda one: clean(f"1{one}1") == f"1{one}1") & ~self.newline

    @cached_property
    def alphanumeric(self) -> Mask:
        """Return the letters and digits."""
        return self.select(str.isalnum) & self.written

    @cached_property
    def upper(self) -> Mask:
        """Return the upper-case letters."""
        return self.select(str.isupper)

    @cached_property
    def lower(self) -> Mask:
        """Return the lower-case letters."""
        return self.select(str.islower)

    @cached_property
    def title(self) -> Mask:
        """Return the title-case letters, such as U+01C5: neither upper-case nor lower-case."""
        return self.select(str.istitle) & ~self.upper

    @cached_property
    def caseless(self) -> Mask:
        """Return the letters of scripts without cases."""
        return self.select(str.isalpha) & ~(self.upper | self.lower | self.title)

    @cached_property
    def named(self) -> Mask:
        """Return the characters of a name in a cue, without the space."""

        def is_in_cues(one: str) -> bool:
            read = parse_model_text(f"@A{one}A\n.")
            return read is not None and read.kind is Kind.DIALOGUE

        return self.select(is_in_cues) & self.written & ~self.space

    @cached_property
    def combining(self) -> Mask:
        """Return the marks that sit on the preceding character."""
        return self.select(is_combining)

    @cached_property
    def joiners(self) -> Mask:
        """Return the zero-width joiner and non-joiner."""
        return self.of("\u200c\u200d")

    @cached_property
    def joined(self) -> Mask:
        """Return the characters that a joiner can stand before."""
        return self.select(lambda one: unicodedata.category(one) in {"Lo", "So"}) & self.written

    @cached_property
    def joining(self) -> Mask:
        """Return the characters that a joiner can stand behind."""
        kinds = {"Mc", "Sk"}
        return self.joined | (
            self.select(lambda one: unicodedata.category(one) in kinds) & self.written
        )


@lru_cache(maxsize=8)
def classify_characters(vocabulary: tuple[str, ...]) -> CharacterClasses:
    """Return the classes of a vocabulary, cached for further grammars."""
    return CharacterClasses(vocabulary)


def is_combining(character: str) -> bool:
    """Return whether a character is a mark on the preceding one, such as an accent."""
    return unicodedata.category(character)[0] == "M"
