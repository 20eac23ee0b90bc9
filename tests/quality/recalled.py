"""What a script has said before, as n-grams: what that would tell a voice of what comes next.

Compressors live on it: PPMd, which knows nothing but what it has read, soon knows a play's people
and its turns of speech. Here a voice's own expectation is the last resort of such counts, of one
length after another, each smoothed by the one before (Teh 2006, "A hierarchical Bayesian language
model based on Pitman-Yor processes"): a cache (Grave et al. 2016, "Improving neural language models
with a continuous cache") of the whole script, as text alone determines it.
"""

from __future__ import annotations

from collections import Counter

LENGTHS = (4, 6, 8, 12)
"""Characters of the contexts that are counted."""

WORTH = tuple(200 * 0.4 ** (length - LENGTHS[0]) for length in LENGTHS)
"""How many times a context must be met until its counts weigh as much as what is expected
without them. Fitted to *Twelfth Night*, as `DISCOUNT` is."""

DISCOUNT = 0.7
"""What each character that has followed a context is counted less, for those that have not yet."""


class Recalled:
    """The counts of one script, as far as it has been read."""

    def __init__(self) -> None:
        self._last = ""
        self._after: dict[str, Counter[str]] = {}

    def probability(self, expected: float, character: str) -> float:
        """That of a character after what was read, if without these counts it is ``expected``."""
        for context, worth in zip(self._contexts(), WORTH, strict=False):
            after = self._after.get(context)
            if after is None:
                break
            counted = max(after[character] - DISCOUNT, 0.0)
            rest = worth + DISCOUNT * len(after)
            expected = (counted + rest * expected) / (worth + after.total())
        return expected

    def read(self, character: str) -> None:
        """Counts a character after what was read before it."""
        for context in self._contexts():
            self._after.setdefault(context, Counter())[character] += 1
        self._last = (self._last + character)[-LENGTHS[-1] :]

    def _contexts(self) -> list[str]:
        """What was read last, in each of the lengths that there is as much of."""
        return [self._last[-length:] for length in LENGTHS if length <= len(self._last)]
