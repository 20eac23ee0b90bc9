"""Batch: the lines in hand, side by side, and the one step that takes all of them on.

Row i of every array is the line that stands at place i. What a row reads and writes depends on its
own request alone. All rows go on by one character a step, so one column of the logs is one step for
all of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats, Logits, States, Tokens
from .arena import BARRED, NEUTRAL, Arena, Table
from .constraint import Automaton, boundaries
from .model import Model
from .processors.recall import Recall
from .processors.repetition import NOT_COUNTED, REACH, Matches, charge, counted, go_on
from .processors.speaker_bias import CUES, LONGEST_CUE, NOTHING, alive, company, expect
from .request import LONGEST_LINE, NoNumber, NothingLeft, Reply, Request
from .sampling import Sampling, Uniforms, draw, surprise

Places = NDArray[np.int64]

TO_A_WORD = 40
"""Characters that a line may go on beyond its limit, so that its last word is whole."""

BEYOND = TO_A_WORD + 200
"""Characters beyond its limit at the very most: what its automaton makes it finish."""

READ_AHEAD = 64
"""Steps that are taken together while nobody writes: who comes meanwhile waits for so many, which
is some milliseconds."""

LONGEST = LONGEST_LINE + BEYOND
"""Characters that a row can have written."""

WIDTH = 4 * (REACH + LONGEST)
"""Columns of the logs; when they are full, what is still needed moves to their beginning."""

NUDGE = 3.0
"""Nats by which the end of an element grows likelier for each `Sampling.length` beyond it."""

STEPS_BACK = 20
"""Times that a line goes back before a word that must not be said, rather than end there."""

MOST_STEPS_BACK = 500
"""The same for a line that cannot end yet, because nothing stands in it."""

WRITING, STARTING, REPEATING, NUDGED, GUIDED, WATCHED, FREE, HINDERED, NAMING, RECALLING = (
    1 << i for i in range(10)
)
"""What must be done for a row at a step, as bits of a number; 0 for a row that reads."""

NEVER = 1 << 40
"""A column, and a length, that is not reached."""


@dataclass(slots=True)
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
    recall: tuple[Floats, bool]


@dataclass(eq=False, slots=True)
class Row:
    """A request that has a place in the batch."""

    request: Request
    future: asyncio.Future[Reply]
    index: int = 0
    read: int = 0
    """Characters of the prompt that were read."""
    writing: bool = False
    """Whether it stands behind its prompt, and writes."""
    first: int = 0
    """The column of the first character that is written, or from which on the log has what was
    read."""
    automaton: Automaton | None = None
    """What holds now, or will."""
    base: int = 0
    """Where its automaton stands in the arena."""
    node_base: int = 0
    """Where what must not be said stands in the arena."""
    free: bool = False
    """Whether the automaton does not hold yet."""
    free_guide: int = 0
    """The state of the automaton while it does not hold."""
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
    bits: list[Floats] = field(default_factory=list)
    """What reading cost, as far as it is no longer in the log."""
    error: Exception | None = None
    """Why it cannot go on."""

    @property
    def has_read(self) -> bool:
        """Whether it stands behind its prompt."""
        return self.read >= len(self.request.prompt)

    def standing(self, guide: int) -> int:
        """The state of its automaton that it is in; ``guide`` is where the arena has it."""
        if self.free:
            return self.free_guide
        return guide - self.base if guide else NEUTRAL

    @property
    def goes_back(self) -> bool:
        """Whether it may have to take back what it has written."""
        return self.request.banned is not None or self.request.otherwise is not None

    @property
    def drawn(self) -> int:
        """How many random numbers it may need."""
        return self.request.limit + BEYOND


class Batch:
    """Up to ``capacity`` rows of one voice."""

    def __init__(self, model: Model, capacity: int) -> None:
        self.model = model
        self.rows: list[Row] = []
        self._slots = model.slots(capacity)
        self._arena = Arena(len(model.vocabulary))
        self._newline = model.newline
        self._boundary = boundaries(model.vocabulary)
        self._column = REACH
        # One number a column: what was read or written, what it cost, what of it counts as a
        # passage, and what decides it.
        self._log = np.zeros((capacity, WIDTH), np.int32)
        self._bits = np.zeros((capacity, WIDTH), np.float32)
        self._past = np.full((capacity, WIDTH), NOT_COUNTED, np.int16)
        self._uniforms = np.zeros((capacity, WIDTH + LONGEST), np.float32)
        self._numbers = Uniforms()
        # One number a row.
        self._wants = np.zeros(capacity, np.uint16)
        self._late_from = np.full(capacity, NEVER)
        self._first = np.zeros(capacity, np.int64)
        self._length = np.full(capacity, NEVER)
        self._guide = np.zeros(capacity, np.int32)
        self._node = np.zeros(capacity, np.int32)
        self._counting = np.zeros(capacity, np.bool_)
        self._after_newline = np.zeros(capacity, np.bool_)
        self._temperature = np.ones(capacity, np.float32)
        self._top_p = np.ones(capacity, np.float32)
        self._min_p = np.zeros(capacity, np.float32)
        self._repetition = np.zeros(capacity, np.float32)
        self._matches = np.zeros((capacity, REACH), np.uint8)
        self._company = np.zeros(capacity, np.float32)
        self._cues = np.full((capacity, CUES, LONGEST_CUE), NOTHING, np.int32)
        self._cue_weights = np.zeros((capacity, CUES), np.float32)
        self._alive = np.zeros((capacity, CUES), np.bool_)
        self._recall = Recall(model, capacity)
        self._of_rows: tuple[NDArray[Any], ...] = (
            *(self._slots.tokens, self._wants, self._late_from, self._first, self._length),
            *(self._guide, self._node, self._counting, self._after_newline),
            *(self._temperature, self._top_p, self._min_p, self._repetition, self._matches),
            *(self._company, self._cues, self._cue_weights, self._alive),
            *self._recall.of_rows,
        )
        self._all_want = 0
        """What must be done for some row at this step."""
        self._reading: list[Row] = []
        """Rows that have not read all of their prompts."""
        self._ways: Table = self._arena.next[:0]
        """Where each token leads, for each row."""
        self._failed: list[Row] = []
        """Rows that turned out not to be able to go on."""

    # Joining and leaving

    def add(self, rows: Sequence[Row]) -> None:
        """Lets rows in; there must be place for them."""
        for row in rows:
            row.index = len(self.rows)
            self.rows.append(row)
            self._prepare(row)

    def remove(self, rows: Iterable[Row]) -> None:
        """Takes rows out; the last ones move into the gaps."""
        for row in sorted(rows, key=lambda row: row.index, reverse=True):
            last = self.rows.pop()
            if last is not row:
                self._put(last, row.index)
            # Whatever it was doing when it failed.
            self._reading = [one for one in self._reading if one is not row]

    def _put(self, row: Row, index: int) -> None:
        """Moves a row to where another one was."""
        came = row.index
        for array in self._of_rows:
            array[index] = array[came]
        self._slots.states[index] = self._slots.states[came]
        lived = slice(row.first - (REACH if row.writing else 0), self._column)
        for log in (self._log, self._bits, self._past):
            log[index, lived] = log[came, lived]
        ahead = slice(row.first, row.first + row.drawn)
        self._uniforms[index, ahead] = self._uniforms[came, ahead]
        row.index = index
        self.rows[index] = row

    def _prepare(self, row: Row) -> None:
        """Makes a row read."""
        i, request = row.index, row.request
        self._slots.tokens[i] = request.prompt[0]
        self._slots.states[i] = request.state
        self._guide[i] = self._node[i] = NEUTRAL
        self._wants[i] = self._repetition[i] = self._company[i] = 0
        self._length[i] = NEVER
        self._late_from[i] = NEVER
        self._recall.clear(i)
        self._reading.append(row)
        row.first = self._column
        if len(request.prompt) == 1:
            row.before_last = request.state

    # One step

    def step(self) -> list[Row]:
        """Takes every row on by a character; returns those that are done, or have an error.

        While nobody writes it may be several characters. Raises what the runtime raises; each row
        is then where it was before the step that raised.
        """
        if self._column >= WIDTH - 1:
            self._make_room()
        count = len(self.rows)
        if len(self._reading) == count:
            self._read_ahead()
        column = self._column
        self._slots.step(count)
        logits = self._slots.logits[:count]
        done = self._read_on() if self._reading else []
        self._all_want = int(np.bitwise_or.reduce(self._wants[:count]))
        chosen = self._choose(logits) if self._all_want else np.zeros(count, np.int64)
        for row in self._reading:
            chosen[row.index] = row.request.prompt[row.read]
        self._bits[:count, column] = surprise(logits, chosen)
        self._log[:count, column] = chosen
        self._slots.tokens[:count] = chosen
        done += self._take_note(chosen)
        if self._failed:
            done += self._failed
            self._failed = []
        return list(dict.fromkeys(done)) if done else done

    def _take_note(self, chosen: Tokens) -> list[Row]:
        """All that follows from what was chosen; returns the rows that have ended."""
        count = len(chosen)
        newline = chosen == self._newline
        ended = newline & self._after_newline[:count]
        self._after_newline[:count] = newline
        if self._all_want & REPEATING:
            self._remember(chosen)  # in the column that is being written
        if self._all_want & NAMING:
            self._name(chosen)
        if self._all_want & RECALLING:
            self._recall.update(chosen)
        self._column += 1
        if self._all_want & GUIDED:
            after = self._ways[np.arange(count), chosen]
            self._guide[:count] = np.maximum(after, NEUTRAL)  # a line may be ended all the same
        begun_again = [
            row.index for row in self._that_want(FREE) if not self._try(row, int(chosen[row.index]))
        ]
        if self._all_want & WATCHED:
            self._watch(chosen, begun_again)
        if not ended.any():
            return []
        rows = [self.rows[i] for i in ended.nonzero()[0]]
        return [row for row in rows if row.writing and row.first < self._column - 1]

    def _that_want(self, what: int) -> list[Row]:
        """The rows for which this must be done."""
        if not self._all_want & what:
            return []
        return [self.rows[i] for i in (self._wants[: len(self.rows)] & what).nonzero()[0]]

    def outcome(self, row: Row) -> Reply | Exception:
        """What came of a row that is done."""
        i, state = row.index, self._slots.states[row.index].copy()
        if row.error:
            return row.error
        # Of a row that only reads, the last column is of a character that nobody asked for.
        end = self._column if row.writing else self._column - 1
        bits = np.concatenate([*row.bits, self._bits[i, row.first : end]])
        if not (np.isfinite(state).all() and np.isfinite(bits).all()):
            return NoNumber()
        written = self._log[i, row.first : end].tolist() if row.writing else []
        return Reply(written, state, bits)

    def failing(self) -> list[Row]:
        """After a step that raised: the rows that raise alone as well, with their errors."""
        for row in self.rows:
            one = slice(row.index, row.index + 1)
            try:
                self.model.step(self._slots.tokens[one], self._slots.states[one])
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
        count, slots = len(self.rows), self._slots
        read = np.stack([prompt[: steps + 1] for prompt in prompts])
        logits = np.empty((steps, count, len(self.model.vocabulary)), np.float32)
        states = slots.states[:count].copy()
        try:
            for step in range(steps):
                slots.tokens[:count] = read[:, step]
                slots.step(count)
                logits[step] = slots.logits[:count]
        except Exception:  # noqa: BLE001 - step by step it will be seen which row it is
            slots.tokens[:count], slots.states[:count] = read[:, 0], states
            return
        slots.tokens[:count] = read[:, steps]
        columns = slice(self._column, self._column + steps)
        costs = surprise(logits.reshape(steps * count, -1), read[:, 1:].T.ravel())
        self._bits[:count, columns] = costs.reshape(steps, count).T
        self._column += steps
        for row in self.rows:
            self._has_read(row, steps)

    def _read_on(self) -> list[Row]:
        """Counts the character that was read; returns the rows that had nothing else to do."""
        done: list[Row] = []
        for row in self._reading:
            self._has_read(row, 1)
            if not row.has_read:
                continue
            if row.request.sampling is None:
                done.append(row)
                continue
            try:
                self._begin(row, row.request.sampling)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this row's alone
                self._wants[row.index] = 0
                row.error = error
                self._failed.append(row)
        self._reading = [row for row in self._reading if not row.has_read]
        return done

    def _has_read(self, row: Row, characters: int) -> None:
        row.read += characters
        if row.goes_back and row.read == len(row.request.prompt) - 1:
            row.before_last = self._slots.states[row.index].copy()

    def _begin(self, row: Row, sampling: Sampling) -> None:
        """Makes a row write, which has read its prompt."""
        i, request, column = row.index, row.request, self._column
        row.bits.append(self._bits[i, row.first : column].copy())
        row.writing = True
        self._set_first(row, column)
        self._wants[i] = WRITING | STARTING | (NUDGED if sampling.length else 0)
        self._after_newline[i] = False
        self._uniforms[i, column : column + row.drawn] = self._numbers.of(sampling.seed, row.drawn)
        self._temperature[i], self._top_p[i] = sampling.temperature, sampling.top_p
        self._min_p[i], self._length[i] = sampling.min_p, sampling.length or NEVER
        self._counting[i] = False
        if sampling.repetition:
            self._look_back(row, sampling.repetition)
        if sampling.company and len(request.prompt) == 1:
            self._look_around(row, sampling.company)
        if sampling.recall and request.said:
            self._wants[i] |= RECALLING
            before = np.concatenate([request.context, request.prompt])[-2:]
            # Behind a blank line an element begins, and its first line may be a cue.
            speaks = len(before) == 2 and self._newline == before[1] != before[0]
            self._recall.begin(i, request.said, sampling.recall, speaks=speaks)
        if self._arena.full:
            self._clear_arena()
        if request.automaton:
            self._wants[i] |= GUIDED
            row.free = request.otherwise is not None
            self._follow(row, request.automaton, request.automaton.start)
        if request.banned:
            self._wants[i] |= WATCHED
            row.node_base = self._arena.place(request.banned)
            self._node[i] = row.node_base + request.banned.start
            row.marks = deque(maxlen=request.banned.longest + 1)
        if row.goes_back:
            assert row.before_last is not None  # every prompt has a last character
            row.start = _Mark(
                row.before_last,
                int(request.prompt[-1]),
                position=0,
                node=request.banned.start if request.banned else NEUTRAL,
                guide=row.standing(int(self._guide[i])),
                free=row.free,
                counting=bool(self._counting[i]),
                matches=self._matches[i].copy(),
                recall=self._recall.standing(i),
            )
            row.marks.append(row.start)

    def _look_back(self, row: Row, repetition: float) -> None:
        """Lays out the passages before a line, for the control of repetition."""
        i, request, column = row.index, row.request, self._column
        self._wants[i] |= REPEATING
        self._repetition[i] = repetition
        self._matches[i] = 0
        read = np.concatenate([request.context, request.prompt])[-REACH:]
        passages, self._counting[i] = counted(read, self.model.opening, self._newline)
        self._past[i, column - REACH : column - len(passages)] = NOT_COUNTED
        self._past[i, column - len(passages) : column] = passages

    def _look_around(self, row: Row, strength: float) -> None:
        """Lay out who may speak, for the control of company."""
        i, request = row.index, row.request
        read = np.concatenate([request.context, request.prompt])
        opens, present = self.model.opening, request.present
        found = company(read, opens, self._newline, present, lock=request.lock)
        self._cues[i], self._cue_weights[i] = found.cues, found.weights
        self._company[i] = strength * found.odds
        self._listen(row, 0)

    def _listen(self, row: Row, position: int) -> None:
        """Finds who may be about to speak, where an element has so many characters."""
        i = row.index
        written = self._log[i, row.first : row.first + position]
        naming = not self._ends_cue(written).any() and position < LONGEST_CUE
        self._want(row, NAMING, naming and self._company[i] > 0)
        self._alive[i] = naming and alive(self._cues[i], written)

    def _ends_cue(self, characters: Tokens | NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which characters end a cue, or show that the line is none."""
        ends: NDArray[np.bool_] = self.model.opening[characters] | (characters == self._newline)
        return ends

    # Writing

    def _choose(self, logits: Logits) -> Tokens:
        """The next character of every row; of rows that do not write, any."""
        count, column = len(self.rows), self._column
        if self._all_want != WRITING:
            logits = self._controlled(logits)
        chosen = draw(
            logits,
            self._temperature[:count],
            self._top_p[:count],
            self._min_p[:count],
            self._uniforms[:count, column],
        )
        for i in (self._late_from[:count] <= column).nonzero()[0]:
            self._end(self.rows[i], chosen)
        return chosen

    def _controlled(self, logits: Logits) -> Logits:
        """The logits with all that changes them but temperature and nucleus."""
        count, newline, wants = len(self.rows), self._newline, self._all_want
        logits = logits.copy()
        if wants & NAMING:
            naming, position = self._naming()
            theirs = logits[naming]
            weights = self._cue_weights[naming] * self._alive[naming]
            expect(theirs, self._cues[naming], weights, position, self._company[naming])
            logits[naming] = theirs
        if wants & RECALLING:
            self._recall.apply(logits)
        if wants & STARTING:
            # An element cannot begin with its end.
            logits[(self._wants[:count] & STARTING) > 0, newline] = -np.inf
            self._wants[:count] &= ~np.uint16(STARTING)
        if wants & NUDGED:
            position = self._column - self._first[:count]
            beyond = (position > self._length[:count]).nonzero()[0]
            beyond = beyond[self.model.closing[self._slots.tokens[beyond]]]
            logits[beyond, newline] += NUDGE * (position[beyond] / self._length[beyond] - 1)
        if wants & REPEATING:
            past = self._past[:count, self._column - REACH : self._column]
            charge(logits, self._matches[:count], past, self._repetition[:count])
        if wants & GUIDED:
            # As indexing does it, in half the time.
            self._ways = self._arena.next.take(self._guide[:count], axis=0, mode="clip")
            np.copyto(logits, -np.inf, where=self._ways == BARRED)
        for row in self._that_want(HINDERED):
            if barred := row.barred.get(self._column - row.first):
                logits[row.index, barred] = -np.inf
                if (logits[row.index] == -np.inf).all():
                    self._give_up(row)
                    logits[row.index] = 0.0
        return logits

    def _give_up(self, row: Row) -> None:
        row.error = NothingLeft()
        self._failed.append(row)

    def _end(self, row: Row, chosen: Tokens) -> None:
        """Ends a late row's element if a word ends here, and if it may."""
        i, word = row.index, self.model.wordlike
        position = self._column - row.first
        inside = word[self._slots.tokens[i]] and word[chosen[i]]
        if inside and position < row.request.limit + TO_A_WORD and not row.closing:
            return
        if position and (self._may_end(row) or position >= row.drawn - 2):
            chosen[i] = self._newline

    def _may_end(self, row: Row) -> bool:
        """Whether the row's automaton allows a newline now."""
        if row.free or not row.automaton:
            return True
        return bool(self._ways[row.index, self._newline] != BARRED)

    def _remember(self, chosen: Tokens) -> None:
        """Notes what was written, for the control of repetition."""
        count, column = len(self.rows), self._column
        counting = self._counting[:count]
        passage = np.where(counting, chosen, NOT_COUNTED).astype(np.int16)
        past = self._past[:count, column - REACH : column]
        go_on(self._matches[:count], past, passage)
        self._past[:count, column] = passage
        counting |= self._ends_cue(chosen)

    def _naming(self) -> tuple[Places, Places]:
        """The rows that may be about to name somebody, and how far each is."""
        naming = ((self._wants[: len(self.rows)] & NAMING) > 0).nonzero()[0]
        return naming, self._column - self._first[naming]

    def _name(self, chosen: Tokens) -> None:
        """Notes what was written, for who may be about to speak."""
        naming, position = self._naming()
        chosen = chosen[naming]
        self._alive[naming] &= self._cues[naming, :, position] == chosen[:, None]
        over = self._ends_cue(chosen) | ~self._alive[naming].any(axis=1)
        over |= position + 1 >= LONGEST_CUE
        self._wants[naming[over]] &= ~np.uint16(NAMING)

    # What may be written

    def _follow(self, row: Row, automaton: Automaton, state: int) -> None:
        """Puts a row into a state of an automaton, which holds unless the row is free."""
        row.automaton = automaton
        row.base = self._arena.place(automaton)
        self._stand(row, state)

    def _stand(self, row: Row, state: int) -> None:
        self._want(row, FREE, row.free)
        row.free_guide = state
        neutral = row.free or state == NEUTRAL
        self._guide[row.index] = NEUTRAL if neutral else row.base + state

    def _want(self, row: Row, what: int, wanted: bool) -> None:
        if wanted:
            self._wants[row.index] |= what
        else:
            self._wants[row.index] &= ~np.uint16(what)

    def _try(self, row: Row, token: int) -> bool:
        """Takes on the automaton of a row that still is free; False if the line begins again."""
        automaton, otherwise = row.automaton, row.request.otherwise
        assert automaton is not None  # or it would be free from nothing
        if automaton.allowed[row.free_guide, token]:
            state = int(automaton.next[row.free_guide, token])
            row.free = not (self.model.opening[token] or token == self._newline)
            self._stand(row, state)
            return True
        assert otherwise is not None  # or it would not be free
        assert row.start is not None  # the same
        row.start = replace(row.start, guide=otherwise.start, free=False)
        self._follow(row, otherwise, otherwise.start)
        row.marks.clear()
        row.marks.append(row.start)
        row.barred.clear()  # that was for another text
        self._return_to(row, row.start)
        return False

    def _clear_arena(self) -> None:
        """Keeps those automata alone that some row follows."""
        used = [
            (row, row.standing(int(self._guide[row.index])), int(self._node[row.index]))
            for row in self.rows
            if row.writing
        ]
        things = [(row.automaton, row.request.banned) for row, _, _ in used]
        self._arena.clear(thing for pair in things for thing in pair if thing is not None)
        for row, state, node in used:
            if row.automaton:
                self._follow(row, row.automaton, state)
            if row.request.banned:
                was, row.node_base = row.node_base, self._arena.place(row.request.banned)
                self._node[row.index] = row.node_base + node - was

    # What must not be said

    def _watch(self, chosen: Tokens, begun_again: list[int]) -> None:
        """Notes where words begin, and goes back before what must not be said."""
        count = len(chosen)
        nodes = self._arena.next[self._node[:count], chosen]
        nodes[begun_again] = self._node[begun_again]
        self._node[:count] = nodes
        said = self._arena.words[nodes]
        begins = self._boundary[chosen] & (said == 0)
        begins &= (self._wants[:count] & WATCHED) > 0
        begins[begun_again] = False
        self._mark_all(begins.nonzero()[0], chosen)
        for i in said.nonzero()[0]:
            self._go_back(self.rows[i], int(said[i]))

    def _mark_all(self, here: Places, chosen: Tokens) -> None:
        """Marks that a word can begin in these rows."""
        marked = zip(
            here.tolist(),
            self._slots.states.take(here, axis=0),
            chosen[here].tolist(),
            self._node[here].tolist(),
            self._guide[here].tolist(),
            self._counting[here].tolist(),
            self._matches.take(here, axis=0),
            strict=True,
        )
        for i, before, token, node, guide, counting, matches in marked:
            row = self.rows[i]
            position = self._column - row.first
            if row.marks[-1].position == position - 1:
                row.marks.pop()
            state = row.standing(guide)
            node -= row.node_base
            row.marks.append(
                _Mark(
                    *(before, token, position, node, state, row.free, counting, matches),
                    recall=self._recall.standing(i),
                )
            )

    def _go_back(self, row: Row, words: int) -> None:
        """Goes back before the last words, and bars the way that was taken there."""
        while words > 1 and len(row.marks) > 1:
            row.marks.pop()
            words -= 1
        mark = row.marks[-1]
        taken = int(self._log[row.index, row.first + mark.position])
        row.barred = {at: them for at, them in row.barred.items() if at <= mark.position}
        row.barred.setdefault(mark.position, []).append(taken)
        row.back += 1
        if row.back > MOST_STEPS_BACK:
            self._give_up(row)
        row.closing = row.back > STEPS_BACK
        self._want(row, HINDERED, True)
        self._return_to(row, mark)

    def _return_to(self, row: Row, mark: _Mark) -> None:
        """Makes a row stand again where it stood at a mark."""
        i = row.index
        self._slots.tokens[i] = mark.token
        self._slots.states[i] = mark.state
        self._counting[i] = mark.counting
        if self._wants[i] & REPEATING:
            self._matches[i] = mark.matches
        self._node[i] = row.node_base + mark.node if row.request.banned else NEUTRAL
        row.free = mark.free
        self._stand(row, mark.guide)
        self._after_newline[i] = mark.position > 0 and mark.token == self._newline
        if not mark.position:
            self._want(row, STARTING, True)
        self._move(row, self._column - mark.position, mark.position)
        self._listen(row, mark.position)
        if self._wants[i] & RECALLING:
            self._recall.go_back(i, mark.recall)

    # The log

    def _move(self, row: Row, first: int, length: int) -> None:
        """Moves what a row has written so far, and what it looks back to, to another column."""
        i, was = row.index, row.first
        for log in (self._log, self._bits, self._past):
            log[i, first - REACH : first + length] = log[i, was - REACH : was + length].copy()
        drawn = self._uniforms[i, was : was + row.drawn].copy()
        self._uniforms[i, first : first + row.drawn] = drawn
        self._set_first(row, first)

    def _set_first(self, row: Row, first: int) -> None:
        row.first = self._first[row.index] = first
        self._late_from[row.index] = 0 if row.closing else first + row.request.limit

    def _make_room(self) -> None:
        """Moves what is still needed to the beginning of the log."""
        column, rows = self._column, len(self.rows)
        written = [column - row.first for row in self.rows if row.writing]
        keep = REACH + max(written, default=0)
        for row in self.rows:
            if row.writing:
                self._set_first(row, row.first - (column - keep))
            else:
                row.bits.append(self._bits[row.index, row.first : column].copy())
                row.first = keep
        for log in (self._log, self._bits, self._past):
            log[:rows, :keep] = log[:rows, column - keep : column].copy()
        ahead = keep + LONGEST
        self._uniforms[:rows, :ahead] = self._uniforms[:rows, column - keep :][:, :ahead].copy()
        self._column = keep
