"""Flushes: several transactions on the disk by one flush of the log that they are in.

A flush takes some milliseconds, however much it flushes. So SQLite appends transactions to its log
without flushing them (``synchronous=NORMAL``), and whoever has committed waits for a flush that
began after: everybody who commits while one goes on shares the next (group commit, DeWitt et al.
1984, "Implementation techniques for main memory database systems"). The log is in order, so that
what is on the disk never lacks what it builds on. Alone, it is what ``synchronous=FULL`` does.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path


class Flushes:
    """The flushes of one database's log."""

    def __init__(self, database: Path) -> None:
        self._log = Path(f"{database}-wal")
        self._now: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def flush(self) -> None:
        """Returns when all that was committed before is on the disk; raises OSError."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._after(self._now))
        # Whoever is cancelled takes nothing away from the others.
        await asyncio.shield(self._next)

    async def end(self) -> None:
        """Returns when no flush goes on any more."""
        if going_on := [one for one in (self._now, self._next) if one is not None]:
            await asyncio.wait(going_on)

    async def _after(self, before: asyncio.Task[None] | None) -> None:
        """Flushes when the flush before has ended."""
        if before is not None:
            await asyncio.wait([before])
        self._now, self._next = self._next, None
        await asyncio.to_thread(self._flush)

    def _flush(self) -> None:
        file = os.open(self._log, os.O_RDWR)
        try:
            os.fsync(file)
        finally:
            os.close(file)
