"""Kill a process at points within a transaction."""

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

AT_RANDOM = "at random"

BEGINS = ("BEGIN", "SELECT set_config(")
"""The beginning of a writing transaction's first statement, in a file and on a server."""

WRITES = "kills_writes"
"""The key that marks a connection or a session while it writes."""


class KillAt:
    """Kills this process when it passes a point for the given time, counted from 1.

    SQLAlchemy's events of all engines and sessions report the points.
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
        """Count a pass of a point, and kill the process at the given one."""
        self.left -= point == self.point
        if self.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def executes(self, _connection: Connection, _cursor: Any, words: str, *_: Any) -> None:
        if words.startswith(BEGINS):
            self.comes("before BEGIN")

    def has_executed(self, connection: Connection, _cursor: Any, words: str, *_: Any) -> None:
        if words.startswith(BEGINS):
            connection.info[WRITES] = True
            self.comes("after BEGIN")

    def commits(self, connection: Connection) -> None:
        # A transaction that only reads never began.
        if connection.info.pop(WRITES, False):
            self.comes("before COMMIT")

    def flushes(self, *_: Any) -> None:
        self.comes("before flush")

    def has_flushed(self, session: Session, *_: Any) -> None:
        session.info[WRITES] = True
        self.comes("after flush")

    def has_committed(self, session: Session) -> None:
        if session.info.pop(WRITES, False):
            self.comes("after COMMIT")
