"""The tree of lines: how it is walked, and how it grows. Each function works in a transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    cast,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from ..screenplay.drafts import Draft
from .dialects import Insert, dialect, each_of, highest_id, insert, insert_for, note_highest_id
from .schema import (
    BEFORE_THE_FIRST,
    TOLD,
    Ballot,
    Base,
    Fact,
    Line,
    Manner,
    Number,
    Post,
    Script,
    Stale,
    State,
    Surprise,
    Trail,
    Vote,
)

LINES_AT_ONCE = 200
"""Lines that are handed to the database together: some milliseconds of the event loop's time."""


KEPT_BY_A_COPY = (
    *(Line.kind, Line.text, Line.author, Line.credit, Line.manner, Line.seed),
    *(Line.written, Line.asker, Line.removed),
)
"""What a line has as the one that it repeats."""


class HeadMoved(Exception):
    """Somebody else moved the script on in the meantime; nothing was written."""


class AlreadyWritten(Exception):
    """This very interaction has written its lines before; nothing was written twice."""


def path(head: int | BindParameter[int], name: str = "above") -> CTE:
    """A query of the ids from ``head`` up to the first line."""
    above = select(Line.id, Line.parent).where(Line.id == head).cte(name, recursive=True)
    return above.union_all(select(Line.id, Line.parent).join(above, Line.id == above.c.parent))


def below(lines: Select[int]) -> CTE:
    """A query of the ids of lines, and of all that hang below them in any script."""
    walked = lines.cte("below", recursive=True)
    return walked.union(select(Line.id).join(walked, Line.parent == walked.c.id))


@cache
def path_from() -> Select[int]:
    """A query of the ids from ``head`` up to ``since``, made once: every turn asks it."""
    above = select(Line.id, Line.parent).where(Line.id == bindparam("head", type_=Number))
    walked = above.cte("above", recursive=True)
    up = select(Line.id, Line.parent).join(walked, Line.id == walked.c.parent)
    # Ids grow along every path.
    walked = walked.union_all(up.where(Line.id >= bindparam("since", type_=Number)))
    return select(walked.c.id).order_by(walked.c.id)


@cache
def _last_from(wanted: type[Line] | InstrumentedAttribute[str]) -> Select[Any]:
    """A query of the last lines up to ``head`` which have so many ``characters``, made once."""
    above = (
        select(Line.id, Line.parent, func.length(Line.text).label("characters"))
        .where(Line.id == bindparam("head", type_=Number))
        .cte("above", recursive=True)
    )
    more = (
        select(Line.id, Line.parent, above.c.characters + func.length(Line.text))
        .join(above, Line.id == above.c.parent)
        .where(above.c.characters < bindparam("characters", type_=Number))
    )
    above = above.union_all(more)
    # By the order of `Line.id` SQLite would go through all lines that there are.
    return select(wanted).join(above, Line.id == above.c.id).order_by(above.c.id)


async def last_lines(session: AsyncSession, head: int, characters: int) -> list[Line]:
    """The last lines up to ``head`` which have so many characters together, or all."""
    found = await session.scalars(_last_from(Line), {"head": head, "characters": characters})
    return list(found)


async def last_texts(session: AsyncSession, head: int, characters: int) -> list[str]:
    """Return the texts of the `last_lines`, which takes a tenth of their time."""
    found = await session.scalars(_last_from(Line.text), {"head": head, "characters": characters})
    return list(found)


def in_tree(script: Script) -> ColumnElement[bool]:
    """Whether a line is in a script: its own, or one above its fork."""
    own = Line.script == script.id
    if script.forked_at is None:
        return own
    return or_(own, Line.id.in_(select(path(script.forked_at).c.id)))


async def family(session: AsyncSession, script: Script) -> set[int]:
    """The scripts to which a script's lines belong: it, and those above its fork."""
    if script.forked_at is None:
        return {script.id}
    above = path(script.forked_at)
    owners = select(Line.script).join(above, Line.id == above.c.id).distinct()
    return {script.id, *await session.scalars(owners)}


def posted_beside(script: Script) -> ColumnElement[bool]:
    """Whether a line is shown in a script's channel, be it as one of another script that shares it.

    The message from before the first line is about its own script alone.
    """
    here = select(Script.id).where(Script.channel == script.channel)
    shared = and_(Post.line != BEFORE_THE_FIRST, Post.script.in_(here))
    return or_(Post.script == script.id, shared)


def posts(script: Script, lines: Iterable[int], messages: Iterable[int]) -> Select[int]:
    """A query of messages, and of those in a script's channel that show any of these lines."""
    # There may be more than a statement takes parameters.
    ids = each_of(json.dumps(list(lines)))
    shown = and_(posted_beside(script), Post.line.bool_op("IN")(ids))
    return select(Post.message).where(or_(shown, Post.message.in_(messages))).distinct()


def _line(
    script: Script,
    parent: int | None,
    draft: Draft,
    manner: Manner | None,
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
        common=manner,
        seed=draft.origin.get("seed"),
        delivery=delivery,
        take=take,
        ordinal=ordinal,
        asker=asker,
    )


async def shelve(session: AsyncSession, channel: int) -> None:
    """Puts what runs in a channel on the shelf."""
    await session.execute(update(Script).where(Script.channel == channel).values(running=False))


async def hang(
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
    # Nobody else writes meanwhile, so that the next ids are known before there are any.
    first = await highest_id(session, Line.__tablename__) + 1
    lines: list[Line] = []
    for at in range(0, len(drafts), LINES_AT_ONCE):
        some = drafts[at : at + LINES_AT_ONCE]
        new: list[Line] = []
        for ordinal, draft in enumerate(some, at):
            manner = await _manner(session, draft.origin)
            new.append(_line(script, parent, draft, manner, delivery, take, ordinal, asker))
            new[-1].id = parent = first + ordinal
        session.add_all(new)
        await session.flush()
        for line, draft in zip(new, some, strict=True):
            session.add_all(_remembered(line.id, draft))
        await session.flush()
        lines += new
    if lines:
        await note_highest_id(session, Line.__tablename__, lines[-1].id)
    return lines


async def _manner(session: AsyncSession, origin: Mapping[str, Any]) -> Manner | None:
    """What lines with this origin have in common, new or known; None for a person's."""
    if not origin:
        return None
    content = Manner.content_of(origin)
    known = await session.scalar(select(Manner).where(Manner.content == content))
    if known is not None:
        return known
    # Nobody else writes meanwhile.
    highest = await session.scalar(select(func.max(Manner.id))) or 0
    new = Manner(id=highest + 1, content=content)
    session.add(new)
    await session.flush()
    return new


async def copy(session: AsyncSession, script: Script, last: Line, was: Line) -> int:
    """Hangs copies of the lines that follow one of a script, one under the other, below ``last``.

    They are in the messages, too, that show what they repeat. Returns the id of the last of them,
    or of ``last`` where nothing follows. The database does it all: there can be thousands.
    """
    place = func.row_number().over(order_by=Line.id).label("place")
    standing = select(path(script.head or 0).c.id)
    followed = select(Line.id, place).where(Line.id.in_(standing), Line.id > was.id).cte("followed")
    # Lines are numbered one after the other, and nobody else can write in the meantime.
    number = last.id + followed.c.place
    copied = {
        Line.id: number,
        Line.script: literal(script.id),
        Line.parent: number - 1,
        Line.delivery: literal(last.delivery),
        Line.take: literal(last.take),
        Line.ordinal: last.ordinal + followed.c.place,
        # A copy of a copy says where the line was first written.
        Line.copy_of: func.coalesce(Line.copy_of, Line.id),
    } | {column: column for column in KEPT_BY_A_COPY}
    copies = select(*copied.values()).join(followed, Line.id == followed.c.id).order_by(Line.id)
    await session.execute(insert(session, Line).from_select(list(copied), copies))
    shown = select(Post.message, number, literal(script.id)).join(
        followed, Post.line == followed.c.id
    )
    columns = [Post.message, Post.line, Post.script]
    beside = shown.where(posted_beside(script))
    await session.execute(insert(session, Post).from_select(columns, beside))
    newest = select(func.max(Line.id)).where(Line.delivery == last.delivery, Line.take == last.take)
    head = await session.scalar(newest) or last.id
    await note_highest_id(session, Line.__tablename__, head)
    return head


async def show_in_place(
    session: AsyncSession, script: Script, line: Line, instead: Sequence[Line]
) -> None:
    """The messages that show a line show those, too, that have taken its place."""
    shown = select(Post.message).where(posted_beside(script), Post.line == line.id)
    for message in list(await session.scalars(shown)):
        session.add_all(Post(message=message, line=new.id, script=script.id) for new in instead)
    await session.flush()


def _remembered(line: int, draft: Draft) -> Iterator[Base]:
    """What is kept of how a voice read a line."""
    if draft.state is not None:
        state = draft.state.tobytes()
        yield State(line=line, fingerprint=draft.fingerprint, state=state)
    if draft.surprise is not None:
        bits = draft.surprise.astype(np.float16).tobytes()
        yield Surprise(line=line, fingerprint=draft.fingerprint, bits=bits)


async def move(session: AsyncSession, script: Script, head: int | None) -> None:
    """Moves the head by compare-and-swap; raises HeadMoved.

    What was read of a text that has been removed since must not be written down either.
    """
    moved = await session.scalar(
        update(Script)
        .where(
            Script.id == script.id,
            Script.head.is_not_distinct_from(script.head),
            Script.erased == script.erased,
        )
        .values(head=head)
        .returning(Script.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        raise HeadMoved
    await _leave(session, script.id, script.head, head)


async def _leave(session: AsyncSession, script: int, was: int | None, head: int | None) -> None:
    """Notes the way on which a head stood, where it does not go on from there, to go it again."""
    if was is None:
        return
    # Ids grow along every path.
    way = await session.scalars(path_from(), {"head": head or BEFORE_THE_FIRST, "since": was})
    if was not in list(way):
        noting = _left(dialect(session))
        standing = {"was": was, "head": head or BEFORE_THE_FIRST}
        await session.execute(noting, {"script": script} | standing)


@cache
def _left(spoken: str) -> Insert:
    """What notes the way to ``was``, made once, where it is not that to ``head``."""
    left = path(bindparam("was", type_=Number), "left")
    standing = path(bindparam("head", type_=Number), "standing")
    script = bindparam("script", type_=Number)
    steps = select(script, func.coalesce(left.c.parent, BEFORE_THE_FIRST), left.c.id)
    steps = steps.where(left.c.id.not_in(select(standing.c.id)))
    trails = Base.metadata.tables[Trail.__tablename__]
    noted = insert_for(spoken, trails).from_select(["script", "line", "child"], steps)
    return noted.on_conflict_do_update(
        index_elements=["script", "line"], set_={"child": noted.excluded.child}
    )


async def heirs(session: AsyncSession, script: int) -> list[Script]:
    """The scripts that may reach lines of this one, the oldest first."""
    found = await session.scalars(
        select(Script).where(Script.id != script, Script.forked_at.is_not(None)).order_by(Script.id)
    )
    return list(found)


async def leaving(session: AsyncSession, script: int) -> tuple[int, int]:
    """How many lines of a script no other one reaches, and how many one does."""
    forks = select(Script.forked_at).where(Script.id != script, Script.forked_at.is_not(None))
    reached = select(Line.id, Line.parent).where(Line.id.in_(forks)).cte("reached", recursive=True)
    reached = reached.union(select(Line.id, Line.parent).join(reached, Line.id == reached.c.parent))
    own = select(func.count()).select_from(Line).where(Line.script == script)
    stay = await session.scalar(own.where(Line.id.in_(select(reached.c.id)))) or 0
    return (await session.scalar(own) or 0) - stay, stay


async def leave_to(session: AsyncSession, script: int, heir: Script) -> None:
    """Makes the lines of a script those of another one which stand above its fork.

    So are the messages that show them, where both are in one channel.
    """
    reached = select(path(heir.forked_at or 0).c.id)
    await session.execute(
        update(Line)
        .where(Line.script == script, Line.id.in_(reached))
        .values(script=heir.id)
        .execution_options(synchronize_session=False)
    )
    await leave_messages_to(session, script, heir, reached)


async def owners(session: AsyncSession, script: int) -> list[Script]:
    """The other scripts to which lines in the messages of this one belong."""
    own = select(Line.script).join(Post, Post.line == Line.id).where(Post.script == script)
    found = await session.scalars(
        select(Script).where(Script.id != script, Script.id.in_(own)).order_by(Script.id)
    )
    return list(found)


async def leave_messages_to(
    session: AsyncSession, script: int, other: Script, lines: Select[int]
) -> None:
    """Makes messages of a script that show these lines another one's, if both share a channel."""
    here = select(Script.id).where(Script.id == script, Script.channel == other.channel)
    shown = update(Post).where(Post.script.in_(here), Post.line.in_(lines))
    await session.execute(shown.values(script=other.id))
    left = select(Post.message).where(Post.script == other.id)
    stale = update(Stale).where(Stale.script.in_(here), Stale.message.in_(left))
    await session.execute(stale.values(script=other.id))


async def forget_cards(session: AsyncSession, ballots: Select[int]) -> None:
    """Forgets which cards of how votes ended were posted."""
    begins = literal(f"{TOLD} ") + cast(ballots.subquery().c.id, String) + " "
    of_them = exists().where(func.substr(Fact.name, 1, func.length(begins)) == begins)
    await session.execute(delete(Fact).where(of_them))


async def delete_scripts(session: AsyncSession, scripts: Select[int]) -> None:
    """Deletes scripts, given by a query of their ids, and all that is kept of them."""
    own = select(Line.id).where(Line.script.in_(scripts))
    for kept in (State, Surprise):
        await session.execute(delete(kept).where(kept.line.in_(own)))
    await session.execute(delete(Post).where(Post.script.in_(scripts)))
    await session.execute(delete(Stale).where(Stale.script.in_(scripts)))
    await session.execute(delete(Trail).where(Trail.script.in_(scripts)))
    ballots = select(Ballot.id).where(Ballot.script.in_(scripts))
    await forget_cards(session, ballots)
    await session.execute(delete(Vote).where(Vote.ballot.in_(ballots)))
    await session.execute(delete(Ballot).where(Ballot.script.in_(scripts)))
    manners = select(Line.manner).where(Line.script.in_(scripts), Line.manner.is_not(None))
    unused = list(await session.scalars(manners.distinct()))
    # All in one statement: a line may go before its parent does.
    await session.execute(delete(Line).where(Line.script.in_(scripts)))
    await _delete_unused(session, unused)
    await session.execute(delete(Script).where(Script.id.in_(scripts)))


async def _delete_unused(session: AsyncSession, manners: Sequence[int | None]) -> None:
    """Deletes those of these that no line has any more: there are names in them."""
    one_of_these = Manner.id.bool_op("IN")(each_of(json.dumps(manners)))
    used = exists().where(Line.manner == Manner.id)
    await session.execute(delete(Manner).where(one_of_these, ~used))
