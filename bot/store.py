"""Store: scripts, their trees of lines, and the state after each line, in one SQLite file."""

from __future__ import annotations

import asyncio
import datetime as dt
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from sqlalchemy import (
    CTE,
    JSON,
    URL,
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Select,
    UniqueConstraint,
    and_,
    bindparam,
    delete,
    event,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.orm.attributes import set_committed_value

from . import driver
from .migration import SCHEMA, upgrade
from .model import States
from .script import Element, Kind

Floats = NDArray[np.floating[Any]]


LINES_AT_ONCE = 200
"""Lines that are handed to the database together: some milliseconds of the event loop's time."""

READING = "onbook_reading"
"""The option of a connection that begins no transaction."""

BEFORE_THE_FIRST = 0
"""Stands for the place of a head that has no line yet, where a number is needed."""


class StoreError(Exception):
    """One sentence about a database that cannot be used, and what to do about it."""


class HeadMoved(Exception):
    """Somebody else moved the script on in the meantime; nothing was written."""


class AlreadyWritten(Exception):
    """This very interaction has written its lines before; nothing was written twice."""


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Base(DeclarativeBase):
    """The tables. Rows are read and passed on, never changed in place."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as it stands
        dict[str, Any]: JSON,
        list[str]: JSON,
        dt.datetime: DateTime(timezone=True),
    }


class Script(Base):
    """A script in a channel: a head on a tree of lines, and how its voice writes."""

    __tablename__ = "scripts"
    __table_args__ = (
        Index("one_script_runs_in_a_channel", "channel", unique=True, sqlite_where=text("running")),
        # The ids of what was deleted are on old buttons, and must never mean anything else.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[int] = mapped_column(BigInteger)
    guild: Mapped[int | None] = mapped_column(BigInteger)
    owner: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str]
    cast: Mapped[list[str]]
    voice: Mapped[str]
    temperature: Mapped[float]
    top_p: Mapped[float]
    running: Mapped[bool]
    """Whether it is the one that the channel writes on; the others are on the shelf."""
    head: Mapped[int | None]
    """The last line; None before the first. No foreign key, since lines refer to scripts."""
    begun: Mapped[dt.datetime] = mapped_column(default=_now)
    delivery: Mapped[str | None] = mapped_column(unique=True)
    """The interaction that began it."""
    forked_at: Mapped[int | None]
    """The line of another script at which it was forked."""
    archived: Mapped[bool] = mapped_column(default=False)
    """Whether it was put away; then it cannot run."""
    min_p: Mapped[float | None]
    """None, here and in the next two, for what the operator has set."""
    repetition: Mapped[float | None]
    length: Mapped[int | None]
    takes: Mapped[int] = mapped_column(default=1)
    """How many takes of a line are written at once."""
    lock: Mapped[bool] = mapped_column(default=False)
    """Whether the voice lets nobody speak but the cast."""
    players: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Who plays whom: people's ids by the names in the cast."""
    skip_played: Mapped[bool] = mapped_column(default=False)
    """Whether the voice leaves to people what is played by them."""
    alternate: Mapped[bool] = mapped_column(default=False)
    """Whether nobody may write twice in a row."""
    cooldown: Mapped[int] = mapped_column(default=0)
    """Seconds that a person waits after a line."""
    role: Mapped[int | None] = mapped_column(BigInteger)
    """Who writes here must have this role."""


_KEPT = (
    *("guild", "cast", "voice", "temperature", "top_p", "head", "min_p", "repetition", "length"),
    *("takes", "lock", "players", "skip_played", "alternate", "cooldown", "role"),
)


def fork_of(script: Script, channel: int, owner: int, title: str) -> Script:
    """A script that begins where another one stands, and is written as that one is."""
    kept = {name: getattr(script, name) for name in _KEPT}
    return Script(
        channel=channel, owner=owner, title=title, running=True, forked_at=script.head, **kept
    )


class Line(Base):
    """One element of a script, where it hangs in the tree, and how it came to be.

    Ids grow along every path of the tree, since a line is stored after its parent.
    """

    __tablename__ = "lines"
    __table_args__ = (
        UniqueConstraint("delivery", "take", "ordinal"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    script: Mapped[int] = mapped_column(ForeignKey("scripts.id"), index=True)
    parent: Mapped[int | None] = mapped_column(ForeignKey("lines.id"), index=True)
    kind: Mapped[str]
    text: Mapped[str]
    author: Mapped[int | None] = mapped_column(BigInteger)
    """The person who wrote it; None for a voice."""
    credit: Mapped[str]
    """The person's or the voice's name, as it was then."""
    origin: Mapped[dict[str, Any]]
    """What a voice wrote it from: fingerprint, seed, temperature and so on; empty for a person."""
    delivery: Mapped[str]
    """The interaction that asked for it."""
    take: Mapped[int]
    ordinal: Mapped[int]
    written: Mapped[dt.datetime] = mapped_column(default=_now)
    asker: Mapped[int | None] = mapped_column(BigInteger)
    """The person who asked for it; None where that was not noted."""
    copy_of: Mapped[int | None]
    """The line that this repeats below a rewritten one. That may have been deleted since."""
    rewrite_of: Mapped[int | None]
    """The line that this was written instead of. That may have been deleted since."""

    @property
    def element(self) -> Element:
        """The line as an element of a screenplay."""
        return Element(Kind(self.kind), self.text)


class Trail(Base):
    """The child through which the head of a script last went on from a line."""

    __tablename__ = "trails"

    script: Mapped[int] = mapped_column(ForeignKey("scripts.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    """`BEFORE_THE_FIRST` for the beginning."""
    child: Mapped[int] = mapped_column(ForeignKey("lines.id"), index=True)


class State(Base):
    """What a voice remembers after a line: a cache, which the text can always make anew."""

    __tablename__ = "states"

    line: Mapped[int] = mapped_column(ForeignKey("lines.id"), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[bytes] = mapped_column(LargeBinary)

    @property
    def remembered(self) -> States:
        """The state as the voice takes it: float32 [S]."""
        return np.frombuffer(self.state, np.float32)


class Surprise(Base):
    """What each character of a line cost a voice that read or wrote it."""

    __tablename__ = "surprises"

    line: Mapped[int] = mapped_column(ForeignKey("lines.id"), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    bits: Mapped[bytes] = mapped_column(LargeBinary)
    """float16, one for each character of the line as the voice reads it but the first."""


class Ban(Base):
    """Words that no voice says in a channel, or in a guild."""

    __tablename__ = "bans"

    scope: Mapped[str] = mapped_column(primary_key=True)
    """``channel`` or ``guild``."""
    place: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    words: Mapped[list[str]]


class Post(Base):
    """A line as it stands in a message, so that the message can tell the truth later."""

    __tablename__ = "posts"

    message: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, index=True)
    """`BEFORE_THE_FIRST` for the message that begins a script without a line."""
    script: Mapped[int] = mapped_column(ForeignKey("scripts.id"))


class Ballot(Base):
    """Takes of the same lines, from which one is chosen: by who asked for them, or by a vote."""

    __tablename__ = "ballots"
    __table_args__ = ({"sqlite_autoincrement": True},)  # its ids are on old buttons

    id: Mapped[int] = mapped_column(primary_key=True)
    script: Mapped[int] = mapped_column(ForeignKey("scripts.id"), index=True)
    parent: Mapped[int | None]
    """The line below which the takes hang; None for the beginning."""
    delivery: Mapped[str] = mapped_column(unique=True)
    """The interaction that asked for the takes: their lines have it, too."""
    asker: Mapped[int] = mapped_column(BigInteger)
    message: Mapped[int | None] = mapped_column(BigInteger, index=True)
    """Where the takes are shown; None where they are not, or no longer."""
    ends: Mapped[dt.datetime | None]
    """When the vote is over; None where there is none."""
    closed: Mapped[bool] = mapped_column(default=False)
    chosen: Mapped[int | None]
    """The take that was chosen, from 0; None as long as it is open."""


class Vote(Base):
    """The take that a person is for."""

    __tablename__ = "votes"

    ballot: Mapped[int] = mapped_column(ForeignKey("ballots.id"), primary_key=True)
    person: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    take: Mapped[int]


class Fact(Base):
    """A small thing that the bot must remember about itself."""

    __tablename__ = "facts"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


@dataclass(frozen=True)
class Draft:
    """A line that is about to be stored."""

    element: Element
    author: int | None
    credit: str
    state: States | None
    """What the voice with this `fingerprint` remembers after it; None where that is not kept."""
    fingerprint: str
    origin: dict[str, Any] = field(default_factory=dict)
    surprise: Floats | None = None
    """What each character of the line but the first cost that voice, in bits: float [n]."""


class Store:
    """All that is kept. One process has the file, and one connection writes to it.

    Use `Store.open`. Every method is one transaction that is on the disk when it returns.
    """

    def __init__(self, database: AsyncEngine, lock: FileLock) -> None:
        self._database = database
        self._lock = lock
        # The pool gives its connection to whoever asks when it comes back, past those who wait.
        self._in_turn = asyncio.Lock()
        self._sessions = async_sessionmaker(database, expire_on_commit=False)
        reading = database.execution_options(**{READING: True})
        self._readings = async_sessionmaker(reading, expire_on_commit=False)

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Opens or makes the database; raises StoreError when it cannot be used."""
        if not path.parent.is_dir():
            # The lock would make it, and a mistyped path would look like scripts that are lost.
            raise StoreError(
                f"There is no folder {path.parent}: make it, or set ONBOOK_DATABASE to a file in a "
                f"folder that exists."
            )
        lock = FileLock(f"{path}.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise StoreError(
                f"{path} is in use by another On Book: stop that one, or set ONBOOK_DATABASE to "
                f"another file."
            ) from None
        except OSError as error:
            raise StoreError(
                f"{path} cannot be opened ({error.strerror}): set ONBOOK_DATABASE to a file in a "
                f"folder that exists and can be written to."
            ) from error
        store = cls(_connect(path), lock)
        try:
            await store._prepare(path)
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Closes the file, and leaves it to the next process."""
        await self._database.dispose()
        self._lock.release()

    # Scripts

    async def running(self, channel: int) -> Script | None:
        """The script that a channel writes on."""
        async with self._reading() as session:
            return await session.scalar(
                select(Script).where(Script.channel == channel, Script.running)
            )

    async def script(self, script: int) -> Script:
        """A script, by its id."""
        async with self._reading() as session:
            return await session.get_one(Script, script)

    async def find(self, script: int) -> Script | None:
        """A script, by its id; None for one that is gone."""
        async with self._reading() as session:
            return await session.get(Script, script)

    async def begin(
        self, script: Script, drafts: Sequence[Draft] = (), delivery: str | None = None
    ) -> Script:
        """Stores a new script and its first lines, and shelves the one that ran in its channel.

        It begins at its head, which is a line of another script where it is a fork. All or nothing.
        Raises AlreadyWritten when this delivery has begun one already.
        """
        async with self._writing() as session:
            begun = select(Script.id).where(Script.delivery == delivery)
            if delivery is not None and await session.scalar(begun) is not None:
                raise AlreadyWritten
            await _shelve(session, script.channel)
            script.delivery = delivery
            session.add(script)
            await session.flush()
            lines = await _hang(
                session, script, script.head, drafts, delivery or "", 0, script.owner
            )
            script.head = lines[-1].id if lines else script.head
            await _follow(session, script.id, None, script.head)
        return script

    async def shelf(self, channel: int) -> list[Script]:
        """All scripts of a channel: the one that runs, then the others, the latest first."""
        async with self._reading() as session:
            found = await session.scalars(
                select(Script)
                .where(Script.channel == channel)
                .order_by(Script.running.desc(), Script.archived, Script.id.desc())
            )
            return list(found)

    async def run(self, script: int) -> Script:
        """Makes a script the one that its channel writes on, and shelves the other."""
        async with self._writing() as session:
            found = await session.get_one(Script, script)
            await _shelve(session, found.channel)
            found.running, found.archived = True, False
        return found

    async def change(self, script: int, **values: Any) -> Script:  # noqa: ANN401 - its columns
        """Changes what is kept with a script, by the names of `Script`."""
        async with self._writing() as session:
            found = await session.get_one(Script, script)
            for name, value in values.items():
                setattr(found, name, value)
        return found

    async def delete(self, script: int) -> None:
        """Deletes a script and its lines. Those that another one reaches become that one's."""
        async with self._writing() as session:
            for heir in await _heirs(session, script):
                await _leave_to(session, script, heir)
            await _delete_lines(session, script)
            await session.execute(delete(Script).where(Script.id == script))

    # Lines

    async def line(self, line: int) -> Line | None:
        """A line, by its id."""
        async with self._reading() as session:
            return await session.get(Line, line)

    async def lines(self, lines: Sequence[int]) -> list[Line]:
        """Lines, by their ids, in the order in which they were written."""
        async with self._reading() as session:
            found = await session.scalars(select(Line).where(Line.id.in_(lines)).order_by(Line.id))
            return list(found)

    async def path(self, head: int | None) -> list[Line]:
        """The lines from the first one of a script to this one."""
        ids = await self.path_ids(head)
        lines: list[Line] = []
        for at in range(0, len(ids), LINES_AT_ONCE):
            lines += await self.lines(ids[at : at + LINES_AT_ONCE])
        return lines

    async def path_ids(self, head: int | None, since: int = BEFORE_THE_FIRST) -> list[int]:
        """The same path, as ids alone; those from ``since`` on, which are fewer to walk."""
        if head is None:
            return []
        async with self._reading() as session:
            found = await session.scalars(_path_from(), {"head": head, "since": since})
            return list(found)

    async def cues(self, head: int | None) -> list[str]:
        """The first lines of what is spoken on a path, each once, the latest first."""
        if head is None:
            return []
        above = _path(head)
        cue = func.substr(Line.text, 1, func.instr(Line.text, "\n") - 1)
        spoken = select(cue).join(above, Line.id == above.c.id).where(Line.kind == Kind.DIALOGUE)
        latest = spoken.group_by(cue).order_by(func.max(Line.id).desc())
        async with self._reading() as session:
            return list(await session.scalars(latest))

    async def tree(self, script: Script, begin: int, end: int) -> list[Line]:
        """Some lines of a script, in the order in which they were written, those left too."""
        async with self._reading() as session:
            found = await session.scalars(
                select(Line).where(_in_tree(script)).order_by(Line.id).slice(begin, end)
            )
            return list(found)

    async def tree_size(self, script: Script) -> int:
        """How many lines a script has, those left too."""
        counted = select(func.count()).select_from(Line).where(_in_tree(script))
        async with self._reading() as session:
            return await session.scalar(counted) or 0

    async def has(self, script: Script, line: int) -> bool:
        """Whether a line is in a script, be it left: its own, or one above its fork."""
        async with self._reading() as session:
            wanted = select(Line.id).where(Line.id == line, _in_tree(script))
            return await session.scalar(wanted) is not None

    async def next_of(self, script: int, line: int | None) -> int | None:
        """The line through which a script's head last went on from this one."""
        async with self._reading() as session:
            found = await session.get(Trail, (script, line or BEFORE_THE_FIRST))
        return found.child if found else None

    async def last_asked(self, script: int, person: int) -> dt.datetime | None:
        """When a person last added a line to a script, or had the voice do so."""
        latest = select(func.max(Line.written)).where(Line.script == script, Line.asker == person)
        async with self._reading() as session:
            found = await session.scalar(latest)
        return found.replace(tzinfo=dt.UTC) if found else None  # SQLite keeps no time zone

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
        async with self._writing() as session:
            lines = await _hang(session, script, parent, drafts, delivery, take, asker)
            await _move(session, script, lines[-1].id if lines else parent)
        return lines

    async def offer(
        self,
        script: Script,
        takes: Sequence[Sequence[Draft]],
        delivery: str,
        asker: int,
        ends: dt.datetime | None,
    ) -> Ballot:
        """Hangs takes of the same lines below the head, which stays, for one to be chosen.

        All or nothing. Raises AlreadyWritten when this delivery has written takes before.
        """
        async with self._writing() as session:
            for take, drafts in enumerate(takes):
                await _hang(session, script, script.head, drafts, delivery, take, asker)
            ballot = Ballot(
                script=script.id, parent=script.head, delivery=delivery, asker=asker, ends=ends
            )
            session.add(ballot)
        return ballot

    async def rewrite(
        self, script: Script, line: Line, drafts: Sequence[Draft], delivery: str, asker: int
    ) -> tuple[list[Line], list[Line]]:
        """Hangs lines beside one of the script, copies of what followed it below, and goes there.

        Returns the new lines and the copies, which stand in the messages of what they replace. All
        or nothing. Raises HeadMoved and AlreadyWritten as `append` does.
        """
        async with self._writing() as session:
            followed = await session.scalars(
                select(Line)
                .where(Line.id.in_(select(_path(script.head or 0).c.id)), Line.id > line.id)
                .order_by(Line.id)
            )
            was = list(followed)
            lines = await _hang(session, script, line.parent, drafts, delivery, 0, asker)
            for one in lines:
                one.rewrite_of = line.id
            copies = await _copy(session, script, lines, was)
            replaced = {line.id: lines}
            replaced |= {old.id: [copy] for old, copy in zip(was, copies, strict=True)}
            await _show_in_place(session, script, replaced)
            await _move(session, script, (lines + copies)[-1].id)
        return lines, copies

    async def move(self, script: Script, head: int | None) -> None:
        """Moves the head; raises HeadMoved when it is no longer where ``script`` has it."""
        async with self._writing() as session:
            await _move(session, script, head)

    async def last_lines(self, head: int | None, characters: int) -> list[Line]:
        """The last lines of a path, as many as have so many characters together, or all."""
        if head is None:
            return []
        async with self._reading() as session:
            return await _last_lines(session, head, characters)

    async def standing(
        self, head: int, fingerprint: str, characters: int
    ) -> tuple[States | None, list[Line]]:
        """What a voice remembers at a line, if that was kept, and the `last_lines` there."""
        async with self._reading() as session:
            kept = await session.get(State, (head, fingerprint))
            last = await _last_lines(session, head, characters)
        return kept.remembered if kept else None, last

    async def surprise(self, line: int, fingerprint: str) -> Floats | None:
        """What the characters of a line cost a voice, in bits: float16 [n]; None if not known."""
        async with self._reading() as session:
            found = await session.get(Surprise, (line, fingerprint))
        return np.frombuffer(found.bits, np.float16) if found else None

    # What must not be said

    async def banned(self, channel: int, guild: int | None) -> list[str]:
        """The words that must not be said in a channel: its own, and its guild's."""
        async with self._reading() as session:
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
        async with self._reading() as session:
            found = await session.get(Ban, (scope, place))
        return list(found.words) if found else []

    async def ban(self, scope: str, place: int, words: Sequence[str]) -> None:
        """Replaces one list."""
        async with self._writing() as session:
            await session.merge(Ban(scope=scope, place=place, words=list(words)))

    async def casts(self, scope: str, place: int) -> list[str]:
        """The names in the casts of all scripts that run in a channel, or in a guild."""
        where = Script.channel if scope == "channel" else Script.guild
        async with self._reading() as session:
            casts = await session.scalars(select(Script.cast).where(where == place, Script.running))
            return sorted({name for cast in casts for name in cast})

    # States

    async def state(self, line: int, fingerprint: str) -> States | None:
        """What a voice remembers after a line, float32 [S], if that was kept."""
        async with self._reading() as session:
            found = await session.get(State, (line, fingerprint))
        return found.remembered if found else None

    async def states_kept(self, lines: Iterable[int], fingerprint: str) -> set[int]:
        """Those of the lines after which this voice's state was kept."""
        async with self._reading() as session:
            kept = await session.scalars(
                select(State.line).where(State.fingerprint == fingerprint, State.line.in_(lines))
            )
            return set(kept)

    async def keep_state(self, line: int, fingerprint: str, state: States) -> None:
        """Keeps what a voice remembers after a line that it has just read."""
        async with self._writing() as session:
            await session.merge(State(line=line, fingerprint=fingerprint, state=state.tobytes()))

    # Posts

    async def post(self, message: int, script: int, lines: Iterable[int]) -> None:
        """Notes which lines a message shows; none for the message that begins a script."""
        shown = list(lines) or [BEFORE_THE_FIRST]
        rows = [{"message": message, "script": script, "line": line} for line in shown]
        async with self._writing() as session:
            await session.execute(insert(Post).on_conflict_do_nothing(), rows)

    async def posts(
        self, script: int, lines: Iterable[int], messages: Iterable[int] = ()
    ) -> dict[int, list[Line]]:
        """Messages, and those that show any of these lines, the latest last, with all its lines."""
        named = or_(Post.line.in_(lines), Post.message.in_(messages))
        wanted = select(Post.message).where(Post.script == script, named)
        async with self._reading() as session:
            rows = await session.execute(
                select(Post.message, Line)
                .outerjoin(Line, Line.id == Post.line)
                .where(Post.message.in_(wanted))
                .order_by(Post.message, Line.id)
            )
            shown: dict[int, list[Line]] = {}
            for message, line in rows:
                shown.setdefault(message, []).extend([line] if line else [])
            return shown

    async def shown_in(self, message: int) -> tuple[int, list[Line]] | None:
        """The id of the script in a message, and its lines there; None for any other message."""
        async with self._reading() as session:
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
        async with self._writing() as session:
            await session.execute(delete(Post).where(Post.message == message))

    async def forget_posts(self) -> None:
        """Notes that all messages are gone, as after a simulated Discord has ended."""
        async with self._writing() as session:
            await session.execute(delete(Post))
            await session.execute(update(Ballot).values(message=None))

    # Ballots

    async def ballot(self, ballot: int) -> Ballot | None:
        """A ballot, by its id; its end has a time zone. None for one that is gone."""
        async with self._reading() as session:
            return _with_zone(await session.get(Ballot, ballot))

    async def ballot_in(self, message: int) -> Ballot | None:
        """The ballot in a message; None for any other message."""
        async with self._reading() as session:
            found = await session.scalar(select(Ballot).where(Ballot.message == message))
            return _with_zone(found)

    async def votes_open(self) -> list[Ballot]:
        """The ballots that are voted on, be their time over."""
        async with self._reading() as session:
            wanted = select(Ballot).where(Ballot.ends.is_not(None), ~Ballot.closed)
            found = await session.scalars(wanted.order_by(Ballot.id))
            return [ballot for ballot in map(_with_zone, found) if ballot]

    async def takes(self, ballot: Ballot) -> dict[int, list[Line]]:
        """The lines from which a ballot chooses, by take, from 0."""
        takes: dict[int, list[Line]] = {}
        async with self._reading() as session:
            wanted = select(Line).where(Line.delivery == ballot.delivery)
            for line in await session.scalars(wanted.order_by(Line.take, Line.ordinal)):
                takes.setdefault(line.take, []).append(line)
        return takes

    async def show_ballot(self, ballot: int, message: int) -> None:
        """Notes in which message a ballot is shown."""
        async with self._writing() as session:
            (await session.get_one(Ballot, ballot)).message = message

    async def vote(self, ballot: int, person: int, take: int) -> None:
        """Notes which take a person is for now."""
        async with self._writing() as session:
            await session.merge(Vote(ballot=ballot, person=person, take=take))

    async def votes(self, ballot: int) -> dict[int, int]:
        """The takes that people are for, by the people's ids."""
        async with self._reading() as session:
            votes = await session.scalars(select(Vote).where(Vote.ballot == ballot))
            return {vote.person: vote.take for vote in votes}

    async def choose(self, ballot: int, take: int, script: Script, head: int | None) -> None:
        """Closes a ballot with the take that was chosen, and moves the head there.

        The head is that of ``script`` where it is to stay. All or nothing. Raises HeadMoved when it
        is not there any more, or when the ballot was closed before.
        """
        async with self._writing() as session:
            closed = await session.scalar(
                update(Ballot)
                .where(Ballot.id == ballot, ~Ballot.closed)
                .values(closed=True, chosen=take)
                .returning(Ballot.id)
            )
            if closed is None:
                raise HeadMoved
            if head != script.head:
                await _move(session, script, head)

    # Facts

    async def fact(self, name: str) -> str | None:
        """What was noted under a name."""
        async with self._reading() as session:
            found = await session.get(Fact, name)
        return found.value if found else None

    async def note_fact(self, name: str, value: str) -> None:
        """Notes something under a name."""
        async with self._writing() as session:
            await session.merge(Fact(name=name, value=value))

    # Transactions

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncSession]:
        async with self._in_turn, self._readings() as session:
            yield session

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncSession]:
        async with self._in_turn, self._sessions.begin() as session:
            yield session

    async def _prepare(self, path: Path) -> None:
        try:
            await asyncio.to_thread(upgrade, path)
            async with self._database.begin() as connection:
                version = (await connection.execute(text("PRAGMA user_version"))).scalar_one()
                if version > SCHEMA:
                    raise StoreError(
                        f"{path} comes from a newer On Book (schema {version}, this one knows "
                        f"{SCHEMA}): install that one, or set ONBOOK_DATABASE to another file."
                    )
                await connection.run_sync(Base.metadata.create_all)
                await connection.execute(text(f"PRAGMA user_version = {SCHEMA}"))
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise StoreError(
                f"{path} cannot be used as a database: set ONBOOK_DATABASE to another file, or "
                f"restore this one."
            ) from error


def _connect(path: Path) -> AsyncEngine:
    # One connection: SQLite as old as 3.51.2 can damage a WAL file that two of them write to.
    database = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        async_creator=lambda: driver.connection(path),
        pool_size=1,
        # An error is logged with its statement, but not with the text that was to be stored.
        hide_parameters=True,
        max_overflow=0,
    )

    @event.listens_for(database.sync_engine, "connect")
    def configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's class
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        # A line that was shown survives a power cut.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.close()

    @event.listens_for(database.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        # Who reads has the connection, and so the database, to itself as well.
        if not connection.get_execution_options().get(READING):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return database


def _path(head: int | BindParameter[int], name: str = "above") -> CTE:
    """A query of the ids from ``head`` up to the first line."""
    above = select(Line.id, Line.parent).where(Line.id == head).cte(name, recursive=True)
    return above.union_all(select(Line.id, Line.parent).join(above, Line.id == above.c.parent))


@cache
def _path_from() -> Select[int]:
    """A query of the ids from ``head`` up to ``since``, made once: every turn asks it."""
    above = select(Line.id, Line.parent).where(Line.id == bindparam("head", type_=Integer))
    walked = above.cte("above", recursive=True)
    up = select(Line.id, Line.parent).join(walked, Line.id == walked.c.parent)
    # Ids grow along every path.
    walked = walked.union_all(up.where(Line.id >= bindparam("since", type_=Integer)))
    return select(walked.c.id).order_by(walked.c.id)


@cache
def _last_lines_from() -> Select[Line]:
    """A query of the last lines up to ``head`` which have so many ``characters``, made once."""
    above = (
        select(Line.id, Line.parent, func.length(Line.text).label("characters"))
        .where(Line.id == bindparam("head", type_=Integer))
        .cte("above", recursive=True)
    )
    more = (
        select(Line.id, Line.parent, above.c.characters + func.length(Line.text))
        .join(above, Line.id == above.c.parent)
        .where(above.c.characters < bindparam("characters", type_=Integer))
    )
    above = above.union_all(more)
    return select(Line).join(above, Line.id == above.c.id).order_by(Line.id)


async def _last_lines(session: AsyncSession, head: int, characters: int) -> list[Line]:
    found = await session.scalars(_last_lines_from(), {"head": head, "characters": characters})
    return list(found)


def _in_tree(script: Script) -> ColumnElement[bool]:
    """Whether a line is in a script: its own, or one above its fork."""
    own = Line.script == script.id
    if script.forked_at is None:
        return own
    return or_(own, Line.id.in_(select(_path(script.forked_at).c.id)))


def _line(
    script: Script,
    parent: int | None,
    draft: Draft,
    delivery: str,
    take: int,
    ordinal: int,
    asker: int | None,
) -> Line:
    return Line(
        script=script.id,
        parent=parent,
        kind=str(draft.element.kind),
        text=draft.element.text,
        author=draft.author,
        credit=draft.credit,
        origin=draft.origin,
        delivery=delivery,
        take=take,
        ordinal=ordinal,
        asker=asker,
    )


def _with_zone(ballot: Ballot | None) -> Ballot | None:
    """A ballot whose end has a time zone again, which SQLite does not keep."""
    if ballot is not None and ballot.ends is not None:
        set_committed_value(ballot, "ends", ballot.ends.replace(tzinfo=dt.UTC))
    return ballot


async def _shelve(session: AsyncSession, channel: int) -> None:
    await session.execute(update(Script).where(Script.channel == channel).values(running=False))


async def _hang(
    session: AsyncSession,
    script: Script,
    parent: int | None,
    drafts: Sequence[Draft],
    delivery: str,
    take: int,
    asker: int | None,
) -> list[Line]:
    """Hangs lines and their states below ``parent``; raises AlreadyWritten."""
    written = select(Line.id).where(Line.delivery == delivery, Line.take == take).limit(1)
    if drafts and await session.scalar(written) is not None:
        raise AlreadyWritten
    # The only connection writes, so that the next ids are known before there are any; what was
    # deleted counts, too.
    highest = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
    first = (await session.scalar(highest, {"table": Line.__tablename__}) or 0) + 1
    lines: list[Line] = []
    for ordinal, draft in enumerate(drafts):
        lines.append(_line(script, parent, draft, delivery, take, ordinal, asker))
        lines[-1].id = parent = first + ordinal
    for at in range(0, len(lines), LINES_AT_ONCE):
        some = slice(at, at + LINES_AT_ONCE)
        session.add_all(lines[some])
        await session.flush()
        for line, draft in zip(lines[some], drafts[some], strict=True):
            session.add_all(_remembered(line.id, draft))
        await session.flush()
    return lines


async def _copy(
    session: AsyncSession, script: Script, below: Sequence[Line], was: Sequence[Line]
) -> list[Line]:
    """Hangs copies of lines, one under the other, below the last of others of the same delivery."""
    # Lines are numbered one after the other, and nobody else can write in the meantime.
    last = below[-1]
    copies = [
        Line(
            id=last.id + number,
            script=script.id,
            parent=last.id + number - 1,
            kind=old.kind,
            text=old.text,
            author=old.author,
            credit=old.credit,
            origin=old.origin,
            delivery=last.delivery,
            take=last.take,
            ordinal=last.ordinal + number,
            written=old.written,
            asker=old.asker,
            # A copy of a copy says where the line was first written.
            copy_of=old.copy_of or old.id,
        )
        for number, old in enumerate(was, 1)
    ]
    session.add_all(copies)
    await session.flush()
    return copies


async def _show_in_place(
    session: AsyncSession, script: Script, replaced: Mapping[int, Sequence[Line]]
) -> None:
    """The messages that show a line show those, too, that have taken its place."""
    shown = await session.execute(
        select(Post.message, Post.line).where(
            Post.script == script.id, Post.line.in_(list(replaced))
        )
    )
    for message, old in shown.all():
        session.add_all(
            Post(message=message, line=new.id, script=script.id) for new in replaced[old]
        )
    await session.flush()


def _remembered(line: int, draft: Draft) -> Iterator[Base]:
    """What is kept of how a voice read a line."""
    if draft.state is not None:
        state = draft.state.tobytes()
        yield State(line=line, fingerprint=draft.fingerprint, state=state)
    if draft.surprise is not None:
        bits = draft.surprise.astype(np.float16).tobytes()
        yield Surprise(line=line, fingerprint=draft.fingerprint, bits=bits)


async def _move(session: AsyncSession, script: Script, head: int | None) -> None:
    """Moves the head by compare-and-swap."""
    moved = await session.scalar(
        update(Script)
        .where(Script.id == script.id, Script.head.is_not_distinct_from(script.head))
        .values(head=head)
        .returning(Script.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        raise HeadMoved
    await _follow(session, script.id, script.head, head)


async def _follow(session: AsyncSession, script: int, was: int | None, head: int | None) -> None:
    """Notes the way of a head, where it is not the way on which it stood before."""
    if head is not None:
        await session.execute(_followed(), {"script": script, "was": was or 0, "head": head})


@cache
def _followed() -> Insert:
    """What notes the way to ``head``, made once, where it is not that to ``was``."""
    way = _path(bindparam("head", type_=Integer))
    known = _path(bindparam("was", type_=Integer), "known")
    script = bindparam("script", type_=Integer)
    steps = select(script, func.coalesce(way.c.parent, BEFORE_THE_FIRST), way.c.id)
    steps = steps.where(way.c.id.not_in(select(known.c.id)))
    noted = insert(Base.metadata.tables[Trail.__tablename__]).from_select(
        ["script", "line", "child"], steps
    )
    return noted.on_conflict_do_update(
        index_elements=["script", "line"], set_={"child": noted.excluded.child}
    )


async def _heirs(session: AsyncSession, script: int) -> list[Script]:
    """The scripts that may reach lines of this one, the oldest first."""
    found = await session.scalars(
        select(Script).where(Script.id != script, Script.forked_at.is_not(None)).order_by(Script.id)
    )
    return list(found)


async def _leave_to(session: AsyncSession, script: int, heir: Script) -> None:
    """Makes the lines of a script those of another one which stand above its fork."""
    reached = select(_path(heir.forked_at or 0).c.id)
    await session.execute(
        update(Line)
        .where(Line.script == script, Line.id.in_(reached))
        .values(script=heir.id)
        .execution_options(synchronize_session=False)
    )


async def _delete_lines(session: AsyncSession, script: int) -> None:
    own = select(Line.id).where(Line.script == script)
    for kept in (State, Surprise):
        await session.execute(delete(kept).where(kept.line.in_(own)))
    await session.execute(delete(Post).where(Post.script == script))
    await session.execute(delete(Trail).where(Trail.script == script))
    ballots = select(Ballot.id).where(Ballot.script == script)
    await session.execute(delete(Vote).where(Vote.ballot.in_(ballots)))
    await session.execute(delete(Ballot).where(Ballot.script == script))
    # All in one statement: a line may go before its parent does.
    await session.execute(delete(Line).where(Line.script == script))
