"""Store: scripts, their trees of lines, and the state after each line, in one database."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from sqlalchemy import URL, and_, case, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ..arrays import Floats, States
from ..screenplay.drafts import Draft
from ..screenplay.elements import Element, Kind
from ..telemetry import Meter
from . import erasure, line_tree
from .dialects import first_line, insert
from .erasure import Kept
from .line_tree import LINES_AT_ONCE, AlreadyWritten, HeadMoved
from .postgres.database import Postgres
from .schema import (
    BEFORE_THE_FIRST,
    GUILDS_VOICE,
    LOOKED_AFTER_BY,
    Ballot,
    Ban,
    Departure,
    Fact,
    Line,
    Post,
    Script,
    Stale,
    State,
    Surprise,
    Trail,
    Vote,
    fork_of,
)
from .sqlite.database import Database
from .state_eviction import Budget
from .transactions import GroupCommit, Guard, NotKept, StoreError, Transactions

__all__ = [
    "BEFORE_THE_FIRST",
    "AlreadyWritten",
    "Ballot",
    "Forgotten",
    "HeadMoved",
    "Kept",
    "Line",
    "NotKept",
    "Script",
    "Store",
    "StoreError",
    "fork_of",
]


@dataclass(frozen=True)
class Forgotten:
    """What became of somebody's wish to be forgotten."""

    lines: int
    """How many lines named them."""
    gone: bool
    """Whether it is gone from all of the disk; where it is not, it goes later, by itself."""


ROOM_FOR_STATES = 832 * 2**20
"""Bytes that states may take, if nothing else is set: with 8 KB each, those of 100,000 heads, and
of the latest 5,000 lines before them."""


async def opened(where: Path | URL, guard: Guard | None = None) -> Transactions:
    """A database, a file or on a server; raises StoreError when it cannot be used.

    ``guard`` is asked before anything is written on a server: a file has one process anyway.
    """
    return await (Postgres.open(where, guard) if isinstance(where, URL) else Database.open(where))


class Store:
    """All that is kept, in a file or on a server.

    Use `Store.open`. Every method is a transaction that is on the disk when it returns; the turns
    of several channels at once share one.
    """

    def __init__(self, database: Transactions, room_for_states: int) -> None:
        self._database = database
        self._budget = Budget(room_for_states)
        self._turns = GroupCommit(self._states_change)

    @classmethod
    async def open(
        cls,
        where: Path | URL,
        room_for_states: int = ROOM_FOR_STATES,
        guard: Guard | None = None,
    ) -> Self:
        """Opens or makes the database; raises StoreError when it cannot be used.

        ``where`` is a file of SQLite's, or the address of a database of PostgreSQL's, where
        ``guard`` may forbid to write. States take at most ``room_for_states`` bytes of it.
        """
        return cls(await opened(where, guard), room_for_states)

    def tell(self, meter: Meter) -> None:
        """Says who is told how long transactions take."""
        self._database.meter = meter

    async def close(self) -> None:
        """Closes the database, and leaves it to the next process."""
        await self._turns.end()
        await self._database.close()

    # Scripts

    async def running(self, channel: int) -> Script | None:
        """The script that a channel writes on."""
        async with self._database.reading() as session:
            return await session.scalar(
                select(Script).where(Script.channel == channel, Script.running)
            )

    async def script(self, script: int) -> Script:
        """A script, by its id."""
        async with self._database.reading() as session:
            return await session.get_one(Script, script)

    async def find(self, script: int) -> Script | None:
        """A script, by its id; None for one that is gone."""
        async with self._database.reading() as session:
            return await session.get(Script, script)

    async def begin(
        self,
        script: Script,
        drafts: Sequence[Draft] = (),
        delivery: str | None = None,
        forked: int | None = None,
    ) -> Script:
        """Stores a new script and its first lines, and shelves the one that ran in its channel.

        It begins at its head, which is a line of another script where it is a fork: people play in
        it whom they play now in ``forked``, that other one. All or nothing. Raises AlreadyWritten
        when this delivery has begun one already.
        """
        async with self._states_change() as session:
            begun = select(Script.id).where(Script.delivery == delivery)
            if delivery is not None and await session.scalar(begun) is not None:
                raise AlreadyWritten
            await line_tree.shelve(session, script.channel)
            script.delivery = delivery
            if forked is not None:
                script.players = (await session.get_one(Script, forked)).players
            session.add(script)
            await session.flush()
            lines = await line_tree.hang(
                session, script, script.head, drafts, delivery or "", 0, script.owner
            )
            script.head = lines[-1].id if lines else script.head
            await self._make_room(session, drafts)
        return script

    async def shelf(self, channel: int) -> list[Script]:
        """All scripts of a channel: the one that runs, then the others, the latest first."""
        async with self._database.reading() as session:
            found = await session.scalars(
                select(Script)
                .where(Script.channel == channel)
                .order_by(Script.running.desc(), Script.archived, Script.id.desc())
            )
            return list(found)

    async def run(self, script: int) -> Script:
        """Makes a script the one that its channel writes on, and shelves the other."""
        async with self._database.writing() as session:
            found = await session.get_one(Script, script)
            await line_tree.shelve(session, found.channel)
            found.running, found.archived = True, False
        return found

    async def change(self, script: int, **values: Any) -> Script:  # noqa: ANN401 - its columns
        """Changes what is kept with a script, by the names of `Script`."""
        async with self._database.writing() as session:
            found = await session.get_one(Script, script)
            for name, value in values.items():
                setattr(found, name, value)
        return found

    async def recast(
        self, script: int, cast: Sequence[str], players: Mapping[str, int | None]
    ) -> Script:
        """Replaces a script's cast, and who plays these characters: people's ids, None for nobody.

        Whoever else plays does so as before, unless they were forgotten since the script was read.
        """
        async with self._database.writing() as session:
            found = await session.get_one(Script, script)
            play = {**found.players, **players}
            found.cast = list(cast)
            found.players = {name: play[name] for name in cast if play.get(name) is not None}
        return found

    async def delete(self, script: int) -> None:
        """Deletes a script and its lines. Those that another one reaches become that one's.

        So do messages in which lines of another one stand.
        """
        async with self._database.erasing() as session:
            for heir in await line_tree.heirs(session, script):
                await line_tree.leave_to(session, script, heir)
            for owner in await line_tree.owners(session, script):
                lines = select(Line.id).where(Line.script == owner.id)
                await line_tree.leave_messages_to(session, script, owner, lines)
            await line_tree.delete_scripts(session, select(Script.id).where(Script.id == script))
        await self._database.flush_out()

    # What is erased

    async def forget(self, person: int, *, text: bool) -> Forgotten:
        """Takes a person's name from everything, and if they wish the text from their lines.

        The messages that show any of it are `stale` then. What is raised means that nothing was
        taken.
        """
        async with self._database.erasing() as session:
            lines = await erasure.forget(session, person, text=text)
        return Forgotten(lines, await self._database.flush_out())

    async def stale(self) -> dict[int, list[int]]:
        """The messages that are to be drawn again, by the scripts that they show, oldest first."""
        found: dict[int, list[int]] = {}
        async with self._database.reading() as session:
            for one in await session.scalars(select(Stale).order_by(Stale.message)):
                found.setdefault(one.script, []).append(one.message)
        return found

    async def note_drawn(self, messages: Iterable[int]) -> None:
        """Notes that messages were drawn again, or are gone."""
        async with self._database.writing() as session:
            await session.execute(delete(Stale).where(Stale.message.in_(list(messages))))

    async def of_person(self, person: int) -> Kept:
        """All that is kept of a person."""
        async with self._database.reading() as session:
            return await erasure.of_person(session, person)

    async def guilds(self) -> list[int]:
        """The guilds that have anything here: scripts, lists of words, or a voice of their own."""
        scripts = select(Script.guild).where(Script.guild.is_not(None))
        lists = select(Ban.guild).where(Ban.guild.is_not(None))
        async with self._database.reading() as session:
            found = {guild for guild in await session.scalars(scripts.union(lists)) if guild}
            voices = select(Fact.name).where(Fact.name.startswith(GUILDS_VOICE))
            chosen = {int(name.split()[1]) for name in await session.scalars(voices)}
            return sorted(found | chosen)

    async def note_departures(self, gone: Iterable[int], here: Iterable[int]) -> None:
        """Notes which guilds are gone from now on, unless they were before, and which are back."""
        now = dt.datetime.now(dt.UTC)
        rows = [{"guild": guild, "since": now} for guild in gone]
        async with self._database.writing() as session:
            if rows:
                await session.execute(insert(session, Departure).on_conflict_do_nothing(), rows)
            await session.execute(delete(Departure).where(Departure.guild.in_(list(here))))

    async def departed(self, before: dt.datetime) -> list[int]:
        """The guilds that have been gone since before a moment."""
        wanted = select(Departure.guild).where(Departure.since < before)
        async with self._database.reading() as session:
            return list(await session.scalars(wanted))

    async def delete_guild(self, guild: int) -> int:
        """Deletes what a guild has here; returns how many scripts it had."""
        async with self._database.erasing() as session:
            deleted = await erasure.delete_guild(session, guild)
        await self._database.flush_out()
        return deleted

    # Lines

    async def line(self, line: int) -> Line | None:
        """A line, by its id."""
        async with self._database.reading() as session:
            return await session.get(Line, line)

    async def lines(self, lines: Iterable[int]) -> list[Line]:
        """Lines, by their ids, in the order in which they were written.

        Others have their turn in between where there are many.
        """
        found = list[Line]()
        for ids in _portions(lines):
            some = select(Line).where(Line.id.in_(ids)).order_by(Line.id)
            async with self._database.reading() as session:
                found += await session.scalars(some)
        return found

    async def path(self, head: int | None) -> list[Line]:
        """The lines from the first one of a script to this one."""
        return await self.lines(await self.path_ids(head))

    async def elements(self, head: int | None) -> list[Element]:
        """The same path, as elements alone: they are there several times sooner."""
        found = list[Element]()
        for ids in _portions(await self.path_ids(head)):
            some = select(Line.kind, Line.text).where(Line.id.in_(ids)).order_by(Line.id)
            async with self._database.reading() as session:
                rows = await session.execute(some)
                found += [Element(Kind(kind), text) for kind, text in rows]
        return found

    async def path_ids(self, head: int | None, since: int = BEFORE_THE_FIRST) -> list[int]:
        """The same path, as ids alone; those from ``since`` on, which are fewer to walk."""
        if head is None:
            return []
        async with self._database.reading() as session:
            found = await session.scalars(line_tree.path_from(), {"head": head, "since": since})
            return list(found)

    async def characters(self, head: int | None) -> int:
        """How many characters the lines of a path have together, without loading them."""
        if head is None:
            return 0
        above = line_tree.path(head)
        counted = select(func.sum(func.length(Line.text))).join(above, Line.id == above.c.id)
        async with self._database.reading() as session:
            return await session.scalar(counted) or 0

    async def cues(self, head: int | None) -> list[str]:
        """The first lines of what is spoken on a path, each once, the latest first."""
        if head is None:
            return []
        above = line_tree.path(head)
        cue = first_line(Line.text)
        spoken = select(cue).join(above, Line.id == above.c.id).where(Line.kind == Kind.DIALOGUE)
        latest = spoken.group_by(cue).order_by(func.max(Line.id).desc())
        async with self._database.reading() as session:
            return list(await session.scalars(latest))

    async def tree(self, script: Script, begin: int, end: int) -> list[Line]:
        """Some lines of a script, in the order in which they were written, those left too."""
        async with self._database.reading() as session:
            found = await session.scalars(
                select(Line).where(line_tree.in_tree(script)).order_by(Line.id).slice(begin, end)
            )
            return list(found)

    async def tree_size(self, script: Script, before: int | None = None) -> int:
        """How many lines a script has, those left too; only those written ``before`` a line."""
        counted = select(func.count()).select_from(Line).where(line_tree.in_tree(script))
        if before is not None:
            counted = counted.where(Line.id < before)
        async with self._database.reading() as session:
            return await session.scalar(counted) or 0

    async def leaving(self, script: Script) -> tuple[int, int]:
        """How many of a script's own lines go when it is deleted, and how many stay in forks."""
        async with self._database.reading() as session:
            return await line_tree.leaving(session, script.id)

    async def has(self, script: Script, line: int) -> bool:
        """Whether a line is in a script, be it left: its own, or one above its fork."""
        async with self._database.reading() as session:
            wanted = select(Line.id).where(Line.id == line, line_tree.in_tree(script))
            return await session.scalar(wanted) is not None

    async def share_lines(self, one: Script, other: Script) -> bool:
        """Whether scripts have lines in common, be they left: one was forked from the other."""
        async with self._database.reading() as session:
            families = [await line_tree.family(session, script) for script in (one, other)]
        return not families[0].isdisjoint(families[1])

    async def next_of(self, script: int, line: int | None) -> int | None:
        """The line through which a script's head has come back to this one, or to one above it.

        For where the head stands: of lines above it there may be none, or one of earlier.
        """
        async with self._database.reading() as session:
            found = await session.get(Trail, (script, line or BEFORE_THE_FIRST))
        return found.child if found else None

    async def has_come_of(self, delivery: str) -> bool:
        """Whether anything came of an interaction that is there still: lines, or a script."""
        lines = select(Line.id).where(Line.delivery == delivery).exists()
        begun = select(Script.id).where(Script.delivery == delivery).exists()
        async with self._database.reading() as session:
            return bool(await session.scalar(select(or_(lines, begun))))

    async def last_asked(self, script: int, person: int) -> dt.datetime | None:
        """When a person last added a line to a script, or had the voice do so."""
        latest = select(func.max(Line.written)).where(Line.script == script, Line.asker == person)
        async with self._database.reading() as session:
            return await session.scalar(latest)

    async def append(
        self,
        script: Script,
        parent: int | None,
        drafts: Sequence[Draft],
        delivery: str,
        take: int,
        asker: int | None = None,
    ) -> list[Line]:
        """Hangs lines, one under the other, below ``parent``, and moves the head to the last.

        All or nothing. Raises HeadMoved when the head is no longer where ``script`` has it, and
        AlreadyWritten when this delivery's take is there already.
        """

        async def change(session: AsyncSession) -> list[Line]:
            lines = await line_tree.hang(session, script, parent, drafts, delivery, take, asker)
            await line_tree.move(session, script, lines[-1].id if lines else parent)
            await self._make_room(session, drafts)
            return lines

        return await self._turns.make(change)

    async def offer(
        self,
        script: Script,
        takes: Sequence[Sequence[Draft]],
        delivery: str,
        asker: int,
        ends: dt.datetime | None,
    ) -> Ballot:
        """Hangs takes of the same lines below the head, which stays, for one to be chosen.

        All or nothing. Raises AlreadyWritten when this delivery has written takes before, and
        HeadMoved when text above the head was removed meanwhile.
        """
        async with self._states_change() as session:
            stands = select(Script.id).where(Script.id == script.id, Script.erased == script.erased)
            if await session.scalar(stands) is None:
                raise HeadMoved
            for take, drafts in enumerate(takes):
                await line_tree.hang(session, script, script.head, drafts, delivery, take, asker)
            ballot = Ballot(
                script=script.id, parent=script.head, delivery=delivery, asker=asker, ends=ends
            )
            session.add(ballot)
            await self._make_room(session, [draft for drafts in takes for draft in drafts])
        return ballot

    async def rewrite(
        self, script: Script, line: Line, drafts: Sequence[Draft], delivery: str, asker: int
    ) -> tuple[list[Line], int]:
        """Hangs lines beside one of the script, copies of what followed it below, and goes there.

        Returns the new lines and the head. They stand in the messages of what they replace, and so
        do the copies. All or nothing. Raises HeadMoved and AlreadyWritten as `append` does.
        """
        async with self._states_change() as session:
            lines = await line_tree.hang(session, script, line.parent, drafts, delivery, 0, asker)
            for one in lines:
                one.rewrite_of = line.id
            await line_tree.show_in_place(session, script, line, lines)
            head = await line_tree.copy(session, script, lines[-1], line)
            await line_tree.move(session, script, head)
            await self._make_room(session, drafts)
        return lines, head

    async def move(self, script: Script, head: int | None) -> None:
        """Moves the head; raises HeadMoved when it is no longer where ``script`` has it."""
        async with self._database.writing() as session:
            await line_tree.move(session, script, head)

    async def last_lines(self, head: int | None, characters: int) -> list[Line]:
        """The last lines of a path, as many as have so many characters together, or all."""
        if head is None:
            return []
        async with self._database.reading() as session:
            return await line_tree.last_lines(session, head, characters)

    async def last_texts(self, head: int | None, characters: int) -> list[str]:
        """Return the texts of the `last_lines`; for many of them this is far quicker."""
        if head is None:
            return []
        async with self._database.reading() as session:
            return await line_tree.last_texts(session, head, characters)

    async def standing(
        self, head: int, fingerprint: str, characters: int
    ) -> tuple[States | None, list[Line]]:
        """What a voice remembers at a line, if that was kept, and the `last_lines` there."""
        async with self._database.reading() as session:
            kept = await session.get(State, (head, fingerprint))
            last = await line_tree.last_lines(session, head, characters)
        return kept.remembered if kept else None, last

    async def surprise(self, line: int, fingerprint: str) -> Floats | None:
        """What the characters of a line cost a voice, in bits: float16 [n]; None if not kept."""
        async with self._database.reading() as session:
            found = await session.get(Surprise, (line, fingerprint))
        return np.frombuffer(found.bits, np.float16) if found else None

    async def reader(self, head: int | None) -> str | None:
        """The fingerprint of the voice that read or wrote the last line of a path, None for none.

        What a line cost it tells: that is stored with the line, and never later. Those of old lines
        may be gone, but not a head's.
        """
        if head is None:
            return None
        read = Surprise.line.in_(select(line_tree.path(head).c.id))
        last = select(Surprise.fingerprint).where(read).order_by(Surprise.line.desc()).limit(1)
        async with self._database.reading() as session:
            return await session.scalar(last)

    # What must not be said

    async def banned(self, channel: int, guild: int | None) -> list[str]:
        """The words that must not be said in a channel: its own, and its guild's."""
        async with self._database.reading() as session:
            lists = await session.scalars(
                select(Ban.words).where(
                    or_(
                        and_(Ban.scope == "channel", Ban.place == channel),
                        and_(Ban.scope == "guild", Ban.place == guild),
                    )
                )
            )
            return sorted({word for words in lists for word in words})

    async def banned_in(self, scope: str, place: int) -> list[str]:
        """The words of one list; ``scope`` is ``channel`` or ``guild``."""
        async with self._database.reading() as session:
            found = await session.get(Ban, (scope, place))
        return list(found.words) if found else []

    async def ban(
        self, scope: str, place: int, words: Sequence[str], guild: int | None = None
    ) -> None:
        """Replaces one list, which goes when its ``guild`` does; a guild's own need not say it."""
        guild = place if scope == "guild" else guild
        async with self._database.writing() as session:
            await session.merge(Ban(scope=scope, place=place, words=list(words), guild=guild))

    async def casts(self, scope: str, place: int) -> list[str]:
        """The names in the casts of all scripts that run in a channel, or in a guild."""
        where = Script.channel if scope == "channel" else Script.guild
        async with self._database.reading() as session:
            casts = await session.scalars(select(Script.cast).where(where == place, Script.running))
            return sorted({name for cast in casts for name in cast})

    # States

    async def state(self, line: int, fingerprint: str) -> States | None:
        """What a voice remembers after a line, float32 [S], if that was kept."""
        async with self._database.reading() as session:
            found = await session.get(State, (line, fingerprint))
        return found.remembered if found else None

    async def states_kept(self, lines: Iterable[int], fingerprint: str) -> set[int]:
        """Those of the lines after which this voice's state was kept."""
        async with self._database.reading() as session:
            kept = await session.scalars(
                select(State.line).where(State.fingerprint == fingerprint, State.line.in_(lines))
            )
            return set(kept)

    async def keep_state(
        self, line: int, fingerprint: str, state: States, removed: int = 0
    ) -> None:
        """Keeps what a voice remembers after a line that it has just read.

        ``removed`` is how many lines without their text it has read on the way: where there are
        more by now, it remembers what it must not. Nor is anything kept of a line that is deleted.
        """
        above = line_tree.path(line)
        # None of nothing is NULL, which is not 0.
        gone = select(func.sum(case((Line.removed, 1), else_=0))).join_from(
            Line, above, Line.id == above.c.id
        )
        async with self._states_change() as session:
            if await session.scalar(gone) != removed:
                return
            await session.merge(State(line=line, fingerprint=fingerprint, state=state.tobytes()))
            await session.flush()
            await self._budget.make_room(session, state.nbytes)

    @asynccontextmanager
    async def _states_change(self) -> AsyncIterator[AsyncSession]:
        """A session that may add states, of which none are counted if it fails."""
        try:
            async with self._database.writing() as session:
                yield session
        except BaseException:
            self._budget.recount()
            raise

    async def _make_room(self, session: AsyncSession, drafts: Sequence[Draft]) -> None:
        """Keeps the states within their budget, once those of new lines are among them."""
        sizes = (draft.state.nbytes for draft in drafts if draft.state is not None)
        await self._budget.make_room(session, sum(sizes))

    # Posts

    async def post(self, message: int, script: int, lines: Sequence[Line]) -> None:
        """Notes which lines a message shows; none for the message that begins a script.

        Where their name or text was taken since they were read, the message is stale.
        """
        shown = [line.id for line in lines] or [BEFORE_THE_FIRST]
        rows = [{"message": message, "script": script, "line": line} for line in shown]

        async def change(session: AsyncSession) -> None:
            if await session.scalar(select(Script.id).where(Script.id == script)) is None:
                return  # it was deleted before its message could be noted
            await session.execute(insert(session, Post).on_conflict_do_nothing(), rows)
            if await erasure.have_changed(session, lines):
                stale = insert(session, Stale).values(message=message, script=script)
                await session.execute(stale.on_conflict_do_nothing())

        await self._turns.make(change)

    async def posts(
        self, script: Script, lines: Iterable[int], messages: Iterable[int] = ()
    ) -> dict[int, list[Line]]:
        """Messages, and those that show any of these lines, the latest last, with all its lines.

        They are those of the script's channel, where others may share lines with it.
        """
        shown = dict[int, list[Line]]()
        async with self._database.reading() as session:
            wanted = sorted(await session.scalars(line_tree.posts(script, lines, messages)))
            for at in range(0, len(wanted), LINES_AT_ONCE):
                rows = await session.execute(
                    select(Post.message, Line)
                    .outerjoin(Line, Line.id == Post.line)
                    .where(Post.message.in_(wanted[at : at + LINES_AT_ONCE]))
                    .order_by(Post.message, Line.id)
                )
                for message, line in rows:
                    shown.setdefault(message, []).extend([line] if line else [])
        return shown

    async def shown_in(self, message: int) -> tuple[int, list[Line]] | None:
        """The id of the script in a message, and its lines there; None for any other message."""
        async with self._database.reading() as session:
            rows = await session.execute(
                select(Post.script, Line)
                .outerjoin(Line, Line.id == Post.line)
                .where(Post.message == message)
                .order_by(Line.id)
            )
            found = [(script, line) for script, line in rows]
        return (found[0][0], [line for _, line in found if line]) if found else None

    async def forget_post(self, message: int) -> None:
        """Notes that a message is gone."""
        async with self._database.writing() as session:
            await session.execute(delete(Post).where(Post.message == message))

    async def forget_posts(self) -> None:
        """Notes that all messages are gone, as after a simulated Discord has ended."""
        async with self._database.writing() as session:
            await session.execute(delete(Post))
            await session.execute(delete(Stale))
            await session.execute(update(Ballot).values(message=None))

    # Ballots

    async def ballot(self, ballot: int) -> Ballot | None:
        """A ballot, by its id; None for one that is gone."""
        async with self._database.reading() as session:
            return await session.get(Ballot, ballot)

    async def ballot_in(self, message: int) -> Ballot | None:
        """The ballot in a message; None for any other message."""
        async with self._database.reading() as session:
            return await session.scalar(select(Ballot).where(Ballot.message == message))

    async def votes_open(self) -> list[Ballot]:
        """The ballots that are voted on, be their time over, or whose end nobody was told."""
        async with self._database.reading() as session:
            wanted = select(Ballot).where(Ballot.ends.is_not(None), ~Ballot.announced)
            return list(await session.scalars(wanted.order_by(Ballot.id)))

    async def ballots_shown(self, script: int) -> list[int]:
        """The messages in which a script's open ballots are shown."""
        wanted = select(Ballot.message).where(Ballot.script == script, ~Ballot.closed)
        async with self._database.reading() as session:
            return [message for message in await session.scalars(wanted) if message is not None]

    async def takes(self, ballot: Ballot) -> dict[int, list[Line]]:
        """The lines from which a ballot chooses, by take, from 0."""
        takes: dict[int, list[Line]] = {}
        async with self._database.reading() as session:
            wanted = select(Line).where(Line.delivery == ballot.delivery)
            for line in await session.scalars(wanted.order_by(Line.take, Line.ordinal)):
                takes.setdefault(line.take, []).append(line)
        return takes

    async def show_ballot(self, ballot: int, message: int) -> None:
        """Notes in which message a ballot is shown."""
        async with self._database.writing() as session:
            (await session.get_one(Ballot, ballot)).message = message

    async def vote(self, ballot: int, person: int, take: int) -> None:
        """Notes which take a person is for now."""
        async with self._database.writing() as session:
            await session.merge(Vote(ballot=ballot, person=person, take=take))

    async def votes(self, ballot: int) -> dict[int, int]:
        """The takes that people are for, by the people's ids."""
        async with self._database.reading() as session:
            votes = await session.scalars(select(Vote).where(Vote.ballot == ballot))
            return {vote.person: vote.take for vote in votes}

    async def choose(self, ballot: int, take: int, script: Script, head: int | None) -> None:
        """Closes a ballot with the take that was chosen, and moves the head there.

        The head is that of ``script`` where it is to stay. All or nothing. Raises HeadMoved when it
        is not there any more, or when the ballot was closed before.
        """
        async with self._database.writing() as session:
            closed = await session.scalar(
                update(Ballot)
                .where(Ballot.id == ballot, ~Ballot.closed)
                .values(closed=True, chosen=take)
                .returning(Ballot.id)
            )
            if closed is None:
                raise HeadMoved
            if head != script.head:
                await line_tree.move(session, script, head)

    async def note_announced(self, ballot: int) -> None:
        """Notes that the channel was told how a vote ended."""
        async with self._database.writing() as session:
            told = update(Ballot).where(Ballot.id == ballot).values(announced=True)
            await session.execute(told)
            await line_tree.forget_cards(session, select(Ballot.id).where(Ballot.id == ballot))

    # Facts

    async def is_looked_after_by(self, bot: int) -> bool:
        """Whether a bot, by its id, is the one that ends votes here, and deletes what is left.

        A file is that of whoever has opened it. On a server it is the first one that asks, since
        what another has left or lost sight of is no concern of this one.
        """
        if not isinstance(self._database, Postgres):
            return True
        known = await self.fact(LOOKED_AFTER_BY)
        if known is None:
            async with self._database.writing() as session:
                first = insert(session, Fact).on_conflict_do_nothing()
                await session.execute(first, [{"name": LOOKED_AFTER_BY, "value": str(bot)}])
                known = (await session.get_one(Fact, LOOKED_AFTER_BY)).value
        return known == str(bot)

    async def fact(self, name: str) -> str | None:
        """What was noted under a name."""
        async with self._database.reading() as session:
            found = await session.get(Fact, name)
        return found.value if found else None

    async def note_fact(self, name: str, value: str) -> None:
        """Notes something under a name."""
        async with self._database.writing() as session:
            await session.merge(Fact(name=name, value=value))


def _portions(lines: Iterable[int]) -> Iterator[list[int]]:
    """Lines by their ids, each once, in the order of writing, as many as are read together."""
    ids = sorted(set(lines))
    for at in range(0, len(ids), LINES_AT_ONCE):
        yield ids[at : at + LINES_AT_ONCE]
