"""Define the tables."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from ..screenplay.drafts import name_writer
from ..screenplay.elements import Element, Kind

ROOT_LINE = 0
"""The id of the root of a tree of lines, above the first line, for when a number is needed."""

ON_BOOK = -1
"""The id of the writer of the openings that are drawn; it belongs to no person."""

ERASED_ELEMENT = Element(Kind.ACTION, "\N{HORIZONTAL ELLIPSIS}")
"""The element that replaces removed text: every model can read it, and every format print it."""


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _index_where(condition: str, name: str, *columns: str, unique: bool = False) -> Index:
    where = text(condition)
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


class UTCDateTime(TypeDecorator[dt.datetime]):
    """A time in UTC, because SQLite stores no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        return value and value.astimezone(dt.UTC)

    def process_result_value(
        self, value: dt.datetime | None, dialect: Dialect
    ) -> dt.datetime | None:
        return value and value.replace(tzinfo=dt.UTC)


Int64 = Integer().with_variant(BigInteger(), "postgresql")
"""A 64-bit integer. Ids exceed 32 bits, because after a restore they continue from the time."""


class Base(DeclarativeBase):
    """A row of a table. Outside `storage`, rows are read and passed on, never changed in place."""

    # Migrations alter constraints by their names.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as it stands
        dict[str, Any]: JSON,
        list[str]: JSON,
        list[int]: JSON,
        dt.datetime: UTCDateTime,
        int: Int64,
    }


class Script(Base):
    """A script in a channel: a head on a tree of lines, and the preferences of its people."""

    __tablename__ = "scripts"
    __table_args__ = (
        _index_where("running", "one_script_runs_in_a_channel", "channel", unique=True),
        # Old buttons carry ids of deleted rows, which must never be used again.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[int] = mapped_column(BigInteger, index=True)
    guild: Mapped[int | None] = mapped_column(BigInteger)
    owner: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str]
    cast: Mapped[list[str]]
    preferences: Mapped[dict[str, Any]]
    """The script's own values by the names of `session.preferences`; others have defaults."""
    running: Mapped[bool]
    """Whether the script is in play in its channel; the others are shelved."""
    head: Mapped[int | None]
    """The last line; None before the first. No foreign key, because lines refer to scripts."""
    begun: Mapped[dt.datetime] = mapped_column(default=utc_now)
    delivery: Mapped[str | None] = mapped_column(unique=True)
    """The interaction that began the script."""
    forked_at: Mapped[int | None]
    """The line of another script at which it was forked."""
    archived: Mapped[bool] = mapped_column(default=False)
    """Whether the script was archived, and runs again only once somebody reopens it."""
    ending: Mapped[str | None]
    """The interaction that ended the script; None once the channel has its closing card."""
    players: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The people's ids by the names of the characters that they play."""
    erased: Mapped[int] = mapped_column(default=0)
    """How often text above the head was removed, so that a turn that has read the text fails."""

    @property
    def model(self) -> str:
        """Return the name of the model, which every script has among its preferences."""
        name: str = self.preferences["voice"]
        return name


def make_fork(script: Script, channel: int, owner: int, title: str) -> Script:
    """Make a script that continues from the head of another one, with the same preferences."""
    return Script(
        channel=channel,
        guild=script.guild,
        owner=owner,
        title=title,
        cast=script.cast,
        preferences=script.preferences,
        running=True,
        head=script.head,
        forked_at=script.head,
    )


class Provenance(Base):
    """The provenance that many lines of a model share: their origin without the seed.

    A row is deleted with the last of its lines.
    """

    __tablename__ = "provenances"
    # A hash index, because a list of names can be longer than a B-tree entry of PostgreSQL.
    __table_args__ = (Index("provenances_by_content", "content", postgresql_using="hash"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[str]
    """JSON, by which a line finds the row."""

    @classmethod
    def serialize(cls, origin: Mapping[str, Any]) -> str:
        """Return an origin without its seed, as JSON."""
        shared = {name: value for name, value in origin.items() if name != "seed"}
        return json.dumps(shared, separators=(",", ":"))


class Line(Base):
    """One element of a script, with its place in the tree and its origin.

    Ids grow along every path of the tree, because a line is stored after its parent.
    """

    __tablename__ = "lines"
    __table_args__ = (
        UniqueConstraint("delivery", "take", "ordinal"),
        _index_where("parent IS NOT NULL", "lines_by_parent", "parent"),
        _index_where("author IS NOT NULL", "lines_by_author", "author"),
        _index_where("copy_of IS NOT NULL", "lines_by_original", "copy_of"),
        _index_where("provenance IS NOT NULL", "lines_by_provenance", "provenance"),
        _index_where("former_writers IS NOT NULL", "rewritten_lines", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    script: Mapped[int] = mapped_column(ForeignKey("scripts.id"), index=True)
    parent: Mapped[int | None] = mapped_column(ForeignKey("lines.id"))
    kind: Mapped[str]
    text: Mapped[str]
    author: Mapped[int | None] = mapped_column(BigInteger)
    """The person who wrote the line; `ON_BOOK` for an opening that was drawn, None for a model."""
    credit: Mapped[str]
    """The name of the person or the model when the line was written."""
    imported: Mapped[bool] = mapped_column(default=False)
    """Whether `credit` names the authors of a file that `author` imported."""
    provenance: Mapped[int | None] = mapped_column(ForeignKey("provenances.id"))
    """None unless a model wrote the line."""
    seed: Mapped[int | None] = mapped_column(BigInteger)
    """The seed of the origin, which is not in `Provenance`."""
    delivery: Mapped[str]
    """The interaction that asked for the line, or the message that became the line."""
    take: Mapped[int] = mapped_column(Integer)
    ordinal: Mapped[int] = mapped_column(Integer)
    written: Mapped[dt.datetime] = mapped_column(default=utc_now)
    asker: Mapped[int | None] = mapped_column(BigInteger, index=True)
    """The person who asked for the line; None if unknown."""
    copy_of: Mapped[int | None]
    """The original of a line copied below a rewritten or cut one; may have been deleted."""
    rewrite_of: Mapped[int | None]
    """The line that this line, or its original, replaces; may have been deleted."""
    edit_of: Mapped[int | None]
    """The head before the rewrite or cut that moved it here, to which undo returns; may have been
    deleted."""
    former_writers: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    """The others who wrote the lines that this line replaces, the first one first: pairs of an
    author and a credit. None if the line replaces no other writer's line."""
    removed: Mapped[bool] = mapped_column(default=False)
    """Whether the author had the text removed."""

    shared_provenance: Mapped[Provenance | None] = relationship(lazy="joined")

    @property
    def original(self) -> int:
        """Return the id of the line of which this line is a copy, or its own id."""
        return self.copy_of or self.id

    @property
    def former_credits(self) -> list[str]:
        """Return the names of the others who wrote the lines that this line replaces."""
        return [name_writer(author, credit) for author, credit in self.former_writers or ()]

    @property
    def writer(self) -> str:
        """Return the name of the person or the model, in the reader's language if erased."""
        return name_writer(self.author, self.credit)

    @property
    def element(self) -> Element:
        """Return the line as an element of a screenplay."""
        return Element(Kind(self.kind), self.text)

    @property
    def origin(self) -> dict[str, Any]:
        """Return how a model wrote the line: fingerprint, seed and so on; empty for a person."""
        if self.shared_provenance is None:
            return {}
        shared: dict[str, Any] = json.loads(self.shared_provenance.content)
        return shared if self.seed is None else shared | {"seed": self.seed}


class RedoPointer(Base):
    """A redo pointer: the child from which the head of a script last came back to a line.

    Only the head's own pointer is current. Those above it are set when the head moves back up.
    """

    __tablename__ = "redo_pointers"
    __table_args__ = ({"sqlite_with_rowid": False},)

    script: Mapped[int] = mapped_column(ForeignKey("scripts.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    """`ROOT_LINE` for the beginning."""
    child: Mapped[int] = mapped_column(ForeignKey("lines.id"), index=True)


class State(Base):
    """The result of a model's reading of a line: a cache, which can be recomputed from the text.

    Old rows are evicted, but those of heads lose only the state.
    """

    __tablename__ = "states"
    __table_args__ = (_index_where("state IS NOT NULL", "kept_states", "fingerprint", "line"),)

    line: Mapped[int] = mapped_column(ForeignKey("lines.id"), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    surprisal: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Bits for each character of the line as the model reads it, except the first: float16 [n].
    None if the state was recomputed later."""
    state: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The model's state after the line: float32 [S]; None if it is not kept."""


class BannedWords(Base):
    """The words that no model says in a channel or a guild."""

    __tablename__ = "banned_words"

    scope: Mapped[str] = mapped_column(primary_key=True)
    """``channel`` or ``guild``."""
    place: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    words: Mapped[list[str]]
    guild: Mapped[int | None] = mapped_column(BigInteger)
    """The guild of the channel; None if unknown, and for direct messages."""


class PostedLine(Base):
    """The message that shows a line in a channel.

    It belongs to all scripts of the channel that have the line, because a fork shares the lines
    above it.
    """

    __tablename__ = "posted_lines"
    __table_args__ = ({"sqlite_with_rowid": False},)

    message: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    channel: Mapped[int] = mapped_column(BigInteger, index=True)
    line: Mapped[int] = mapped_column(index=True)
    """The line, or `ROOT_LINE` if the message still shows a line of a deleted script."""
    look: Mapped[str]
    """The look in which the message was posted, and in which it must be edited."""
    name: Mapped[str | None]
    """The name under which a webhook posted it; None for a message of the bot."""
    webhook: Mapped[int | None] = mapped_column(BigInteger)
    """The webhook that posted it, and that alone can edit it; None for a message of the bot."""
    surplus: Mapped[bool] = mapped_column(default=False)
    """Whether the message no longer belongs here, but the bot may not delete it yet."""


class Channel(Base):
    """A channel in which the bot shows scripts, and its panel there."""

    __tablename__ = "channels"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    guild: Mapped[int | None] = mapped_column(BigInteger)
    panel: Mapped[int | None] = mapped_column(BigInteger)
    """The message with the buttons, under the newest line."""
    asked_for_webhooks: Mapped[bool] = mapped_column(default=False)
    """Whether somebody was told that the bot may not manage webhooks here."""


class StaleMessage(Base):
    """A message that shows an erased name or text, or a removed line, until that is put right."""

    __tablename__ = "stale_messages"

    message: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class Poll(Base):
    """A choice between takes of the same lines, made by the asker or by a vote."""

    __tablename__ = "polls"
    __table_args__ = ({"sqlite_autoincrement": True},)  # old buttons carry the ids

    id: Mapped[int] = mapped_column(primary_key=True)
    script: Mapped[int] = mapped_column(ForeignKey("scripts.id"), index=True)
    parent: Mapped[int | None]
    """The line below which the takes stand; None for the beginning."""
    delivery: Mapped[str] = mapped_column(unique=True)
    """The interaction that asked for the takes, whose lines have it too."""
    asker: Mapped[int] = mapped_column(BigInteger)
    message: Mapped[int | None] = mapped_column(BigInteger, index=True)
    """The message that shows the takes; None if none does."""
    ends: Mapped[dt.datetime | None]
    """When the vote ends; None if there is no vote."""
    closed: Mapped[bool] = mapped_column(default=False)
    chosen: Mapped[int | None]
    """The take that was chosen, from 0; None while the poll is open, or if the script moved on
    first."""
    announced: Mapped[bool] = mapped_column(default=False)
    """Whether the channel was told the result of the vote."""


class Vote(Base):
    """A person's vote for a take."""

    __tablename__ = "votes"

    poll: Mapped[int] = mapped_column(ForeignKey("polls.id"), primary_key=True)
    person: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    take: Mapped[int]


class Star(Base):
    """A person's star for a line that they like, which all copies of the line share."""

    __tablename__ = "stars"
    __table_args__ = (
        _index_where("message IS NOT NULL", "stars_by_message", "message"),
        {"sqlite_with_rowid": False},
    )

    line: Mapped[int] = mapped_column(primary_key=True)
    """The `original` of the line. No foreign key, because copies may outlive it."""
    person: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    """`ERASED_PERSON` for all who were erased, but whose reactions remain."""
    message: Mapped[int | None] = mapped_column(BigInteger)
    """The message to which the person reacted; None for a star that a command gave."""


class Rotation(Base):
    """The order in which people write a script; it is deleted when the last writer leaves."""

    __tablename__ = "rotations"

    script: Mapped[int] = mapped_column(ForeignKey("scripts.id"), primary_key=True)
    writers: Mapped[list[int]]
    """The people's ids; it is the first one's turn."""
    turn: Mapped[int] = mapped_column(default=1)
    """The number of the turn, so that a reminder or a skip applies to one turn only."""
    since: Mapped[dt.datetime]
    """When the turn began."""
    hours: Mapped[int | None]
    """The hours until a reminder, and then again until a skip; None without a deadline."""
    reminded: Mapped[dt.datetime | None]
    """When the writer was reminded in this turn."""
    skips: Mapped[int] = mapped_column(default=0)
    """How many turns were skipped since somebody last wrote, passed, joined or left."""
    announcement: Mapped[int | None] = mapped_column(BigInteger)
    """The ping, reminder or skip that the panel must still come below; 0 if none was posted."""
    must_ping: Mapped[bool] = mapped_column(default=False)
    """Whether the turn has passed to a writer who has not been pinged yet."""
    ping: Mapped[int | None] = mapped_column(BigInteger)
    """The latest message that pinged a writer, until the next one does."""
    passed_by: Mapped[list[int]] = mapped_column(default=list)
    """The lines that passed the turn on since it last passed otherwise, the latest one last."""


class Sprint(Base):
    """A time in which everybody writes a script; the row is deleted at the end."""

    __tablename__ = "sprints"

    script: Mapped[int] = mapped_column(ForeignKey("scripts.id"), primary_key=True)
    starter: Mapped[int] = mapped_column(BigInteger)
    ends: Mapped[dt.datetime]
    after: Mapped[int]
    """The newest line of all scripts when the sprint began, or `ROOT_LINE`."""


class DepartedGuild(Base):
    """A guild that removed the bot, and whose scripts are deleted later."""

    __tablename__ = "departed_guilds"

    guild: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    departed_at: Mapped[dt.datetime]


class KeyValue(Base):
    """A small value that the bot must remember about itself."""

    __tablename__ = "key_values"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


PERSON_COLUMNS = (Script.owner, Poll.asker, Sprint.starter)
"""The columns in which `ERASED_PERSON` replaces the id of a person who is erased."""

TABLES_WITH_PUBLIC_IDS = (Script.__tablename__, Line.__tablename__, Poll.__tablename__)
"""The tables whose ids stand in buttons, so no id may be used again."""
