"""Replay: every line of a voice, written again from what it was written from, and compared."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Container, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from ..arrays import States, Tokens
from ..generation import generator
from ..generation.generator import Progress, Standing
from ..generation.openings import Reading
from ..i18n.catalogue import many, phrase, say
from ..i18n.markdown import inline
from ..inference.engine import NothingLeft
from ..inference.lexicon import LINES, Heard
from ..inference.model import ModelError
from ..inference.processors.repetition import REACH
from ..screenplay.fountain import as_read
from ..storage.schema import Line, Script
from ..storage.store import Store
from .channel_session import Room
from .turn import Patience, RoomError, Stopped

AT_ONCE = 8
"""Lines that are written side by side."""

LONGEST = 600.0
"""Seconds after which what is left stays unproved. Discord waits for 900."""

REMEMBERED = 64
"""States that are kept on the way, so that what stands below a line need not be read from the top.
"""

SHOWN, REASONS = 8, 4
"""Lines, and reasons, that are told one by one."""

LOST = phrase("the line that it is a copy of was deleted")
DAMAGED = phrase("it follows a removed line")


class Verdict(StrEnum):
    """What is known of a line, and how that is said."""

    PERSON = phrase("a person's")
    PROVED = phrase("proved")
    DIFFERENT = phrase("different")
    UNPROVED = phrase("unproved")


@dataclass(frozen=True)
class Finding:
    """One line of the script, and what came of writing it again."""

    number: int
    """Its place in the script, from 1."""
    line: Line
    verdict: Verdict
    again: str | None = None
    """What came out, where that is something else."""
    reasons: tuple[str, ...] = ()
    """What may have made it different, or why it could not be proved."""


@dataclass(frozen=True)
class Replay:
    """What came of all the lines, in the order of the script."""

    title: str
    findings: tuple[Finding, ...]
    lines: int
    """How many there are: somebody may have stopped it, and there is a limit to its time."""

    def all_of(self, *verdicts: Verdict) -> list[Finding]:
        """Those of which this is known."""
        return [one for one in self.findings if one.verdict in verdicts]

    @property
    def edited(self) -> list[int]:
        """The numbers of the lines that were written instead of others."""
        return [one.number for one in self.findings if one.line.rewrite_of]


async def replay(room: Room, patience: Patience) -> Replay:
    """Proves the script that runs in a room; nobody is kept from writing on meanwhile.

    A copy is proved where its original stands. What is proved when somebody presses Stop is told.
    Raises NoScript, RoomError for a script without lines, and what `Engine.run` raises.
    """
    script = await room.script()
    lines = await room.store.lines.load_path(script.head)
    if not lines:
        raise RoomError(say("The script has no line yet: write one, or use {/continue}."))
    proof = Proof(room, script, await room.prompter.banned(script.guild), lines)
    patience.progress.to_prove = sum(line.author is None for line in lines)
    until = time.monotonic() + LONGEST
    verdicts: list[Finding] = []
    with suppress(Stopped):
        while len(verdicts) < len(lines) and time.monotonic() < until:
            some = lines[len(verdicts) : len(verdicts) + AT_ONCE]
            verdicts += await patience.wait(proof.of(some, len(verdicts) + 1, patience.progress))
    # Somebody may have been forgotten meanwhile.
    now = {line.id: line for line in await room.store.lines.load_path(script.head)}
    there = [replace(one, line=now[one.line.id]) for one in verdicts if one.line.id in now]
    return Replay(script.title, tuple(there), len(lines))


class Proof:
    """Writes lines of one script again."""

    def __init__(
        self, room: Room, script: Script, banned: tuple[str, ...], lines: Sequence[Line]
    ) -> None:
        self._room = room
        self._script = script
        self._banned = banned
        self._tree = Tree(room.store, lines)
        self._readers: dict[tuple[str, str], Reader | str] = {}

    async def of(self, lines: Sequence[Line], number: int, progress: Progress) -> list[Finding]:
        """What is known of some lines of the script, of which the first has this number."""
        await self._tree.know(line.copy_of for line in lines if line.copy_of)
        return await asyncio.gather(
            *(self._one(line, at, progress) for at, line in enumerate(lines, number))
        )

    async def _one(self, line: Line, number: int, progress: Progress) -> Finding:
        if line.author is not None:
            return Finding(number, line, Verdict.PERSON)
        original = self._tree.original(line)
        reader = await self._reader(line)
        if original is None:
            found = Finding(number, line, Verdict.UNPROVED, None, (say(LOST),))
        elif isinstance(reader, str):
            found = Finding(number, line, Verdict.UNPROVED, None, (reader,))
        elif await self._tree.is_damaged(original):
            found = Finding(number, line, Verdict.UNPROVED, None, (say(DAMAGED),))
        else:
            again = await self._again(reader, original, progress)
            found = judged(number, line, again, differences(line, self._banned, reader.opening))
        progress.written += 1
        return found

    async def _again(self, reader: Reader, line: Line, progress: Progress) -> str:
        """What a line's voice writes there from the same seed and settings; nothing, if it fails.

        Raises what `Engine.run` raises, but for what cannot be said.
        """
        at = await reader.standing(line, progress)
        manner = generator.manner_of(line.origin, self._banned)
        try:
            draft = await generator.write(reader.engine, at, manner, reader.owner)
        except (NothingLeft, ValueError):
            return ""
        return draft.element.text if draft else ""

    async def _reader(self, line: Line) -> Reader | str:
        """The voice that wrote a line, or why there is none."""
        voice = line.credit, line.origin.get("fingerprint", "")
        if voice not in self._readers:
            self._readers[voice] = await self._open(*voice)
        return self._readers[voice]

    async def _open(self, name: str, fingerprint: str) -> Reader | str:
        reason = say("there is no voice “{name}” here any more", name=name)
        for one in dict.fromkeys([name, self._script.voice]):  # its file may have been renamed
            try:
                reading = await self._room.reading(one, self._script.style)
            except ModelError:
                continue
            if reading.model.fingerprint == fingerprint:
                return Reader(reading, self._tree, ("replay", self._room.channel))
            if one == name:
                reason = say(
                    "the voice “{name}” here is another one than that which wrote it", name=name
                )
        return reason


def judged(number: int, line: Line, again: str, reasons: tuple[str, ...]) -> Finding:
    """What follows from what came out."""
    if again == line.text:
        return Finding(number, line, Verdict.PROVED, None, reasons)
    # Where something else is not as it was then, nobody can say who is to blame.
    verdict = Verdict.UNPROVED if reasons else Verdict.DIFFERENT
    return Finding(number, line, verdict, again, reasons)


def differences(line: Line, banned: tuple[str, ...], opening: str) -> tuple[str, ...]:
    """What a line depends on and is not here as it was when the line was written.

    ``opening`` is the id of what its voice reads before the script now.
    """
    now = {
        "onnxruntime": (phrase("onnxruntime was {then} and is {now}"), generator.RELEASE),
        "processor": (phrase("the processor was {then} and is {now}"), generator.processor()),
    }
    reasons = [
        say(reason, then=line.origin[key], now=value)
        for key, (reason, value) in now.items()
        if line.origin.get(key, value) != value
    ]
    if line.origin.get("banned", "") != generator.list_id(banned):
        reasons.append(say("the words that must not be said are others now"))
    if line.origin.get("opening", "") != opening:
        reasons.append(say("the voice reads another opening before the script now"))
    return tuple(reasons)


class Tree:
    """The lines that are needed, by their ids; those that are not known are looked up."""

    def __init__(self, store: Store, lines: Iterable[Line]) -> None:
        self.store = store
        self._lines = {line.id: line for line in lines}
        self._damaged: dict[int, bool] = {}

    async def know(self, lines: Iterable[int]) -> None:
        """Looks lines up that will be asked for."""
        unknown = [line for line in lines if line not in self._lines]
        self._add(await self.store.lines.load(unknown) if unknown else [])

    def original(self, line: Line) -> Line | None:
        """Where a line was first written; None where that was deleted."""
        return self._lines.get(line.copy_of) if line.copy_of else line

    async def is_damaged(self, line: Line) -> bool:
        """Whether text was removed above a line, so that it cannot be written again."""
        path = await self.path(line.parent, self._damaged)
        above = path[0].parent if path else line.parent
        damaged = above is not None and self._damaged[above]
        for one in path:
            damaged = damaged or one.removed
            self._damaged[one.id] = damaged
        return damaged

    async def path(
        self, head: int | None, known: Container[int] = (), most: int = sys.maxsize
    ) -> list[Line]:
        """The ``most`` last lines up to one, of those below the nearest that is ``known``."""
        path: list[Line] = []
        while head is not None and head not in known and len(path) < most:
            if head not in self._lines:
                self._add(await self.store.lines.load_path(head))
            path.append(self._lines[head])
            head = path[-1].parent
        return path[::-1]

    def _add(self, lines: Iterable[Line]) -> None:
        self._lines |= {line.id: line for line in lines}


class Reader:
    """A voice that reads the script again, from nothing but its text."""

    def __init__(self, reading: Reading, tree: Tree, owner: object) -> None:
        self.engine = reading.engine
        self.opening = reading.opening
        self.owner = owner
        self._start = reading.start
        self._tree = tree
        self._kept: dict[int, States] = {}
        self._reading = asyncio.Lock()

    async def standing(self, line: Line, progress: Progress) -> Standing:
        """Where the script stood for the voice when it wrote a line."""
        # One after the other: each goes on where the one before has come to.
        async with self._reading:
            state = await self._state(line.parent, progress)
        recent, heard = await self._before(line)
        return Standing(state, recent, self.opening, heard=heard)

    async def _state(self, head: int | None, progress: Progress) -> States:
        unread = await self._tree.path(head, self._kept)
        above = unread[0].parent if unread else head
        state = self._start if above is None else self._kept[above]
        state = await generator.read_again(self.engine, state, unread, self.owner, progress)
        if head is not None:
            self._keep(head, state)
        return state

    def _keep(self, line: int, state: States) -> None:
        self._kept[line] = state
        if len(self._kept) > REMEMBERED:
            del self._kept[next(iter(self._kept))]

    async def _before(self, line: Line) -> tuple[Tokens, Heard]:
        """Return the last characters and elements, as they were for several lines of one turn."""
        turn = await self._tree.path(line.parent, most=line.ordinal)
        above = turn[0].parent if turn else line.parent
        last = await self._tree.store.lines.load_last(above, REACH)
        model = self.engine.model
        read = [model.encode(as_read(one.text)) for one in turn]
        recent = np.concatenate([generator.recent(model, last), *read])[-REACH:]
        return recent, (*generator.heard(last), *generator.heard(turn))[-LINES:]


def in_words(found: Replay) -> str:
    """What came of it, in a few sentences: at most 1,900 characters."""
    proved = found.all_of(Verdict.PROVED)
    missing = found.all_of(Verdict.DIFFERENT, Verdict.UNPROVED)
    written = len(proved) + len(missing)
    parts = [_result(len(proved), written)]
    people = len(found.all_of(Verdict.PERSON))
    if people:
        parts.append(say("People wrote {lines}.", lines=many(people, "line")))
    if found.edited:
        parts.append(say("Rewritten by hand: {lines}.", lines=_numbers(found.edited)))
    if len(found.findings) < found.lines:
        parts.append(
            say(
                "It ended before line {number} of {lines:,}.",
                number=len(found.findings) + 1,
                lines=found.lines,
            )
        )
    told = [f"**{inline(found.title, 100)}**: {' '.join(parts)}"]
    told += [f"-# {inline(reason, 200)}: {_numbers(at)}." for reason, at in _by_reason(found)]
    told += [_entry(one) for one in missing[:SHOWN]]
    if len(missing) > SHOWN:
        told.append(say("and {number:,} more.", number=len(missing) - SHOWN))
    if found.all_of(Verdict.DIFFERENT):
        told.append(
            say(
                "-# The voice writes each line from all that stands above it: below the first that "
                "differs, others may differ for that reason alone."
            )
        )
    return "\n".join(told)


def rows(found: Replay) -> str:
    """Everything that is known, as a text with one row a line, and tabs between its columns."""
    heads = say("line\tis\twrote it\tseed\tits text\tcame out\tremarks")
    lines = ["\t".join(map(_flat, _row(one))) for one in found.findings]
    return "".join(f"{line}\n" for line in (heads, *lines))


def _result(proved: int, written: int) -> str:
    if not written:
        return say("The voice has written none of it.")
    if proved < written:
        return say(
            "{proved:,} of the {lines} by the voice came out to the letter.",
            proved=proved,
            lines=many(written, "line"),
        )
    if written == 1:
        return say("The only line by the voice was written again, and came out to the letter.")
    return say(
        "All {lines:,} lines by the voice were written again, and came out to the letter.",
        lines=written,
    )


def _numbers(numbers: Sequence[int]) -> str:
    """The numbers of lines, as many as there is room for."""
    shown = ", ".join(map(str, numbers[:SHOWN]))
    if len(numbers) == 1:
        return say("line {numbers}", numbers=shown)
    if len(numbers) <= SHOWN:
        return say("lines {numbers}", numbers=shown)
    more = len(numbers) - SHOWN
    return say("lines {numbers} and {more:,} more", numbers=shown, more=more)


def _by_reason(found: Replay) -> list[tuple[str, list[int]]]:
    """Each reason, and the numbers of the lines that it holds for; at most `REASONS`."""
    numbers: dict[str, list[int]] = {}
    for one in found.findings:
        for reason in one.reasons:
            numbers.setdefault(reason, []).append(one.number)
    return list(numbers.items())[:REASONS]


def _entry(one: Finding) -> str:
    text = inline(one.line.element.one_line, 60)
    if one.again is None:
        return say("**{number}** {text}: cannot be proved", number=one.number, text=text)
    again = say("-# came out as: {text}", text=inline(one.again, 60) or say("nothing"))
    return f"**{one.number}** {text}\n{again}"


def _row(one: Finding) -> tuple[str, ...]:
    line = one.line
    remarks = [*one.reasons]
    remarks += [say("rewritten by hand")] if line.rewrite_of else []
    remarks += [say("a copy, proved where it was first written")] if line.copy_of else []
    seed = str(line.origin.get("seed", ""))
    return (
        *(str(one.number), say(one.verdict), line.credit, seed, line.text),
        *(one.again or "", "; ".join(remarks)),
    )


def _flat(text: str) -> str:
    return " ".join(text.split())
