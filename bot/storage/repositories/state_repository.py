"""Read and write what models remember of lines."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Delete, Select, Update, case, delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from ...arrays import Floats, States
from .. import line_tree
from ..schema import ROOT_LINE, Line, Script, State
from .repository import Repository

BATCH = 500
"""States that are evicted in one unit of work."""


class StateRepository(Repository):
    """The cached states and surprisals of models after lines, by line and fingerprint.

    Old states are evicted, so any of them can be missing.
    """

    async def find_state(self, line: int, fingerprint: str) -> States | None:
        """Return a model's state after a line, float32 [S], or None if it is not kept."""
        kept = select(State.state).where(State.line == line, State.fingerprint == fingerprint)
        state = await self._scalar(kept)
        return None if state is None else np.frombuffer(state, np.float32)

    async def find_nearest_state(self, head: int, fingerprint: str) -> tuple[int, States] | None:
        """Return the last line of a path after which a model's state is kept, and the state."""
        above = line_tree.query_path(head)
        kept = (
            select(State.line, State.state)
            .join(above, State.line == above.c.id)
            .where(State.fingerprint == fingerprint, State.state.is_not(None))
        )
        rows = await self._rows(kept.order_by(above.c.id.desc()).limit(1))
        return (rows[0].line, np.frombuffer(rows[0].state, np.float32)) if rows else None

    async def load_checkpoint(
        self, head: int, fingerprint: str, characters: int
    ) -> tuple[States | None, list[str]]:
        """Load a model's state after a head, and the texts of the last lines there, at once.

        Returns:
            The state, float32 [S], or None if it is not kept; and the texts of the fewest last
            lines that have at least this many characters.
        """
        rows = await self._rows(
            line_tree.query_checkpoint(), head=head, fingerprint=fingerprint, characters=characters
        )
        state = rows[-1].state if rows else None
        texts = [row.text for row in rows]
        return None if state is None else np.frombuffer(state, np.float32), texts

    async def save_state(self, line: int, fingerprint: str, state: States, removed: int) -> None:
        """Keep a model's state after a line, float32 [S], unless the line was deleted.

        Of the lines that the model has read, ``removed`` had lost their text. If more have lost it
        by now, the state remembers removed text, and is not kept.
        """
        above = line_tree.query_path(line)
        # The sum over no rows is NULL, which differs from 0.
        now_removed = select(func.sum(case((Line.removed, 1), else_=0))).join_from(
            Line, above, Line.id == above.c.id
        )
        row = State(line=line, fingerprint=fingerprint, state=state.tobytes())
        async with self._database.writing() as session:
            if await session.scalar(now_removed) == removed:
                await session.merge(row)

    async def evict_states(self, most: int) -> None:
        """Evict the oldest states, those of heads last, if all take more than ``most`` bytes.

        Text is never evicted: a state that is gone is computed again from the lines. The surprisal
        of a line is evicted with the line's state, because one reading makes both; only a head
        keeps its surprisal, which tells which model has read the script. Each batch is a unit of
        work, so that other units get their turn in between.
        """
        async with self._database.reading() as session:
            over = await _measure_states(session) - most
        while over > 0:
            async with self._database.writing() as session:
                freed = await _evict_oldest(session, over)
            if freed is None:
                break
            over -= freed

    async def find_surprisal(self, line: int, fingerprint: str) -> Floats | None:
        """Return a model's surprisal of each character of a line in bits, float16 [n], or None."""
        kept = select(State.surprisal).where(State.line == line, State.fingerprint == fingerprint)
        bits = await self._scalar(kept)
        return None if bits is None else np.frombuffer(bits, np.float16)

    async def find_last_reader(self, head: int | None) -> str | None:
        """Return the fingerprint of the model that last read or wrote a line of a path, or None.

        The surprisals tell which: they are stored with their lines, never later, and those of heads
        are not evicted.
        """
        path = select(line_tree.query_path(head or ROOT_LINE).c.id)
        read = select(State.fingerprint).where(State.line.in_(path), State.surprisal.is_not(None))
        return await self._scalar(read.order_by(State.line.desc()).limit(1))


async def _measure_states(session: AsyncSession) -> int:
    """Return the bytes of all states, from one state of each model: all of a model's are equal."""
    models = (
        select(State.fingerprint, func.count(), func.min(State.line))
        .where(State.state.is_not(None))
        .group_by(State.fingerprint)
    )
    total = 0
    for fingerprint, count, line in (await session.execute(models)).all():
        state = (await session.get_one(State, (line, fingerprint))).state
        total += count * len(state or b"")
    return total


async def _evict_oldest(session: AsyncSession, over: int) -> int | None:
    """Evict the oldest states, those of heads last, until ``over`` bytes are freed.

    No more than `BATCH` are evicted. Return the bytes that were freed; None if no state is left.
    """
    heads = select(Script.head).where(Script.head.is_not(None))
    length = func.coalesce(func.length(State.state), 0)
    oldest = select(State.line, State.fingerprint, length).order_by(State.line).limit(BATCH)
    steps: tuple[tuple[Select[int, str, int], Delete | Update], ...] = (
        (oldest.where(State.line.not_in(heads)), delete(State)),
        (oldest.where(State.state.is_not(None)), update(State).values(state=None)),
    )
    for candidates, evict in steps:
        evicted: list[tuple[int, str]] = []
        freed = 0
        for line, fingerprint, size in await session.execute(candidates):
            if freed >= over:
                break
            evicted.append((line, fingerprint))
            freed += size
        if evicted:
            await session.execute(evict.where(tuple_(State.line, State.fingerprint).in_(evicted)))
            return freed
    return None
