"""Begin the units of work of all repositories."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from .database import Database
from .group_commit import GroupCommit
from .state_eviction import StateBudget

R = TypeVar("R")


class Transactions:
    """The units of work on one database, whose states are kept within a budget.

    A unit of work is a session: its changes are committed together or not at all.
    """

    def __init__(self, database: Database, budget: StateBudget) -> None:
        self._database = database
        self._budget = budget
        self._group = GroupCommit(self._writing_states)

    @property
    def shared(self) -> bool:
        """Return whether several processes may write to the database."""
        return self._database.shared

    def reading(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Begin a unit of work that reads; all of it sees the same moment."""
        return self._database.reading()

    def writing(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Begin a unit of work that is committed to the disk when it ends, unless it fails."""
        return self._database.writing()

    def erasing(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Begin a unit of work like `writing` that deletes for good; call `purge` after it."""
        return self._database.erasing()

    async def purge(self) -> bool:
        """Remove deleted content from the disk now or later, and return whether it is gone."""
        return await self._database.purge()

    @asynccontextmanager
    async def adding_states(self, added: int) -> AsyncIterator[AsyncSession]:
        """Begin a unit of work that adds states of ``added`` bytes, and evicts old ones."""
        async with self._writing_states() as session:
            yield session
            await self._budget.make_room(session, added)

    async def commit(
        self, change: Callable[[AsyncSession], Awaitable[R]], added: int | None = None
    ) -> R:
        """Make a change in a transaction that it shares with the changes of other channels.

        Args:
            change: Makes the change; may be called twice.
            added: The bytes of the states that it adds; None if it adds no lines.

        Raises:
            TransactionFailed: The database cannot be used.
            Exception: Whatever ``change`` raises.
        """

        async def change_and_evict(session: AsyncSession) -> R:
            result = await change(session)
            if added is not None:
                await self._budget.make_room(session, added)
            return result

        return await self._group.commit(change_and_evict)

    async def close(self) -> None:
        """Commit the changes that wait, and close the database."""
        await self._group.close()
        await self._database.close()

    @asynccontextmanager
    async def _writing_states(self) -> AsyncIterator[AsyncSession]:
        try:
            async with self._database.writing() as session:
                yield session
        except BaseException:
            # The states that were counted have been rolled back.
            self._budget.recount()
            raise
