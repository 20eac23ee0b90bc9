"""Commit the changes of several channels in one transaction."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from ..errors import TransactionFailed

GROUP_SIZE = 16
"""The most changes that share a transaction, and with it one flush of the disk."""

R = TypeVar("R")

PendingChange: TypeAlias = tuple[Callable[[AsyncSession], Awaitable[Any]], asyncio.Future[Any]]
"""A change that waits for its transaction, and the future of its result."""


class GroupCommit:
    """Collects the changes that arrive during a flush, and commits them together.

    A flush of the disk takes as long for sixteen changes as for one. No caller hears of a change
    before it is on the disk, and no reader sees it earlier. If one change of a group fails, the
    group is rolled back and each change is retried in a transaction of its own, so that it succeeds
    or fails as if it had come alone. If the database fails, all changes of the group fail.
    """

    def __init__(self, writing: Callable[[], AbstractAsyncContextManager[AsyncSession]]) -> None:
        self._writing = writing
        self._waiting = deque[PendingChange]()
        self._writer: asyncio.Task[None] | None = None
        self._closed = False

    async def commit(self, make: Callable[[AsyncSession], Awaitable[R]]) -> R:
        """Commit the change that ``make`` makes, which may be called twice; return its result.

        A change is committed even if its caller is cancelled while it waits. Raises
        TransactionFailed, including while the database is being closed, and whatever ``make``
        raises.
        """
        if self._closed:
            # A late change would hold the connection while the connection is being closed.
            raise TransactionFailed("broken")
        outcome: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((make, outcome))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.ensure_future(self._write())
            self._writer.add_done_callback(self._cancel_waiting)
        return await asyncio.shield(outcome)

    async def close(self) -> None:
        """Commit what waits, and refuse further changes."""
        self._closed = True
        while self._writer and not self._writer.done():
            await asyncio.wait({self._writer})

    async def _write(self) -> None:
        while self._waiting:
            size = min(GROUP_SIZE, len(self._waiting))
            group = [self._waiting.popleft() for _ in range(size)]
            try:
                await self._commit_group(group)
            finally:
                # A host may have cancelled the writer, even between the retries of single changes.
                for _, outcome in group:
                    outcome.cancel()  # unless it is done

    def _cancel_waiting(self, writer: asyncio.Task[None]) -> None:
        """Cancel the waiting changes because a host, such as Red, has cancelled the writer."""
        if writer.cancelled() and writer is self._writer:
            while self._waiting:
                _, outcome = self._waiting.popleft()
                outcome.cancel()

    async def _commit_group(self, group: Sequence[PendingChange]) -> None:
        """Commit changes in one transaction or, if one of them fails, each in its own."""
        try:
            async with self._writing() as session:
                results = [await make(session) for make, _ in group]
        except Exception as error:  # noqa: BLE001 - the caller of `commit` receives it
            if len(group) == 1 or isinstance(error, TransactionFailed):
                for _, outcome in group:
                    outcome.set_exception(error)
                return
            for change in group:
                await self._commit_group([change])
            return
        for (_, outcome), result in zip(group, results, strict=True):
            outcome.set_result(result)
