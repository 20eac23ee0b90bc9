"""Report the events of a bot to a meter.

The parts do not depend on any metrics library, because a meter may ignore the events. Only events
are reported here. Levels, such as the length of an engine's queue, are read where they are kept.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum

import aiohttp


class Outcome(StrEnum):
    """The result of a request."""

    DONE = "done"
    REFUSED = "refused"
    """The request could not be fulfilled, and a sentence said why."""
    LIMITED = "limited"
    """The request was beyond a limit, or the queue was full."""
    FAILED = "failed"
    """The bot, its disk or the network failed."""
    UNANSWERED = "unanswered"
    """The request came a second time, or too late for an answer."""
    ABANDONED = "abandoned"
    """The bot ended before the request did."""


class Meter:
    """A meter that ignores all events; subclasses count them.

    Every bot has its own meter. All times are seconds.
    """

    http_trace: aiohttp.TraceConfig | None = None
    """The trace of the HTTP requests to Discord, or None."""

    def record_received(self, action: str) -> None:
        """Count a request, by an act such as the name of its command."""

    def record_acknowledged(self, action: str, seconds: float) -> None:
        """Measure the time from a request to the first answer."""

    def record_finished(self, action: str, outcome: Outcome, seconds: float) -> None:
        """Measure the time from a request to its end, and count its outcome."""

    def measure_transaction(self, purpose: str) -> AbstractContextManager[None]:
        """Measure a transaction, from before the wait for a connection until the context exits.

        The purpose is ``reading`` or ``writing``.
        """
        return nullcontext()

    def record_gateway_event(self, event: str) -> None:
        """Count an event of the gateway: ``connected``, ``resumed`` or ``lost``."""

    def record_loop_delay(self, seconds: float) -> None:
        """Measure a delay of the event loop."""


NULL_METER = Meter()
"""The meter of a bot without metrics."""
