"""Let people write a script one after the other, or all at once in a sprint of some minutes."""

from __future__ import annotations

import datetime as dt

from ..errors import PersonId, RequestError
from ..i18n.catalogue import phrase
from ..storage.schema import Line, Rotation, Script, Sprint
from .library import Library
from .permissions import check_may_manage, check_may_write, check_turn
from .turn import Requester

MAX_WRITERS = 25
"""The maximum number of people in one order, so that a message can list them."""

DEFAULT_MINUTES, MAX_MINUTES = 10, 60
"""The minutes of a sprint: by default, and at most."""


class Rotations:
    """The order in which people write the running script, if they take turns.

    A method that raises RequestError has changed nothing.
    """

    def __init__(self, library: Library) -> None:
        self.library = library
        self.rotations = library.store.rotations

    async def join(self, requester: Requester, script: int) -> int:
        """Add the requester at the end of the order; return their place, or 0 if they had one."""
        async with self.library.lock_running_script(script) as row:
            check_may_write(row, requester)
            rotation = await self.rotations.find_rotation(script)
            writers = rotation.writers if rotation else []
            if requester.id in writers:
                return 0
            if len(writers) >= MAX_WRITERS:
                raise RequestError(
                    "At most {most} people can take turns here. Wait until somebody leaves.",
                    most=MAX_WRITERS,
                )
            await self.rotations.add_writer(script, requester.id, self.library.clock())
            return len(writers) + 1

    async def leave(self, requester: Requester, script: int) -> bool:
        """Remove the requester from the order; return whether they were in it.

        Turns end when the last writer leaves.
        """
        async with self.library.lock_running_script(script):
            return await self.rotations.remove_writer(script, requester.id, self.library.clock())

    async def pass_turn(self, requester: Requester, script: int, turn: int) -> Rotation:
        """Let the next person write after a turn, and return the order as it was before.

        Raises RequestError if that turn is over.
        """
        async with self.library.lock_running_script(script) as row:
            rotation = await self._load_rotation(script)
            check_turn(rotation, row, requester)
            if rotation.turn != turn:
                raise RequestError(
                    "It is {person}'s turn now. See the order with {/script turns}.",
                    person=PersonId(rotation.writers[0]),
                )
            await self.rotations.pass_turn(script, turn, self.library.clock())
            return rotation

    async def set_deadline(self, requester: Requester, script: int, hours: int | None) -> None:
        """Set the hours of a turn, or None for no deadline."""
        async with self.library.lock_running_script(script) as row:
            check_may_manage(row, requester, phrase("set a deadline"))
            await self._load_rotation(script)
            await self.rotations.set_deadline(script, hours, self.library.clock())

    async def turn_off(self, requester: Requester, script: int) -> None:
        """Let everybody write again."""
        async with self.library.lock_running_script(script) as row:
            check_may_manage(row, requester, phrase("end its turns"))
            await self.rotations.delete_rotation(script)

    async def find(self, script: int) -> Rotation | None:
        """Return the order of a script, or None if everybody may write."""
        return await self.rotations.find_rotation(script)

    async def _load_rotation(self, script: int) -> Rotation:
        rotation = await self.rotations.find_rotation(script)
        if rotation is None:
            raise RequestError("Nobody is taking turns here. Join first with {/script turns}.")
        return rotation


class Sprints:
    """The sprint of the running script, if there is one. It suspends turns."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.store = library.store

    async def start(self, requester: Requester, script: int, minutes: int) -> Sprint:
        """Start a sprint of the running script; raise RequestError."""
        if not 1 <= minutes <= MAX_MINUTES:
            raise RequestError(
                "A sprint can last from 1 to {most} minutes. Type a number, such as {number}.",
                most=MAX_MINUTES,
                number=DEFAULT_MINUTES,
            )
        async with self.library.lock_running_script(script) as running:
            check_may_write(running, requester)
            if await self.store.sprints.find_sprint(script):
                raise RequestError(
                    "A sprint is under way here. Wait until it ends, or write a line."
                )
            ends = self.library.clock() + dt.timedelta(minutes=minutes)
            return await self.store.sprints.start_sprint(script, requester.id, ends)

    async def is_under_way(self, script: int) -> bool:
        return await self.store.sprints.find_sprint(script) is not None

    async def load_lines(self, script: Script, sprint: Sprint) -> list[Line]:
        """Return the lines of a script that were written in its sprint."""
        return await self.store.lines.load_lines_after(script.head, sprint.after)

    async def find(self, script: int) -> Sprint:
        """Return the sprint of a script; raise RequestError if it has ended."""
        sprint = await self.store.sprints.find_sprint(script)
        if sprint is None:
            raise RequestError("That sprint has ended. Start another one with **More…**.")
        return sprint

    async def end(self, requester: Requester, script: int) -> None:
        """Set the end of a sprint to now; raise RequestError."""
        async with self.library.lock:
            row, sprint = await self.library.find(script), await self.find(script)
            if requester.id != sprint.starter:
                check_may_manage(row, requester, phrase("end somebody else's sprint"))
            await self.store.sprints.end_sprint(script, self.library.clock())
