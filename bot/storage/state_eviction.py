"""Budget: how much room the states may take, and which are the first to go. Text is never among
them: a state that is gone is read again when it is needed. What a line cost its voice goes with the
line's state: it is as old, and comes of the same reading.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, delete, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from .schema import Script, State, Surprise

AT_ONCE = 500
"""States that are looked at together."""

SLACK = 0.01
"""The share that is freed beyond what is needed, so that not every line has to make room."""


@dataclass
class Budget:
    """The room for states, in bytes. It counts what is added, and looks only when that is much."""

    most: int
    _at_most: int | None = None
    """The states take no more than this; None before anybody has looked."""

    async def make_room(self, session: AsyncSession, added: int) -> None:
        """Deletes states where the ``added`` bytes were too many: the oldest, the heads last."""
        if self._at_most is None or self._at_most + added > self.most:
            self._at_most = await _size(session)
            if self._at_most > self.most:
                self._at_most -= await _evict(session, self._at_most - self.most * (1 - SLACK))
        else:
            self._at_most += added

    def recount(self) -> None:
        """Looks the next time: what was counted was taken back."""
        self._at_most = None


async def _size(session: AsyncSession) -> int:
    """The bytes of all states. Those of one voice are of one size, so that few are looked at."""
    voices = select(State.fingerprint, func.count(), func.min(State.line)).group_by(
        State.fingerprint
    )
    size = 0
    for fingerprint, count, line in (await session.execute(voices)).all():
        one = select(func.length(State.state)).where(
            State.line == line, State.fingerprint == fingerprint
        )
        size += count * (await session.scalar(one) or 0)
    return size


async def _evict(session: AsyncSession, over: float) -> int:
    """Deletes states of at least so many bytes, if there are so many; returns how many."""
    heads = select(Script.head).where(Script.head.is_not(None))
    oldest = select(State.line, State.fingerprint, func.length(State.state)).order_by(State.line)
    freed, last = await _delete(session, oldest.where(State.line.not_in(heads)), over)
    # That of a head stays, and so what voice has read a script is known.
    aged = delete(Surprise).where(Surprise.line <= last, Surprise.line.not_in(heads))
    await session.execute(aged)
    freed_of_heads, _ = await _delete(session, oldest, over - freed)
    return freed + freed_of_heads


async def _delete(
    session: AsyncSession, oldest: Select[int, str, int], over: float
) -> tuple[int, int]:
    """Deletes the first of these, until they make so many bytes; returns how many, and the last
    line whose state is gone, from 1."""
    freed = last = 0
    while freed < over:
        gone: list[tuple[int, str]] = []
        for line, fingerprint, size in await session.execute(oldest.limit(AT_ONCE)):
            if freed >= over:
                break
            gone.append((line, fingerprint))
            freed, last = freed + size, line
        if not gone:
            break
        key = tuple_(State.line, State.fingerprint)
        await session.execute(delete(State).where(key.in_(gone)))
    return freed, last
