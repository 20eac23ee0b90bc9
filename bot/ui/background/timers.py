"""Begin tasks after a delay."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence

from ..delivery.sending import log_failure

log = logging.getLogger("onbook.timers")

Action = Callable[[], Awaitable[object]]
Key = tuple[str, int]
"""The purpose of a timer, such as a vote, and the id of the poll or script."""


Timer = asyncio.TimerHandle | threading.Timer
"""A scheduled call, on the event loop or in a thread."""

CallLater = Callable[[float, Callable[[], None]], Timer]
"""Calls a function on the event loop after so many seconds."""

RETRY_DELAYS = (5.0, 30.0, 120.0, 600.0)
"""Seconds before each retry of what was due; the last delay repeats until it is done."""


class Timers:
    """Timers for what is due in polls and scripts, at most one per key.

    Each task that begins is given to ``track``, so that an unload waits for the task. By default,
    ``call_later`` is that of the event loop.
    """

    def __init__(
        self, track: Callable[[asyncio.Task[None]], None], call_later: CallLater | None = None
    ) -> None:
        self._track = track
        self._call_later: CallLater = call_later or asyncio.get_running_loop().call_later
        self._waiting: dict[Key, Timer] = {}
        self._stopped = False

    def __contains__(self, key: Key) -> bool:
        return key in self._waiting

    def set(
        self, key: Key, seconds: float, action: Action, delays: Sequence[float] = RETRY_DELAYS
    ) -> None:
        """Act after some seconds, not at the time that was set before; retry after failures."""

        def begin() -> None:
            self._waiting.pop(key, None)
            self._track(asyncio.ensure_future(self._try(key, action, delays)))

        if self._stopped:
            return
        if timer := self._waiting.pop(key, None):
            timer.cancel()
        if seconds > 0:
            self._waiting[key] = self._call_later(seconds, begin)
        else:
            begin()

    def stop(self) -> None:
        """Begin nothing more, and leave what is due to the next process."""
        self._stopped = True
        for timer in self._waiting.values():
            timer.cancel()

    async def _try(self, key: Key, action: Action, delays: Sequence[float]) -> None:
        try:
            await action()
        except Exception as error:  # noqa: BLE001 - the next time tries again
            log_failure(log, f"could not do what is due in {key[0]} {key[1]}", error)
            if delays:
                self.set(key, delays[0], action, delays[1:] or delays)
