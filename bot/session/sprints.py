"""Let everybody write a script for some minutes, and count what they wrote."""

from __future__ import annotations

import datetime as dt

from ..errors import RequestError
from ..storage.schema import Sprint
from .library import Library
from .permissions import check_may_manage, check_may_write
from .turn import Requester, utc_now

DEFAULT_MINUTES, MAX_MINUTES = 10, 60
"""The minutes of a sprint: unless others are asked for, and at most."""


class Sprints:
    """The sprint of the running script, if there is one. It suspends turns."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.store = library.store

    async def start(self, requester: Requester, script: int, minutes: int) -> Sprint:
        """Start a sprint of the running script; raise RequestError."""
        if not 1 <= minutes <= MAX_MINUTES:
            raise RequestError(
                "A sprint lasts from 1 to {most} minutes. Type a number, such as {number}.",
                most=MAX_MINUTES,
                number=DEFAULT_MINUTES,
            )
        async with self.library.lock_running_script(script) as running:
            check_may_write(running, requester)
            if await self.store.sprints.find_sprint(script):
                raise RequestError("A sprint is under way here. Wait until it ends, or write.")
            ends = utc_now() + dt.timedelta(minutes=minutes)
            return await self.store.sprints.start_sprint(script, requester.id, ends)

    async def end(self, requester: Requester, script: int) -> None:
        """Set the end of a sprint to now; raise RequestError."""
        async with self.library.lock:
            row = await self.library.find(script)
            sprint = await self.store.sprints.find_sprint(script)
            if sprint is None:
                raise RequestError("That sprint has ended. Start another one with **More…**.")
            if requester.id != sprint.starter:
                check_may_manage(row, requester)
            await self.store.sprints.end_sprint(script, utc_now())
