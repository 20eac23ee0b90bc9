"""Erasure: what is kept of people and servers, and can be deleted.

Each function works in a transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, String, cast, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from . import line_tree
from .dialects import insert, walk_line_by_line
from .schema import (
    FORGOTTEN,
    REMOVED,
    SOMEBODY,
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
    Vote,
    guilds_voice,
)


async def forget(session: AsyncSession, person: int, *, text: bool) -> int:
    """Takes a person's name from everything, and the text from their lines if they wish.

    Whatever a voice remembers of that text goes, too, and the messages that show any of it are
    `Stale` then. Returns how many lines there were.
    """
    theirs = select(Line.id).where(Line.author == person)
    count = await session.scalar(select(func.count()).select_from(theirs.subquery())) or 0
    await _note_stale(session, person, theirs)
    if text:
        await _remove_text(session, theirs)
    await session.execute(
        update(Line).where(Line.author == person).values(author=FORGOTTEN, credit=SOMEBODY)
    )
    await session.execute(update(Line).where(Line.asker == person).values(asker=None))
    await session.execute(update(Script).where(Script.owner == person).values(owner=FORGOTTEN))
    await session.execute(update(Ballot).where(Ballot.asker == person).values(asker=FORGOTTEN))
    await session.execute(delete(Vote).where(Vote.person == person))
    for one in await session.scalars(_plays(person)):
        one.players = {name: who for name, who in one.players.items() if who != person}
    return count


async def _note_stale(session: AsyncSession, person: int, lines: Select[int]) -> None:
    """Notes the messages that show lines, and the open takes that name or count a person."""
    shown = select(Post.message, Post.script).where(Post.line.in_(lines))
    voted = select(Vote.ballot).where(Vote.person == person)
    takes = select(Ballot.message, Ballot.script).where(
        or_(Ballot.asker == person, Ballot.id.in_(voted)),
        ~Ballot.closed,
        Ballot.message.is_not(None),
    )
    stale = insert(session, Stale).from_select(["message", "script"], shown.union(takes))
    await session.execute(stale.on_conflict_do_nothing())


async def have_changed(session: AsyncSession, lines: Sequence[Line]) -> bool:
    """Whether the name or text of any of these lines was taken since they were read."""
    was = {line.id for line in lines if line.author == FORGOTTEN or line.removed}
    erased = or_(Line.author == FORGOTTEN, Line.removed)
    ids = [line.id for line in lines]
    now = await session.scalars(select(Line.id).where(Line.id.in_(ids), erased))
    return set(now) != was


async def _remove_text(session: AsyncSession, lines: Select[int]) -> None:
    """Leaves lines in their places, without their text and all that was made of it."""
    await walk_line_by_line(session)
    touched = line_tree.below(lines)
    affected = select(touched.c.id)
    # A turn that has read the text and is not stored yet must not be.
    await session.execute(
        update(Script)
        .where(or_(Script.head.in_(affected), Script.forked_at.in_(affected)))
        .values(erased=Script.erased + 1)
    )
    for kept in (State, Surprise):
        await session.execute(delete(kept).where(kept.line.in_(affected)))
    await session.execute(
        update(Line)
        .where(Line.id.in_(lines))
        .values(kind=str(REMOVED.kind), text=REMOVED.text, removed=True)
    )


async def delete_guild(session: AsyncSession, guild: int) -> int:
    """Deletes a guild's scripts and lists; returns how many scripts there were."""
    await session.execute(delete(Ban).where(Ban.guild == guild))
    # A fork never leaves its guild, so that nothing outside reaches any of these lines.
    scripts = list(await session.scalars(select(Script.id).where(Script.guild == guild)))
    await line_tree.delete_scripts(session, select(Script.id).where(Script.guild == guild))
    await session.execute(delete(Fact).where(Fact.name == guilds_voice(guild)))
    await session.execute(delete(Departure).where(Departure.guild == guild))
    return len(scripts)


@dataclass(frozen=True)
class Kept:
    """What is kept of a person, each with the script that it belongs to."""

    lines: list[tuple[Line, Script]]
    """What they wrote, without copies of what is there as well."""
    asked: list[tuple[Line, Script]]
    """What a voice wrote because they asked for it."""
    scripts: list[Script]
    """What they began."""
    parts: list[tuple[str, Script]]
    """The characters that they play."""
    votes: list[tuple[Vote, Script]]

    def __bool__(self) -> bool:
        return bool(self.lines or self.asked or self.scripts or self.parts or self.votes)


async def of_person(session: AsyncSession, person: int) -> Kept:
    """All that is kept of a person."""
    lines = (
        select(Line, Script)
        .join(Script, Script.id == Line.script)
        .where(or_(Line.copy_of.is_(None), Line.copy_of.not_in(select(Line.id))))
        .order_by(Line.id)
    )
    asked = lines.where(Line.asker == person, Line.author.is_(None))
    votes = (
        select(Vote, Script)
        .join(Ballot, Ballot.id == Vote.ballot)
        .join(Script, Script.id == Ballot.script)
        .where(Vote.person == person)
        .order_by(Vote.ballot)
    )
    began = select(Script).where(Script.owner == person).order_by(Script.id)
    return Kept(
        lines=[(one, of) for one, of in await session.execute(lines.where(Line.author == person))],
        asked=[(one, of) for one, of in await session.execute(asked)],
        scripts=list(await session.scalars(began)),
        parts=[
            (name, script)
            for script in await session.scalars(_plays(person).order_by(Script.id))
            for name, who in script.players.items()
            if who == person
        ],
        votes=[(one, of) for one, of in await session.execute(votes)],
    )


def _plays(person: int) -> Select[Script]:
    """A query of the scripts in which somebody may play."""
    return select(Script).where(cast(Script.players, String).contains(str(person)))
