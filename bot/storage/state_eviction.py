"""Evict the oldest states where they exceed their budget.

Text is never evicted: a state that is gone is computed again from the lines when it is needed. The
surprisal of a line is evicted with the line's state, because one reading makes both; only a head
keeps its surprisal, which tells which model has read the script.
"""

from __future__ import annotations

from sqlalchemy import Delete, Select, Update, delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from .schema import Script, State

BATCH = 500
"""States that are evicted in one unit of work."""


async def measure_states(session: AsyncSession) -> int:
    """Return the bytes of all states, from one state of each model: all of a model's are equal."""
    models = (
        select(State.fingerprint, func.count(), func.min(State.line))
        .where(State.state.is_not(None))
        .group_by(State.fingerprint)
    )
    total = 0
    for fingerprint, count, line in (await session.execute(models)).all():
        size = select(func.length(State.state)).where(
            State.line == line, State.fingerprint == fingerprint
        )
        total += count * (await session.scalar(size) or 0)
    return total


async def evict_oldest(session: AsyncSession, over: int) -> int | None:
    """Evict the oldest states, those of heads last, until ``over`` bytes are freed.

    No more than `BATCH` are evicted. Return the bytes that were freed; None if no state is left.
    """
    heads = select(Script.head).where(Script.head.is_not(None))
    size = func.coalesce(func.length(State.state), 0)
    oldest = select(State.line, State.fingerprint, size).order_by(State.line)
    others = oldest.where(State.line.not_in(heads))
    freed = await _evict(session, others, delete(State), over)
    if freed is None:
        of_heads = oldest.where(State.state.is_not(None))
        freed = await _evict(session, of_heads, update(State).values(state=None), over)
    return freed


async def _evict(
    session: AsyncSession, oldest: Select[int, str, int], evict: Delete | Update, over: int
) -> int | None:
    """Evict the first selected states until ``over`` bytes are freed; return the bytes, or None."""
    evicted: list[tuple[int, str]] = []
    freed = 0
    for line, fingerprint, size in await session.execute(oldest.limit(BATCH)):
        if freed >= over:
            break
        evicted.append((line, fingerprint))
        freed += size
    if not evicted:
        return None
    await session.execute(evict.where(tuple_(State.line, State.fingerprint).in_(evicted)))
    return freed
