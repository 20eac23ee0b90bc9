"""Choose the works that are held out, so that every voice is judged on the same plays."""

from __future__ import annotations

from collections.abc import Mapping

VALIDATION = frozenset(
    {885, 1240, 4093, 12687, 13894, 19094, 27709, 37195, 40700, 42523, 48749, 49480, 55290}
)
TEST = frozenset(
    {383, 854, 1756, 3490, 3618, 4025, 12141, 17091, 31667, 41507, 41750, 50385, 60523, 67988}
)
"""The works of the test part; none is printed in an anthology of the corpus, too."""

PARTS: Mapping[str, frozenset[int]] = {"validation": VALIDATION, "test": TEST}


def choose_part(number: int) -> str:
    """Return the folder of a work: `train`, `validation` or `test`."""
    return next((part for part, numbers in PARTS.items() if number in numbers), "train")
