"""Room: one channel's script in play. It knows no Discord: names and text go in and out."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

from ..arrays import Floats, Logits
from ..generation import generator, openings
from ..generation.generator import Manner, Progress, Standing
from ..generation.openings import Reading
from ..generation.readers import Readers
from ..i18n.catalogue import phrase, say
from ..i18n.markdown import inline
from ..inference.engine import Engine
from ..inference.model import Model
from ..inference.registry import Voices
from ..screenplay.drafts import Draft
from ..screenplay.elements import Element, Kind
from ..screenplay.fountain import as_read
from ..screenplay.free_text import from_person
from ..settings import Settings
from ..storage.schema import BEFORE_THE_FIRST, Ballot, Line, Script, fork_of
from ..storage.store import Store
from .library import Shelf, locked
from .permissions import check_cooldown, check_may_pick, check_may_take, check_may_write, check_turn
from .turn import (
    NO_SCRIPT,
    LineIsOld,
    NoScript,
    Outcome,
    Patience,
    Place,
    RoomError,
    Stopped,
    Turn,
    Wish,
    Writer,
    place_of,
)
from .vote import counted, winner

__all__ = [
    "LONGEST_TEXT",
    "MOST_LINES",
    "NO_SCRIPT",
    "LineIsOld",
    "NoScript",
    "Outcome",
    "Patience",
    "Place",
    "Room",
    "RoomError",
    "Rooms",
    "Turn",
    "Wish",
    "Writer",
    "place_of",
]

MOST_LINES = 10
"""Lines that one turn writes at the most."""

LONGEST_READING = 600.0
"""Seconds that the voice reads a file for before its lines are there. Discord waits for 900."""

LONGEST_TEXT = 1500
"""Characters that one element of a person's text may have, so that a message can show it."""

ENOUGH_TO_JUDGE = 500
"""Lines of a file that are looked at for characters that a voice cannot read."""

UNREADABLE_SHARE = 0.1
"""From this share of characters on that a voice cannot read, their writer is told."""


Clock = Callable[[], dt.datetime]
"""Tells the time, with its zone."""


def the_time() -> dt.datetime:
    """What time it is."""
    return dt.datetime.now(dt.UTC)


class Room(Shelf):
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
        clock: Clock = the_time,
        readers: Readers | None = None,
    ) -> None:
        super().__init__(channel, store, voices, settings)
        self.clock = clock
        self.readers = readers or Readers()
        self.voting = asyncio.Lock()
        """Held while a vote is noted or all are counted, but never as long as the voice writes."""
        self.painting = asyncio.Lock()
        """Held by whoever draws the channel's messages again."""
        # Scripts and their writers who know by now; it outlives the room, which is made anew
        # whenever nobody uses it.
        self._told = set[tuple[int, int]]() if told is None else told

    # Looking

    async def last_costs(
        self, most: int, characters: int
    ) -> tuple[Reading, list[Line], list[Floats]]:
        """The voice, the last lines, and what their characters but each first cost it.

        At the ``most`` so many lines, and as many as have so many characters. What is not known,
        as after a change of voice, is read again. The costs are bits: float [n].
        """
        script = await self.script()
        reading = await self.reading(script.voice, script.style)
        lines = (await self.store.lines.load_last(script.head, characters))[-most:]
        return reading, lines, [await self.prompter.cost(reading, line) for line in lines]

    async def expected(self, reading: Reading, line: Line, position: int) -> Logits:
        """What a voice expected at a position, from 1, of a line as it reads it: logits [V]."""
        state = await self.prompter.state(reading, line.parent)
        read = reading.model.encode(as_read(line.text))[:position]
        return await asyncio.to_thread(generator.expected, reading.model, state, read)

    async def reading(self, voice: str, style: str | None) -> Reading:
        """Return a voice that has read the opening of a style, if it has one; raises ModelError."""
        return await openings.reading(await self.voices.engine(voice), style, self.channel)

    # Writing

    @locked
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
        style: str | None = None,
    ) -> Turn:
        """Begins a new script here, with a scene heading if there is one.

        Its voice reads the opening of ``style`` before. ``over`` is the script that it may shelve,
        `NO_SCRIPT` for none; None for whichever runs.
        """
        await self._over(writer, over)
        new = await self._new(writer, guild, title, cast, temperature, voice)
        reading = await self._first_reading(new, style)
        first = [heading] if heading else []
        drafts = await self.prompter.drafts(reading, reading.start, first, writer)
        return await self._begin(new, reading, drafts, writer, over)

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
        style: str | None = None,
        patience: Patience | None = None,
    ) -> Turn:
        """Begins a new script here with the elements of a file, as `start` does.

        The voice reads them before, and those who write here are not kept waiting meanwhile.
        """
        patience = patience or Patience()
        await self._over(writer, over)
        new = await self._new(writer, guild, title, cast, temperature, voice)
        reading = await self._first_reading(new, style)
        reads = generator.read_all(
            reading,
            elements,
            writer.id,
            writer.name,
            self.channel,
            patience.progress,
            LONGEST_READING,
        )
        try:
            drafts = await patience.wait(reads)
        except Stopped:
            raise RoomError(say("Stopped while it was read: no script was begun.")) from None
        async with self.lock:
            return await self._begin(new, reading, drafts, writer, over)

    @locked
    async def write(
        self,
        writer: Writer,
        text: str,
        character: str | None = None,
        under: Place | None = None,
        patience: Patience | None = None,
    ) -> Turn:
        """A person's lines, read by the voice; ``under`` is where the script must still stand."""
        script = await self.script_at(under)
        elements = _elements(text, character)
        await self._check_pace(script, writer)
        check_turn(script, await self._line_at(script.head), writer)
        return await self._add(script, elements, writer, patience or Patience())

    @locked
    async def carry_on(
        self,
        writer: Writer,
        wish: Wish,
        under: Place | None = None,
        patience: Patience | None = None,
    ) -> Turn:
        """The voice writes the next lines; ``under`` is where it must still stand.

        Where several takes are wished for, or the script is set to, the turn has a ballot of them,
        and the script stands where it did.
        """
        if wish.character and wish.kind not in (None, Kind.DIALOGUE):
            raise RoomError(
                say("Somebody who speaks needs speech: leave out the {*kind} or the {*character}.")
            )
        script = await self.script_at(under)
        takes = wish.takes or script.takes
        if wish.vote and takes == 1:
            raise RoomError(
                say("A vote needs something to choose from: add {*takes}, from 2 to 5.")
            )
        await self._check_pace(script, writer)
        if takes > 1:
            return await self._offer(script, wish, takes, writer, patience)
        return await self._compose(script, script.head, wish, writer, patience)

    @locked
    async def take_again(
        self, writer: Writer, under: Place | None = None, patience: Patience | None = None
    ) -> Turn:
        """Another take: the voice writes its last line once more, beside the one that is there."""
        script = await self.script_at(under)
        line = await self._last_line(script)
        if line.author is not None:
            raise RoomError(
                say(
                    "The last line is {name}'s, not the voice's: take it back with {/undo}, or go "
                    "on with {/continue}.",
                    name=inline(line.credit, 60),
                )
            )
        await self._check_pace(script, writer)
        was = line.origin
        wish = Wish(
            character=was.get("character"),
            temperature=was["temperature"],
            top_p=was["top_p"],
            kind=Kind(was["kind"]) if was.get("kind") else None,
            min_p=was.get("min_p"),
            repetition=was.get("repetition"),
            company=was.get("company"),
            quality=was.get("quality"),
        )
        return await self._compose(script, line.parent, wish, writer, patience)

    # Takes

    async def ballot(self, ballot: int) -> Ballot:
        """A ballot that is open; raises RoomError."""
        found = await self.store.polls.find(ballot)
        if found is None:
            raise RoomError(say("These takes were deleted: ask for others with {/continue}."))
        if found.closed:
            raise RoomError(
                say("One of these takes was chosen already: {/history} goes to the others.")
            )
        return found

    async def take_to_pick(
        self, writer: Writer, ballot: int, take: int
    ) -> tuple[Script, list[Line]]:
        """The script and a take's lines, for one who is about to pick it; raises as `pick` will."""
        found = await self.ballot(ballot)
        script = await self.script()
        await self._check_runs(script, found.script)
        check_may_write(script, writer)
        check_may_pick(found, writer)
        lines = await self._take(found, take)
        if script.head != found.parent:
            sentence = phrase("The script has gone on since these takes were written.")
            raise LineIsOld(Place(script.id, lines[-1].id), sentence)
        return script, lines

    @locked
    async def pick(self, writer: Writer, ballot: int, take: int) -> Turn:
        """Goes on with a take, from 0; the others stay in the tree beside it."""
        script, lines = await self.take_to_pick(writer, ballot, take)
        await self.store.polls.choose(ballot, take, script, lines[-1].id)
        return await self._turn(script, lines[-1].id, lines)

    async def vote(self, writer: Writer, ballot: int, take: int) -> None:
        """Notes that a person is for a take, from 0, and for no other any more."""
        async with self.voting:
            found = await self.ballot(ballot)
            if found.ends is not None and self.clock() >= found.ends:
                raise RoomError(say("The time for this vote is over: it is being counted."))
            check_may_write(await self.of_channel(found.script), writer)
            await self._take(found, take)
            await self.store.polls.vote(ballot, writer.id, take)

    @locked
    async def close(self, ballot: int) -> Outcome | None:
        """Ends a vote: the script goes on with the take that won, if it stands where it stood.

        Says how it ended, again and again until that was announced; None then, or for a ballot that
        is gone.
        """
        async with self.voting:
            found = await self.store.polls.find(ballot)
            if found is None or found.announced:
                return None
            takes = await self.store.polls.load_takes(found)
            counts = counted(takes, (await self.store.polls.load_votes(ballot)).values())
            won = winner(counts) if found.chosen is None else found.chosen
            lines = takes[won]
            if not found.closed:
                before = await self.store.scripts.get(found.script)
                stands = before.running and before.head == found.parent
                await self.store.polls.choose(
                    ballot, won, before, lines[-1].id if stands else before.head
                )
        script, last = await self.store.scripts.get(found.script), lines[-1].id
        taken = last in await self.store.lines.load_path_ids(script.head, last)
        turn = Turn(script, lines, moved_from=found.parent) if taken else None
        return Outcome(found, script, counts, won, lines, turn)

    # The tree

    @locked
    async def undo(self, writer: Writer, under: Place | None = None) -> Turn:
        """Takes the last line back; it stays in the tree, and the state before it is at hand."""
        script = await self.script_at(under)
        line = await self._last_line(script)
        return await self._go(script, line.parent, writer)

    @locked
    async def redo(self, writer: Writer, under: Place | None = None) -> Turn:
        """Goes on to the line through which the head last went from here."""
        script = await self.script_at(under)
        child = await self.store.lines.find_redo(script.id, script.head)
        if child is None:
            raise RoomError(say("Nothing was taken back here: go on with {/continue}."))
        return await self._go(script, child, writer)

    @locked
    async def go_to(self, writer: Writer, place: Place) -> Turn:
        """Moves the head to any line of the script that runs here: it continues from there."""
        try:
            await self.script_at(place)
        except LineIsOld:
            script = await self.script()
            if place.line != BEFORE_THE_FIRST and not await self.store.scripts.has_line(
                script, place.line
            ):
                raise RoomError(
                    say("That line is not in this script: go on with {/continue}.")
                ) from None
            return await self._go(script, place.line or None, writer)
        raise RoomError(say("The script stands at this line already: go on with {/continue}."))

    @locked
    async def rewrite(
        self,
        writer: Writer,
        place: Place,
        text: str,
        character: str | None = None,
        patience: Patience | None = None,
    ) -> Turn:
        """Writes a line of the script anew; copies of what followed it follow the new one.

        The turn's lines are the new ones. What they were written instead of stays in the tree.
        """
        script, line = await self._standing_line(place)
        check_may_write(script, writer)
        check_may_take(script, line, writer)
        elements = _elements(text, character)
        if elements == [line.element]:
            raise RoomError(say("That is what the line says already: change it, or leave it."))
        if len(elements) > 1:  # then there are more lines than before
            await self._check_pace(script, writer)
            check_turn(script, await self._line_at(script.head), writer)
        reading = await self._reader(script, line.parent)
        drafts = await self._read(reading, line.parent, elements, writer, patience or Patience())
        lines, head = await self.store.lines.rewrite(
            script, line, drafts, writer.delivery, writer.id
        )
        unreadable = self._must_be_told(script, writer, reading.model, elements)
        turn = await self._turn(script, head, lines, unreadable)
        return self._with_news(turn)

    async def line_to_rewrite(self, writer: Writer, place: Place) -> Line:
        """A line, for one who is about to rewrite it; raises RoomError as `rewrite` will."""
        script, line = await self._standing_line(place)
        check_may_write(script, writer)
        check_may_take(script, line, writer)
        return line

    @locked
    async def fork(self, writer: Writer, title: str, channel: int | None = None) -> Turn:
        """Begins another script on the line where this one stands, here or in another channel.

        It is written as this one is, and belongs to whoever began it.
        """
        script = await self.script()
        check_may_write(script, writer)
        fork = fork_of(script, self.channel if channel is None else channel, writer.id, title)
        begun = await self.store.scripts.begin(fork, (), writer.delivery, script.id)
        return Turn(begun, moved_from=begun.head, shelved=None if channel else script)

    # How it is done

    async def _take(self, ballot: Ballot, take: int) -> list[Line]:
        """The lines of a take, from 0; raises RoomError."""
        takes = await self.store.polls.load_takes(ballot)
        if take not in takes:
            raise RoomError(say("There is no such take: press one of the buttons below the takes."))
        return takes[take]

    async def _standing_line(self, place: Place) -> tuple[Script, Line]:
        """The script and a line of it that stands in it now; raises RoomError."""
        script = await self.script()
        await self._check_runs(script, place.script)
        line = await self._line_at(place.line)
        if line is None or line.id not in await self.store.lines.load_path_ids(
            script.head, line.id
        ):
            raise RoomError(say("That line is not in the script any more: continue from it first."))
        return script, line

    async def _line_at(self, line: int | None) -> Line | None:
        return None if line is None else await self.store.lines.find(line)

    async def _last_line(self, script: Script) -> Line:
        line = await self._line_at(script.head)
        if line is None:
            raise RoomError(say("The script has no line yet: write one, or use {/continue}."))
        return line

    async def _check_pace(self, script: Script, writer: Writer) -> None:
        """Raises RoomError for one who may not add a line, or not yet."""
        check_may_write(script, writer)
        if script.cooldown:
            last = await self.store.lines.find_last_request(script.id, writer.id)
            check_cooldown(script, last, dt.datetime.now(dt.UTC))

    async def _go(self, script: Script, head: int | None, writer: Writer) -> Turn:
        """Moves the head, if whoever does so may take back what is not above it then."""
        check_may_write(script, writer)
        kept = set(await self.store.lines.load_path_ids(head))
        left = [
            line for line in await self.store.lines.load_path_ids(script.head) if line not in kept
        ]
        for line in reversed(await self.store.lines.load(left)):
            check_may_take(script, line, writer)
        await self.store.lines.move_head(script, head)
        return await self._turn(script, head, [])

    async def _add(
        self, script: Script, elements: Sequence[Element], writer: Writer, patience: Patience
    ) -> Turn:
        """Stores a person's elements after the head, each with the state that reading it leaves."""
        reading = await self._reader(script, script.head)
        drafts = await self._read(reading, script.head, elements, writer, patience)
        lines = await self.store.lines.append(
            script, script.head, drafts, writer.delivery, take=0, asker=writer.id
        )
        unreadable = self._must_be_told(script, writer, reading.model, elements)
        return self._with_news(await self._turn(script, lines[-1].id, lines, unreadable))

    def _with_news(self, turn: Turn) -> Turn:
        """A turn for which the voice has read the script; everybody learns if it is another one."""
        return replace(turn, read_by=self.readers.news(turn.script.id))

    async def _reader(self, script: Script, parent: int | None) -> Reading:
        """A script's voice, which is about to read it as far as a line."""
        reading = await self.reading(script.voice, script.style)
        before = (
            None if self.readers.knows(script.id) else await self.store.states.find_reader(parent)
        )
        self.readers.note(script.id, reading, before)
        return reading

    async def _read(
        self,
        reading: Reading,
        parent: int | None,
        elements: Sequence[Element],
        writer: Writer,
        patience: Patience,
    ) -> list[Draft]:
        """A person's elements below a line, as the voice reads them; raises RoomError if stopped.

        It may have to read all that stands above them before.
        """
        try:
            state = await patience.wait(self.prompter.state(reading, parent, patience.progress))
            return await patience.wait(self.prompter.drafts(reading, state, elements, writer))
        except Stopped:
            sentence = say("Stopped while the voice read the script: nothing was changed.")
            raise RoomError(sentence) from None

    async def _compose(
        self,
        script: Script,
        parent: int | None,
        wish: Wish,
        writer: Writer,
        patience: Patience | None = None,
    ) -> Turn:
        """Lets the voice write below ``parent``, and moves the head there."""
        [drafts] = await self._drafts(script, parent, [wish], patience or Patience())
        lines = await self.store.lines.append(
            script, parent, drafts, writer.delivery, take=0, asker=writer.id
        )
        return self._with_news(await self._turn(script, lines[-1].id, lines))

    async def _offer(
        self, script: Script, wish: Wish, takes: int, writer: Writer, patience: Patience | None
    ) -> Turn:
        """Lets the voice write takes below the head, and leaves it there until one is chosen."""
        wishes = self.prompter.takes(wish, takes)
        drafts = await self._drafts(script, script.head, wishes, patience or Patience())
        ends = self.clock() + dt.timedelta(seconds=wish.vote) if wish.vote else None
        ballot = await self.store.polls.offer(script, drafts, writer.delivery, writer.id, ends)
        return self._with_news(Turn(script, ballot=ballot))

    async def _drafts(
        self, script: Script, parent: int | None, wishes: Sequence[Wish], patience: Patience
    ) -> list[list[Draft]]:
        """What the voice writes below ``parent`` for each wish, all at once, where it is something.

        What is finished when somebody presses Stop is kept; raises RoomError where nothing is.
        """
        reading = await self._reader(script, parent)
        takes: list[list[Draft]] = [[] for _ in wishes]
        try:
            at = await patience.wait(self.prompter.standing(reading, parent, patience.progress))
            banned = await self.prompter.banned(script.guild)
            manners = [self.prompter.manners(script, wish, banned, len(wishes)) for wish in wishes]
            firsts = await patience.wait(
                self.prompter.draft_each(reading.engine, at, [next(some) for some in manners])
            )
            works = [
                self._write(reading.engine, at, first, some, patience.progress, drafts)
                for first, some, drafts in zip(firsts, manners, takes, strict=True)
            ]
            await patience.wait(_any_of(works))
        except Stopped:
            if not any(takes):
                raise RoomError(say("Stopped before the first line: nothing was added.")) from None
        return [drafts for drafts in takes if drafts]

    async def _write(
        self,
        engine: Engine,
        at: Standing,
        first: Draft | RoomError,
        manners: Iterator[Manner],
        progress: Progress,
        drafts: list[Draft],
    ) -> None:
        """Let the voice write more lines below a first one; those that are finished are drafts."""
        if isinstance(first, RoomError):
            raise first
        try:
            draft = first
            while True:
                at = at.after(engine.model, draft)
                drafts.append(draft)
                progress.written += 1
                if (manner := next(manners, None)) is None:
                    return
                draft = await self.prompter.draft(engine, at, manner)
        except RoomError:
            drafts.clear()
            raise

    async def _over(self, writer: Writer, over: int | None) -> Script | None:
        """The script that runs, if it is the one that may be shelved; see `start`."""
        running = await self.store.scripts.find_running(self.channel)
        if over is not None and over != (running.id if running else NO_SCRIPT):
            raise RoomError(say("The script here has changed in the meantime: use {/start} again."))
        if running is not None:
            check_may_write(running, writer)
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
        await self._check_names(cast, guild)
        return Script(
            channel=self.channel,
            guild=guild,
            owner=writer.id,
            title=title,
            cast=list(cast),
            voice=voice or await self._voice_of(guild),
            temperature=temperature or self.settings.temperature,
            top_p=self.settings.top_p,
            lock=bool(cast),
            running=True,
            head=None,
        )

    async def _voice_of(self, guild: int | None) -> str:
        """The voice of a new script, which is there."""
        chosen = await self.prompter.voice(guild)
        return chosen if chosen in self.voices.names() else self.settings.model

    async def _first_reading(self, new: Script, style: str | None) -> Reading:
        """Return a new script's voice, and note the style in the script; raises ScriptError."""
        if style:
            model = (await self.voices.engine(new.voice)).model
            new.style = openings.find_style(model, style)
        return await self.reading(new.voice, new.style)

    async def _begin(
        self,
        new: Script,
        reading: Reading,
        drafts: Sequence[Draft],
        writer: Writer,
        over: int | None,
    ) -> Turn:
        """Stores a new script with its first lines, and shelves the one that runs."""
        shelved = await self._over(writer, over)
        script = await self.store.scripts.begin(new, drafts, writer.delivery)
        last = await self.store.lines.load_last(script.head, 1)
        self.readers.note(script.id, reading)
        first = [draft.element for draft in drafts[:ENOUGH_TO_JUDGE]]
        unreadable = self._must_be_told(script, writer, reading.model, first)
        return Turn(script, last, shelved=shelved, unreadable=unreadable)

    async def _turn(
        self, before: Script, head: int | None, lines: list[Line], unreadable: bool = False
    ) -> Turn:
        """What a move of the head from where ``before`` has it changed."""
        left, returned = frozenset[int](), frozenset[int]()
        if not lines or lines[0].parent != before.head:  # it did not just go on
            was = frozenset(await self.store.lines.load_path_ids(before.head))
            now = frozenset(await self.store.lines.load_path_ids(head))
            left, returned = was - now, now - was - {line.id for line in lines}
        return Turn(
            script=await self.script(),
            lines=lines,
            moved_from=before.head,
            left=left,
            returned=returned,
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


def _elements(text: str, character: str | None) -> list[Element]:
    """What a person typed; raises RoomError and ScriptError for what cannot be a turn."""
    elements = from_person(text, character)
    if any(len(element.text) > LONGEST_TEXT for element in elements):
        raise RoomError(
            say(
                "One line has more than {most:,} characters: put blank lines into it, so that it "
                "becomes several.",
                most=LONGEST_TEXT,
            )
        )
    if len(elements) > MOST_LINES:
        raise RoomError(
            say(
                "That is {lines:,} lines at once: write at most {most}.",
                lines=len(elements),
                most=MOST_LINES,
            )
        )
    return elements


async def _any_of(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Does things at once; what cannot be done is left out, unless it is all of them."""
    done = await asyncio.gather(*works, return_exceptions=True)
    failed = [error for error in done if error is not None]
    worst = next((error for error in failed if not isinstance(error, RoomError)), None)
    if worst or len(failed) == len(done):
        raise worst or failed[0]


class Rooms:
    """The rooms that are in use, one a channel."""

    def __init__(
        self, store: Store, voices: Voices, settings: Settings, clock: Clock = the_time
    ) -> None:
        self.clock = clock
        self.store = store
        self.voices = voices
        self.settings = settings
        self._rooms: WeakValueDictionary[int, Room] = WeakValueDictionary()
        self._told: set[tuple[int, int]] = set()
        self._readers = Readers()

    def forget(self, person: int) -> None:
        """Forgets what a person was told."""
        self._told -= {told for told in self._told if told[1] == person}

    def at(self, channel: int) -> Room:
        """The room of a channel."""
        room = self._rooms.get(channel)
        if room is None:
            room = Room(
                channel,
                self.store,
                self.voices,
                self.settings,
                self._told,
                self.clock,
                self._readers,
            )
            self._rooms[channel] = room
        return room
