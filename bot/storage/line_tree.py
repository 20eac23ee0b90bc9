"""Walk and grow the tree of lines on which the heads of scripts move.

Ids grow along every path, because a line is stored after its parent. Each function works within a
unit of work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    Select,
    bindparam,
    case,
    func,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from ..errors import AlreadyWritten
from ..screenplay.drafts import Draft
from ..screenplay.elements import Kind
from .dialects import insert, note_highest_id, query_highest_id, text_before_newline
from .schema import ROOT_LINE, Int64, Line, Provenance, Script, State

BATCH = 200
"""Lines that the database receives together, which takes milliseconds of the event loop's time."""

_HEAD, _SINCE = bindparam("head", type_=Int64), bindparam("since", type_=Int64)


# Walking ---------------------------------------------------------------------------------------


def query_path(
    head: int | BindParameter[int],
    name: str | None = "above",
    since: BindParameter[int] | None = None,
) -> CTE:
    """Build a query of the ids and parents from ``head`` up to the first line, or to ``since``.

    A statement with several such queries needs a different ``name`` for each, or None.
    """
    above = select(Line.id, Line.parent).where(Line.id == head).cte(name, recursive=True)
    up = select(Line.id, Line.parent).join(above, Line.id == above.c.parent)
    # Ids grow along every path, so the walk may stop at the first smaller one.
    return above.union_all(up if since is None else up.where(Line.id >= since))


def query_descendants(lines: Select[int]) -> CTE:
    """Build a query of the ids of lines and of all their descendants in any script."""
    walked = lines.cte("below", recursive=True)
    return walked.union(select(Line.id).join(walked, Line.parent == walked.c.id))


@cache
def query_path_ids() -> Select[int]:
    """Build the query of the ids of a path, with the parameters ``head`` and ``since``.

    The query is cached because every turn executes it.
    """
    walked = query_path(_HEAD, since=_SINCE)
    return select(walked.c.id).order_by(walked.c.id)


@cache
def query_path_with_last_lines() -> Select[int, Line | None]:
    """Build the query of `query_path_ids`, with the lines after ``shown`` beside their ids."""
    walked = query_path(_HEAD, since=_SINCE)
    last = (Line.id == walked.c.id) & (Line.id > bindparam("shown", type_=Int64))
    return select(walked.c.id, Line).outerjoin(Line, last).order_by(walked.c.id)


def query_speech_cues(head: int) -> Select[str, int, int]:
    """Build a query of the first lines of ``speeches`` on a path, each with its ``latest`` line."""
    above = query_path(head)
    cue, latest = text_before_newline(Line.text), func.max(Line.id).label("latest")
    speeches = func.count().label("speeches")
    cues = select(cue.label("cue"), latest, speeches).join(above, Line.id == above.c.id)
    return cues.where(Line.kind == Kind.DIALOGUE).group_by(cue)


def _query_last_lines() -> CTE:
    """Build a query of the last lines, with the parameters ``head`` and ``characters``."""
    last = select(Line.id, Line.parent, func.length(Line.text).label("characters"))
    above = last.where(Line.id == _HEAD).cte("above", recursive=True)
    more = (
        select(Line.id, Line.parent, above.c.characters + func.length(Line.text))
        .join(above, Line.id == above.c.parent)
        .where(above.c.characters < bindparam("characters", type_=Int64))
    )
    return above.union_all(more)


@cache
def query_last_lines() -> Select[Line]:
    """Build the query of the fewest last lines up to ``head`` that have so many ``characters``."""
    above = _query_last_lines()
    # If this were ordered by `Line.id`, SQLite would scan the whole table.
    return select(Line).join(above, Line.id == above.c.id).order_by(above.c.id)


@cache
def query_checkpoint() -> Select[str, bytes | None]:
    """Build the query of `query_last_lines`, with a model's state beside ``head``.

    It selects only columns that the model reads, because whole lines take ten times as long. The
    parameter ``fingerprint`` is the model's.
    """
    above = _query_last_lines()
    fingerprint = bindparam("fingerprint", type_=State.fingerprint.type)
    kept = (State.line == Line.id) & (State.line == _HEAD) & (State.fingerprint == fingerprint)
    return (
        select(Line.text, State.state)
        .join(above, Line.id == above.c.id)
        .outerjoin(State, kept)
        .order_by(above.c.id)
    )


def is_in_tree(script: Script, line: type[Line] = Line) -> ColumnElement[bool]:
    """Build the condition that a line is in a script: its own, or above the line of its fork.

    ``line`` may be an alias of lines.
    """
    own = line.script == script.id
    if script.forked_at is None:
        return own
    return own | line.id.in_(select(query_path(script.forked_at, None).c.id))


def is_in_history(script: Script) -> ColumnElement[bool]:
    """Build the condition that a line is in a script's history.

    If the original of a copy is there too, the history has the copy only if it stands in the
    script, or is the last of an earlier version, from which people can return to that version.
    """
    original, next_copy = aliased(Line), aliased(Line)
    is_original = (original.id == Line.copy_of) & is_in_tree(script, original)
    is_next = (next_copy.parent == Line.id) & (next_copy.delivery == Line.delivery)
    standing = select(query_path(script.head or ROOT_LINE, None).c.id)
    listed = or_(
        ~select(original.id).where(is_original).exists(),
        Line.id.in_(standing),
        ~select(next_copy.id).where(is_next).exists(),
    )
    return is_in_tree(script) & listed


# Growing ---------------------------------------------------------------------------------------


async def insert_lines(
    session: AsyncSession,
    script: Script,
    parent: int | None,
    drafts: Sequence[Draft],
    delivery: str,
    asker: int | None,
    *,
    take: int = 0,
    written: int = 0,
) -> list[Line]:
    """Add lines below ``parent``, one below the other, with their states and surprisals.

    The interaction ``delivery`` has already written the first ``written`` lines of this take.
    Raises AlreadyWritten if it has written more.
    """
    if not drafts:
        return []
    # The next ids are known in advance, because no other process writes in the meantime.
    of_delivery = (Line.delivery == delivery) & (Line.take == take) & (Line.ordinal >= written)
    first, provenances = await _prepare(session, drafts, of_delivery)
    above = [parent, *range(first, first + len(drafts))]
    lines = [
        Line(
            id=first + number,
            script=script.id,
            parent=above[number],
            shared_provenance=provenances.get(Provenance.serialize(draft.origin)),
            delivery=delivery,
            take=take,
            ordinal=written + number,
            asker=asker,
            **_describe_line(draft),
        )
        for number, draft in enumerate(drafts)
    ]
    session.add_all(lines)
    await session.flush()
    session.add_all(State(**state) for state in _describe_states(first, drafts))
    await session.flush()
    await note_highest_id(session, Line.__tablename__, lines[-1].id)
    return lines


async def insert_script(
    session: AsyncSession, script: Script, drafts: Sequence[Draft], delivery: str
) -> int | None:
    """Add the first lines of a new script, which can be thousands; return the id of the last one.

    They are rows, because objects take four times as long, and all channels wait meanwhile.
    """
    if not drafts:
        return script.head
    first, provenances = await _prepare(session, drafts, Line.delivery == delivery)
    for start in range(0, len(drafts), BATCH):
        batch = drafts[start : start + BATCH]
        lines = []
        for number, draft in enumerate(batch, start):
            provenance = provenances.get(Provenance.serialize(draft.origin))
            place = {
                "id": first + number,
                "script": script.id,
                "parent": first + number - 1 if number else script.head,
                "provenance": provenance and provenance.id,
                "delivery": delivery,
                "take": 0,
                "ordinal": number,
                "asker": script.owner,
            }
            lines.append(place | _describe_line(draft))
        await session.execute(insert(session, Line), lines)
        if states := list(_describe_states(first + start, batch)):
            await session.execute(insert(session, State), states)
    last = first + len(drafts) - 1
    await note_highest_id(session, Line.__tablename__, last)
    return last


async def _prepare(
    session: AsyncSession, drafts: Sequence[Draft], of_delivery: ColumnElement[bool]
) -> tuple[int, dict[str, Provenance]]:
    """Return the id of the first new line, and the drafts' provenances.

    Raises AlreadyWritten if there is a line of which the condition ``of_delivery`` holds.
    """
    origins = dict.fromkeys(Provenance.serialize(draft.origin) for draft in drafts if draft.origin)
    found = await session.execute(
        select(
            select(Line.id).where(of_delivery).exists(),
            query_highest_id(session, Line.__tablename__),
            select(func.max(Provenance.id)).scalar_subquery(),
            Provenance,
        )
        .select_from(select(literal(1)).subquery())
        .outerjoin(Provenance, Provenance.content.in_(origins))
    )
    rows = found.all()
    is_written, highest_line, highest_provenance, _ = rows[0]
    if is_written:
        raise AlreadyWritten
    provenances = {known.content: known for *_, known in rows if known}
    # The next ids are free, because no other process writes in the meantime.
    unknown = [content for content in origins if content not in provenances]
    for number, content in enumerate(unknown, 1):
        provenances[content] = Provenance(id=(highest_provenance or 0) + number, content=content)
    session.add_all(provenances.values())
    return (highest_line or 0) + 1, provenances


def _describe_line(draft: Draft) -> dict[str, Any]:
    return {
        "kind": str(draft.element.kind),
        "text": draft.element.text,
        "author": draft.author,
        "credit": draft.credit,
        "imported": draft.imported,
        "seed": draft.origin.get("seed"),
    }


def _describe_states(first: int, drafts: Sequence[Draft]) -> Iterator[dict[str, Any]]:
    for line, draft in enumerate(drafts, first):
        state, surprisal = draft.state, draft.surprisal
        if state is not None or surprisal is not None:
            yield {
                "line": line,
                "fingerprint": draft.fingerprint,
                "surprisal": None if surprisal is None else surprisal.astype(np.float16).tobytes(),
                "state": None if state is None else state.tobytes(),
            }


async def copy_following(
    session: AsyncSession,
    script: Script,
    line: Line,
    above: int | None,
    delivery: str,
    written: int,
) -> int | None:
    """Copy the lines that follow ``line`` up to the head, one below the other, below ``above``.

    The database does all the work, because there can be thousands of lines. The interaction
    ``delivery`` has already written ``written`` lines. Return the id of the last copy, or ``above``
    if nothing follows.
    """
    highest = await session.scalar(select(query_highest_id(session, Line.__tablename__))) or 0
    place = func.row_number().over(order_by=Line.id).label("place")
    standing = select(query_path(script.head or ROOT_LINE).c.id)
    below = select(Line.id, place).where(Line.id.in_(standing), Line.id > line.id)
    followed = below.cte("followed")
    # Copies get consecutive ids, because no other process writes in the meantime.
    number = highest + followed.c.place
    changed: dict[str, ColumnElement[Any]] = {
        "id": number,
        "script": literal(script.id),
        "parent": case((followed.c.place == 1, literal(above, Int64)), else_=number - 1),
        "delivery": literal(delivery),
        "take": literal(0),
        "ordinal": written - 1 + followed.c.place,
        # A copy of a copy refers to the original line.
        "copy_of": func.coalesce(Line.copy_of, Line.id),
        "edit_of": null(),
    }
    columns = list(Line.__table__.columns)
    values = (changed.get(column.key, column) for column in columns)
    copies = select(*values).join(followed, Line.id == followed.c.id).order_by(Line.id)
    await session.execute(insert(session, Line).from_select(columns, copies))
    last = await session.scalar(select(func.max(Line.id)).where(Line.id > highest))
    if last is None:
        return above
    await note_highest_id(session, Line.__tablename__, last)
    return last
