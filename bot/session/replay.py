"""Write every line of a model again from its provenance, and compare the two."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Container, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ..arrays import States
from ..errors import ModelError, NoContinuation, Stopped, UnspellableElement
from ..generation import generator, prefill, provenance
from ..generation.inputs import GenerationContext, PrimedModel
from ..generation.openings import find_style_of_opening
from ..generation.prefill import Progress
from ..i18n.catalogue import phrase, say
from ..inference.processors.repetition import REACH
from ..recent import Recent
from ..screenplay.elements import Element, Kind
from ..storage.schema import ON_BOOK, Line, Script
from ..storage.store import Store
from .channel_session import ChannelSession
from .preferences import STYLE
from .reader import ScriptReader
from .turn import Job

LINES_AT_ONCE = 8
"""The number of lines that are written again side by side."""

TIME_LIMIT = 600.0
"""Seconds after which the remaining lines stay unproved. Discord waits for 900 seconds."""

MAX_STATES = 64
"""States that are kept along the way, so that lines below need not be read from the top."""


class Verdict(StrEnum):
    """The verdict on a line, in the words that people see."""

    PERSON = phrase("by a person")
    ON_BOOK = phrase("by On Book")
    PROVED = phrase("verified")
    DIFFERENT = phrase("different")
    UNPROVED = phrase("unverified")


@dataclass(frozen=True)
class Finding:
    """One line of the script, and the result of writing it again."""

    number: int
    """The line's place in the script, from 1."""
    line: Line
    verdict: Verdict
    rewritten: str | None = None
    """The text that was written again, as an audience reads it, if it differs."""
    reasons: tuple[str, ...] = ()
    """What may have caused the difference, or why the line could not be proved."""


@dataclass(frozen=True)
class ReplayResult:
    """The results of all lines, in the order of the script."""

    title: str
    findings: tuple[Finding, ...]
    lines: int
    """The script's number of lines; Stop or the time limit may have ended the replay early."""

    def filter_by_verdict(self, *verdicts: Verdict) -> list[Finding]:
        return [finding for finding in self.findings if finding.verdict in verdicts]

    @property
    def edited(self) -> list[int]:
        """Return the numbers of the lines that replaced others."""
        return [finding.number for finding in self.findings if finding.line.rewrite_of]


async def replay_script(session: ChannelSession, job: Job) -> ReplayResult:
    """Replay the latest script of a channel, while people may continue to write.

    A copy is proved where its original stands. Stop ends the replay early. Raises NoScript,
    RequestError for a script without lines, and what `Engine.run` raises.
    """
    script = await session.library.load_script_to_read()
    lines = await session.library.load_lines(script)
    banned = await session.library.load_banned_words(script.guild)
    replayer = Replayer(session.reader, script, banned, LineCache(session.store, lines))
    job.progress.to_replay = sum(line.author is None for line in lines)
    deadline = time.monotonic() + TIME_LIMIT
    findings: list[Finding] = []
    with suppress(Stopped):
        while len(findings) < len(lines) and time.monotonic() < deadline:
            done = len(findings)
            batch = lines[done : done + LINES_AT_ONCE]
            findings += await job.run(replayer.replay_lines(batch, done + 1, job.progress))
    # Read again, because somebody may have been forgotten meanwhile.
    now = {line.id: line for line in await session.library.load_lines(script)}
    present = [finding for finding in findings if finding.line.id in now]
    present = [replace(finding, line=now[finding.line.id]) for finding in present]
    return ReplayResult(script.title, tuple(present), len(lines))


@dataclass
class Replayer:
    """Replay lines of one script."""

    reader: ScriptReader
    script: Script
    banned: tuple[str, ...]
    cache: LineCache
    readers: dict[tuple[str, str, str], ReplayReader | str] = field(default_factory=dict)
    """For each credit, fingerprint and opening of lines: its reader, or why it has none."""
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a reader is opened, so that lines side by side share one and what it reads."""

    async def replay_lines(
        self, lines: Sequence[Line], number: int, progress: Progress
    ) -> list[Finding]:
        """Return the findings on some lines, the first of which has this number."""
        return await asyncio.gather(
            *(self._replay_line(line, at, progress) for at, line in enumerate(lines, number))
        )

    async def _replay_line(self, line: Line, number: int, progress: Progress) -> Finding:
        if line.author is not None:
            is_drawn = line.author == ON_BOOK
            return Finding(number, line, Verdict.ON_BOOK if is_drawn else Verdict.PERSON)
        origin = line.origin
        key = line.credit, origin.get("fingerprint", ""), origin.get("opening", "")
        async with self.opening:
            if key not in self.readers:
                self.readers[key] = await self._open_reader(*key)
        reader, original = self.readers[key], await self.cache.find_original(line)
        rewritten: Element | None = None
        reasons: tuple[str, ...]
        if original is None:
            reasons = (say("the line it was copied from was deleted"),)
        elif isinstance(reader, str):
            reasons = (reader,)
        elif await self.cache.is_damaged(original):
            reasons = (say("it follows a removed line"),)
        else:
            rewritten = await self._rewrite(reader, original, progress)
            reasons = explain_differences(line, self.banned, reader.primed.opening)
        progress.written += 1
        if rewritten == line.element:
            return Finding(number, line, Verdict.PROVED, None, reasons)
        # A difference proves nothing if something else, such as another processor, may explain it.
        verdict = Verdict.UNPROVED if reasons else Verdict.DIFFERENT
        text = None if rewritten is None else "\n".join(rewritten.shown)
        return Finding(number, line, verdict, text, reasons)

    async def _rewrite(self, reader: ReplayReader, line: Line, progress: Progress) -> Element:
        """Write a line from the same seed and options; return an empty one if that fails.

        Raises what `Engine.run` raises, except NoContinuation.
        """
        at = await reader.load_context(line, progress)
        options = provenance.restore_options(line.origin, self.banned)
        draft = None
        with suppress(NoContinuation, UnspellableElement):
            draft = await generator.write_element(at, options)
        return draft.element if draft else Element(Kind.ACTION, "")

    async def _open_reader(self, name: str, fingerprint: str, opening: str) -> ReplayReader | str:
        """Return a reader for the model that wrote a line below an opening, or why there is none.

        If the model no longer has the opening, it reads the script's opening.
        """
        reason = say("the voice “{name}” is no longer here", name=name)
        # The file of the model may have been renamed.
        for candidate in dict.fromkeys([name, self.script.model]):
            try:
                primed = await self._open_model(candidate, opening)
            except ModelError:
                continue
            if primed.model.fingerprint == fingerprint:
                owner = ("replay", self.reader.channel)
                return ReplayReader(replace(primed, owner=owner), self.cache)
            if candidate == name:
                reason = say("the voice “{name}” has changed", name=name)
        return reason

    async def _open_model(self, name: str, opening: str) -> PrimedModel:
        style: str | None = None
        if opening:
            model = (await self.reader.models.engine(name)).model
            style = find_style_of_opening(model, opening) or STYLE.of(self.script)
        return await self.reader.open_model(name, style)


def explain_differences(line: Line, banned: tuple[str, ...], opening: str) -> tuple[str, ...]:
    """Return a sentence for each dependency of a line that has changed since the line was written.

    ``opening`` is the id of the opening that the model has read.
    """
    origin, reasons = line.origin, list[str]()
    runtime, processor = provenance.ONNXRUNTIME_VERSION, provenance.find_processor_name()
    if (then := origin.get("onnxruntime", runtime)) != runtime:
        reasons.append(say("onnxruntime changed from {then} to {now}", then=then, now=runtime))
    if (then := origin.get("processor", processor)) != processor:
        reasons.append(say("the processor changed from {then} to {now}", then=then, now=processor))
    if origin.get("banned", "") != provenance.hash_word_list(banned):
        reasons.append(say("the banned words have changed"))
    if origin.get("opening", "") != opening:
        reasons.append(say("the voice's opening has changed"))
    return tuple(reasons)


class LineCache:
    """The lines that a replay needs, by their ids; unknown ones are loaded."""

    def __init__(self, store: Store, lines: Iterable[Line]) -> None:
        self.store = store
        self._lines = {line.id: line for line in lines}

    async def find_original(self, line: Line) -> Line | None:
        """Return the line that a line copies, or the line itself; None if the original is gone."""
        original = line.copy_of or line.id
        if original not in self._lines:
            self._add(await self.store.lines.load_lines([original]))
        return self._lines.get(original)

    async def is_damaged(self, line: Line) -> bool:
        """Return whether text was removed above a line, which then cannot be written again."""
        return any(above.removed for above in await self.load_path(line.parent))

    async def load_path(self, head: int | None, known: Container[int] = ()) -> list[Line]:
        """Return the lines below the nearest ``known`` line, down to ``head``."""
        path: list[Line] = []
        while head is not None and head not in known:
            if head not in self._lines:
                self._add(await self.store.lines.load_path(head))
            path.append(self._lines[head])
            head = path[-1].parent
        return path[::-1]

    def _add(self, lines: Iterable[Line]) -> None:
        self._lines |= {line.id: line for line in lines}


class ReplayReader:
    """Read a script again with one model, from nothing but the text."""

    def __init__(self, primed: PrimedModel, cache: LineCache) -> None:
        self.primed = primed
        self._cache = cache
        self._kept: Recent[int, States] = Recent(MAX_STATES)
        self._reading = asyncio.Lock()

    async def load_context(self, line: Line, progress: Progress) -> GenerationContext:
        """Load the generation context in which a line was written."""
        # Read lines one after the other, because each continues from the state of the one before.
        async with self._reading:
            state = await self._read_to(line.parent, progress)
        # As the line's turn did: the lines above the turn, then those that the turn had written.
        path = await self._cache.load_path(line.parent)
        begin = len(path) - line.ordinal
        above = path[max(0, begin - REACH) : begin]  # because a line has at least one character
        context = GenerationContext(self.primed, state, tuple(line.text for line in above))
        for line_before in path[begin:]:
            context = context.append(line_before.text, state)
        return context

    async def _read_to(self, head: int | None, progress: Progress) -> States:
        unread = await self._cache.load_path(head, self._kept)
        above = unread[0].parent if unread else head
        state = self.primed.start if above is None else self._kept[above]
        texts = [line.text for line in unread]
        state = await prefill.recompute_state(self.primed, state, texts, progress)
        if head is not None:
            self._kept[head] = state
        return state
