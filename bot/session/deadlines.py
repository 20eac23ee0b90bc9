"""Find what is due in the order of a script or its sprint, and record what was done."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from ..storage.schema import Rotation, Script, Sprint
from ..storage.store import Store
from .preferences import PING
from .turn import Clock


class Event(StrEnum):
    """Name what can be due."""

    SHOW = "show"
    """The panel must move below the message of a ping, a reminder or a skip."""
    PING = "ping"
    """The turn has passed to a writer."""
    REMIND = "remind"
    SKIP = "skip"
    SPRINT = "sprint"
    """The sprint ends."""


@dataclass(frozen=True)
class Due:
    """What is due in a script."""

    event: Event | None
    again: dt.datetime | None = None
    """When to look again; None if nothing becomes due by itself."""
    rotation: Rotation | None = None
    sprint: Sprint | None = None


class Deadlines:
    """The deadlines and pings of all scripts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._rotations = store.rotations
        self._sprints = store.sprints
        self._clock = clock

    async def find_due(self, script: Script) -> Due:
        """Return what is due in a script now, one event at a time.

        A turn that is due while the script is shelved is extended, because nobody can write.
        """
        if sprint := await self._sprints.find_sprint(script.id):
            ends = sprint.ends
            return Due(Event.SPRINT if ends <= self._clock() else None, ends, sprint=sprint)
        rotation = await self._rotations.find_rotation(script.id)
        return Due(None) if rotation is None else await self._find_due_turn(script, rotation)

    async def _find_due_turn(self, script: Script, rotation: Rotation) -> Due:
        now, due = self._clock(), find_due_time(rotation)
        if rotation.announcement is not None:
            return Due(Event.SHOW, now, rotation)
        if rotation.must_ping and PING.of(script) and script.running and len(rotation.writers) > 1:
            return Due(Event.PING, now, rotation)
        if rotation.hours is None:
            return Due(None)
        if due is not None and due > now:
            return Due(None, due)
        if due is None or not script.running:
            if due is not None:
                await self._rotations.extend_turn(script.id, now)
            return Due(None, now + dt.timedelta(hours=rotation.hours))
        return Due(Event.REMIND if rotation.reminded is None else Event.SKIP, now, rotation)

    async def record(self, script: Script, due: Due, message: int) -> bool:
        """Record that a message showed an event; a sprint continues until `end_sprint`.

        Return False if the turn that the message is about was over when it was posted.
        """
        match due:
            case Due(Event.SHOW, rotation=Rotation(announcement=int(shown))):
                await self._rotations.record_shown(script.id, shown)
            case Due(Event.PING, rotation=Rotation(turn=turn)):
                await self._rotations.record_ping(script.id, turn, message)
            case Due(Event.REMIND, rotation=Rotation(turn=turn)):
                await self._rotations.record_reminder(script.id, turn, self._clock(), message)
            case Due(Event.SKIP, rotation=Rotation(turn=turn)):
                await self._rotations.skip_turn(script.id, turn, self._clock(), message)
            case Due(Event.SPRINT):
                await self._rotations.extend_turn(script.id, self._clock())
                return True
        rotation = await self._rotations.find_rotation(script.id)
        return not message or (rotation is not None and rotation.announcement == message)

    async def end_sprint(self, script: Script) -> None:
        """Delete a script's sprint, once the end of the sprint has been shown."""
        await self._sprints.delete_sprint(script.id)


def find_due_time(rotation: Rotation) -> dt.datetime | None:
    """Return when the next reminder or skip is due, or None.

    Somebody who writes alone is never skipped. After a round of skips there are no reminders until
    somebody writes, passes, joins or leaves.
    """
    if rotation.hours is None or rotation.skips >= len(rotation.writers):
        return None
    if rotation.reminded is None:
        return rotation.since + dt.timedelta(hours=rotation.hours)
    if len(rotation.writers) == 1:
        return None
    return rotation.reminded + dt.timedelta(hours=rotation.hours)
