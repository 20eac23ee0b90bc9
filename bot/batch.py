"""Batch: the lines in hand, side by side, and the one step that takes all of them on.

Row i of every array is line i. What a row reads and writes depends on its own request alone. All
rows go on by one character a step, so one column of the logs is one step for all of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .constraint import Automaton, Banned
from .model import Logits, Model, States, Tokens
from .repetition import NOT_COUNTED, REACH, Matches, charge, counted, go_on
from .sampling import Sampling, draw, surprise, uniforms

Floats = NDArray[np.float32]
Places = NDArray[np.int64]

LONGEST_LINE = 2_000
"""Characters that a line may be long at the most."""

TO_A_WORD = 40
"""Characters that a line may go on beyond its limit, so that its last word is whole."""

LONGEST_WRITTEN = LONGEST_LINE + TO_A_WORD + 200
"""Characters of a line at the very most: beside its limit, what its automaton makes it finish."""

READ_AHEAD = 16
"""Steps that are taken together while nobody writes: who comes meanwhile waits for so many."""

WIDTH = 4 * (REACH + LONGEST_WRITTEN)
"""Columns of the logs; when they are full, what is still needed moves to their beginning."""

NUDGE = 3.0
"""Nats by which the end of an element grows likelier for each `Sampling.length` beyond it."""

STEPS_BACK = 20
"""Times that a line goes back before a word that must not be said, rather than end there."""

MOST_STEPS_BACK = 500
"""The same for a line that cannot end yet, because nothing stands in it."""


T = TypeVar("T")


class NothingLeft(Exception):
    """With what must not be said, this line can say nothing."""


class NoNumber(Exception):
    """The voice gave something else than numbers for this line: its file is damaged."""


@dataclass(frozen=True)
class Request:
    """One line to be read or written.

    ``prompt``, at least one token, is read from ``state``; then, with ``sampling``, characters are
    written until an element ends (two newlines), which a limit brings about at the next word.
    """

    state: States
    prompt: Tokens
    sampling: Sampling | None = None
    limit: int = 0
    """Characters after which the element is ended, up to `LONGEST_LINE`."""
    context: Tokens = field(default_factory=lambda: np.empty(0, np.int64))
    """The script before the prompt as it was read, or the last `REACH` characters of it: what the
    control of repetition looks back to."""
    _: KW_ONLY
    automaton: Automaton | None = None
    """What the element may look like."""
    otherwise: Automaton | None = None
    """If given, the voice begins freely, and ``automaton`` holds once a lower-case letter or a
    newline has come; but where it would not have allowed what came before that, the line begins
    again, and this one holds. So how often the voice gives somebody a speech stays as it is, while
    the cast decides who that can be."""
    banned: Banned | None = None
    """What must not be said."""
    owner: object = None
    """Whose request it is: owners take turns where requests must wait."""


@dataclass(frozen=True)
class Reply:
    """What came of a request.

    ``state`` [S] remembers the prompt and all that was written but its last character: the newline
    that closes an element is read as the first character of what follows it.
    """

    written: list[int]
    state: States
    ended: bool
    """Whether the element came to its own end, rather than to the limit."""
    surprise: Floats
    """Bits that each character but the prompt's first cost the voice: float32."""


@dataclass
class _Mark:
    """Where a word begins: all that is needed to write on from there again."""

    state: States
    """From which ``token``, the character before the word, is read again."""
    token: int
    position: int
    node: int
    guide: int
    free: bool
    counting: bool
    matches: Matches


@dataclass(eq=False)
class Row:
    """A request that has a place in the batch."""

    request: Request
    future: Future[Reply]
    index: int = 0
    read: int = 0
    """Characters of the prompt that were read."""
    first: int = 0
    """The column of the first character that is written, or from which on the log has what was
    read."""
    automaton: Automaton | None = None
    """What holds now, or will."""
    free: bool = False
    """Whether the automaton does not hold yet."""
    start: _Mark | None = None
    """Where the line begins, if it may have to begin again."""
    before_last: States | None = None
    """From which the last character of the prompt is read."""
    marks: deque[_Mark] = field(default_factory=deque)
    """Where its last words begin."""
    barred: dict[int, list[int]] = field(default_factory=dict)
    """By position, the characters that it must not have again."""
    back: int = 0
    """How often it went back before a word."""
    closing: bool = False
    """Whether it ends as soon as it may."""
    cut: bool = False
    """Whether it was ended."""
    bits: list[Floats] = field(default_factory=list)
    """What reading cost, as far as it is no longer in the log."""
    error: Exception | None = None
    """Why it cannot go on."""

    @property
    def has_read(self) -> bool:
        """Whether it stands behind its prompt."""
        return self.read >= len(self.request.prompt)


class Batch:
    """Up to ``capacity`` rows of one voice."""

    def __init__(self, model: Model, capacity: int) -> None:
        self.model = model
        self.rows: list[Row] = []
        self._states = np.empty((0, model.state_size), np.float32)
        self._column = REACH
        self._tokens = np.zeros(capacity, np.int64)
        self._log = np.zeros((capacity, WIDTH), np.int32)
        self._bits = np.zeros((capacity, WIDTH), np.float32)
        self._past = np.full((capacity, WIDTH), NOT_COUNTED, np.int16)
        self._matches = np.zeros((capacity, REACH), np.uint8)
        self._counting = np.zeros(capacity, np.bool_)
        self._writing = np.zeros(capacity, np.bool_)
        self._position = np.zeros(capacity, np.int64)
        self._limit = np.zeros(capacity, np.int64)
        self._length = np.zeros(capacity, np.int64)
        self._guide = np.zeros(capacity, np.int32)  # states of the automata
        self._node = np.zeros(capacity, np.int32)  # states of what must not be said
        self._uniforms = np.zeros((capacity, LONGEST_WRITTEN), np.float32)
        self._temperature = np.ones(capacity, np.float32)
        self._top_p = np.ones(capacity, np.float32)
        self._min_p = np.zeros(capacity, np.float32)
        self._repetition = np.zeros(capacity, np.float32)
        self._of_rows = (
            *(self._tokens, self._log, self._bits, self._past, self._matches, self._counting),
            *(self._writing, self._position, self._limit, self._length, self._uniforms),
            *(self._guide, self._node),
            *(self._temperature, self._top_p, self._min_p, self._repetition),
        )
        self._sort()

    # Joining and leaving

    def add(self, rows: Sequence[Row]) -> None:
        """Lets rows in; there must be place for them."""
        for row in rows:
            row.index = len(self.rows)
            self.rows.append(row)
            self._prepare(row)
        new = [row.request.state[None] for row in rows]
        self._states = np.concatenate([self._states, *new])
        self._sort()

    def remove(self, rows: Iterable[Row]) -> None:
        """Takes rows out; the last ones move into the gaps."""
        kept = list(range(len(self.rows)))
        for row in sorted(rows, key=lambda row: row.index, reverse=True):
            last, place = self.rows.pop(), kept.pop()
            if last is row:
                continue
            for array in self._of_rows:
                array[row.index] = array[last.index]
            kept[row.index] = place
            last.index = row.index
            self.rows[row.index] = last
        self._states = self._states[kept]
        self._sort()

    def _prepare(self, row: Row) -> None:
        i, request = row.index, row.request
        self._tokens[i] = request.prompt[0]
        self._writing[i] = False
        self._position[i] = 0
        row.first = self._column
        if len(request.prompt) == 1:
            row.before_last = request.state
        sampling = request.sampling or Sampling(0)
        self._temperature[i], self._top_p[i] = sampling.temperature, sampling.top_p
        self._min_p[i], self._repetition[i] = sampling.min_p, sampling.repetition
        self._length[i], self._limit[i] = sampling.length, request.limit
        if request.sampling:
            self._uniforms[i] = uniforms(sampling.seed, LONGEST_WRITTEN)

    def _sort(self) -> None:
        """Sorts the rows by what must be done for them at every step."""
        writing = [row for row in self.rows if self._writing[row.index]]
        self._reading = [row for row in self.rows if not row.has_read]
        self._free = [row for row in writing if row.free]
        self._guided = _together(writing, lambda row: None if row.free else row.automaton)
        self._watched = _together(writing, lambda row: row.request.banned)
        self._barred = [row for row in writing if row.barred]
        self._closing = [row for row in writing if row.closing]
        self._writers = len(writing)
        here = [row.index for row in writing]
        self._repeating = bool(self._repetition[here].any())
        self._nudging = bool(self._length[here].any())

    # One step

    def step(self) -> list[Row]:
        """Takes every row on by a character; returns those that are done, or have an error.

        While nobody writes it may be several characters. Raises what the runtime raises, and has
        changed nothing then.
        """
        if self._column >= WIDTH - 1:
            self._make_room()
        if not self._writers:
            self._read_ahead()
        count, column = len(self.rows), self._column
        logits, states = self.model.step(self._tokens[:count], self._states)
        self._states = states
        done = self._read_on()
        done += self._without_numbers(logits)
        chosen = self._choose(logits) if self._writers else np.zeros(count, np.int64)
        for row in self._reading:
            chosen[row.index] = row.request.prompt[row.read]
        self._bits[:count, column] = surprise(logits, chosen)
        self._log[:count, column] = chosen
        if self._repeating:
            self._remember(chosen)
        writing = self._writing[:count]
        newline = self.model.newline
        ended = writing & (chosen == newline) & (self._tokens[:count] == newline)
        ended &= self._position[:count] > 0
        self._position[:count] += writing
        self._tokens[:count] = chosen
        self._column += 1
        for automaton, here in self._guided:
            self._guide[here] = automaton.next[self._guide[here], chosen[here]]
        begun_again = [
            row.index for row in self._free if not self._try(row, int(chosen[row.index]))
        ]
        for banned, here in self._watched:
            watched = np.setdiff1d(here, begun_again) if begun_again else here
            done += self._watch(banned, watched, chosen)
        done += [self.rows[i] for i in np.flatnonzero(ended)]
        return list(dict.fromkeys(done))

    def reply(self, row: Row) -> Reply:
        """What came of a row that is done."""
        i = row.index
        if row.request.sampling is None:
            # The last column is of a character that nobody asked for.
            read = self._bits[i, row.first : self._column - 1]
            return Reply([], self._states[i].copy(), True, np.concatenate([*row.bits, read]))
        written = self._log[i, row.first : self._column].tolist()
        bits = np.concatenate([*row.bits, self._bits[i, row.first : self._column]])
        return Reply(written, self._states[i].copy(), not row.cut, bits)

    def failing(self) -> list[Row]:
        """After a step that raised: the rows that raise alone as well, with their errors."""
        for row in self.rows:
            i = row.index
            try:
                self.model.step(self._tokens[i : i + 1], self._states[i : i + 1])
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this row's alone
                row.error = error
        return [row for row in self.rows if row.error]

    def fail_all(self) -> list[Row]:
        """After a step that raised, though no row does so alone: all of them."""
        for row in self.rows:
            row.error = NoNumber()
        return list(self.rows)

    # Reading

    def _read_ahead(self) -> None:
        """Reads while nobody writes and nobody can be done: several steps, judged together."""
        prompts = [row.request.prompt[row.read :] for row in self.rows]
        steps = min(READ_AHEAD, WIDTH - 1 - self._column, *(len(prompt) - 1 for prompt in prompts))
        if steps < 2:
            return
        count = len(self.rows)
        read = np.stack([prompt[: steps + 1] for prompt in prompts])
        logits = np.empty((steps, count, len(self.model.vocabulary)), np.float32)
        states = self._states
        try:
            for step in range(steps):
                logits[step], states = self.model.step(read[:, step], states)
        except Exception:  # noqa: BLE001 - step by step it will be seen which row it is
            return
        self._states = states
        self._tokens[:count] = read[:, steps]
        columns = slice(self._column, self._column + steps)
        costs = surprise(logits.reshape(steps * count, -1), read[:, 1:].T.ravel())
        self._bits[:count, columns] = costs.reshape(steps, count).T
        self._column += steps
        for row in self.rows:
            self._has_read(row, steps)

    def _read_on(self) -> list[Row]:
        """Counts the character that was read; returns the rows that had nothing else to do."""
        done: list[Row] = []
        begun = False
        for row in self._reading:
            self._has_read(row, 1)
            if not row.has_read:
                continue
            if row.request.sampling:
                self._begin(row)
                begun = True
            else:
                done.append(row)
        if begun or done:
            self._sort()
        return done

    def _has_read(self, row: Row, characters: int) -> None:
        row.read += characters
        if row.read == len(row.request.prompt) - 1:
            row.before_last = self._states[row.index].copy()

    def _begin(self, row: Row) -> None:
        """Makes a row write, which has read its prompt."""
        i, request = row.index, row.request
        row.bits.append(self._bits[i, row.first : self._column].copy())
        row.first = self._column
        self._writing[i] = True
        self._matches[i] = 0
        self._counting[i] = False
        if self._repetition[i]:
            read = np.concatenate([request.context, request.prompt])[-REACH:]
            passages, self._counting[i] = counted(read, self.model.opening, self.model.newline)
            window = self._past[i, self._column - REACH : self._column]
            window[:] = NOT_COUNTED
            window[REACH - len(passages) :] = passages
        if request.automaton:
            row.automaton = request.automaton
            row.free = request.otherwise is not None
            self._guide[i] = row.automaton.start
        if request.banned:
            self._node[i] = request.banned.start
            row.marks = deque(maxlen=request.banned.longest + 1)
        if request.banned or request.otherwise:
            assert row.before_last is not None  # every prompt has a last character
            self._mark(row, row.before_last, int(request.prompt[-1]))
            row.start = row.marks[0]

    # Writing

    def _choose(self, logits: Logits) -> Tokens:
        """The next character of every row; of rows that do not write, any."""
        count = len(self.rows)
        uniform = self._uniforms[np.arange(count), self._position[:count]]
        chosen = draw(
            self._controlled(logits),
            self._temperature[:count],
            self._top_p[:count],
            self._min_p[:count],
            uniform,
        )
        late = self._writing[:count] & (self._position[:count] >= self._limit[:count])
        for i in np.flatnonzero(late):
            self._end(self.rows[i], chosen)
        for row in self._closing:
            self._end(row, chosen, now=True)
        return chosen

    def _controlled(self, logits: Logits) -> Logits:
        """The logits with all that changes them but temperature and nucleus."""
        count, newline = len(self.rows), self.model.newline
        position = self._position[:count]
        logits = logits.copy()
        # An element cannot begin with its end.
        logits[self._writing[:count] & (position == 0), newline] = -np.inf
        if self._nudging:
            length = self._length[:count]
            beyond = (length > 0) & (position > length) & self.model.closing[self._tokens[:count]]
            logits[:, newline] += NUDGE * beyond * (position / np.maximum(length, 1) - 1)
        if self._repeating:
            past = self._past[:count, self._column - REACH : self._column]
            charge(logits, self._matches[:count], past, self._repetition[:count])
        for automaton, here in self._guided:
            logits[here] += automaton.bars[self._guide[here]]
        for row in self._barred:
            if barred := row.barred.get(int(position[row.index])):
                logits[row.index, barred] = -np.inf
                if not np.isfinite(logits[row.index]).any():
                    row.error = NothingLeft()
                    logits[row.index] = 0.0
        return logits

    def _end(self, row: Row, chosen: Tokens, *, now: bool = False) -> None:
        """Ends a row's element if a word ends here, and if it may."""
        i, word = row.index, self.model.wordlike
        position = int(self._position[i])
        inside = word[self._tokens[i]] and word[chosen[i]]
        if inside and position < self._limit[i] + TO_A_WORD and not now:
            return
        if position and (self._may_end(row) or position >= LONGEST_WRITTEN - 2):
            row.cut = row.cut or chosen[i] != self.model.newline
            chosen[i] = self.model.newline

    def _may_end(self, row: Row) -> bool:
        """Whether the row's automaton allows a newline now."""
        automaton = None if row.free else row.automaton
        allowed = automaton and automaton.allowed[self._guide[row.index], self.model.newline]
        return allowed is None or bool(allowed)

    def _remember(self, chosen: Tokens) -> None:
        """Notes what was written, for the control of repetition."""
        count, column = len(self.rows), self._column
        counting = self._counting[:count]
        passage = np.where(counting & self._writing[:count], chosen, NOT_COUNTED).astype(np.int16)
        past = self._past[:count, column - REACH : column]
        go_on(self._matches[:count], past, passage)
        self._past[:count, column] = passage
        counting |= self.model.opening[chosen] | (chosen == self.model.newline)

    def _try(self, row: Row, token: int) -> bool:
        """Takes on the automaton of a row that still is free; False if the line begins again."""
        i, automaton, otherwise = row.index, row.automaton, row.request.otherwise
        assert automaton is not None  # or it would be free from nothing
        allowed = bool(automaton.allowed[self._guide[i], token])
        if allowed:
            self._guide[i] = automaton.next[self._guide[i], token]
            row.free = not (self.model.opening[token] or token == self.model.newline)
        else:
            assert otherwise is not None  # or it would not be free
            assert row.start is not None  # the same
            row.automaton = otherwise
            row.start = replace(row.start, guide=otherwise.start, free=False)
            row.marks.clear()
            row.marks.append(row.start)
            self._return_to(row, row.start)
        if not row.free:
            self._sort()
        return allowed

    # What must not be said

    def _watch(self, banned: Banned, here: Places, chosen: Tokens) -> list[Row]:
        """Goes back before what must not be said; returns the rows that cannot go on."""
        tokens = chosen[here]
        nodes = banned.next[self._node[here], tokens]
        self._node[here] = nodes
        said = banned.words[nodes]
        for i in here[banned.is_boundary[tokens] & (said == 0)]:
            row = self.rows[i]
            if row.marks[-1].position == self._position[i] - 1:
                row.marks.pop()
            self._mark(row, self._states[i].copy(), int(chosen[i]))
        for i, words in zip(here[said > 0], said[said > 0], strict=True):
            self._go_back(self.rows[i], int(words))
        return [self.rows[i] for i in here if self.rows[i].error]

    def _mark(self, row: Row, before: States, token: int) -> None:
        i = row.index
        row.marks.append(
            _Mark(
                before,
                token,
                int(self._position[i]),
                int(self._node[i]),
                int(self._guide[i]),
                row.free,
                bool(self._counting[i]),
                self._matches[i].copy(),
            )
        )

    def _go_back(self, row: Row, words: int) -> None:
        """Goes back before the last words, and bars the way that was taken there."""
        while words > 1 and len(row.marks) > 1:
            row.marks.pop()
            words -= 1
        i, mark = row.index, row.marks[-1]
        taken = int(self._log[i, row.first + mark.position])
        row.barred = {at: them for at, them in row.barred.items() if at <= mark.position}
        row.barred.setdefault(mark.position, []).append(taken)
        row.back += 1
        if row.back > MOST_STEPS_BACK:
            row.error = NothingLeft()
        row.closing = row.back > STEPS_BACK
        was_free = row.free
        self._return_to(row, mark)
        if row.back in (1, STEPS_BACK + 1) or row.free != was_free:
            self._sort()

    def _return_to(self, row: Row, mark: _Mark) -> None:
        i = row.index
        self._tokens[i] = mark.token
        self._states[i] = mark.state
        self._position[i] = mark.position
        self._counting[i] = mark.counting
        self._matches[i] = mark.matches
        self._node[i], self._guide[i] = mark.node, mark.guide
        row.free = mark.free
        self._move(row, self._column - mark.position, mark.position)

    # The log

    def _move(self, row: Row, first: int, length: int) -> None:
        """Moves what a row has written so far, and what it looks back to, to another column."""
        to, source = first - REACH, row.first - REACH
        for log in (self._log, self._bits, self._past):
            line = log[row.index]
            line[to : first + length] = line[source : row.first + length].copy()
        row.first = first

    def _make_room(self) -> None:
        """Moves what is still needed to the beginning of the log."""
        column = self._column
        written = [column - row.first for row in self.rows if self._writing[row.index]]
        keep = REACH + max(written, default=0)
        for row in self.rows:
            if self._writing[row.index]:
                row.first -= column - keep
            else:
                row.bits.append(self._bits[row.index, row.first : column].copy())
                row.first = keep
        for log in (self._log, self._bits, self._past):
            log[:, :keep] = log[:, column - keep : column].copy()
        self._column = keep

    def _without_numbers(self, logits: Logits) -> list[Row]:
        """The rows whose logits are no numbers, with that as their error."""
        sums = logits.sum(axis=1)
        if np.isfinite(sums).all():
            return []
        failed = [self.rows[i] for i in np.flatnonzero(~np.isfinite(sums))]
        for row in failed:
            row.error = NoNumber()
            logits[row.index] = 0.0
        return failed


def _together(rows: Sequence[Row], of: Callable[[Row], T | None]) -> list[tuple[T, Places]]:
    """The rows that share a thing, for each such thing."""
    shared: dict[int, tuple[T, list[int]]] = {}
    for row in rows:
        if (thing := of(row)) is not None:
            shared.setdefault(id(thing), (thing, []))[1].append(row.index)
    return [(thing, np.array(places)) for thing, places in shared.values()]
