"""Say how long the processes of a PostgreSQL database wait for the server and for each other."""

from __future__ import annotations

CONNECT = 5.0
"""Seconds in which the server must be reached."""

LOCK = 2000
"""Milliseconds that one attempt to get a lock may take; then stalled transactions are ended."""

QUEUE = 60.0
"""Seconds to wait for writers, readers or the vacuum before TransactionFailed is raised."""

COMMAND = QUEUE + 15
"""Seconds in which the server must answer a statement."""

STALLED = 10_000
"""Milliseconds after which the transaction or vacuum of a silent process is ended, because no other
process can write as long as it has the lock."""

READERS = 0.2
"""Seconds for which a vacuum waits for readers, before it is put off."""
