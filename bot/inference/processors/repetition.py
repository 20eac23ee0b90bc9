"""What it costs to go on as an earlier passage did, so that low temperatures do not loop.

After "don't repeat yourself" (DRY, p-e-w 2024), which does this for the tokens of large models:
where the last characters stand elsewhere in the last thousand, the character that followed them
there becomes less likely, the more so the longer the two passages agree. Only speech and action
count. Cues and headings come back in any script, and an element's end ends every passage.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...arrays import Logits, Tokens

REACH = 1000
"""How many characters back a passage is recognised."""

ALLOWED = 10
"""Characters that may agree without a cost: about two words."""

GROWTH = 1.12
"""What the cost is multiplied by for each further character that agrees."""

LONGEST = 60
"""From here on the cost stays the same."""

NOT_COUNTED = -1
"""Stands for a character that belongs to no passage."""

COST = np.where(
    np.arange(256) < ALLOWED, 0, GROWTH ** (np.minimum(np.arange(256), LONGEST) - ALLOWED)
).astype(np.float32)
"""Nats, by how many characters agree, for a repetition of 1."""

Passages = NDArray[np.int16]
Matches = NDArray[np.uint8]


def counted(tokens: Tokens, opens: NDArray[np.bool_], newline: int) -> tuple[Passages, bool]:
    """Which characters of a script count: int16 [n], the tokens themselves or `NOT_COUNTED`.

    tokens: int64 [n], elements as a voice reads them, each newline, text, newline; the last one may
    be unfinished, and whether the next character counts comes back too. opens: bool [V], whether a
    character shows that its line is speech or action, as a lower-case letter does. A line counts
    from the character after that one on; all lines of an element but the first count as a whole.
    """
    ends = tokens == newline
    blank = ends & np.concatenate([[True], ends[:-1]])
    # What the last character decided that decides anything holds until the next such one.
    decides = ends | opens[tokens]
    last = np.maximum.accumulate(np.where(decides, np.arange(len(tokens)), -1))
    counting = (last >= 0) & ~blank[last]
    before = np.concatenate([[False], counting[:-1]])
    passages = np.where(before, tokens, NOT_COUNTED).astype(np.int16)
    return passages, bool(counting[-1])


def go_on(matches: Matches, past: Passages, passage: Passages) -> None:
    """Updates, in place, how many characters agree with the last ones at each distance.

    matches: uint8 [rows, REACH], the nearest last; past: int16 [rows, REACH], the characters before
    the one that was just read; passage: int16 [rows], that one, or `NOT_COUNTED`.
    """
    # 255 stays 255. Seen as numbers, truth values need no conversion.
    matches += (matches < 255).view(np.uint8)
    sought = np.where(passage == NOT_COUNTED, NOT_COUNTED - 1, passage)
    matches *= (past == sought[:, None]).view(np.uint8)


def charge(
    logits: Logits, matches: Matches, past: Passages, repetition: NDArray[np.float32]
) -> None:
    """Makes the characters that would go on with an earlier passage less likely, in place.

    logits: float32 [rows, V]; matches as of the last character; past: int16 [rows, REACH], the
    characters up to and with it; repetition: float32 [rows].
    """
    # Few agree: to look at eight at once first is four times as fast.
    agree = (matches >= ALLOWED).reshape(-1, 8)
    eights = agree.view(np.uint64).ravel().nonzero()[0]
    within, last = agree[eights].nonzero()
    rows, places = np.divmod(eights[within] * 8 + last, REACH)
    if len(rows) == 0:
        return
    following = past[rows, places]
    known = following != NOT_COUNTED
    rows, places, following = rows[known], places[known], following[known]
    costs = np.zeros_like(logits)
    np.maximum.at(costs, (rows, following), COST[matches[rows, places]] * repetition[rows])
    logits -= costs
