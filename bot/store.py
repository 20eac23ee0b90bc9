"""Store: scripts, their trees of lines, and the state after each line, in one SQLite file."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
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
    Connection,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    UniqueConstraint,
    and_,
    delete,
    event,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from .model import States
from .script import Element, Kind

Floats = NDArray[np.floating[Any]]

SCHEMA = 2
"""The version of the tables below, kept in the file's ``user_version``."""


LINES_AT_ONCE = 200
"""Lines that are handed to the database together: some milliseconds of the event loop's time."""

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


class Line(Base):
    """One element of a script, where it hangs in the tree, and how it came to be.

    Ids grow along every path of the tree, since a line is stored after its parent.
    """

    __tablename__ = "lines"
    __table_args__ = (UniqueConstraint("delivery", "take", "ordinal"),)

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

    @property
    def element(self) -> Element:
        """The line as an element of a screenplay."""
        return Element(Kind(self.kind), self.text)


class State(Base):
    """What a voice remembers after a line: a cache, which the text can always make anew."""

    __tablename__ = "states"

    line: Mapped[int] = mapped_column(ForeignKey("lines.id"), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[bytes] = mapped_column(LargeBinary)


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
        self._sessions = async_sessionmaker(database, expire_on_commit=False)

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

    async def begin(
        self, script: Script, drafts: Sequence[Draft] = (), delivery: str = ""
    ) -> Script:
        """Stores a new script and its first lines, and shelves the one that ran in its channel.

        All or nothing. Raises AlreadyWritten when this delivery has written lines already.
        """
        async with self._writing() as session:
            await session.execute(
                update(Script).where(Script.channel == script.channel).values(running=False)
            )
            session.add(script)
            await session.flush()
            lines = await _hang(session, script, None, drafts, delivery, take=0)
            script.head = lines[-1].id if lines else None
        return script

    # Lines

    async def line(self, line: int) -> Line | None:
        """A line, by its id."""
        async with self._reading() as session:
            return await session.get(Line, line)

    async def path(self, head: int | None) -> list[Line]:
        """The lines from the first one of a script to this one."""
        if head is None:
            return []
        above = _path(head)
        async with self._reading() as session:
            found = await session.scalars(
                select(Line).join(above, Line.id == above.c.id).order_by(Line.id)
            )
            return list(found)

    async def path_ids(self, head: int | None) -> list[int]:
        """The same path, as ids alone."""
        if head is None:
            return []
        async with self._reading() as session:
            return list(await session.scalars(select(_path(head).c.id).order_by("id")))

    async def append(
        self, script: Script, parent: int | None, drafts: Sequence[Draft], delivery: str, take: int
    ) -> list[Line]:
        """Hangs lines, one under the other, below ``parent``, and moves the head to the last.

        All or nothing. Raises HeadMoved when the head is no longer where ``script`` has it, and
        AlreadyWritten when this delivery's take is there already.
        """
        async with self._writing() as session:
            lines = await _hang(session, script, parent, drafts, delivery, take)
            await _move(session, script, lines[-1].id if lines else parent)
        return lines

    async def move(self, script: Script, head: int | None) -> None:
        """Moves the head; raises HeadMoved when it is no longer where ``script`` has it."""
        async with self._writing() as session:
            await _move(session, script, head)

    async def last_lines(self, head: int | None, characters: int) -> list[Line]:
        """The last lines of a path, as many as have so many characters together, or all."""
        if head is None:
            return []
        above = (
            select(Line.id, Line.parent, func.length(Line.text).label("characters"))
            .where(Line.id == head)
            .cte("above", recursive=True)
        )
        more = (
            select(Line.id, Line.parent, above.c.characters + func.length(Line.text))
            .join(above, Line.id == above.c.parent)
            .where(above.c.characters < characters)
        )
        above = above.union_all(more)
        async with self._reading() as session:
            found = await session.scalars(
                select(Line).join(above, Line.id == above.c.id).order_by(Line.id)
            )
            return list(found)

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

    # States

    async def state(self, line: int, fingerprint: str) -> States | None:
        """What a voice remembers after a line, float32 [S], if that was kept."""
        async with self._reading() as session:
            found = await session.get(State, (line, fingerprint))
        return np.frombuffer(found.state, np.float32) if found else None

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
        async with self._writing() as session:
            for line in list(lines) or [BEFORE_THE_FIRST]:
                await session.merge(Post(message=message, script=script, line=line))

    async def posts(self, script: int, lines: Iterable[int]) -> dict[int, list[Line]]:
        """The messages that show any of these lines, the latest last, each with all its lines."""
        wanted = select(Post.message).where(Post.script == script, Post.line.in_(lines))
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

    async def forget_post(self, message: int) -> None:
        """Notes that a message is gone."""
        async with self._writing() as session:
            await session.execute(delete(Post).where(Post.message == message))

    async def forget_posts(self) -> None:
        """Notes that all messages are gone, as after a simulated Discord has ended."""
        async with self._writing() as session:
            await session.execute(delete(Post))

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
        async with self._sessions() as session:
            yield session

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncSession]:
        async with self._sessions.begin() as session:
            yield session

    async def _prepare(self, path: Path) -> None:
        try:
            async with self._database.begin() as connection:
                version = (await connection.execute(text("PRAGMA user_version"))).scalar_one()
                if version > SCHEMA:
                    raise StoreError(
                        f"{path} comes from a newer On Book (schema {version}, this one knows "
                        f"{SCHEMA}): install that one, or set ONBOOK_DATABASE to another file."
                    )
                await connection.run_sync(Base.metadata.create_all)
                await connection.execute(text(f"PRAGMA user_version = {SCHEMA}"))
        except SQLAlchemyError as error:
            raise StoreError(
                f"{path} cannot be used as a database: set ONBOOK_DATABASE to another file, or "
                f"restore this one."
            ) from error


def _connect(path: Path) -> AsyncEngine:
    # One connection: SQLite as old as 3.51.2 can damage a WAL file that two of them write to.
    database = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)), pool_size=1, max_overflow=0
    )

    @event.listens_for(database.sync_engine, "connect")
    def configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's class
        # The driver must not begin transactions by itself: `begin` below does.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        # A line that was shown survives a power cut.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.close()

    @event.listens_for(database.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return database


def _path(head: int) -> CTE:
    """A query of the ids from ``head`` up to the first line."""
    above = select(Line.id, Line.parent).where(Line.id == head).cte("above", recursive=True)
    return above.union_all(select(Line.id, Line.parent).join(above, Line.id == above.c.parent))


def _line(
    script: Script, parent: int | None, draft: Draft, delivery: str, take: int, ordinal: int
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
    )


async def _hang(
    session: AsyncSession,
    script: Script,
    parent: int | None,
    drafts: Sequence[Draft],
    delivery: str,
    take: int,
) -> list[Line]:
    """Hangs lines and their states below ``parent``; raises AlreadyWritten."""
    written = select(Line.id).where(Line.delivery == delivery, Line.take == take).limit(1)
    if drafts and await session.scalar(written) is not None:
        raise AlreadyWritten
    # The only connection writes, so that the next ids are known before there are any.
    first = (await session.scalar(select(func.max(Line.id))) or 0) + 1
    lines: list[Line] = []
    for ordinal, draft in enumerate(drafts):
        lines.append(_line(script, parent, draft, delivery, take, ordinal))
        lines[-1].id = parent = first + ordinal
    for at in range(0, len(lines), LINES_AT_ONCE):
        some = slice(at, at + LINES_AT_ONCE)
        session.add_all(lines[some])
        await session.flush()
        for line, draft in zip(lines[some], drafts[some], strict=True):
            session.add_all(_remembered(line.id, draft))
        await session.flush()
    return lines


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
