"""Find what is due in the order of a script or its sprint, and record what was done."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from ..storage.schema import Script, Sprint, TurnOrder
from ..storage.store import Store
from .preferences import PING
from .turn import Clock


class Event(StrEnum):
    """Name what can be due."""

    SHOW = "show"
    """The panel must come below the message that says that a writer was skipped."""
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
    """When to look again; None where nothing becomes due by itself."""
    order: TurnOrder | None = None
    sprint: Sprint | None = None


class Deadlines:
    """The deadlines and pings of all scripts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._orders = store.turn_orders
        self._sprints = store.sprints
        self._clock = clock

    async def find_due(self, script: Script) -> Due:
        """Return what is due in a script now, one event at a time.

        A turn that is due while the script is paused is extended, because nobody can write.
        """
        order, sprint = await self._orders.find_order_and_sprint(script.id)
        if sprint is not None:
            ends = sprint.ends
            return Due(Event.SPRINT if ends <= self._clock() else None, ends, sprint=sprint)
        return Due(None) if order is None else await self._find_due_turn(script, order)

    async def _find_due_turn(self, script: Script, order: TurnOrder) -> Due:
        now, due = self._clock(), find_due_time(order)
        if order.announcement is not None:
            return Due(Event.SHOW, now, order)
        if order.must_ping and PING.of(script) and script.running and len(order.writers) > 1:
            return Due(Event.PING, now, order)
        if order.hours is None:
            return Due(None)
        if due is not None and due > now:
            return Due(None, due)
        if due is None or not script.running:
            if due is not None:
                await self._orders.extend_turn(script.id, now)
            return Due(None, now + dt.timedelta(hours=order.hours))
        return Due(Event.REMIND if order.reminded is None else Event.SKIP, now, order)

    async def record(self, script: Script, due: Due, message: int) -> None:
        """Record that an event was shown, by a message; a sprint goes on until `end_sprint`."""
        match due:
            case Due(Event.SHOW, order=TurnOrder(announcement=int(shown))):
                await self._orders.record_shown(script.id, shown)
            case Due(Event.PING, order=TurnOrder(turn=turn)):
                await self._orders.record_ping(script.id, turn, message)
            case Due(Event.REMIND, order=TurnOrder(turn=turn)):
                await self._orders.record_reminder(script.id, turn, self._clock(), message)
            case Due(Event.SKIP, order=TurnOrder(turn=turn)):
                await self._orders.skip_turn(script.id, turn, self._clock(), message)
            case Due(Event.SPRINT):
                await self._orders.extend_turn(script.id, self._clock())

    async def end_sprint(self, script: Script) -> None:
        """Delete the sprint of a script, whose end was shown."""
        await self._sprints.delete_sprint(script.id)


def find_due_time(order: TurnOrder) -> dt.datetime | None:
    """Return when the next reminder or skip is due, or None.

    Nobody is skipped who writes alone. After a round of skips there are no reminders until somebody
    writes, passes or joins.
    """
    if order.hours is None or order.skips >= len(order.writers):
        return None
    if order.reminded is None:
        return order.since + dt.timedelta(hours=order.hours)
    if len(order.writers) == 1:
        return None
    return order.reminded + dt.timedelta(hours=order.hours)
