"""Keep scripts in a database on a PostgreSQL server, to which several processes write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from sqlalchemy import URL, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.pool import NullPool

from ...errors import TransactionFailed
from ..database import Database
from . import timeouts
from .connections import connect
from .error_codes import SERVER_ERRORS, find_reason, raising_store_error
from .leases import check_no_lease
from .tables import erasure_counts, prepare_tables
from .vacuum import vacuum_erased
from .write_lock import acquire_write_lock, terminating_stalled

READERS = 4
"""The most units of work that read at the same time in one process."""


class PostgresDatabase(Database):
    """A database on a server, with one unit of work that writes at a time in all processes."""

    shared = True

    def __init__(self, url: URL) -> None:
        super().__init__()
        self._engine = engine = connect(
            url,
            pool_size=READERS + 1,
            max_overflow=0,
            # Connections are replaced after a restart of the server.
            pool_pre_ping=True,
            command_timeout=timeouts.COMMAND,
            # A reader waits for the vacuum of its table.
            lock_timeout=round(timeouts.QUEUE * 1000),
        )
        writing = engine.execution_options(isolation_level="READ COMMITTED")
        self._sessions = async_sessionmaker(writing, expire_on_commit=False)
        reading = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._readings = async_sessionmaker(reading, expire_on_commit=False)
        # Queue in the process before checking out a connection, so that waiting occupies none.
        self._write_slot = asyncio.Lock()
        self._read_slots = asyncio.Semaphore(READERS)
        # A vacuum works only outside of a transaction, and takes as long as it takes.
        self._vacuum_engine = connect(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        # So does an upgrade of large tables.
        preparing = self._vacuum_engine.execution_options(isolation_level="READ COMMITTED")
        self._preparations = async_sessionmaker(preparing, expire_on_commit=False)

    @classmethod
    async def open(cls, url: URL) -> Self:
        with raising_store_error():
            database = cls(url)
            try:
                async with database._transaction(database._preparations) as session:
                    await prepare_tables(session)
                await database.purge()
            except BaseException:
                await database.close()
                raise
        return database

    @classmethod
    @asynccontextmanager
    async def open_source(cls, url: URL) -> AsyncIterator[Database]:
        await check_no_lease(url)
        async with super().open_source(url) as database:
            yield database

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        with self._measure("reading"):
            async with self._slot(self._read_slots), self._readings() as session:
                yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        with self._measure("writing"):
            async with self._slot(self._write_slot), self._transaction(self._sessions) as session:
                if self.guard:
                    await self.guard(session)
                yield session

    @asynccontextmanager
    async def erasing(self) -> AsyncIterator[AsyncSession]:
        """Begin a unit of work that deletes for good, and record that a vacuum is needed."""
        async with self.writing() as session:
            yield session
            await session.execute(update(erasure_counts).values(erased=erasure_counts.c.erased + 1))

    @asynccontextmanager
    async def _transaction(
        self, sessions: async_sessionmaker[AsyncSession]
    ) -> AsyncIterator[AsyncSession]:
        """Begin a transaction that has the write lock until it ends; raise DBAPIError."""
        async with sessions() as session:
            # READ COMMITTED: after the lock, each statement sees what the others have committed.
            await acquire_write_lock(session, timeouts.QUEUE)
            yield session
            await session.commit()

    @asynccontextmanager
    async def _slot(self, lock: asyncio.Lock | asyncio.Semaphore) -> AsyncIterator[None]:
        """Hold a lock of this process; raise TransactionFailed, also after `timeouts.QUEUE`."""
        try:
            async with asyncio.timeout(timeouts.QUEUE):
                await lock.acquire()
        except TimeoutError:
            raise TransactionFailed("locked") from None
        try:
            if self._closed:
                raise TransactionFailed("away")
            yield
        except SERVER_ERRORS as error:
            reason = find_reason(error)
            if reason is None:
                raise
            raise TransactionFailed(reason) from error
        finally:
            lock.release()

    async def _try_purge(self) -> float | None:
        async with (
            self._slot(self._write_slot),
            self._vacuum_engine.connect() as connection,
            terminating_stalled(connection),
        ):
            return await vacuum_erased(connection)

    async def _disconnect(self) -> None:
        # The units of work that have a connection end first, and no other one begins.
        async with self._write_slot:
            for _ in range(READERS):
                await self._read_slots.acquire()
            await self._engine.dispose()
            await self._vacuum_engine.dispose()
            for _ in range(READERS):
                self._read_slots.release()
