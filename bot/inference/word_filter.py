"""Find banned words and phrases while a line is written, with one look-up a character."""

from __future__ import annotations

import unicodedata
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from .automaton import BARRED, Automaton, Table
from .character_classes import is_combining


def build_word_filter(vocabulary: Sequence[str], words: Iterable[str]) -> Automaton:
    """Return an automaton that bars the end of each banned word or phrase, in any text.

    Only whole words are found, whatever their case and accents. Any run of characters that are
    neither letters nor digits may stand between the words of a phrase. Because "ass" may go on as
    "assist", it is the character after the word that is barred. Entries without letters and digits
    are ignored, and so are those that the vocabulary cannot spell. No state is `FREE`.
    """
    plain = [_fold_character(character) for character in vocabulary]
    symbols = {character: at for at, character in enumerate(sorted({" "}.union(*plain)))}
    phrases = {entry for word in words if (entry := normalize_words(word))}
    after = _build_search(symbols, [entry for entry in phrases if symbols.keys() >= set(entry)])
    table = np.empty((len(after), len(plain)), np.int32)
    for token, text in enumerate(plain):
        states = np.arange(len(after), dtype=np.int32)
        for symbol in text:
            states = after[states, symbols[symbol]]
        table[:, token] = states
    return Automaton(_BETWEEN_WORDS, table)


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
    """Return a text in the form used to compare banned words: letters, digits and single spaces."""
    return " ".join("".join(map(_fold_character, text)).split())


@lru_cache(maxsize=4096)
def _fold_character(character: str) -> str:
    """Return the letters and digits of a character without case and accents, or " ".

    A character without a place of its own gives "": an accent, or an invisible format character.
    """
    if is_combining(character) or unicodedata.category(character) == "Cf":
        return ""
    parts = unicodedata.normalize("NFKD", character)
    folded = "".join(character for character in parts if not is_combining(character)).casefold()
    return "".join(filter(str.isalnum, folded)) or " "


_INSIDE_WORD, _BETWEEN_WORDS = 0, 1
"""The states inside a word that begins no entry, and between words."""


def _build_search(symbols: Mapping[str, int], phrases: Iterable[str]) -> Table:
    """Build a search for phrases that begin only after a space (Aho and Corasick 1975).

    Return the state after each symbol, int32 [S, symbols], `BARRED` where a phrase is complete.
    """
    # A state stands for as much of a phrase as has been read.
    ways: list[dict[str, int]] = [{}, {}]
    ends = set[int]()
    for entry in phrases:
        state = _BETWEEN_WORDS
        for symbol in entry:
            following = ways[state].setdefault(symbol, len(ways))
            if following == len(ways):
                ways.append({})
            state = following
        ends.add(state)
    space = symbols[" "]
    after = np.full((len(ways), len(symbols)), _INSIDE_WORD, np.int32)
    after[:, space] = _BETWEEN_WORDS
    # `suffix` is the state of the longest proper suffix of the text read that begins a phrase.
    queue = deque([(" ", _BETWEEN_WORDS, _INSIDE_WORD)])
    while queue:
        last, state, suffix = queue.popleft()
        after[state] = after[suffix]
        if last == " ":
            after[state, space] = state
        if state in ends:
            after[state, space] = BARRED
        for symbol, following in ways[state].items():
            if after[state, symbols[symbol]] == BARRED:
                continue  # because a shorter entry has ended
            queue.append((symbol, following, int(after[suffix, symbols[symbol]])))
            after[state, symbols[symbol]] = following
    return after
