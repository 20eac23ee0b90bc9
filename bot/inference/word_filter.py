"""Find banned words and phrases while a line is written, with one look-up a character."""

from __future__ import annotations

import unicodedata
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .automaton import Mask, Table
from .character_classes import is_combining


@dataclass(frozen=True)
class BannedWordFilter:
    """Find banned words and phrases with an automaton of S states; use `BannedWordFilter.of`.

    Only whole words are found, whatever their case and accents are. Between the words of a phrase
    stands any run of characters that are neither letters nor digits.
    """

    start: int
    """The state in which no word has begun, such as at the start of a line."""
    next: Table
    """The state after each token: int32 [S, V]."""
    words: NDArray[np.int16]
    """The number of words to take back in each state: int16 [S].

    The number is 0 except in the state after the character behind a banned word or phrase. There
    the number is the length of that entry in words, of the shortest one where several have ended,
    and stays so while no other word begins.
    """
    longest: int
    """The most words of any entry; 0 if there is none."""

    @classmethod
    def of(cls, vocabulary: Sequence[str], words: Iterable[str]) -> BannedWordFilter:
        """Return the filter for some entries in text that is spelt with a vocabulary.

        Entries without letters and digits are ignored, and so are those that cannot be spelt.
        """
        plain = [_fold_character(character) for character in vocabulary]
        symbols = {one: at for at, one in enumerate(sorted({" "}.union(*plain)))}
        phrases = [entry for word in words if (entry := normalize_words(word))]
        spelt = {entry for entry in phrases if symbols.keys() >= set(entry)}
        after, found = _build_search(symbols, spelt)
        table = np.empty((len(after), len(plain)), np.int32)
        for token, text in enumerate(plain):
            states = np.arange(len(after), dtype=np.int32)
            for symbol in text:
                states = after[states, symbols[symbol]]
            table[:, token] = states
        return cls(
            start=_BETWEEN_WORDS,
            next=table,
            words=found,
            longest=max((entry.count(" ") + 1 for entry in phrases), default=0),
        )


def find_word_boundaries(vocabulary: Sequence[str]) -> Mask:
    """Return the tokens that end a word: neither letters, nor digits, nor accents: bool [V]."""
    return np.array([_fold_character(character) == " " for character in vocabulary], np.bool_)


def find_banned_word(text: str, words: Iterable[str]) -> str | None:
    """Return the first banned word in a text, as the list spells it, or None."""
    spoken = f" {normalize_words(text)} "
    found = [
        (at, word)
        for word in words
        if (entry := normalize_words(word)) and (at := spoken.find(f" {entry} ")) >= 0
    ]
    return min(found)[1] if found else None


def normalize_words(text: str) -> str:
    """Return a text as `BannedWordFilter` compares it: plain letters and digits, single spaces."""
    return " ".join("".join(map(_fold_character, text)).split())


@lru_cache(maxsize=4096)
def _fold_character(character: str) -> str:
    """Return the letters and digits of a character without case and accents, or " ".

    A character without a place of its own gives "": an accent, or an invisible format character.
    """
    if is_combining(character) or unicodedata.category(character) == "Cf":
        return ""
    parts = unicodedata.normalize("NFKD", character)
    folded = "".join(one for one in parts if not is_combining(one)).casefold()
    return "".join(filter(str.isalnum, folded)) or " "


_INSIDE_WORD, _BETWEEN_WORDS = 0, 1
"""The states inside a word that begins no entry, and between words."""


def _build_search(
    symbols: Mapping[str, int], phrases: Iterable[str]
) -> tuple[Table, NDArray[np.int16]]:
    """Build a search for phrases that begin only behind a space (Aho and Corasick 1975).

    Return the state after each symbol, int32 [S, symbols], and the words found in each state [S].
    """
    # A state is as much of a phrase, and of the space behind it, as has been read.
    ways: list[dict[str, int]] = [{}, {}]
    own: dict[int, int] = {}
    for entry in phrases:
        state = _BETWEEN_WORDS
        for symbol in f"{entry} ":
            following = ways[state].setdefault(symbol, len(ways))
            if following == len(ways):
                ways.append({})
            state = following
        own[state] = entry.count(" ") + 1
    after = np.full((len(ways), len(symbols)), _INSIDE_WORD, np.int32)
    after[:, symbols[" "]] = _BETWEEN_WORDS
    found = np.zeros(len(ways), np.int16)
    # `suffix` is the state of the longest proper suffix of the text read that begins a phrase.
    queue = deque([(" ", _BETWEEN_WORDS, _INSIDE_WORD)])
    while queue:
        last, state, suffix = queue.popleft()
        after[state] = after[suffix]
        found[state] = found[suffix] or own.get(state, 0)
        if last == " ":
            after[state, symbols[" "]] = state
        for symbol, following in ways[state].items():
            queue.append((symbol, following, int(after[suffix, symbols[symbol]])))
            after[state, symbols[symbol]] = following
    return after, found
