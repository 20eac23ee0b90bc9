"""Tables: what is kept of scripts, as rows of a database."""

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
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from ..arrays import States
from ..i18n.catalogue import phrase
from ..screenplay.elements import Element, Kind

BEFORE_THE_FIRST = 0
"""Stands for the place of a head that has no line yet, where a number is needed."""

FORGOTTEN = 0
"""Stands for the id of a person who wished to be forgotten."""

SOMEBODY = phrase("somebody")
"""The name of whoever wished to be forgotten."""

GUILDS_VOICE = "guild-voice"
"""What such a fact's name begins with."""

LOOKED_AFTER_BY = "looked-after-by"
"""What the fact is called that says which bot ends votes, and deletes what is left."""

TOLD = "vote"
"""The same for one about how a vote ended."""

REMOVED = Element(Kind.ACTION, "\N{HORIZONTAL ELLIPSIS}")
"""What stands where text was removed: every voice can read it, and every format print it."""


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Moment(TypeDecorator[dt.datetime]):
    """A moment with its time zone, which SQLite does not keep: there it is in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """What is kept."""
        return value and value.astimezone(dt.UTC)

    def process_result_value(
        self, value: dt.datetime | None, dialect: Dialect
    ) -> dt.datetime | None:
        """What was kept."""
        return value and value.replace(tzinfo=dt.UTC)


Number = Integer().with_variant(BigInteger(), "postgresql")
"""Of 64 bits, as every integer of SQLite is: after a backup ids go on from the time."""


class Base(DeclarativeBase):
    """The tables. Rows are read and passed on, never changed in place."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as it stands
        dict[str, Any]: JSON,
        list[str]: JSON,
        dt.datetime: Moment,
        int: Number,
    }


class Script(Base):
    """A script in a channel: a head on a tree of lines, and how its voice writes."""

    __tablename__ = "scripts"
    __table_args__ = (
        Index(
            "one_script_runs_in_a_channel",
            "channel",
            unique=True,
            sqlite_where=text("running"),
            postgresql_where=text("running"),
        ),
        # The ids of what was deleted are on old buttons, and must never mean anything else.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[int] = mapped_column(BigInteger, index=True)
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
    erased: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """How often text was removed above its head: what was read before that holds no more."""
    company: Mapped[float | None]
    """None, here and in the next one, for what the operator has set."""
    quality: Mapped[str | None]
    style: Mapped[str | None]
    """The style whose opening its voice reads before the first line, if that voice has it."""


_KEPT = (
    *("guild", "cast", "voice", "temperature", "top_p", "head", "min_p", "repetition", "company"),
    *("length", "takes", "lock", "players", "skip_played", "alternate", "cooldown", "role"),
    *("quality", "style"),
)


def fork_of(script: Script, channel: int, owner: int, title: str) -> Script:
    """A script that begins where another one stands, and is written as that one is."""
    kept = {name: getattr(script, name) for name in _KEPT}
    return Script(
        channel=channel, owner=owner, title=title, running=True, forked_at=script.head, **kept
    )


class Manner(Base):
    """How a voice wrote lines: all of what they came from but the seed, which many have in common.

    It goes with the last of its lines.
    """

    __tablename__ = "manners"
    # A list of names can be longer than what another index of PostgreSQL's takes.
    __table_args__ = (Index("manners_by_content", "content", postgresql_using="hash"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[str]
    """JSON, by which it is found."""

    @classmethod
    def content_of(cls, origin: Mapping[str, Any]) -> str:
        """What lines with this origin have in common."""
        common = {name: value for name, value in origin.items() if name != "seed"}
        return json.dumps(common, separators=(",", ":"))


class Line(Base):
    """One element of a script, where it hangs in the tree, and how it came to be.

    Ids grow along every path of the tree, since a line is stored after its parent.
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
    """The person who wrote it; None for a voice."""
    credit: Mapped[str]
    """The person's or the voice's name, as it was then."""
    manner: Mapped[int | None] = mapped_column(ForeignKey("manners.id"))
    """None for a person."""
    seed: Mapped[int | None] = mapped_column(BigInteger)
    """Part of what a voice wrote it from, as `Manner` is the rest."""
    delivery: Mapped[str]
    """The interaction that asked for it."""
    take: Mapped[int] = mapped_column(Integer)
    ordinal: Mapped[int] = mapped_column(Integer)
    written: Mapped[dt.datetime] = mapped_column(default=_now)
    asker: Mapped[int | None] = mapped_column(BigInteger, index=True)
    """The person who asked for it; None where that was not noted."""
    copy_of: Mapped[int | None]
    """The line that this repeats below a rewritten one. That may have been deleted since."""
    rewrite_of: Mapped[int | None]
    """The line that this was written instead of. That may have been deleted since."""
    removed: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether its text was removed, because whoever wrote it wished so."""

    common: Mapped[Manner | None] = relationship(lazy="joined")
    """What its origin shares with that of others."""

    @property
    def element(self) -> Element:
        """The line as an element of a screenplay."""
        return Element(Kind(self.kind), self.text)

    @property
    def origin(self) -> dict[str, Any]:
        """What a voice wrote it from: fingerprint, seed and so on; empty for a person."""
        if self.common is None:
            return {}
        common: dict[str, Any] = json.loads(self.common.content)
        return common if self.seed is None else common | {"seed": self.seed}


class Trail(Base):
    """The child through which the head of a script last came back to a line, or to one above it.

    Of lines above the head there may be none, or one of earlier: there the way is that to the head.
    """

    __tablename__ = "trails"
    __table_args__ = ({"sqlite_with_rowid": False},)

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
    """What each character of a line cost a voice that read or wrote it: a cache as well.

    It is kept for heads, and for other lines until states of their age have made room for new ones.
    """

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
    guild: Mapped[int | None] = mapped_column(BigInteger)
    """Where the channel is; None where that is not known, and in direct messages."""


class Post(Base):
    """A line as it stands in a message, so that the message can tell the truth later."""

    __tablename__ = "posts"
    __table_args__ = ({"sqlite_with_rowid": False},)

    message: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, index=True)
    """`BEFORE_THE_FIRST` for the message that begins a script without a line."""
    script: Mapped[int] = mapped_column(ForeignKey("scripts.id"))
    """The one that it was shown of; a fork in the same channel can share the line."""


class Stale(Base):
    """A message that shows what was forgotten since, until it is drawn again."""

    __tablename__ = "stale"

    message: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    script: Mapped[int] = mapped_column(ForeignKey("scripts.id"), index=True)


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
    announced: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether the channel was told how the vote ended."""


class Vote(Base):
    """The take that a person is for."""

    __tablename__ = "votes"

    ballot: Mapped[int] = mapped_column(ForeignKey("ballots.id"), primary_key=True)
    person: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    take: Mapped[int]


class Departure(Base):
    """A guild that has removed the bot, and whose scripts are deleted after a while."""

    __tablename__ = "departures"

    guild: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    since: Mapped[dt.datetime]


class Fact(Base):
    """A small thing that the bot must remember about itself."""

    __tablename__ = "facts"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


NUMBERED = (Script.__tablename__, Line.__tablename__, Ballot.__tablename__)
"""The tables whose ids are on buttons."""


def guilds_voice(guild: int) -> str:
    """The name of the fact that says which voice a guild has chosen."""
    return f"{GUILDS_VOICE} {guild}"


def told_of(ballot: int, card: int) -> str:
    """The name of the fact that a card of how a vote ended was posted, until all of them are."""
    return f"{TOLD} {ballot} {card}"
