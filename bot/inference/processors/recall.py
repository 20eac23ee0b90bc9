"""Make the rare words of a script's last lines likelier, once each.

A small network forgets a swan within a line or two. So where a word begins, and as long as what has
been written of it agrees with a word of the last lines, the character with which that word goes on
becomes likelier: a cache (Grave et al. 2016, "Improving neural language models with a continuous
cache") of rare words alone. What it adds is added to the logits, so that a word comes where the
network finds it possible, and hardly where it does not fit. A word is spent when it is written.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...arrays import Logits, Tokens
from ..lexicon import LONGEST_RARE_WORD, MOST_RECALL_WORDS, SPELLING_PADDING, WORD_PATTERN
from ..model import Model
from ..row_store import Row, RowStore
from ..sampling import Sampling
from .base import Processor

GAINS = np.array([0.25, 1.45], np.float32)
"""Nats for the first character of a word, and for any further one, at a `Sampling.recall` of 1."""


class Recall(Processor):
    """Make the words of `Request.recall_words` likelier, by `Sampling.recall`."""

    def __init__(self, model: Model, rows: RowStore) -> None:
        super().__init__(model, rows)
        self._letter = np.array(
            [WORD_PATTERN.fullmatch(character) is not None for character in model.vocabulary]
        )
        self._words = rows.per_row(
            np.int16, (LONGEST_RARE_WORD + 1, MOST_RECALL_WORDS), fill=SPELLING_PADDING
        )
        self._weights = rows.per_row(np.float32, (MOST_RECALL_WORDS,))
        self._in_text = rows.per_row(np.bool_)
        """True once the line is known to be speech or action, and not a cue."""
        self._agree = rows.per_row(np.bool_, (MOST_RECALL_WORDS,))
        """The words that begin with the characters of the current word."""
        self._agrees = rows.per_row(np.bool_)
        """True while any word agrees."""
        self._letters = rows.per_row(np.int64)
        """The number of characters of the current word."""
        # Found by `apply` and used by `update`.
        self._places = np.zeros(0, np.int64)
        self._following = np.zeros((0, MOST_RECALL_WORDS), np.int16)
        self._agreeing = np.zeros((0, MOST_RECALL_WORDS), np.bool_)

    def begin(self, row: Row, sampling: Sampling) -> None:
        """Lay out the words that a line may take up."""
        i, request = row.index, row.request
        if not sampling.recall or request.recall_words is None:
            return
        self.active[i] = True
        self._words[i] = request.recall_words.words
        self._weights[i] = sampling.recall * request.recall_words.weights
        before = np.concatenate([request.context, request.prompt])[-2:]
        # Behind a blank line an element begins, and its first line may be a cue.
        if len(before) == 2 and self.model.newline == before[1] != before[0]:
            self._in_text[i] = self._agrees[i] = True
            self._agree[i] = self._weights[i] > 0

    def apply(self, logits: Logits) -> None:
        """Raise the characters with which words go on."""
        places = self._places = self._agrees[: len(logits)].nonzero()[0]
        if len(places) == 0:
            return
        letters = self._letters[places]
        following = self._following = self._words[places, letters]
        agree = self._agreeing = self._agree[places]
        which, words = (agree & (following != SPELLING_PADDING)).nonzero()
        # The heaviest words come first, and of several values for one cell numpy keeps the last.
        which, words = which[::-1], words[::-1]
        gains = GAINS[np.minimum(letters, len(GAINS) - 1)]
        cells = places[which], following[which, words]
        logits[cells] += self._weights[cells[0], words] * gains[which]

    def update(self, chosen: Tokens) -> None:
        """Advance the words that agree, and begin with all words where a word can begin."""
        letter = self._letter[chosen]
        if len(places := self._places):
            self._go_on(places, chosen[places], letter[places])
        in_text = self._in_text[: len(chosen)]
        in_text |= self.model.cue_ends[chosen]
        begins = (self.active[: len(chosen)] & in_text & ~letter).nonzero()[0]
        if len(begins):
            self._agree[begins] = self._weights[begins] > 0
            self._agrees[begins] = True
            self._letters[begins] = 0

    def _go_on(self, places: NDArray[np.int64], chosen: Tokens, letter: NDArray[np.bool_]) -> None:
        """Keep the words that agree with one more character, and spend those written whole."""
        if len(ended := (~letter).nonzero()[0]):
            whole = self._agreeing[ended] & (self._following[ended] == SPELLING_PADDING)
            which, words = whole.nonzero()
            self._weights[places[ended[which]], words] = 0.0
        agree = self._agreeing & (self._following == chosen[:, None])
        self._agree[places] = agree
        self._agrees[places] = np.logical_or.reduce(agree, axis=1)
        self._letters[places] += 1
