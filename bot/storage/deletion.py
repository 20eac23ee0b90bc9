"""Delete scripts, and leave the lines that their forks reach to the forks.

Each function works within a unit of work.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, delete, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from .schema import (
    ROOT_LINE,
    Line,
    Poll,
    PostedLine,
    Provenance,
    RedoPointer,
    Rotation,
    Script,
    Sprint,
    StaleMessage,
    Star,
    State,
    Vote,
)

BATCH = 1_000
"""Provenances that are looked up together, because a statement accepts only so many parameters."""


async def delete_script(session: AsyncSession, script: int) -> None:
    """Delete a script and all lines that no fork reaches.

    Forks inherit the other lines, the oldest fork first.
    """
    forks = _query_forks(script).order_by(Script.id)
    for fork, line in (await session.execute(forks)).all():
        # The walk stops at another fork's line, because that fork reaches all lines above, too.
        own = select(Line.id, Line.parent).where(Line.script.in_((script, fork)))
        reached = own.where(Line.id == line).cte("reached", recursive=True)
        reached = reached.union_all(own.join(reached, Line.id == reached.c.parent))
        await session.execute(
            update(Line)
            .where(Line.script == script, Line.id.in_(select(reached.c.id)))
            .values(script=fork)
            .execution_options(synchronize_session=False)
        )
    await delete_scripts(session, select(Script.id).where(Script.id == script))


async def delete_empty_script(session: AsyncSession, channel: int, owner: int) -> None:
    """Delete the script that runs in a channel if it is this owner's and there is nothing in it.

    Such a script has never had a line, and has no cast.
    """
    lines = select(Line.id).where(Line.script == Script.id)
    empty = select(Script).where(
        Script.channel == channel,
        Script.running,
        Script.owner == owner,
        Script.forked_at.is_(None),
        ~lines.exists(),
    )
    script = await session.scalar(empty)
    if script is not None and not script.cast and not script.players:
        await delete_scripts(session, select(Script.id).where(Script.id == script.id))


async def delete_scripts(session: AsyncSession, scripts: Select[int]) -> None:
    """Delete scripts, given by a query of their ids, and all that belongs to them."""
    own = select(Line.id).where(Line.script.in_(scripts))
    shown = select(PostedLine.message).where(PostedLine.line.in_(own))
    voted = select(Poll.message).where(Poll.script.in_(scripts), Poll.message.is_not(None))
    await session.execute(delete(StaleMessage).where(StaleMessage.message.in_(shown.union(voted))))
    # The newest message stays recorded, because unrecorded ones below it are deleted.
    posted = select(func.max(PostedLine.message)).where(PostedLine.line.in_(own))
    newest = PostedLine.message.in_(posted.group_by(PostedLine.channel))
    await session.execute(update(PostedLine).where(newest).values(line=ROOT_LINE, name=None))
    for about in (State, PostedLine):
        await session.execute(delete(about).where(about.line.in_(own)))
    for of_script in (RedoPointer, Rotation, Sprint):
        await session.execute(delete(of_script).where(of_script.script.in_(scripts)))
    polls = select(Poll.id).where(Poll.script.in_(scripts))
    await session.execute(delete(Vote).where(Vote.poll.in_(polls)))
    await session.execute(delete(Poll).where(Poll.script.in_(scripts)))
    await _delete_stars(session, scripts)
    provenances = select(Line.provenance).where(Line.script.in_(scripts)).distinct()
    candidates = list(await session.scalars(provenances.where(Line.provenance.is_not(None))))
    # In one statement, because foreign keys are only checked at its end.
    await session.execute(delete(Line).where(Line.script.in_(scripts)))
    await _delete_unused_provenances(session, candidates)
    await session.execute(delete(Script).where(Script.id.in_(scripts)))


def _query_forks(script: int) -> Select[int, int | None]:
    """Build a query of the forks that may reach lines of a script, and where they were forked."""
    own = aliased(Script)
    # A fork never leaves its guild, nor a direct message, which has no guild.
    is_near = or_(Script.guild == own.guild, Script.channel == own.channel)
    return (
        select(Script.id, Script.forked_at)
        .join(own, is_near)
        .where(own.id == script, Script.id != script, Script.forked_at.is_not(None))
    )


async def _delete_stars(session: AsyncSession, scripts: Select[int]) -> None:
    """Delete the stars of the lines of scripts, except those that copies elsewhere share."""
    originals = select(func.coalesce(Line.copy_of, Line.id)).where(Line.script.in_(scripts))
    elsewhere = (
        select(Line.id)
        .where(or_(Line.id == Star.line, Line.copy_of == Star.line), Line.script.not_in(scripts))
        .correlate(Star)
    )
    await session.execute(delete(Star).where(Star.line.in_(originals), ~elsewhere.exists()))


async def count_forked_lines(session: AsyncSession, script: int) -> int:
    """Count the lines of a script that a fork reaches."""
    forks = _query_forks(script).with_only_columns(Script.forked_at)
    reached = select(Line.id, Line.parent).where(Line.id.in_(forks)).cte("reached", recursive=True)
    reached = reached.union(select(Line.id, Line.parent).join(reached, Line.id == reached.c.parent))
    own = select(func.count()).select_from(Line).where(Line.script == script)
    return await session.scalar(own.where(Line.id.in_(select(reached.c.id)))) or 0


async def _delete_unused_provenances(session: AsyncSession, among: Sequence[int | None]) -> None:
    """Delete provenances without lines, because names of people may be in them."""
    used = exists().where(Line.provenance == Provenance.id)
    for start in range(0, len(among), BATCH):
        is_candidate = Provenance.id.in_(among[start : start + BATCH])
        await session.execute(delete(Provenance).where(is_candidate, ~used))
