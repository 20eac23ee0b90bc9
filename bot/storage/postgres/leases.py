"""Leases: which process has which shards, so that only one of them ever writes there."""

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
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.pool import NullPool

from ...sharding import Shards
from ..transactions import NotKept, StoreError
from .database import (
    SWEPT_WAIT,
    check_owner,
    connect,
    ending_the_silent,
    is_locked,
    is_older,
    or_store_error,
    take_turn,
)

HELD = 15.0
"""Seconds for which shards are a process's, from each time that it says that it is there."""

RENEWED_EVERY = 5.0
"""Seconds between these times."""

ASKED_EVERY = 0.5
"""Seconds after which a process that waits for shards looks again whether they are free."""

TO_GIVE_BACK = 5.0
"""Seconds that a process has to give its shards back before it leaves them to run out."""

IDENTIFIED_EVERY = 5.5
"""Seconds between two shards of a bucket that tell Discord who they are. It asks for 5, and none
of them is sent in the very moment that it was planned for."""

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
"""Who has a shard, or had it last."""

_identified = Table(
    "identified",
    _tables,
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
"""When a shard of a bucket told Discord last who it is, or is about to."""

# Not that of the transaction, which may have waited.
_NOW = func.clock_timestamp()

TROUBLE = (DBAPIError, NoConnection, OSError)
"""What is raised where the server does not do what it is asked."""

log = logging.getLogger("onbook.leases")


class NotHeld(Exception):
    """The shards are not this process's any more."""


class Alone:
    """A process that has all shards for itself, and so knows when each has told who it is."""

    def __init__(self) -> None:
        self._next = 0.0
        """When another one may, by the event loop's clock."""

    async def wait_to_identify(self) -> None:
        """Waits until another shard may tell Discord who it is."""
        now = _now()
        planned = max(now, self._next)
        self._next = planned + IDENTIFIED_EVERY
        await asyncio.sleep(planned - now)


class Lease:
    """Shards that are this process's alone, from when it has taken them for as long as it says so.

    The server's clock says how long that is. A process that is stopped, or that cannot reach the
    server, loses them: ``on_loss`` is called, and whoever takes them then waits for the end of what
    is being written. Its `guard` lets nothing be written later.

    To be entered before it is taken; at the end it is given back, and another process has the
    shards at once.
    """

    def __init__(self, url: URL, shards: Shards, on_loss: Callable[[], None]) -> None:
        self.shards = shards
        self._on_loss = on_loss
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._in_the_way = ""
        """What it waits for; nothing before it has looked, and once it has taken the shards."""
        self._epoch = 0
        self._until = 0.0
        """By the event loop's clock."""
        self._keeping: asyncio.Task[None] | None = None
        self._engine = connect(
            url,
            pool_size=2,
            max_overflow=0,
            pool_pre_ping=True,
            isolation_level="AUTOCOMMIT",
            answers={"command_timeout": RENEWED_EVERY},
        )
        self._transactions = self._engine.execution_options(isolation_level="READ COMMITTED")

    async def __aenter__(self) -> Self:
        """Makes the tables; raises StoreError when the database cannot be used."""
        try:
            with or_store_error():
                async with self._transactions.connect() as connection:
                    await check_owner(connection)
                    if not await connection.run_sync(_are_there):
                        await connection.rollback()
                        await take_turn(connection, SWEPT_WAIT)
                        await connection.run_sync(_tables.create_all)
                        await connection.commit()
        except BaseException:
            await self._engine.dispose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeping:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
            with suppress(*TROUBLE):
                async with asyncio.timeout(TO_GIVE_BACK), self._engine.connect() as connection:
                    await connection.execute(self._mine().values(expires=_NOW))
        self._until = 0.0
        await self._engine.dispose()

    @property
    def held(self) -> bool:
        """Whether the shards are this process's, as far as it knows."""
        return _now() < self._until

    def lack(self) -> str:
        """Why the shards are not this process's, in one line; nothing where they are."""
        if self.held:
            return ""
        if self._keeping:
            return f"This process has lost {self.shards}, and ends."
        why = f": {self._in_the_way}" if self._in_the_way else ""
        return f"This process waits for {self.shards}{why}."

    async def take(self) -> None:
        """Waits until nobody else has any of the shards, and has them from then on."""
        while other := await self._take_or_tell():
            if other != self._in_the_way:
                log.warning("waiting for %s: %s", self.shards, other)
                self._in_the_way = other
            await asyncio.sleep(ASKED_EVERY)
        self._in_the_way = ""
        log.info("this process has %s now", self.shards)
        self._keeping = asyncio.create_task(self._keep())

    async def guard(self, session: AsyncSession) -> None:
        """Lets a transaction write; raises NotKept where another process has any of the shards.

        No process takes any as long as the transaction lasts.
        """
        mine = select(func.count()).where(_leases.c.epoch == self._epoch)
        if await session.scalar(mine) != len(self.shards):
            self._lose()
            raise NotKept("lost")

    async def wait_to_identify(self, bucket: int) -> None:
        """Waits until a shard of a bucket may tell Discord who it is; no other process may then.

        Raises OSError where nobody can say when that is.
        """
        one = insert(_identified).values(bucket=bucket, at=_NOW)
        next_one = _identified.c.at + _seconds(IDENTIFIED_EVERY)
        planned = one.on_conflict_do_update(
            index_elements=[_identified.c.bucket], set_={"at": func.greatest(_NOW, next_one)}
        ).returning(_identified.c.at - _NOW)
        try:
            async with self._engine.connect() as connection:
                left: dt.timedelta = (await connection.execute(planned)).scalar_one()
        except (DBAPIError, NoConnection) as error:
            raise ConnectionError("the database cannot say when to identify") from error
        await asyncio.sleep(left.total_seconds())

    # Taking

    async def _take_or_tell(self) -> str | None:
        """Takes the shards; or says why it cannot."""
        try:
            return await self._take()
        except TROUBLE as error:
            if is_locked(error):
                return "another process is writing, or sweeping, and has not ended yet"
            return f"the database cannot be used now ({type(error).__name__})"

    async def _take(self) -> str | None:
        """Takes the shards; or says who has some of them."""
        async with self._engine.connect() as connection:
            # Those who write are in nobody's way who only waits.
            if other := await self._other(connection):
                return other
        async with self._transactions.connect() as connection, ending_the_silent(connection):
            # What is being written has ended, and nothing is renewed, before anything is looked at.
            await take_turn(connection)
            await connection.execute(text("LOCK TABLE leases IN SHARE ROW EXCLUSIVE MODE"))
            if other := await self._other(connection):
                return other
            now = _now()
            epoch = (await connection.scalar(select(func.max(_leases.c.epoch))) or 0) + 1
            held = {
                "count": self.shards.count,
                "holder": self._holder,
                "epoch": epoch,
                "expires": _NOW + _seconds(HELD),
            }
            rows = insert(_leases).values([{"shard": one, **held} for one in self.shards.ids])
            keys = [_leases.c.shard]
            await connection.execute(rows.on_conflict_do_update(index_elements=keys, set_=held))
            await connection.commit()
        self._epoch, self._until = epoch, now + HELD
        return None

    async def _other(self, connection: AsyncConnection) -> str | None:
        """Who has any of the shards, divides all of them otherwise, or knows older tables alone."""
        any_of_them = _leases.c.shard.in_(self.shards.ids)
        otherwise = _leases.c.count != self.shards.count
        # These are brought up to date when nobody has any, or an older process could not go on.
        older = literal(await is_older(connection))
        taken = (
            select(_leases)
            .where(_leases.c.expires > _NOW, or_(any_of_them, otherwise, older))
            .order_by(_leases.c.shard)
            .limit(1)
        )
        row = (await connection.execute(taken)).one_or_none()
        return f"{row.holder} has shard {row.shard} of {row.count}" if row else None

    # Keeping

    async def _keep(self) -> None:
        """Renews the lease until it is lost."""
        pause = RENEWED_EVERY
        with suppress(TimeoutError, NotHeld):
            while True:
                async with asyncio.timeout_at(self._until):
                    await asyncio.sleep(pause)
                    pause = RENEWED_EVERY if await self._renew() else ASKED_EVERY
        self._lose()

    async def _renew(self) -> bool:
        """Whether the lease was renewed; raises NotHeld where it is another's, or has run out."""
        now = _now()
        try:
            # Whoever stands still while it takes shards keeps all others from this.
            async with self._engine.connect() as connection, ending_the_silent(connection):
                longer = self._mine().where(_leases.c.expires > _NOW)
                renewed = await connection.execute(longer.values(expires=_NOW + _seconds(HELD)))
        except TROUBLE as error:
            log.warning("%s could not be renewed: %s", self.shards, type(error).__name__)
            return False
        if renewed.rowcount != len(self.shards):
            raise NotHeld
        self._until = now + HELD
        return True

    def _mine(self) -> Any:  # noqa: ANN401 - an update without values yet
        return update(_leases).where(_leases.c.epoch == self._epoch)

    def _lose(self) -> None:
        self._until = 0.0
        self._on_loss()


async def check_nobody_has(url: URL) -> None:
    """Raises StoreError where a process has any shards in a database, or it cannot be used."""
    engine = connect(url, poolclass=NullPool)
    try:
        with or_store_error():
            async with engine.connect() as connection:
                known = await connection.run_sync(_are_there)
                held = select(_leases.c.holder).where(_leases.c.expires > _NOW).limit(1)
                holder = await connection.scalar(held) if known else None
    finally:
        await engine.dispose()
    if holder:
        raise StoreError(f"{url} is in use by {holder}: end each bot that has it, and start again.")


def _now() -> float:
    return asyncio.get_running_loop().time()


def _seconds(number: float) -> Any:  # noqa: ANN401 - an interval
    return func.make_interval(0, 0, 0, 0, 0, 0, number)


def _are_there(connection: Any) -> bool:  # noqa: ANN401 - SQLAlchemy's own
    return set(_tables.tables) <= set(inspect(connection).get_table_names())
