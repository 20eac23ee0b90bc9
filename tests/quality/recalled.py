"""N-grams of the script so far, and their gain for a voice's next characters.

Compressors live on it: PPMd, which knows nothing but what it has read, soon knows a play's people
and its turns of speech. Here a voice's own expectation is the last resort of such counts, of one
length after another, each smoothed by the one before (Teh 2006, "A hierarchical Bayesian language
model based on Pitman-Yor processes"): a cache (Grave et al. 2016, "Improving neural language models
with a continuous cache") of the whole script, as text alone determines it.
"""

from __future__ import annotations

from collections import Counter

LENGTHS = (4, 6, 8, 12)
"""Lengths of the contexts, in characters."""

WORTH = tuple(200 * 0.4 ** (length - LENGTHS[0]) for length in LENGTHS)
"""Occurrences of a context until its counts weigh as much as the expectation without them.

Fitted to *Twelfth Night*, as `DISCOUNT` is.
"""

DISCOUNT = 0.7
"""Discount of each character that has followed a context, in favour of those that have not yet."""


class Recalled:
    """The counts of one script, as far as it has been read."""

    def __init__(self) -> None:
        self._last = ""
        self._after: dict[str, Counter[str]] = {}

    def probability(self, expected: float, character: str) -> float:
        """Return a probability with the counts, given the one ``expected`` without them."""
        for context, worth in zip(self._contexts(), WORTH, strict=False):
            after = self._after.get(context)
            if after is None:
                break
            counted = max(after[character] - DISCOUNT, 0.0)
            rest = worth + DISCOUNT * len(after)
            expected = (counted + rest * expected) / (worth + after.total())
        return expected

    def read(self, character: str) -> None:
        """Count a character after the characters before it."""
        for context in self._contexts():
            self._after.setdefault(context, Counter())[character] += 1
        self._last = (self._last + character)[-LENGTHS[-1] :]

    def _contexts(self) -> list[str]:
        """Return the last characters in each length that the script is long enough for."""
        return [self._last[-length:] for length in LENGTHS if length <= len(self._last)]
