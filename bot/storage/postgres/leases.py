"""Lease shards to processes, so that only one process ever writes for a shard."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    DateTime,
    Integer,
    MetaData,
    String,
    Table,
    func,
    inspect,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.pool import NullPool

from ...errors import StoreError, TransactionFailed
from ...sharding import Shards
from .. import migrations
from . import timeouts
from .connections import connect
from .error_codes import SERVER_ERRORS, is_locked, raising_store_error
from .tables import check_tables
from .write_lock import acquire_write_lock, terminating_stalled

LEASE_DURATION = 15.0
"""Seconds for which a lease is valid after each renewal."""

RENEWAL_INTERVAL = 5.0
"""Seconds between two renewals."""

ACQUIRE_INTERVAL = 0.5
"""Seconds between two attempts of a process that waits for shards."""

RELEASE_TIMEOUT = 5.0
"""Seconds that a process has to give its shards back when it exits; after that, the lease
expires."""

IDENTIFY_INTERVAL = 5.5
"""Seconds between the identifications of two shards of a bucket. Discord asks for 5; the rest is a
margin, because no message is sent at the exact moment for which it is planned."""

_tables = MetaData()

_leases = Table(
    "leases",
    _tables,
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False, comment="how many shards there are in all"),
    Column("holder", String, nullable=False, comment="for people: the machine and its process"),
    Column("epoch", BigInteger, nullable=False, comment="grows with each process that takes any"),
    Column("expires", DateTime(timezone=True), nullable=False),
)
"""The process that has a shard, or had it last."""

_identified = Table(
    "identified",
    _tables,
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
"""When a shard of a bucket last identified, or is about to."""

# Not now(), the beginning of the transaction, which may have waited for a lock.
_NOW = func.clock_timestamp()

log = logging.getLogger("onbook.leases")


class LocalIdentifyLimiter:
    """Spaces the identifications of a process that has all shards, without a database."""

    def __init__(self) -> None:
        self._next = 0.0
        """When another shard may identify, by the event loop's clock."""

    async def wait_to_identify(self) -> None:
        """Wait until another shard may identify."""
        now = _now()
        planned = max(now, self._next)
        self._next = planned + IDENTIFY_INTERVAL
        await asyncio.sleep(planned - now)


class Lease:
    """The exclusive right of this process to write for its shards, as long as it renews it.

    The server's clock measures the time. A process that is suspended, or cannot reach the server,
    loses the lease: ``on_loss`` is called, and the next holder waits for the end of the current
    transaction. From then on `guard` refuses every transaction of this process.

    Enter the lease before `acquire`. Leaving it gives the shards back at once.
    """

    def __init__(self, url: URL, shards: Shards, on_loss: Callable[[], None]) -> None:
        self.shards = shards
        self._on_loss = on_loss
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._obstacle = ""
        """Why the shards cannot be taken yet; "" before the first attempt and after the last."""
        self._epoch = 0
        self._until = 0.0
        """When the lease expires, by the event loop's clock."""
        self._renewal: asyncio.Task[None] | None = None
        self._engine = connect(
            url,
            pool_size=2,
            max_overflow=0,
            pool_pre_ping=True,
            isolation_level="AUTOCOMMIT",
            command_timeout=RENEWAL_INTERVAL,
        )
        self._transactions = self._engine.execution_options(isolation_level="READ COMMITTED")

    async def __aenter__(self) -> Self:
        """Make the tables; raise StoreError if the database cannot be used."""
        try:
            with raising_store_error():
                async with self._transactions.connect() as connection:
                    await check_tables(connection)
                    if not await connection.run_sync(_tables_exist):
                        await connection.rollback()
                        await acquire_write_lock(connection, timeouts.QUEUE)
                        await connection.run_sync(_tables.create_all)
                        await connection.commit()
        except BaseException:
            await self._engine.dispose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._renewal:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])
            with suppress(*SERVER_ERRORS):
                async with asyncio.timeout(RELEASE_TIMEOUT), self._engine.connect() as connection:
                    await connection.execute(self._mine().values(expires=_NOW))
        self._until = 0.0
        await self._engine.dispose()

    @property
    def held(self) -> bool:
        """Return whether this process has the shards, as far as it knows."""
        return _now() < self._until

    def explain_missing(self) -> str:
        """Return in one line why this process does not have the shards, or ""."""
        if self.held:
            return ""
        if self._renewal:
            return f"This process has lost {self.shards} and is stopping."
        why = f": {self._obstacle}" if self._obstacle else ""
        return f"This process is waiting for {self.shards}{why}."

    async def acquire(self) -> None:
        """Wait until no other process has any of the shards, then acquire and renew the lease."""
        while obstacle := await self._try_to_acquire():
            if obstacle != self._obstacle:
                log.warning("waiting for %s: %s", self.shards, obstacle)
                self._obstacle = obstacle
            await asyncio.sleep(ACQUIRE_INTERVAL)
        self._obstacle = ""
        log.info("this process has %s now", self.shards)
        self._renewal = asyncio.create_task(self._renew_until_lost())

    async def guard(self, session: AsyncSession) -> None:
        """Raise TransactionFailed if another process has any of the shards.

        The transaction has the write lock, so that no process takes shards before it ends.
        """
        mine = select(func.count()).where(_leases.c.epoch == self._epoch)
        if await session.scalar(mine) != len(self.shards):
            self._lose()
            raise TransactionFailed("lost")

    async def wait_to_identify(self, bucket: int) -> None:
        """Reserve the next moment at which a shard of a bucket may identify, and wait for it.

        Raises OSError if the database cannot be asked for that moment.
        """
        first = insert(_identified).values(bucket=bucket, at=_NOW)
        following = _identified.c.at + dt.timedelta(seconds=IDENTIFY_INTERVAL)
        planned = first.on_conflict_do_update(
            index_elements=[_identified.c.bucket], set_={"at": func.greatest(_NOW, following)}
        ).returning(_identified.c.at - _NOW)
        try:
            async with self._engine.connect() as connection:
                left: dt.timedelta = (await connection.execute(planned)).scalar_one()
        except SERVER_ERRORS as error:
            raise ConnectionError("the database cannot say when to identify") from error
        await asyncio.sleep(left.total_seconds())

    # Acquiring

    async def _try_to_acquire(self) -> str | None:
        try:
            return await self._acquire()
        except SERVER_ERRORS as error:
            if is_locked(error):
                return "another process is still writing or vacuuming"
            return f"the database cannot be used now ({type(error).__name__})"

    async def _acquire(self) -> str | None:
        """Take the shards, or return which process has some of them."""
        async with self._engine.connect() as connection:
            # Look without the write lock first, so that a waiting process delays no writer.
            if holder := await self._find_holder(connection):
                return holder
        async with self._transactions.connect() as connection, terminating_stalled(connection):
            # With both locks, no transaction of the old holder continues, and the holder renews
            # nothing.
            await acquire_write_lock(connection)
            await connection.execute(text("LOCK TABLE leases IN SHARE ROW EXCLUSIVE MODE"))
            if holder := await self._find_holder(connection):
                return holder
            now = _now()
            epoch = (await connection.scalar(select(func.max(_leases.c.epoch))) or 0) + 1
            held = {
                "count": self.shards.count,
                "holder": self._holder,
                "epoch": epoch,
                "expires": _NOW + dt.timedelta(seconds=LEASE_DURATION),
            }
            rows = insert(_leases).values([{"shard": shard, **held} for shard in self.shards.ids])
            keys = [_leases.c.shard]
            await connection.execute(rows.on_conflict_do_update(index_elements=keys, set_=held))
            await connection.commit()
        self._epoch, self._until = epoch, now + LEASE_DURATION
        return None

    async def _find_holder(self, connection: AsyncConnection) -> str | None:
        """Return which process prevents this one from taking its shards, or None.

        The other process has one of the shards, divides all shards by another number, or uses
        outdated tables, which are upgraded only when no process uses them.
        """
        overlapping = _leases.c.shard.in_(self.shards.ids)
        divided_otherwise = _leases.c.count != self.shards.count
        older = literal(await connection.run_sync(migrations.is_outdated))
        taken = (
            select(_leases)
            .where(_leases.c.expires > _NOW, or_(overlapping, divided_otherwise, older))
            .order_by(_leases.c.shard)
            .limit(1)
        )
        row = (await connection.execute(taken)).one_or_none()
        return f"{row.holder} has shard {row.shard} of {row.count}" if row else None

    # Renewing

    async def _renew_until_lost(self) -> None:
        """Renew the lease until it has expired, or another process has it."""
        pause = RENEWAL_INTERVAL
        with suppress(TimeoutError):
            while pause:
                async with asyncio.timeout_at(self._until):
                    await asyncio.sleep(pause)
                    pause = await self._renew(is_retry=pause == ACQUIRE_INTERVAL)
        self._lose()

    async def _renew(self, *, is_retry: bool) -> float:
        """Renew the lease; return the seconds until the next renewal, or 0 if the lease is lost."""
        now = _now()
        try:
            # A process that stalls while it takes shards keeps the table locked.
            async with self._engine.connect() as connection, terminating_stalled(connection):
                expires = _NOW + dt.timedelta(seconds=LEASE_DURATION)
                longer = self._mine().where(_leases.c.expires > _NOW).values(expires=expires)
                renewed = await connection.execute(longer)
        except SERVER_ERRORS as error:
            if not is_retry:
                log.warning("%s could not be renewed: %s", self.shards, type(error).__name__)
            return ACQUIRE_INTERVAL
        if renewed.rowcount != len(self.shards):
            return 0.0
        if is_retry:
            log.info("%s could be renewed again", self.shards)
        self._until = now + LEASE_DURATION
        return RENEWAL_INTERVAL

    def _mine(self) -> Any:  # noqa: ANN401 - an update without values yet
        return update(_leases).where(_leases.c.epoch == self._epoch)

    def _lose(self) -> None:
        self._until = 0.0
        self._on_loss()


async def check_no_lease(url: URL) -> None:
    """Raise StoreError if a process has shards in a database, or the server fails."""
    with raising_store_error():
        engine = connect(url, poolclass=NullPool)
        try:
            async with engine.connect() as connection:
                known = await connection.run_sync(_tables_exist)
                held = select(_leases.c.holder).where(_leases.c.expires > _NOW).limit(1)
                holder = await connection.scalar(held) if known else None
        finally:
            await engine.dispose()
    if holder:
        raise StoreError(
            f"{url} is in use by {holder}. Stop every bot that uses it, then start again."
        )


def _now() -> float:
    return asyncio.get_running_loop().time()


def _tables_exist(connection: Any) -> bool:  # noqa: ANN401 - SQLAlchemy's own
    return set(_tables.tables) <= set(inspect(connection).get_table_names())
