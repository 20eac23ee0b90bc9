"""Declare the metrics of a bot's events, and report the events to a meter.

The parts do not depend on any metrics library, because a meter may ignore the events. Levels, such
as the length of an engine's queue, are read where they are kept.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Metric:
    """Declare a metric. No label identifies a person, a place or a text."""

    name: str
    meaning: str
    """The description of the metric, for monitors and for the documentation."""
    labels: tuple[str, ...] = ()


class Counter(Metric):
    """A number of events."""


class Gauge(Metric):
    """A number of things in progress."""


@dataclass(frozen=True)
class Histogram(Metric):
    """A number of durations, in buckets."""

    buckets: tuple[float, ...] = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
    """The upper bounds of the buckets, in seconds."""


INTERACTIONS = Counter(
    "onbook_interactions",
    "what people asked for, by `act`: a command, a button, a menu, a window or a message",
    ("act",),
)
INTERACTIONS_IN_PROGRESS = Gauge("onbook_interactions_in_progress", "requests in progress")
ACKNOWLEDGE_SECONDS = Histogram(
    "onbook_acknowledge_seconds",
    "time to the first answer, by `act`; Discord allows three seconds",
    ("act",),
    (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0),
)
FINISH_SECONDS = Histogram(
    "onbook_finish_seconds",
    "time to the last answer, by `act` and `outcome`",
    ("act", "outcome"),
    (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0),
)
LOOP_DELAY_SECONDS = Histogram(
    "onbook_loop_delay_seconds", "how late the event loop is; above 0.1 s, people wait"
)
TRANSACTION_SECONDS = Histogram(
    "onbook_transaction_seconds",
    "time of database transactions, including waits, by `purpose`: `reading` or `writing`",
    ("purpose",),
)
TRANSACTIONS_IN_PROGRESS = Gauge(
    "onbook_transactions_in_progress", "transactions that are waiting or open"
)
REQUEST_SECONDS = Histogram(
    "onbook_request_seconds",
    "time until Discord begins to answer a request, by `status`; `429` is a rate limit, `lost` no "
    "answer",
    ("status",),
    (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0),
)
GATEWAY_EVENTS = Counter(
    "onbook_gateway_events",
    "gateway connections, by `event`: `connected`, `resumed`, `lost`",
    ("event",),
)

METRICS = (
    INTERACTIONS,
    INTERACTIONS_IN_PROGRESS,
    ACKNOWLEDGE_SECONDS,
    FINISH_SECONDS,
    LOOP_DELAY_SECONDS,
    TRANSACTION_SECONDS,
    TRANSACTIONS_IN_PROGRESS,
    REQUEST_SECONDS,
    GATEWAY_EVENTS,
)
"""The metrics of events. To add one, name it here, and call the meter where the event happens."""


class Meter:
    """A meter that ignores all events; subclasses measure them.

    Every bot has its own meter. Values of labels are given in the order of their declaration.
    """

    http_trace: aiohttp.TraceConfig | None = None
    """The trace of the HTTP requests to Discord, or None."""

    def count(self, counter: Counter, *labels: str) -> None:
        """Count an event."""

    def observe(self, histogram: Histogram, seconds: float, *labels: str) -> None:
        """Record a duration."""

    def track(self, gauge: Gauge) -> AbstractContextManager[None]:
        """Count something as in progress until the context exits."""
        return nullcontext()


NULL_METER = Meter()
"""The meter of a bot without metrics."""
