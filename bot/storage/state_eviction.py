"""Evict the oldest states where they exceed their budget.

Text is never evicted: a state that is gone is computed again from the lines when it is needed. The
surprisal of a line is evicted with the line's state, because one reading makes both; only a head
keeps its surprisal, which tells which model has read the script.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Delete, Select, Update, delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from ..screenplay.drafts import Draft
from .schema import Script, State

BATCH = 500
"""States that are selected and deleted together."""

SLACK = 0.01
"""The share of the budget that is freed beyond what is needed, so that not every line evicts."""


def count_state_bytes(drafts: Iterable[Draft]) -> int:
    """Return the size of the states of drafts."""
    return sum(draft.state.nbytes for draft in drafts if draft.state is not None)


@dataclass
class StateBudget:
    """The most bytes that all states may take.

    Additions are counted in memory, and the database is asked only when they exceed the budget.
    """

    most: int
    _upper_bound: int | None = None
    """The most bytes that the states take now; None before the database was asked."""

    async def make_room(self, session: AsyncSession, added: int) -> None:
        """Evict the oldest states, those of heads last, if ``added`` bytes exceed the budget."""
        if self._upper_bound is None or self._upper_bound + added > self.most:
            self._upper_bound = await _measure(session)
            if self._upper_bound > self.most:
                over = self._upper_bound - self.most * (1 - SLACK)
                self._upper_bound -= await _evict(session, over)
        else:
            self._upper_bound += added

    def recount(self) -> None:
        """Ask the database the next time, because additions were rolled back."""
        self._upper_bound = None


async def _measure(session: AsyncSession) -> int:
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


async def _evict(session: AsyncSession, over: float) -> int:
    """Evict states of at least ``over`` bytes, or all; return the bytes that were freed."""
    heads = select(Script.head).where(Script.head.is_not(None))
    size = func.coalesce(func.length(State.state), 0)
    oldest = select(State.line, State.fingerprint, size).order_by(State.line)
    others = oldest.where(State.line.not_in(heads))
    freed = await _evict_oldest(session, others, delete(State), over)
    of_heads = oldest.where(State.state.is_not(None))
    forget = update(State).values(state=None)
    return freed + await _evict_oldest(session, of_heads, forget, over - freed)


async def _evict_oldest(
    session: AsyncSession, oldest: Select[int, str, int], evict: Delete | Update, over: float
) -> int:
    """Evict the first selected states until ``over`` bytes are freed; return the bytes."""
    freed = 0
    while freed < over:
        evicted: list[tuple[int, str]] = []
        for line, fingerprint, size in await session.execute(oldest.limit(BATCH)):
            if freed >= over:
                break
            evicted.append((line, fingerprint))
            freed += size
        if not evicted:
            break
        key = tuple_(State.line, State.fingerprint)
        await session.execute(evict.where(key.in_(evicted)))
    return freed
