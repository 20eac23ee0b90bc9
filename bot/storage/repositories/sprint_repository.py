"""Read and write sprints."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, func, select, update

from ..schema import ROOT_LINE, Line, Sprint
from .repository import Repository


class SprintRepository(Repository):
    """The sprints of all scripts, of which each has at most one."""

    async def find_sprint(self, script: int) -> Sprint | None:
        """Return the sprint of a script, or None."""
        return await self._get(Sprint, script)

    async def start_sprint(self, script: int, starter: int, ends: dt.datetime) -> Sprint:
        """Store a sprint of a script that has none."""
        async with self._database.writing() as session:
            after = await session.scalar(select(func.max(Line.id))) or ROOT_LINE
            sprint = Sprint(script=script, starter=starter, ends=ends, after=after)
            session.add(sprint)
        return sprint

    async def end_sprint(self, script: int, now: dt.datetime) -> None:
        """Set the end of a sprint to now; it is deleted once everybody was told."""
        await self._write(update(Sprint).where(Sprint.script == script).values(ends=now))

    async def delete_sprint(self, script: int) -> None:
        """Delete a sprint whose end everybody was told."""
        await self._write(delete(Sprint).where(Sprint.script == script))
