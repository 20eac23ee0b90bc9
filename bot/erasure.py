"""Erasure: what people and servers can have deleted. Each function works in a transaction."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Select, String, and_, cast, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from . import lineage
from .tables import (
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
    State,
    Surprise,
    Vote,
    guilds_voice,
)


@dataclass(frozen=True)
class Forgotten:
    """What named a person, and where messages show it, so that they can be drawn again."""

    count: int
    """Their lines."""
    lines: dict[int, list[int]] = field(default_factory=dict)
    """The ids of their lines that are shown, by the id of the script that shows them."""
    ballots: list[int] = field(default_factory=list)
    """The takes that they asked for and could pick from."""


async def forget(session: AsyncSession, person: int, *, text: bool) -> Forgotten:
    """Takes a person's name from everything, and the text from their lines if they wish.

    Whatever a voice remembers of that text goes, too.
    """
    theirs = select(Line.id).where(Line.author == person)
    found = await _found(session, person, theirs)
    if text:
        await _remove_text(session, theirs)
    await session.execute(
        update(Line).where(Line.author == person).values(author=FORGOTTEN, credit=SOMEBODY)
    )
    await session.execute(update(Line).where(Line.asker == person).values(asker=None))
    await session.execute(update(Script).where(Script.owner == person).values(owner=FORGOTTEN))
    await session.execute(update(Ballot).where(Ballot.asker == person).values(asker=FORGOTTEN))
    await session.execute(delete(Vote).where(Vote.person == person))
    named = cast(Script.players, String).contains(str(person))
    for one in await session.scalars(select(Script).where(named)):
        one.players = {name: who for name, who in one.players.items() if who != person}
    return found


async def _found(session: AsyncSession, person: int, lines: Select[int]) -> Forgotten:
    count = select(func.count()).select_from(Line).where(Line.author == person)
    found = Forgotten(await session.scalar(count) or 0)
    posts = select(Post.script, Post.line).where(Post.line.in_(lines)).distinct()
    for script, line in await session.execute(posts):
        found.lines.setdefault(script, []).append(line)
    ballots = select(Ballot.id).where(Ballot.asker == person, ~Ballot.closed)
    found.ballots.extend(await session.scalars(ballots))
    return found


async def _remove_text(session: AsyncSession, lines: Select[int]) -> None:
    """Leaves lines in their places, without their text and all that was made of it."""
    touched = lineage.below(lines)
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
    channels = select(Script.channel).where(Script.guild == guild)
    own, inside = Ban.scope == "guild", Ban.scope == "channel"
    await session.execute(
        delete(Ban).where(or_(and_(own, Ban.place == guild), and_(inside, Ban.place.in_(channels))))
    )
    # A fork never leaves its guild, so that nothing outside reaches any of these lines.
    scripts = list(await session.scalars(select(Script.id).where(Script.guild == guild)))
    await lineage.delete_scripts(session, select(Script.id).where(Script.guild == guild))
    await session.execute(delete(Fact).where(Fact.name == guilds_voice(guild)))
    await session.execute(delete(Departure).where(Departure.guild == guild))
    return len(scripts)


async def of_person(session: AsyncSession, person: int) -> list[tuple[Line, Script]]:
    """A person's lines and the scripts in which they wrote them, without copies."""
    rows = await session.execute(
        select(Line, Script)
        .join(Script, Script.id == Line.script)
        .where(Line.author == person, Line.copy_of.is_(None))
        .order_by(Line.id)
    )
    return [(line, script) for line, script in rows]
