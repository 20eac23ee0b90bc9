"""Hold the lock that lets one process at a time write, and end processes that stall with it."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from . import timeouts
from .connections import APPLICATION_NAME
from .error_codes import is_locked

WRITE_LOCK = int.from_bytes(b"onbook", "big")
"""The key of the advisory lock."""

log = logging.getLogger("onbook.postgres")

Transaction: TypeAlias = AsyncSession | AsyncConnection

_TERMINATE_STALLED = text(
    """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND application_name = :name
        AND xact_start IS NOT NULL AND wait_event_type = 'Client'
        AND state_change < clock_timestamp() - make_interval(secs => :silent)
    """
)
"""End the transactions of processes that went silent, and count them.

The server ends an idle transaction by itself. It has no such limit for a statement that was parsed
and is never executed: a process that is suspended or cut off at this moment would keep its locks
forever. (``transaction_timeout`` of version 17 would also end transactions that are merely long.)
These sessions wait for their client, to read or to write, in the middle of a transaction, which
takes milliseconds if the process is alive. Any process may end them: the silent one finds its
connection closed and its transaction rolled back, as after an idle transaction.
"""


async def acquire_write_lock(transaction: Transaction, seconds: float = 0.0) -> None:
    """Wait for the lock that processes need to write; the end of the transaction releases it.

    The transaction must not have executed anything yet. Retries for this many ``seconds``, but
    makes at least one attempt of `timeouts.LOCK`; raises DBAPIError if the lock could not be
    acquired in time (`is_locked`), or the server failed.
    """
    # A transaction waits for no other lock, because only the one with this lock writes.
    set_timeout = func.set_config("lock_timeout", str(timeouts.LOCK), True)
    acquire = select(set_timeout, func.pg_advisory_xact_lock(WRITE_LOCK))
    end = time.monotonic() + seconds
    while True:
        try:
            async with terminating_stalled(transaction):
                await transaction.execute(acquire)
                return
        except DBAPIError as error:
            if not is_locked(error) or time.monotonic() > end:
                raise


@asynccontextmanager
async def terminating_stalled(transaction: Transaction) -> AsyncIterator[None]:
    """End stalled transactions if a lock cannot be acquired within, and still raise the error."""
    try:
        yield
    except DBAPIError as error:
        if is_locked(error):
            await transaction.rollback()
            await terminate_stalled(transaction)
            await transaction.rollback()
        raise


async def terminate_stalled(transaction: Transaction) -> None:
    """End the transactions of processes that went silent in the middle of them."""
    limits = {"name": APPLICATION_NAME, "silent": timeouts.STALLED / 1000}
    if ended := (await transaction.execute(_TERMINATE_STALLED, limits)).scalar_one():
        log.warning("ended %d transactions of processes that had gone silent", ended)
