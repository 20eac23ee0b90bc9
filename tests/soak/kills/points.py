"""Points: the moments of a transaction in which a process can be killed."""

from __future__ import annotations

import os
import signal
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

POINTS = (
    "before BEGIN",
    "after BEGIN",
    "before flush",
    "after flush",
    "before COMMIT",
    "after COMMIT",
)

BEGINS = ("BEGIN", "SELECT set_config(")
"""The beginning of the first statement of a writing transaction, in a file and on a server."""

WRITES = "kills_writes"
"""The key that marks a connection or a session while it writes."""


class Executioner:
    """Kill this process when it comes to a point for the so-manyth time, from 1.

    SQLAlchemy's events, of whatever engine and session there is, report the points.
    """

    def __init__(self, point: str, number: int) -> None:
        assert point in POINTS
        self.point = point
        self.left = number
        event.listen(Engine, "before_cursor_execute", self.executes)
        event.listen(Engine, "after_cursor_execute", self.has_executed)
        event.listen(Engine, "commit", self.commits)
        event.listen(Session, "before_flush", self.flushes)
        event.listen(Session, "after_flush", self.has_flushed)
        event.listen(Session, "after_commit", self.has_committed)

    def comes(self, point: str) -> None:
        """Note that the process is at a point, and end the process when its turn has come."""
        self.left -= point == self.point
        if self.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def executes(self, _connection: Connection, _cursor: Any, words: str, *_: Any) -> None:
        """Handle a statement that is about to be executed."""
        if words.startswith(BEGINS):
            self.comes("before BEGIN")

    def has_executed(self, connection: Connection, _cursor: Any, words: str, *_: Any) -> None:
        """Handle a statement that was executed."""
        if words.startswith(BEGINS):
            connection.info[WRITES] = True
            self.comes("after BEGIN")

    def commits(self, connection: Connection) -> None:
        """Handle a transaction that is about to be committed; one that only reads has not begun."""
        if connection.info.pop(WRITES, False):
            self.comes("before COMMIT")

    def flushes(self, *_: Any) -> None:
        """Handle rows that are about to be written."""
        self.comes("before flush")

    def has_flushed(self, session: Session, *_: Any) -> None:
        """Handle rows that were written."""
        session.info[WRITES] = True
        self.comes("after flush")

    def has_committed(self, session: Session) -> None:
        """Handle a transaction that was committed."""
        if session.info.pop(WRITES, False):
            self.comes("after COMMIT")
