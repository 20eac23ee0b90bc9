"""Room: one channel's script in play. It knows no Discord: names and text go in and out."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakValueDictionary

from . import compose
from .compose import Manner, Progress, Standing
from .constraint import said
from .engine import Engine, NothingLeft
from .model import Logits, Model, States
from .render import inline
from .repetition import REACH
from .sampling import Sampling
from .script import Element, Kind, ScriptError, as_read, from_person
from .script import fountain as as_fountain
from .settings import Settings
from .store import BEFORE_THE_FIRST, Draft, Floats, Line, Script, Store
from .voices import Voices

P = ParamSpec("P")
R = TypeVar("R")

MOST_LINES = 10
"""Lines that one turn writes at the most."""

LONGEST_READING = 600.0
"""Seconds that the voice reads a file for before its lines are there. Discord waits for 900."""

LONGEST_TEXT = 1500
"""Characters that one element of a person's text may have, so that a message can show it."""

NO_SCRIPT = 0
"""Stands for the id of a script where none runs."""

LARGEST_SEED = 2**31 - 1
"""Seeds are short enough to be read out and typed."""

ENOUGH_TO_JUDGE = 500
"""Lines of a file that are looked at for characters that a voice cannot read."""

UNREADABLE_SHARE = 0.1
"""From this share of characters on that a voice cannot read, their writer is told."""


class RoomError(Exception):
    """One friendly sentence for the person who asked; nothing was changed."""


class NoScript(RoomError):
    """No script runs in the channel."""


@dataclass(frozen=True)
class Place:
    """A line of a script as a button carries it."""

    script: int
    line: int
    """`BEFORE_THE_FIRST` when there is no line yet."""


class LineIsOld(RoomError):
    """The line that was acted on is no longer the last one of the script."""

    def __init__(self, place: Place) -> None:
        super().__init__("The script has gone on since: this is no longer its last line.")
        self.place = place


@dataclass(frozen=True)
class Writer:
    """The person who asks for something, and the interaction in which they do."""

    id: int
    name: str
    delivery: str
    """Unique to the interaction: what it wrote once is not written again."""


@dataclass(frozen=True)
class Wish:
    """How the next lines are to be written; None leaves it to the script or the settings."""

    lines: int = 1
    character: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    kind: Kind | None = None
    min_p: float | None = None
    repetition: float | None = None


class Patience:
    """A turn that takes a while: how far it is, and a way to stop it."""

    def __init__(self) -> None:
        self.progress = Progress()
        self.stopped = False
        self._now: asyncio.Future[Any] | None = None

    def stop(self) -> None:
        """Gives up the line that is being written; what is finished stays."""
        self.stopped = True
        if self._now:
            self._now.cancel()

    async def wait(self, work: Coroutine[Any, Any, R]) -> R:
        """Does what can be stopped; raises Stopped."""
        if self.stopped:
            work.close()
            raise Stopped
        self._now = task = asyncio.ensure_future(work)
        try:
            return await task
        except asyncio.CancelledError:
            if self.stopped and task.cancelled():
                raise Stopped from None
            raise
        finally:
            self._now = None


class Stopped(Exception):
    """Somebody pressed Stop."""


@dataclass(frozen=True)
class Turn:
    """What changed: the new lines, and which lines left the script or came back into it."""

    script: Script
    lines: list[Line] = field(default_factory=list)
    moved_from: int | None = None
    """The head before; its message loses its buttons."""
    left: frozenset[int] = frozenset()
    returned: frozenset[int] = frozenset()
    shelved: Script | None = None
    """The script that ran before, when another one began."""
    unreadable: bool = False
    """Whether the writer must be told that the voice cannot read much of this."""
    note: str = ""
    """What the script's end is shown under, where `lines` are too many to be shown."""

    @property
    def touched(self) -> set[int]:
        """All lines whose messages look different now."""
        heads = (self.moved_from or BEFORE_THE_FIRST, self.script.head or BEFORE_THE_FIRST)
        return {*heads, *self.left, *self.returned}

    @property
    def place(self) -> Place:
        """Where the script stands now."""
        return place_of(self.script)


def _locked(
    action: Callable[Concatenate[Room, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[Room, P], Coroutine[Any, Any, R]]:
    """One turn after the other: who comes second sees what the first has done."""

    async def wait_and_act(room: Room, /, *args: P.args, **kwargs: P.kwargs) -> R:
        async with room.lock:
            return await action(room, *args, **kwargs)

    wait_and_act.__doc__ = action.__doc__
    return wait_and_act


class Room:
    """One channel, the script that it writes on, and the voice that writes along.

    A method that raises has changed nothing: RoomError or ScriptError for what cannot be done,
    ModelError for a voice that is gone, EngineBusy and EngineClosed, HeadMoved and AlreadyWritten.
    """

    def __init__(
        self,
        channel: int,
        store: Store,
        voices: Voices,
        settings: Settings,
        told: set[tuple[int, int]] | None = None,
    ) -> None:
        self.channel = channel
        self.store = store
        self.voices = voices
        self.settings = settings
        self.lock = asyncio.Lock()
        self.painting = asyncio.Lock()
        """Held by whoever draws the channel's messages again."""
        # Scripts and their writers who know by now; it outlives the room, which is made anew
        # whenever nobody uses it.
        self._told = set[tuple[int, int]]() if told is None else told

    # Looking

    async def script(self) -> Script:
        """The script that the channel writes on; raises NoScript."""
        script = await self.store.running(self.channel)
        if script is None:
            raise NoScript("No script runs in this channel yet: begin one with /start.")
        return script

    async def lines(self) -> list[Line]:
        """The script's lines, from the first to the last."""
        return await self.store.path((await self.script()).head)

    async def characters(self) -> list[str]:
        """The cast, and after it those who have spoken, the latest first."""
        script = await self.script()
        spoken = [line.element.cue for line in reversed(await self.store.path(script.head))]
        return list(dict.fromkeys([*script.cast, *(cue for cue in spoken if cue)]))

    async def fountain(self) -> str:
        """The script as a Fountain file."""
        script = await self.script()
        return as_fountain(script.title, [line.element for line in await self.lines()])

    async def last_costs(
        self, most: int, characters: int
    ) -> tuple[Model, list[Line], list[Floats]]:
        """The voice, the last lines, and what each of their characters but the first cost it.

        At the ``most`` so many lines, and as many as have so many characters. What is not known,
        as after a change of voice, is read again. The costs are bits: float [n].
        """
        script = await self.script()
        engine = await self.voices.engine(script.voice)
        lines = (await self.store.last_lines(script.head, characters))[-most:]
        return engine.model, lines, [await self._cost(engine, line) for line in lines]

    async def expected(self, line: Line, position: int) -> Logits:
        """What the voice expected at a position, from 1, of a line as it reads it: logits [V]."""
        engine = await self.voices.engine((await self.script()).voice)
        state = await self._state(engine, line.parent)
        read = engine.model.encode(as_read(line.text))[:position]
        return await asyncio.to_thread(compose.expected, engine.model, state, read)

    # Acting

    @_locked
    async def start(
        self,
        writer: Writer,
        guild: int | None,
        title: str,
        heading: Element | None,
        cast: Sequence[str] = (),
        temperature: float | None = None,
        voice: str | None = None,
        over: int | None = None,
    ) -> Turn:
        """Begins a new script here, with a scene heading if there is one.

        ``over`` is the script that it may shelve, `NO_SCRIPT` for none; None for whichever runs.
        """
        await self._over(over)
        new = await self._new(writer, guild, title, cast, temperature, voice)
        engine = await self.voices.engine(new.voice)
        first = [heading] if heading else []
        drafts = await self._drafts(engine, engine.model.start(), first, writer)
        return await self._begin(new, drafts, writer, over)

    async def bring_in(
        self,
        writer: Writer,
        guild: int | None,
        title: str,
        elements: Sequence[Element],
        cast: Sequence[str] = (),
        temperature: float | None = None,
        voice: str | None = None,
        over: int | None = None,
        patience: Patience | None = None,
    ) -> Turn:
        """Begins a new script here with the elements of a file, as `start` does.

        The voice reads them before, and those who write here are not kept waiting meanwhile.
        """
        patience = patience or Patience()
        await self._over(over)
        new = await self._new(writer, guild, title, cast, temperature, voice)
        engine = await self.voices.engine(new.voice)
        reading = compose.read_all(
            engine,
            elements,
            writer.id,
            writer.name,
            self.channel,
            patience.progress,
            LONGEST_READING,
        )
        try:
            drafts = await patience.wait(reading)
        except Stopped:
            raise RoomError("Stopped while it was read: no script was begun.") from None
        async with self.lock:
            return await self._begin(new, drafts, writer, over)

    @_locked
    async def write(
        self,
        writer: Writer,
        text: str,
        character: str | None = None,
        under: Place | None = None,
    ) -> Turn:
        """A person's lines, read by the voice; ``under`` is where the script must still stand."""
        script = await self.script_at(under)
        elements = from_person(text, character)
        if any(len(element.text) > LONGEST_TEXT for element in elements):
            raise RoomError(
                f"One line has more than {LONGEST_TEXT:,} characters: put blank lines into it, so "
                f"that it becomes several."
            )
        if len(elements) > MOST_LINES:
            raise RoomError(f"That is {len(elements)} lines at once: write at most {MOST_LINES}.")
        return await self._add(script, elements, writer)

    @_locked
    async def carry_on(
        self,
        writer: Writer,
        wish: Wish,
        under: Place | None = None,
        patience: Patience | None = None,
    ) -> Turn:
        """The voice writes the next lines; ``under`` is where it must still stand."""
        if wish.character and wish.kind not in (None, Kind.DIALOGUE):
            raise RoomError(
                "Somebody who speaks needs speech: leave out the kind or the character."
            )
        script = await self.script_at(under)
        return await self._compose(script, script.head, wish, writer, patience)

    @_locked
    async def take_again(
        self, writer: Writer, under: Place | None = None, patience: Patience | None = None
    ) -> Turn:
        """Another take: the voice writes its last line once more, beside the one that is there."""
        script = await self.script_at(under)
        line = await self._last_line(script)
        if line.author is not None:
            raise RoomError(
                f"The last line is {inline(line.credit, 60)}'s, not the voice's: take it back with "
                f"/undo, or go on with /continue."
            )
        was = line.origin
        wish = Wish(
            character=was.get("character"),
            temperature=was["temperature"],
            top_p=was["top_p"],
            kind=Kind(was["kind"]) if was.get("kind") else None,
            min_p=was.get("min_p"),
            repetition=was.get("repetition"),
        )
        return await self._compose(script, line.parent, wish, writer, patience)

    @_locked
    async def undo(self, under: Place | None = None) -> Turn:
        """Takes the last line back; it stays in the tree, and the state before it is at hand."""
        script = await self.script_at(under)
        line = await self._last_line(script)
        return await self._go(script, line.parent)

    @_locked
    async def go_to(self, place: Place) -> Turn:
        """Moves the head to any line of the script that runs here: it continues from there."""
        try:
            await self.script_at(place)
        except LineIsOld:
            line = await self.store.line(place.line)
            if place.line != BEFORE_THE_FIRST and (line is None or line.script != place.script):
                raise RoomError("That line is not in this script: go on with /continue.") from None
            return await self._go(await self.script(), place.line or None)
        raise RoomError("The script stands at this line already: go on with /continue.")

    # How it is done

    async def _over(self, over: int | None) -> Script | None:
        """The script that runs, if it is the one that may be shelved; see `start`."""
        running = await self.store.running(self.channel)
        if over is not None and over != (running.id if running else NO_SCRIPT):
            raise RoomError("The script here has changed in the meantime: use /start again.")
        return running

    async def _new(
        self,
        writer: Writer,
        guild: int | None,
        title: str,
        cast: Sequence[str],
        temperature: float | None,
        voice: str | None,
    ) -> Script:
        """A script that is not stored yet, with a voice and a cast that it may have."""
        banned = await self._banned(guild)
        for character in cast:
            if word := said(character, banned):
                raise ScriptError(
                    f"“{inline(character, 60)}” cannot be in the cast: “{inline(word, 40)}” is "
                    f"among the words that must not be said here (/settings banned)."
                )
        return Script(
            channel=self.channel,
            guild=guild,
            owner=writer.id,
            title=title,
            cast=list(cast),
            voice=voice or self.settings.model,
            temperature=temperature or self.settings.temperature,
            top_p=self.settings.top_p,
            running=True,
            head=None,
        )

    async def _begin(
        self, new: Script, drafts: Sequence[Draft], writer: Writer, over: int | None
    ) -> Turn:
        """Stores a new script with its first lines, and shelves the one that runs."""
        shelved = await self._over(over)
        script = await self.store.begin(new, drafts, writer.delivery)
        last = await self.store.last_lines(script.head, 1)
        model = (await self.voices.engine(new.voice)).model
        first = [draft.element for draft in drafts[:ENOUGH_TO_JUDGE]]
        unreadable = self._must_be_told(script, writer, model, first)
        return Turn(script, last, shelved=shelved, unreadable=unreadable)

    async def script_at(self, under: Place | None) -> Script:
        """The script, if it stands at this place still; raises NoScript and LineIsOld."""
        script = await self.script()
        if under is None or under == place_of(script):
            return script
        if under.script != script.id:
            raise RoomError(
                f"That script is on the shelf: “{inline(script.title, 100)}” runs here now."
            )
        raise LineIsOld(under)

    async def _last_line(self, script: Script) -> Line:
        line = None if script.head is None else await self.store.line(script.head)
        if line is None:
            raise RoomError("The script has no line yet: write one, or use /continue.")
        return line

    async def _go(self, script: Script, head: int | None) -> Turn:
        await self.store.move(script, head)
        return await self._turn(script, head, [])

    async def _add(self, script: Script, elements: Sequence[Element], writer: Writer) -> Turn:
        """Stores a person's elements after the head, each with the state that reading it leaves."""
        engine = await self.voices.engine(script.voice)
        state = await self._state(engine, script.head)
        drafts = await self._drafts(engine, state, elements, writer)
        lines = await self.store.append(script, script.head, drafts, writer.delivery, take=0)
        unreadable = self._must_be_told(script, writer, engine.model, elements)
        return await self._turn(script, lines[-1].id, lines, unreadable)

    async def _compose(
        self,
        script: Script,
        parent: int | None,
        wish: Wish,
        writer: Writer,
        patience: Patience | None = None,
    ) -> Turn:
        """Lets the voice write below ``parent``, and moves the head there."""
        patience = patience or Patience()
        engine = await self.voices.engine(script.voice)
        drafts: list[Draft] = []
        try:
            at = await patience.wait(self._standing(engine, parent, patience.progress))
            for manner in self._manners(script, wish, await self._banned(script.guild)):
                draft = await patience.wait(self._draft(engine, at, manner))
                at = at.after(engine.model, draft)
                drafts.append(draft)
                patience.progress.written += 1
        except Stopped:
            if not drafts:
                raise RoomError("Stopped before the first line: nothing was added.") from None
        lines = await self.store.append(script, parent, drafts, writer.delivery, take=0)
        return await self._turn(script, lines[-1].id, lines)

    def _manners(self, script: Script, wish: Wish, banned: tuple[str, ...]) -> Iterator[Manner]:
        """How each line is to be written that was wished for."""
        seed = secrets.randbelow(LARGEST_SEED) if wish.seed is None else wish.seed
        for number in range(wish.lines):
            sampling = Sampling(
                (seed + number) % (LARGEST_SEED + 1),
                wish.temperature or script.temperature,
                wish.top_p or script.top_p,
                self.settings.min_p if wish.min_p is None else wish.min_p,
                self.settings.repetition if wish.repetition is None else wish.repetition,
                self.settings.soft_length,
            )
            # One who was asked to speak speaks first; who answers is up to the voice.
            character = wish.character if number == 0 else None
            kind = None if character else wish.kind
            cast = () if character else tuple(script.cast)
            limit = self.settings.line_length
            yield Manner(sampling, limit, kind, character, cast, banned)

    async def _draft(self, engine: Engine, at: Standing, manner: Manner) -> Draft:
        """One line by the voice."""
        try:
            draft = await compose.write(engine, at, manner, self.channel)
        except NothingLeft:
            raise RoomError(
                "Without the words that must not be said here nothing is left to say: try again, "
                "or take some off the list with /settings banned."
            ) from None
        except ValueError as error:
            raise RoomError(f"{error} Choose another kind, or another voice.") from error
        if draft is None:
            raise RoomError("The voice had nothing to say: try again, or another temperature.")
        return draft

    async def _banned(self, guild: int | None) -> tuple[str, ...]:
        """What must not be said here: the operator's list, the guild's and the channel's."""
        own = await self.store.banned(self.channel, guild)
        return tuple(sorted({*compose.words_of(self.settings.banned), *own}))

    async def _drafts(
        self, engine: Engine, state: States, elements: Sequence[Element], writer: Writer
    ) -> list[Draft]:
        """A person's elements, each with the state that reading it leaves."""
        drafts: list[Draft] = []
        for element in elements:
            draft = await compose.read(engine, state, element, writer.id, writer.name, self.channel)
            assert draft.state is not None  # it was read by itself
            state = draft.state
            drafts.append(draft)
        return drafts

    async def _standing(self, engine: Engine, head: int | None, progress: Progress) -> Standing:
        """Where the script stands at a line, for its voice."""
        state = await self._state(engine, head, progress)
        last = await self.store.last_lines(head, REACH)
        return Standing(state, compose.recent(engine.model, last))

    async def _state(
        self, engine: Engine, head: int | None, progress: Progress | None = None
    ) -> States:
        """What the voice remembers at a line: kept, or read again from the text."""
        model = engine.model
        if head is None:
            return model.start()
        kept = await self.store.state(head, model.fingerprint)
        if kept is not None:
            return kept
        state, unread = await self._last_kept(model, head)
        state = await compose.read_again(
            engine, state, unread, self.channel, progress or Progress()
        )
        await self.store.keep_state(head, model.fingerprint, state)
        return state

    async def _cost(self, engine: Engine, line: Line) -> Floats:
        """What each character of a line but the first cost the voice, in bits: float [n]."""
        known = await self.store.surprise(line.id, engine.model.fingerprint)
        if known is not None:
            return known
        state = await self._state(engine, line.parent)
        return await compose.costs(engine, state, line.element, self.channel)

    async def _last_kept(self, model: Model, head: int) -> tuple[States, list[Line]]:
        """The nearest state that was kept on the way to a line, and the lines after it."""
        path = await self.store.path(head)
        kept = await self.store.states_kept((line.id for line in path), model.fingerprint)
        for i in reversed(range(len(path))):
            if path[i].id in kept:
                state = await self.store.state(path[i].id, model.fingerprint)
                if state is not None:
                    return state, path[i + 1 :]
        return model.start(), path

    async def _turn(
        self, before: Script, head: int | None, lines: list[Line], unreadable: bool = False
    ) -> Turn:
        """What a move of the head from where ``before`` has it changed."""
        was = set(await self.store.path_ids(before.head))
        now = set(await self.store.path_ids(head))
        new = {line.id for line in lines}
        return Turn(
            script=await self.script(),
            lines=lines,
            moved_from=before.head,
            left=frozenset(was - now),
            returned=frozenset(now - was - new),
            unreadable=unreadable,
        )

    def _must_be_told(
        self, script: Script, writer: Writer, model: Model, elements: Sequence[Element]
    ) -> bool:
        """Whether much of this cannot be read by the voice, and its writer does not know yet."""
        text = "".join(element.body for element in elements)
        if model.skipped(text) <= UNREADABLE_SHARE * len(text):
            return False
        who = (script.id, writer.id)
        told_before = who in self._told
        self._told.add(who)
        return not told_before


def place_of(script: Script) -> Place:
    """Where a script stands."""
    return Place(script.id, script.head or BEFORE_THE_FIRST)


class Rooms:
    """The rooms that are in use, one a channel."""

    def __init__(self, store: Store, voices: Voices, settings: Settings) -> None:
        self.store = store
        self.voices = voices
        self.settings = settings
        self._rooms: WeakValueDictionary[int, Room] = WeakValueDictionary()
        self._told: set[tuple[int, int]] = set()

    def at(self, channel: int) -> Room:
        """The room of a channel."""
        room = self._rooms.get(channel)
        if room is None:
            room = Room(channel, self.store, self.voices, self.settings, self._told)
            self._rooms[channel] = room
        return room
