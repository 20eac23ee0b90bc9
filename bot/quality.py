"""Quality: of several candidates for a line, the one that its voice finds likeliest is kept.

A voice that is drawn from makes a slip now and then, and is surprised by it itself. So the words of
each candidate are judged by what they cost, not by who says them, which `turn_taking` knows better
than the network. A likely line is often only a short one, so it is held against what is usual: the
rate of all the candidates, from `SETTLING` bits less at the beginning, where there are many ways to
go on and none is wrong yet. The difference counts by the square root of the length, as sums of
chance do. `python -m tests.quality --sweep` prints what that is worth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .language import phrase
from .tables import Draft
from .turn import LARGEST_SEED

CANDIDATES = {"draft": 1, "good": 4, "best": 8}
"""How many candidates are written, side by side, by the name of the quality."""

QUALITIES = {"draft": phrase("draft"), "good": phrase("good"), "best": phrase("best")}
"""How people call them."""

STRIDE = 1_000_003
"""From a candidate's seed to the next one's: far more than a turn has lines."""

SETTLING = 3.5
"""Bits by which a line costs less than its rate, so that a short one does not look likely."""


def seeds(seed: int, candidates: int) -> list[int]:
    """The seeds of the candidates; the first is the one that was asked for."""
    return [(seed + number * STRIDE) % (LARGEST_SEED + 1) for number in range(candidates)]


def best(drafts: Sequence[Draft]) -> Draft:
    """The likeliest of the lines, at least one, that were written for one place."""
    costs = [_words(draft) for draft in drafts]
    rate = sum(bits for bits, _ in costs) / sum(size for _, size in costs)
    above = [(bits - rate * size) / math.sqrt(size) for bits, size in costs]
    return drafts[above.index(min(above))]


def _words(draft: Draft) -> tuple[float, int]:
    """What the words of a line cost its voice once they settled, in bits; their characters."""
    assert draft.surprise is not None  # it has just been written
    # The newline that ends it costs something as well.
    size = len(draft.element.body) + 1
    return SETTLING + float(draft.surprise[-size:].sum()), size
