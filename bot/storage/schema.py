"""Define the tables."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
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

from ..arrays import States
from ..i18n.catalogue import phrase
from ..screenplay.elements import Element, Kind

BEFORE_THE_FIRST = 0
"""The id of the place before the first line, where a number is needed."""

FORGOTTEN = 0
"""The id that replaces that of a forgotten person."""

SOMEBODY = phrase("somebody")
"""The name that replaces that of a forgotten person."""

GUILDS_VOICE = "guild-voice"
"""The prefix of the name of the fact about a guild's voice."""

LOOKED_AFTER_BY = "looked-after-by"
"""The name of the fact about which bot ends polls and deletes leftovers."""

TOLD = "vote"
"""The prefix of the name of the fact about a posted card with a poll's result."""

REMOVED = Element(Kind.ACTION, "\N{HORIZONTAL ELLIPSIS}")
"""The element that replaces removed text: every model can read it, and every format print it."""


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Moment(TypeDecorator[dt.datetime]):
    """A moment with its time zone. SQLite keeps none, so that moments are stored in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Convert a moment to the stored one."""
        return value and value.astimezone(dt.UTC)

    def process_result_value(
        self, value: dt.datetime | None, dialect: Dialect
    ) -> dt.datetime | None:
        """Convert a stored moment."""
        return value and value.replace(tzinfo=dt.UTC)


Number = Integer().with_variant(BigInteger(), "postgresql")
"""An integer of 64 bits, as all of SQLite's are: after a backup, ids continue from the time."""


class Base(DeclarativeBase):
    """A row of a table. Rows are read and handed down, never changed in place."""

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
        dt.datetime: Moment,
        int: Number,
    }


class Script(Base):
    """A script in a channel: a head on a tree of lines, and the options of its model."""

    __tablename__ = "scripts"
    __table_args__ = (
        Index(
            "one_script_runs_in_a_channel",
            "channel",
            unique=True,
            sqlite_where=text("running"),
            postgresql_where=text("running"),
        ),
        # Old buttons carry ids of deleted rows, which must never be used again.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[int] = mapped_column(BigInteger, index=True)
    guild: Mapped[int | None] = mapped_column(BigInteger)
    owner: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str]
    cast: Mapped[list[str]]
    voice: Mapped[str]
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The script's own options of generation; the operator's settings replace missing ones."""
    running: Mapped[bool]
    """Whether the channel writes on it; the others are shelved."""
    head: Mapped[int | None]
    """The last line; None before the first. No foreign key, because lines refer to scripts."""
    begun: Mapped[dt.datetime] = mapped_column(default=_now)
    delivery: Mapped[str | None] = mapped_column(unique=True)
    """The interaction that began the script."""
    forked_at: Mapped[int | None]
    """The line of another script at which it was forked."""
    archived: Mapped[bool] = mapped_column(default=False)
    """Whether it was archived; then it cannot run."""
    takes: Mapped[int] = mapped_column(default=1)
    """How many takes of a line are written together."""
    lock: Mapped[bool] = mapped_column(default=False)
    """Whether the model lets only the cast speak."""
    players: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """The people's ids by the names of the characters that they play."""
    skip_played: Mapped[bool] = mapped_column(default=False)
    """Whether the model leaves the characters of people to them."""
    alternate: Mapped[bool] = mapped_column(default=False)
    """Whether a person must wait for another one after a line."""
    cooldown: Mapped[int] = mapped_column(default=0)
    """Seconds that a person waits after a line."""
    role: Mapped[int | None] = mapped_column(BigInteger)
    """The role that is needed to write."""
    erased: Mapped[int] = mapped_column(default=0)
    """How often text above the head was removed: what was read before is outdated."""
    style: Mapped[str | None]
    """The style whose opening the model reads before the first line, if the model has it."""


_KEPT_BY_A_FORK = (
    *("guild", "cast", "voice", "options", "head", "takes", "lock", "players", "skip_played"),
    *("alternate", "cooldown", "role", "style"),
)


def fork_of(script: Script, channel: int, owner: int, title: str) -> Script:
    """Make a script that continues from the head of another one, with the same options."""
    kept = {name: getattr(script, name) for name in _KEPT_BY_A_FORK}
    return Script(
        channel=channel, owner=owner, title=title, running=True, forked_at=script.head, **kept
    )


class Manner(Base):
    """The origin of a model's lines except the seed, which many lines have in common.

    It is deleted with the last of its lines.
    """

    __tablename__ = "manners"
    # A hash index, because a list of names can be longer than a B-tree entry of PostgreSQL.
    __table_args__ = (Index("manners_by_content", "content", postgresql_using="hash"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[str]
    """JSON, by which the row is found."""

    @classmethod
    def content_of(cls, origin: Mapping[str, Any]) -> str:
        """Return the part of an origin that lines have in common, as JSON."""
        common = {name: value for name, value in origin.items() if name != "seed"}
        return json.dumps(common, separators=(",", ":"))


class Line(Base):
    """One element of a script, with its place in the tree and its origin.

    Ids grow along every path of the tree, because a line is stored after its parent.
    """

    __tablename__ = "lines"
    __table_args__ = (
        UniqueConstraint("delivery", "take", "ordinal"),
        Index(
            "lines_by_parent",
            "parent",
            sqlite_where=text("parent IS NOT NULL"),
            postgresql_where=text("parent IS NOT NULL"),
        ),
        Index(
            "lines_by_author",
            "author",
            sqlite_where=text("author IS NOT NULL"),
            postgresql_where=text("author IS NOT NULL"),
        ),
        Index(
            "lines_by_manner",
            "manner",
            sqlite_where=text("manner IS NOT NULL"),
            postgresql_where=text("manner IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    script: Mapped[int] = mapped_column(ForeignKey("scripts.id"), index=True)
    parent: Mapped[int | None] = mapped_column(ForeignKey("lines.id"))
    kind: Mapped[str]
    text: Mapped[str]
    author: Mapped[int | None] = mapped_column(BigInteger)
    """The person who wrote the line; None for a model."""
    credit: Mapped[str]
    """The name of the person or the model at that time."""
    manner: Mapped[int | None] = mapped_column(ForeignKey("manners.id"))
    """None for a person."""
    seed: Mapped[int | None] = mapped_column(BigInteger)
    """The part of the origin that is not in `Manner`."""
    delivery: Mapped[str]
    """The interaction that asked for the line."""
    take: Mapped[int] = mapped_column(Integer)
    ordinal: Mapped[int] = mapped_column(Integer)
    written: Mapped[dt.datetime] = mapped_column(default=_now)
    asker: Mapped[int | None] = mapped_column(BigInteger, index=True)
    """The person who asked for the line; None if unknown."""
    copy_of: Mapped[int | None]
    """The line of which this one is a copy below a rewritten one; it may have been deleted."""
    rewrite_of: Mapped[int | None]
    """The line that this one replaces; it may have been deleted."""
    removed: Mapped[bool] = mapped_column(default=False)
    """Whether the text was removed at the wish of its author."""

    common: Mapped[Manner | None] = relationship(lazy="joined")
    """The part of the origin that other lines share."""

    @property
    def element(self) -> Element:
        """Return the line as an element of a screenplay."""
        return Element(Kind(self.kind), self.text)

    @property
    def origin(self) -> dict[str, Any]:
        """Return how the model wrote it: fingerprint, seed and so on; empty for a person's."""
        if self.common is None:
            return {}
        common: dict[str, Any] = json.loads(self.common.content)
        return common if self.seed is None else common | {"seed": self.seed}


class Trail(Base):
    """A redo pointer: the child from which the head of a script last came back to a line.

    Lines above the head may have none, or an outdated one: from there, redo follows the path to the
    head.
    """

    __tablename__ = "trails"
    __table_args__ = ({"sqlite_with_rowid": False},)

    script: Mapped[int] = mapped_column(ForeignKey("scripts.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    """`BEFORE_THE_FIRST` for the beginning."""
    child: Mapped[int] = mapped_column(ForeignKey("lines.id"), index=True)


class State(Base):
    """The state of a model after a line: a cache, which can be recomputed from the text."""

    __tablename__ = "states"

    line: Mapped[int] = mapped_column(ForeignKey("lines.id"), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[bytes] = mapped_column(LargeBinary)

    @property
    def remembered(self) -> States:
        """Return the state as the model takes it: float32 [S]."""
        return np.frombuffer(self.state, np.float32)


class Surprise(Base):
    """The surprisal of each character of a line to a model that read or wrote it: also a cache.

    It is kept for heads, and for other lines until states of the same age are evicted.
    """

    __tablename__ = "surprises"

    line: Mapped[int] = mapped_column(ForeignKey("lines.id"), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    bits: Mapped[bytes] = mapped_column(LargeBinary)
    """float16, one for each character of the line as the model reads it, except the first."""


class Ban(Base):
    """Words that no model says in a channel or a guild."""

    __tablename__ = "bans"

    scope: Mapped[str] = mapped_column(primary_key=True)
    """``channel`` or ``guild``."""
    place: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    words: Mapped[list[str]]
    guild: Mapped[int | None] = mapped_column(BigInteger)
    """The channel's guild; None if unknown, and for direct messages."""


class Post(Base):
    """A line in a message, so that the message can be updated later."""

    __tablename__ = "posts"
    __table_args__ = ({"sqlite_with_rowid": False},)

    message: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, index=True)
    """`BEFORE_THE_FIRST` for the message that begins a script without a line."""
    script: Mapped[int] = mapped_column(ForeignKey("scripts.id"))
    """The script that the message shows; a fork in the same channel can share the line."""


class Stale(Base):
    """A message that shows an erased name or text, until it is redrawn."""

    __tablename__ = "stale"

    message: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    script: Mapped[int] = mapped_column(ForeignKey("scripts.id"), index=True)


class Ballot(Base):
    """A poll: takes of the same lines, of which the asker or a vote chooses one."""

    __tablename__ = "ballots"
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
    """The take that was chosen, from 0; None while the poll is open."""
    announced: Mapped[bool] = mapped_column(default=False)
    """Whether the channel was told the result of the vote."""


class Vote(Base):
    """A person's vote for a take."""

    __tablename__ = "votes"

    ballot: Mapped[int] = mapped_column(ForeignKey("ballots.id"), primary_key=True)
    person: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    take: Mapped[int]


class Departure(Base):
    """A guild that has removed the bot, and whose scripts are deleted later."""

    __tablename__ = "departures"

    guild: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    since: Mapped[dt.datetime]


class Fact(Base):
    """A named value that the bot must remember about itself."""

    __tablename__ = "facts"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


NUMBERED = (Script.__tablename__, Line.__tablename__, Ballot.__tablename__)
"""The tables whose ids buttons carry."""


def guilds_voice(guild: int) -> str:
    """Return the name of the fact about the voice that a guild has chosen."""
    return f"{GUILDS_VOICE} {guild}"


def told_of(ballot: int, card: int) -> str:
    """Return the name of the fact that a card of a poll's result was posted."""
    return f"{TOLD} {ballot} {card}"
