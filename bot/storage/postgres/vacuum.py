"""Remove deleted content from the files of a PostgreSQL database."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from sqlalchemy import extract, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ..schema import Base, State
from . import timeouts
from .tables import erasure_counts
from .write_lock import WRITE_LOCK, terminate_stalled

TIME_SHARE = 0.01
"""The largest share of the time that vacuums take, in all processes together."""

LONGEST_PAUSE = 1700.0
"""The most seconds between two vacuums: the promised half hour, less the vacuum itself."""

NUMBERS = State.__tablename__
"""The large table of numbers that models make of text, from which no text can be read."""

_NOW = func.clock_timestamp()

_LEFT = extract("epoch", erasure_counts.c.paused_until - _NOW)

# The server's clock may have been set back since the pause was noted.
_PAUSE = func.least(func.coalesce(_LEFT, 0), LONGEST_PAUSE)
"""The seconds until the next vacuum is allowed; at most 0 if one is allowed now."""


async def vacuum_erased(connection: AsyncConnection) -> float | None:
    """Vacuum the tables if rows were erased; return None once they are gone.

    A plain VACUUM would leave deleted text in the middle of a page, so all tables except `NUMBERS`
    are rewritten. Meanwhile writers wait, and so do the readers of a table. After a long vacuum,
    all processes put off the next one, which then covers all erasures until then.

    Args:
        connection: Commits each statement by itself.

    Returns:
        None if no erased row is left; otherwise how many seconds to wait: 0 while a reader still
        sees erased rows.
    """
    erased, pause = await _count_erasures(connection)
    if not erased:
        return pause
    await connection.execute(text(f"SET idle_session_timeout = {timeouts.STALLED}"))
    await connection.execute(select(func.pg_advisory_lock(WRITE_LOCK)))
    # Another process may have erased more, or vacuumed, while this one waited for the lock.
    erased, pause = await _count_erasures(connection)
    if erased:
        begun = time.monotonic()
        await rewrite_tables(connection)
        resting = min((time.monotonic() - begun) / TIME_SHARE, LONGEST_PAUSE)
        until = _NOW + timedelta(seconds=resting)
        done = update(erasure_counts).values(vacuumed=erased, paused_until=until)
        await connection.execute(done)
    return pause


async def rewrite_tables(connection: AsyncConnection) -> None:
    """Rewrite all tables that hold people's words, one after the other."""
    words = [name for name in Base.metadata.tables if name != NUMBERS]
    await connection.exec_driver_sql(f"VACUUM (FULL) {', '.join(words)}")
    await connection.exec_driver_sql(f"VACUUM {NUMBERS}")


async def _count_erasures(connection: AsyncConnection) -> tuple[int, float | None]:
    """Return how often rows were erased, and None, if a vacuum is both needed and possible now.

    Otherwise, return 0, and what `vacuum_erased` returns.
    """
    counts = select(erasure_counts.c.erased, erasure_counts.c.vacuumed, _PAUSE)
    erased, vacuumed, pause = (await connection.execute(counts)).one()
    if erased == vacuumed:
        return 0, None
    if pause > 0:
        return 0, float(pause)
    if not await _is_unseen(connection):
        await terminate_stalled(connection)
        return 0, 0.0
    return erased, None


_IS_SEEN = text(
    """
    WITH given AS (SELECT CAST(CAST(:then AS text) AS xid8) AS number)
    SELECT pg_snapshot_xmin(pg_current_snapshot()) < number
        OR EXISTS (
            SELECT FROM pg_stat_activity
            WHERE pid <> pg_backend_pid() AND age(backend_xmin) > age(CAST(number AS xid))
                AND coalesce(datname = current_database(), true)
        )
        OR EXISTS (SELECT FROM pg_replication_slots WHERE age(xmin) > age(CAST(number AS xid)))
    FROM given
    """
)
"""Return whether any snapshot is older than a transaction: a vacuum would keep rows for it."""


async def _is_unseen(connection: AsyncConnection) -> bool:
    """Wait `timeouts.READERS` for older snapshots to end, and return whether they have."""
    then = await connection.scalar(text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))
    until = time.monotonic() + timeouts.READERS
    while await connection.scalar(_IS_SEEN, {"then": then}):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.01)
    return True
