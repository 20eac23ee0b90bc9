"""Return rows to an earlier checkpoint, to write a different continuation.

A banned word is known only once it is complete: after "ass" may come "assist". So the row writes on
until a character behind the word shows that it is one, then goes back to before the word, and may
not write the same first token there again. Barring a prefix beforehand would change lines that are
innocent. A row also begins again where its automaton rejects the text written freely.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..arrays import Logits, Tokens
from ..errors import NoContinuation
from .model import Model
from .processors.base import Processor, Stage
from .row_store import Checkpoint, Row, RowIndices, RowStore
from .sampling import Sampling
from .transition_pool import TransitionPool
from .word_filter import find_word_boundaries

BACKTRACK_LIMIT = 20
"""Times that a row goes back before a banned word; after that the line ends as soon as it can."""

HARD_BACKTRACK_LIMIT = 500
"""Times that a row goes back before it fails, because a line without text cannot end."""


@dataclass(slots=True)
class _Checkpoints:
    """Hold the checkpoints of a row, and what must not be written at them again."""

    start: Checkpoint
    """The beginning of the line."""
    words: deque[Checkpoint]
    """The beginnings of the last words, at most as many as the longest banned phrase has, and one.

    Checkpoints hold a state each, so there should be few."""
    barred: dict[int, list[int]] = field(default_factory=dict)
    """The tokens that the row must not write again, by position."""
    steps_back: int = 0


class Backtracking(Processor):
    """Keep banned words out of every row, and bar the beginnings that led to them.

    `Backtracking` must be the last processor, because its checkpoints hold the others' entries. It
    is active only in rows that have barred tokens; all rows with banned words are watched.
    """

    stage = Stage.CONSTRAINT

    def __init__(self, model: Model, rows: RowStore) -> None:
        super().__init__(model, rows)
        self._boundary = find_word_boundaries(model.vocabulary)
        self._pool = TransitionPool(len(model.vocabulary), rows)
        self._watched = rows.per_row(np.bool_)
        """The rows that have banned words."""
        self._state = rows.per_row(np.int32, saved=True)
        self._trails = rows.per_row(object, fill=None)

    def begin(self, row: Row, sampling: Sampling) -> None:
        """Save the beginning of a line."""
        i, banned = row.index, row.request.banned
        if not row.may_backtrack:
            return
        if banned:
            self._watched[i] = True
            self._pool.follow(i, banned)
            self._state[i] = banned.start
        # The row has read all of its prompt, but to go on from here it must read the last character
        # again; see `Row.before_last`.
        assert row.before_last is not None  # every prompt has a last character
        [here] = self.rows.checkpoints(np.array([i]))
        start = replace(here, state=row.before_last)
        words = deque([start], maxlen=banned.longest + 1 if banned else 1)
        self._trails[i] = _Checkpoints(start, words)

    def apply(self, logits: Logits) -> None:
        """Bar the tokens that led to a banned word from the same position."""
        for i in self.active[: len(logits)].nonzero()[0].tolist():
            row = self.rows.rows[i]
            if barred := self._trails[i].barred.get(self.rows.column - row.first):
                logits[i, barred] = -np.inf
                if (logits[i] == -np.inf).all():
                    self.rows.fail(row, NoContinuation())
                    logits[i] = 0.0  # any token, because `draw_tokens` needs one that is possible

    def restart_line(self, row: Row, rejecting: Processor) -> None:
        """Return a row to the beginning of its line, and let ``rejecting`` change its settings."""
        trail: _Checkpoints = self._trails[row.index]
        self.rows.restore(row, trail.start)
        rejecting.restart(row)
        # The beginning of the line has other settings now, to which later steps back must return.
        [trail.start] = self.rows.checkpoints(np.array([row.index]))
        trail.words.clear()
        trail.words.append(trail.start)
        trail.barred.clear()  # because these tokens were barred under the other settings

    def watch(self, chosen: Tokens, restarted: Sequence[int]) -> None:
        """Save where words begin, and go back before banned words.

        The characters ``chosen`` [rows] of ``restarted`` rows do not count.
        """
        count = len(chosen)
        watched = self._watched[:count]
        if not np.count_nonzero(watched):
            return
        base = self._pool.base[:count]
        # One look-up advances the filters of all rows, since their tables lie in one pool.
        states = self._pool.next[base + self._state[:count], chosen]
        begins = self._boundary[chosen] & watched
        if restarted:
            states[restarted] = self._state[restarted]
            begins[restarted] = False
        self._state[:count] = states
        said = self._pool.words[base + states]
        begins &= said == 0  # because a row that goes back is no place to return to
        self._save(begins.nonzero()[0])
        for i in said.nonzero()[0].tolist():
            self._go_back(self.rows.rows[i], int(said[i]))

    def _save(self, at: RowIndices) -> None:
        if len(at) == 0:
            return
        for i, checkpoint in zip(at.tolist(), self.rows.checkpoints(at), strict=True):
            words = self._trails[i].words
            if words[-1].position == checkpoint.position - 1:
                words.pop()  # because no word began between the two places
            words.append(checkpoint)

    def _go_back(self, row: Row, words: int) -> None:
        """Return a row to before its last words, and bar the token that it wrote there."""
        trail: _Checkpoints = self._trails[row.index]
        while words > 1 and len(trail.words) > 1:
            trail.words.pop()
            words -= 1
        checkpoint = trail.words[-1]
        at = checkpoint.position
        taken = int(self.rows.tokens[row.index, row.first + at])
        trail.barred = {place: tokens for place, tokens in trail.barred.items() if place <= at}
        trail.barred.setdefault(at, []).append(taken)
        trail.steps_back += 1
        if trail.steps_back > HARD_BACKTRACK_LIMIT:
            self.rows.fail(row, NoContinuation())
        if trail.steps_back > BACKTRACK_LIMIT:
            self.rows.limit[row.index] = 0
        self.rows.restore(row, checkpoint)
        self.active[row.index] = True
