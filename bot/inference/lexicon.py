"""Collect the words of a script's last lines that the next line may take up, with weights.

Only rare words count. Rareness needs no word list of a language: the model writes a page from
nothing, and a word that the page has twice is common. `processors.recall` makes a line take words
up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from .model import Model
from .sampling import Uniforms, draw_tokens

MOST_RECALL_WORDS = 32
"""The most spellings of words that a line may take up."""

LONGEST_RARE_WORD = 16
"""The most characters of a rare word."""

SHORTEST_RARE_WORD = 3
"""The fewest characters of a rare word."""

RECALL_LINES = 8
"""The number of elements whose words count."""

DISTANCE_DECAY = 0.8
"""The factor by which a word counts less after each further element."""

MODEL_WORD_WEIGHT = 0.6
"""The weight of a word that no person has said."""

SPELLING_PADDING = -1
"""The padding of spellings behind their last character."""

SAMPLE_SHAPE = (64, 128)
"""The lines, and the characters of each, of the page on which common words are counted."""

LEAST_COMMON_COUNT = 2
"""The fewest times that a common word stands on the page."""

WORD_PATTERN = re.compile(r"[^\W\d_]+")

ENDS_SENTENCE = ".!?\u2026:\"'\u201c\u201d\u2018\u2019()"
"""The characters behind which, as at the beginning of a line of verse, any word has a capital."""

RecentElements = tuple[tuple[str, bool], ...]
"""The text of each element, the last one last, and whether a person wrote it."""


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Hold the characters and the common words of a model; use `Lexicon.of`."""

    vocabulary: tuple[str, ...]
    common: frozenset[str]
    """Words in lower case that the model writes anyway."""

    @classmethod
    def of(cls, model: Model) -> Lexicon:
        """Return the lexicon of a model, which takes some hundred steps of it."""
        counted = Counter(word.lower() for word in WORD_PATTERN.findall(_sample_text(model)))
        return cls(
            model.vocabulary,
            frozenset(word for word in counted if counted[word] >= LEAST_COMMON_COUNT),
        )

    def is_rare(self, word: str) -> bool:
        """Return whether a word is neither common, nor too short, nor too long."""
        return (
            SHORTEST_RARE_WORD <= len(word) <= LONGEST_RARE_WORD and word.lower() not in self.common
        )

    def spell(self, word: str) -> list[int] | None:
        """Return the tokens of a word, or None if the model lacks one of its characters."""
        if not set(word) <= set(self.vocabulary):
            return None
        return [self.vocabulary.index(character) for character in word]


def _sample_text(model: Model) -> str:
    """Return lines that a model writes from nothing, at a temperature of 1."""
    columns, length = SAMPLE_SHAPE
    numbers = Uniforms()
    uniforms = np.stack([numbers.of(seed, length) for seed in range(columns)])
    tokens = np.full(columns, model.newline, np.int64)
    states = np.zeros((columns, model.state_size), np.float32)
    ones, none = np.ones(columns, np.float32), np.zeros(columns, np.float32)
    written = np.empty((columns, length), np.int64)
    for place in range(length):
        logits, states = model.step(tokens, states)
        written[:, place] = tokens = draw_tokens(logits, ones, ones, none, uniforms[:, place])
    return "\n".join(map(model.decode, written))


@dataclass(frozen=True)
class RecallWords:
    """Hold the words that a line may take up, the heaviest first."""

    words: NDArray[np.int16]
    """A spelling in each column, filled up with `SPELLING_PADDING`:
    int16 [LONGEST_RARE_WORD + 1, MOST_RECALL_WORDS]."""
    weights: Floats
    """The weight of each word, up to 1, and 0 in empty columns: float32 [MOST_RECALL_WORDS]."""


@lru_cache(maxsize=64)
def collect_recall_words(lexicon: Lexicon, heard: RecentElements) -> RecallWords:
    """Return the words that a line may take up from the elements before it.

    The weight of a word fades with its distance. A word that the model has written again has no
    weight until a person says the word again, because it could cause loops.
    """
    nearest_first = [
        (*_split_cue(text), by_person) for text, by_person in heard[::-1][:RECALL_LINES]
    ]
    names = {name for cue, _, _ in nearest_first for name in WORD_PATTERN.findall(cue.lower())}
    places: dict[str, list[tuple[int, bool]]] = {}
    spellings: dict[str, set[str]] = {}
    for distance, (_, body, by_person) in enumerate(nearest_first):
        for word, spelt in _find_rare_words(lexicon, body, names):
            spellings.setdefault(word, set()).update(spelt)
            if (distance, by_person) not in places.setdefault(word, []):
                places[word].append((distance, by_person))
    weights = {word: _compute_weight(at) for word, at in places.items()}
    heaviest = sorted(weights, key=lambda word: (-weights[word], word))
    return _to_arrays(
        [
            (spelling, weights[word])
            for word in heaviest
            for text in sorted(spellings[word])
            if weights[word] and (spelling := lexicon.spell(text))
        ]
    )


def _split_cue(text: str) -> tuple[str, str]:
    """Return the cue of an element, empty for action, and the text below it."""
    first, _, rest = text.partition("\n")
    return (first, rest) if rest and first.partition("(")[0].isupper() else ("", text)


def _find_rare_words(
    lexicon: Lexicon, body: str, names: set[str]
) -> Iterator[tuple[str, set[str]]]:
    """Yield each rare word of a body, in lower case, and the ways to spell it in another line."""
    for match in WORD_PATTERN.finditer(body):
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


def _compute_weight(places: list[tuple[int, bool]]) -> float:
    """Return the weight of a word that was said so many elements ago, the nearest first."""
    (distance, by_person), *earlier = places
    if by_person:
        return float(DISTANCE_DECAY**distance)
    return 0.0 if earlier else MODEL_WORD_WEIGHT * DISTANCE_DECAY**distance


def _to_arrays(spellings: list[tuple[list[int], float]]) -> RecallWords:
    words = np.full((LONGEST_RARE_WORD + 1, MOST_RECALL_WORDS), SPELLING_PADDING, np.int16)
    weights = np.zeros(MOST_RECALL_WORDS, np.float32)
    for place, (spelling, weight) in enumerate(spellings[:MOST_RECALL_WORDS]):
        words[: len(spelling), place] = spelling
        weights[place] = weight
    return RecallWords(words, weights)
