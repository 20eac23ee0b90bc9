"""Sort a vocabulary into the sets of tokens from which grammars are built."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from ..cleaning import JOINERS, clean
from ..screenplay.elements import Kind
from ..screenplay.fountain import parse_model_text
from .automaton import Mask


class CharacterClasses:
    """Sort a vocabulary of V characters into sets of tokens."""

    def __init__(self, vocabulary: tuple[str, ...]) -> None:
        self.vocabulary = vocabulary
        self.size = len(vocabulary)
        self.all = np.ones(self.size, np.bool_)
        self.newline = self.of("\n")
        self.space = self.of(" ")
        kept = self.select(lambda character: clean(f"1{character}1") == f"1{character}1")
        self.written = kept & ~self.newline
        """The characters of a line, without those that `clean` would drop or replace."""
        self.alphanumeric = self.select(str.isalnum) & self.written
        self.upper = self.select(str.isupper)
        self.lower = self.select(str.islower)
        self.title = self.select(str.istitle) & ~self.upper
        """The title-case letters, such as U+01C5: neither upper-case nor lower-case."""
        self.caseless = self.select(str.isalpha) & ~(self.upper | self.lower | self.title)
        """The letters of scripts without cases."""
        self.named = self.select(_can_be_in_cue) & self.written & ~self.space
        """The characters of a name in a cue, without the space."""
        self.combining = self.select(is_combining)
        self.joiners = self.of(JOINERS)
        self.joined = self._of_categories("Lo", "So", "Sm")
        """The characters that a joiner can precede."""
        self.joining = self._of_categories("Lo", "So", "Mc", "Sk")
        """The characters that a joiner can follow."""

    def select(self, test: Callable[[str], bool]) -> Mask:
        """Return the tokens whose characters pass a test."""
        return np.fromiter(map(test, self.vocabulary), np.bool_, self.size)

    def of(self, characters: str) -> Mask:
        """Return the tokens of some characters, leaving out those that the vocabulary lacks."""
        return self.select(lambda character: character in characters)

    def case_variants(self, character: str) -> Mask:
        """Return every form of a character that some parser takes for its upper or lower case."""
        pattern = re.compile(re.escape(character), re.IGNORECASE)
        return self.select(lambda character: pattern.fullmatch(character) is not None)

    def can_spell(self, text: str) -> bool:
        """Return whether the vocabulary has all characters of a text."""
        return set(text) <= set(self.vocabulary)

    def _of_categories(self, *categories: str) -> Mask:
        found = self.select(lambda character: unicodedata.category(character) in categories)
        return found & self.written


classify_characters = lru_cache(maxsize=8)(CharacterClasses)
"""Return the classes of a vocabulary, cached for further grammars."""


def is_combining(character: str) -> bool:
    """Return whether a character is a mark on the preceding one, such as an accent."""
    return unicodedata.category(character)[0] == "M"


def _can_be_in_cue(character: str) -> bool:
    read = parse_model_text(f"@A{character}A\n.")
    return read is not None and read.kind is Kind.DIALOGUE
