"""Take up what was said: make the content words of a script's last lines likelier, once each.

A small network forgets a swan within a line or two. So where a word begins, and as long as what has
been written of it agrees with a word that was said, the character with which that word goes on gets
likelier: a cache (Grave et al. 2016, "Improving neural language models with a continuous cache") of
rare words alone. What is added is added to the logits, so that a word comes where the network finds
it possible, and hardly where it does not fit. It fades with the distance, is spent when the word is
used, and stays spent until a person says the word again, so that it makes no loops.

Which words are rare no list of a language says. The voice writes a page from nothing, and what
stands there twice is common.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays import Floats, Logits, Tokens
from ..model import Model
from ..sampling import Uniforms, draw

WORDS = 32
"""Spellings of words that are remembered, at the most."""

LONGEST_WORD = 16
"""Characters of a word that is remembered, at the most."""

SHORTEST_WORD = 3
"""Characters of a word that is remembered, at the least."""

LINES = 8
"""Elements that are looked back to."""

FADE = 0.8
"""What a word counts after each further element."""

BY_VOICE = 0.6
"""What a word counts that no person has said."""

GAINS = np.array([0.25, 1.45], np.float32)
"""Nats for the first character of a word, and for any further one, at a recall of 1."""

NOTHING = -1
"""Stands where a word has no character."""

PAGE = (64, 128)
"""Columns and characters of the page on which common words are counted."""

COMMON = 2
"""How often a common word stands on the page, at the least."""

WORD = re.compile(r"[^\W\d_]+")

ENDS_SENTENCE = ".!?\u2026:\"'\u201c\u201d\u2018\u2019()"
"""After these, and at the beginning of a line of verse, a capital tells nothing of a word."""

Places = NDArray[np.int64]
Heard = tuple[tuple[str, bool], ...]
"""Elements, the last one last: the text of each, and whether a person wrote it."""


@dataclass(frozen=True, eq=False)
class Lexicon:
    """The characters and the common words of a voice."""

    vocabulary: tuple[str, ...]
    common: frozenset[str]
    """Words, in lower case, that the voice writes anyway."""

    @classmethod
    def of(cls, model: Model) -> Lexicon:
        """Return the lexicon of a voice; takes some hundred steps of it."""
        counted = Counter(word.lower() for word in WORD.findall(_page(model)))
        return cls(model.vocabulary, frozenset(word for word in counted if counted[word] >= COMMON))

    def is_rare(self, word: str) -> bool:
        """Return whether a word says what a text is about."""
        return SHORTEST_WORD <= len(word) <= LONGEST_WORD and word.lower() not in self.common

    def spell(self, word: str) -> list[int] | None:
        """Return the characters of a word, or None where the voice does not know them all."""
        if not set(word) <= set(self.vocabulary):
            return None
        return [self.vocabulary.index(character) for character in word]


def _page(model: Model) -> str:
    """Return what a voice writes from nothing."""
    columns, length = PAGE
    numbers = Uniforms()
    uniforms = np.stack([numbers.of(seed, length) for seed in range(columns)])
    tokens = np.full(columns, model.newline, np.int64)
    states = np.zeros((columns, model.state_size), np.float32)
    ones, none = np.ones(columns, np.float32), np.zeros(columns, np.float32)
    written = np.empty((columns, length), np.int64)
    for place in range(length):
        logits, states = model.step(tokens, states)
        written[:, place] = tokens = draw(logits, ones, ones, none, uniforms[:, place])
    return "\n".join(map(model.decode, written))


@dataclass(frozen=True)
class Said:
    """Words that a line may take up."""

    words: NDArray[np.int16]
    """Their spellings, each a column, filled up with `NOTHING`: int16 [LONGEST_WORD + 1, WORDS]."""
    weights: Floats
    """float32 [WORDS], from 0, where there is none, to 1."""


@lru_cache(maxsize=64)
def said(lexicon: Lexicon, heard: Heard) -> Said:
    """Return what a line of a voice may take up of the elements before it."""
    nearest_first = [(*_cue_and_body(text), by_person) for text, by_person in heard[::-1][:LINES]]
    names = {name for cue, _, _ in nearest_first for name in WORD.findall(cue.lower())}
    places: dict[str, list[tuple[int, bool]]] = {}
    spellings: dict[str, set[str]] = {}
    for distance, (_, body, by_person) in enumerate(nearest_first):
        for word, spelt in _rare(lexicon, body, names):
            spellings.setdefault(word, set()).update(spelt)
            if (distance, by_person) not in places.setdefault(word, []):
                places[word].append((distance, by_person))
    weights = {word: _weight(at) for word, at in places.items()}
    heaviest = sorted(weights, key=lambda word: (-weights[word], word))
    return _laid_out(
        [
            (spelling, weights[word])
            for word in heaviest
            for one in sorted(spellings[word])
            if weights[word] and (spelling := lexicon.spell(one))
        ]
    )


def _cue_and_body(text: str) -> tuple[str, str]:
    """Return who speaks an element, empty for nobody, and what is said or done."""
    first, _, rest = text.partition("\n")
    return (first, rest) if rest and first.partition("(")[0].isupper() else ("", text)


def _rare(lexicon: Lexicon, body: str, names: set[str]) -> Iterator[tuple[str, set[str]]]:
    """Yield each rare word of a body, in lower case, and the ways to spell it in another line."""
    for match in WORD.finditer(body):
        word = match[0]
        if not lexicon.is_rare(word):
            continue
        lower, capital = word.lower(), word.capitalize()
        if lower in names:
            yield lower, {capital}
        elif word[0].islower() or word.isupper() or _begins_sentence(body[: match.start()]):
            yield lower, {lower, capital}
        else:
            yield lower, {word}


def _begins_sentence(before: str) -> bool:
    said = before.rstrip()
    return not said or said[-1] in ENDS_SENTENCE or "\n" in before[len(said) :]


def _weight(places: list[tuple[int, bool]]) -> float:
    """Return what a word counts that was said so many elements ago, by a person or not."""
    (distance, by_person), *earlier = places
    if by_person:
        return float(FADE**distance)
    return 0.0 if earlier else BY_VOICE * FADE**distance


def _laid_out(spellings: list[tuple[list[int], float]]) -> Said:
    words = np.full((LONGEST_WORD + 1, WORDS), NOTHING, np.int16)
    weights = np.zeros(WORDS, np.float32)
    for place, (spelling, weight) in enumerate(spellings[:WORDS]):
        words[: len(spelling), place] = spelling
        weights[place] = weight
    return Said(words, weights)


class Recall:
    """The words that the rows of a batch may take up, and how far each is with one."""

    def __init__(self, model: Model, capacity: int) -> None:
        self._letter = np.array([WORD.fullmatch(one) is not None for one in model.vocabulary])
        self._ends_cue = model.opening.copy()
        self._ends_cue[model.newline] = True
        self._words = np.full((capacity, LONGEST_WORD + 1, WORDS), NOTHING, np.int16)
        self._weights = np.zeros((capacity, WORDS), np.float32)
        self._recalls = np.zeros(capacity, np.bool_)
        self._speaks = np.zeros(capacity, np.bool_)
        # Which words agree with what was written of one, whether any does, and how much that is.
        self._agree = np.zeros((capacity, WORDS), np.bool_)
        self._active = np.zeros(capacity, np.bool_)
        self._letters = np.zeros(capacity, np.int64)
        # What `apply` found, for `update`.
        self._rows = np.zeros(0, np.int64)
        self._following = np.zeros((0, WORDS), np.int16)
        self._agreeing = np.zeros((0, WORDS), np.bool_)
        self.of_rows: tuple[NDArray[Any], ...] = (
            *(self._words, self._weights, self._recalls, self._speaks),
            *(self._agree, self._active, self._letters),
        )
        """The arrays that have an entry a row, which moves with it."""

    def clear(self, row: int) -> None:
        """Let a row take up nothing."""
        self._recalls[row] = self._active[row] = False

    def begin(self, row: int, found: Said, strength: float, *, speaks: bool) -> None:
        """Begin a line: ``speaks`` where its first character belongs to its words already."""
        self._words[row] = found.words
        self._recalls[row] = True
        self.go_back(row, (strength * found.weights, speaks))

    def standing(self, row: int) -> tuple[Floats, bool]:
        """Return how much each word of a row counts now, and whether it has come to its words."""
        return self._weights[row].copy(), bool(self._speaks[row])

    def go_back(self, row: int, standing: tuple[Floats, bool]) -> None:
        """Stand again where a word could begin."""
        self._weights[row], self._speaks[row] = standing
        self._agree[row] = (self._weights[row] > 0) & self._speaks[row]
        self._active[row] = self._recalls[row] & self._speaks[row]
        self._letters[row] = 0

    def apply(self, logits: Logits) -> None:
        """Make the characters likelier, in place, with which words go on: float32 [rows, V]."""
        rows = self._rows = self._active[: len(logits)].nonzero()[0]
        if len(rows) == 0:
            return
        letters = self._letters[rows]
        following = self._following = self._words[rows, letters]
        agree = self._agreeing = self._agree[rows]
        which, places = (agree & (following != NOTHING)).nonzero()
        # The heaviest words come first, and of several values for one place the last one stays.
        which, places = which[::-1], places[::-1]
        gains = GAINS[np.minimum(letters, len(GAINS) - 1)]
        cells = rows[which], following[which, places]
        logits[cells] += self._weights[cells[0], places] * gains[which]

    def update(self, chosen: Tokens) -> None:
        """Note the character that each row has written, after `apply`: int64 [rows]."""
        letter = self._letter[chosen]
        if len(rows := self._rows):
            self._go_on(rows, chosen[rows], letter[rows])
        speaks = self._speaks[: len(chosen)]
        speaks |= self._ends_cue[chosen]
        begins = (self._recalls[: len(chosen)] & speaks & ~letter).nonzero()[0]
        if len(begins):
            self._agree[begins] = self._weights[begins] > 0
            self._active[begins] = True
            self._letters[begins] = 0

    def _go_on(self, rows: Places, chosen: Tokens, letter: NDArray[np.bool_]) -> None:
        """Keep the words that agree with one more character; those written whole are spent."""
        if len(ended := (~letter).nonzero()[0]):
            whole = self._agreeing[ended] & (self._following[ended] == NOTHING)
            which, places = whole.nonzero()
            self._weights[rows[ended[which]], places] = 0.0
        agree = self._agreeing & (self._following == chosen[:, None])
        self._agree[rows] = agree
        self._active[rows] = np.logical_or.reduce(agree, axis=1)
        self._letters[rows] += 1
