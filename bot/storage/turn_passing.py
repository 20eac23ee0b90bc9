"""Begin the turns of the people who write a script one after the other.

Each function works within a unit of work.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from .schema import Line, Sprint, TurnOrder


def begin_turn(order: TurnOrder, writers: Sequence[int], now: dt.datetime) -> None:
    """Begin the turn of the first of these writers."""
    order.writers = list(writers)
    order.turn += 1
    order.since, order.reminded, order.passed_by = now, None, None


def begin_next_turn(order: TurnOrder, now: dt.datetime) -> None:
    """Begin the turn of the second writer, and put the first one at the end of the order."""
    begin_turn(order, [*order.writers[1:], order.writers[0]], now)


async def pass_after_line(session: AsyncSession, script: int, line: Line, now: dt.datetime) -> None:
    """Pass the turn on if the person whose turn it is wrote a line, unless there is a sprint."""
    order = await session.get(TurnOrder, script)
    if order is None or order.writers[0] != line.author:
        return
    if await session.get(Sprint, script) is not None:
        return
    begin_next_turn(order, now)
    order.passed_by, order.skips = line.id, 0


async def return_turn(
    session: AsyncSession, script: int, removed: Collection[int], now: dt.datetime
) -> None:
    """Give the turn back to the writer whose line passed it on, if that line was ``removed``."""
    order = await session.get(TurnOrder, script)
    if order is None or order.passed_by not in removed:
        return
    author = await session.scalar(select(Line.author).where(Line.id == order.passed_by))
    if author in order.writers:
        others = [writer for writer in order.writers if writer != author]
        begin_turn(order, [author, *others], now)


async def remove_writer(
    session: AsyncSession, order: TurnOrder, person: int, now: dt.datetime
) -> None:
    """Remove a writer from an order, and delete the order with the last one."""
    others = [writer for writer in order.writers if writer != person]
    if not others:
        await session.delete(order)
    elif order.writers[0] == person:
        begin_turn(order, others, now)
    else:
        order.writers = others
