"""Delete scripts, and leave the lines that their forks reach to the forks.

Each function works within a unit of work.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Select, String, cast, delete, exists, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from .dialects import each_of
from .line_tree import path
from .schema import (
    TOLD,
    Ballot,
    Fact,
    Line,
    Manner,
    Post,
    Script,
    Stale,
    State,
    Surprise,
    Trail,
    Vote,
)


async def delete_script(session: AsyncSession, script: int) -> None:
    """Delete a script and all lines that no fork reaches.

    Forks inherit the others, the oldest fork first. Messages go to the scripts whose lines they
    show.
    """
    forks = select(Script).where(Script.id != script, Script.forked_at.is_not(None))
    for fork in list(await session.scalars(forks.order_by(Script.id))):
        await _bequeath_lines(session, script, fork)
    shown = select(Line.script).join(Post, Post.line == Line.id).where(Post.script == script)
    owners = select(Script).where(Script.id != script, Script.id.in_(shown))
    for owner in list(await session.scalars(owners.order_by(Script.id))):
        lines = select(Line.id).where(Line.script == owner.id)
        await _bequeath_messages(session, script, owner, lines)
    await delete_scripts(session, select(Script.id).where(Script.id == script))


async def delete_scripts(session: AsyncSession, scripts: Select[int]) -> None:
    """Delete scripts, given by a query of their ids, and all that belongs to them."""
    own = select(Line.id).where(Line.script.in_(scripts))
    for cached in (State, Surprise):
        await session.execute(delete(cached).where(cached.line.in_(own)))
    await session.execute(delete(Post).where(Post.script.in_(scripts)))
    await session.execute(delete(Stale).where(Stale.script.in_(scripts)))
    await session.execute(delete(Trail).where(Trail.script.in_(scripts)))
    polls = select(Ballot.id).where(Ballot.script.in_(scripts))
    await delete_card_facts(session, polls)
    await session.execute(delete(Vote).where(Vote.ballot.in_(polls)))
    await session.execute(delete(Ballot).where(Ballot.script.in_(scripts)))
    manners = select(Line.manner).where(Line.script.in_(scripts), Line.manner.is_not(None))
    candidates = list(await session.scalars(manners.distinct()))
    # In one statement, because a line may be deleted before its parent is.
    await session.execute(delete(Line).where(Line.script.in_(scripts)))
    await _delete_unused_manners(session, candidates)
    await session.execute(delete(Script).where(Script.id.in_(scripts)))


async def delete_card_facts(session: AsyncSession, polls: Select[int]) -> None:
    """Delete the facts about which result cards of polls were posted."""
    prefix = literal(f"{TOLD} ") + cast(polls.subquery().c.id, String) + " "
    about_them = exists().where(func.substr(Fact.name, 1, func.length(prefix)) == prefix)
    await session.execute(delete(Fact).where(about_them))


async def count_deletion(session: AsyncSession, script: int) -> tuple[int, int]:
    """Count the lines of a script that no fork reaches, and those that one does."""
    forks = select(Script.forked_at).where(Script.id != script, Script.forked_at.is_not(None))
    reached = select(Line.id, Line.parent).where(Line.id.in_(forks)).cte("reached", recursive=True)
    reached = reached.union(select(Line.id, Line.parent).join(reached, Line.id == reached.c.parent))
    own = select(func.count()).select_from(Line).where(Line.script == script)
    stay = await session.scalar(own.where(Line.id.in_(select(reached.c.id)))) or 0
    return (await session.scalar(own) or 0) - stay, stay


async def _bequeath_lines(session: AsyncSession, script: int, fork: Script) -> None:
    """Give the lines of a script above its fork, and their messages in its channel, to the fork."""
    reached = select(path(fork.forked_at or 0).c.id)
    await session.execute(
        update(Line)
        .where(Line.script == script, Line.id.in_(reached))
        .values(script=fork.id)
        .execution_options(synchronize_session=False)
    )
    await _bequeath_messages(session, script, fork, reached)


async def _bequeath_messages(
    session: AsyncSession, script: int, heir: Script, lines: Select[int]
) -> None:
    """Give the messages of a script that show lines to another script of the same channel."""
    here = select(Script.id).where(Script.id == script, Script.channel == heir.channel)
    shown = update(Post).where(Post.script.in_(here), Post.line.in_(lines))
    await session.execute(shown.values(script=heir.id))
    left = select(Post.message).where(Post.script == heir.id)
    stale = update(Stale).where(Stale.script.in_(here), Stale.message.in_(left))
    await session.execute(stale.values(script=heir.id))


async def _delete_unused_manners(session: AsyncSession, manners: Sequence[int | None]) -> None:
    """Delete manners that no line has any more, because names of people may be in them."""
    candidates = Manner.id.bool_op("IN")(each_of(json.dumps(manners)))
    used = exists().where(Line.manner == Manner.id)
    await session.execute(delete(Manner).where(candidates, ~used))
