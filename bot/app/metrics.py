"""Metrics: Prometheus's numbers of one bot, in a registry of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace

import aiohttp
from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from ..inference.engine import Load
from ..telemetry import Meter, Outcome

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""What `Metrics.page` is."""

TO_ACKNOWLEDGE = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
TO_FINISH = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0)
OF_REQUESTS = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0)
OF_MOMENTS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Seconds by which times are told apart."""

TOO_MANY = 429
"""The status of a request for which Discord's limits leave no room."""

Loads = Callable[[], Mapping[str, Load]]
"""Tells what each voice has to do, from any thread."""


class Metrics(Meter):
    """Counts what happens in a bot. No label tells who did something, where, or what was said."""

    def __init__(self, loads: Loads) -> None:
        self.registry = registry = CollectorRegistry()
        self.http_trace = traced(self._requested)
        self._heard = Counter(
            "onbook_interactions", "What people asked for.", ["act"], registry=registry
        )
        self._in_hand = Gauge(
            "onbook_interactions_in_hand", "What has not ended of that.", registry=registry
        )
        self._to_acknowledge = Histogram(
            "onbook_acknowledge_seconds",
            "From when the bot heard of it until Discord had a first answer.",
            ["act"],
            buckets=TO_ACKNOWLEDGE,
            registry=registry,
        )
        self._to_finish = Histogram(
            "onbook_finish_seconds",
            "From when the bot heard of it to its end.",
            ["act", "outcome"],
            buckets=TO_FINISH,
            registry=registry,
        )
        self._transactions = Histogram(
            "onbook_transaction_seconds",
            "Transactions of the database, from when they were asked for.",
            ["purpose"],
            buckets=OF_MOMENTS,
            registry=registry,
        )
        self._transactions_in_hand = Gauge(
            "onbook_transactions_in_hand", "Those that wait or are made.", registry=registry
        )
        self._requests = Histogram(
            "onbook_request_seconds",
            "Requests to Discord, until it began to answer.",
            ["status"],
            buckets=OF_REQUESTS,
            registry=registry,
        )
        self._gateway = Counter(
            "onbook_gateway_events",
            "Connections to Discord's gateway: made anew, resumed, and lost.",
            ["event"],
            registry=registry,
        )
        self._delay = Histogram(
            "onbook_loop_delay_seconds",
            "How late the event loop does what is due.",
            buckets=OF_MOMENTS,
            registry=registry,
        )
        registry.register(_Loads(loads))
        ProcessCollector(registry=registry)

    def page(self) -> bytes:
        """All of it, as `CONTENT_TYPE`: up to a tenth of a second of work, in any thread."""
        return generate_latest(self.registry)

    def heard(self, act: str) -> None:
        """See `Meter`."""
        self._heard.labels(act).inc()
        self._in_hand.inc()

    def acknowledged(self, act: str, seconds: float) -> None:
        """See `Meter`."""
        self._to_acknowledge.labels(act).observe(seconds)

    def finished(self, act: str, outcome: Outcome, seconds: float) -> None:
        """See `Meter`."""
        self._to_finish.labels(act, outcome.value).observe(seconds)
        self._in_hand.dec()

    @contextmanager
    def transaction(self, purpose: str) -> Iterator[None]:
        """See `Meter`."""
        with (
            self._transactions_in_hand.track_inprogress(),
            self._transactions.labels(purpose).time(),
        ):
            yield

    def gateway(self, event: str) -> None:
        """See `Meter`."""
        self._gateway.labels(event).inc()

    def late(self, seconds: float) -> None:
        """See `Meter`."""
        self._delay.observe(seconds)

    def _requested(self, status: str, seconds: float) -> None:
        self._requests.labels(status).observe(seconds)


class _Loads(Collector):
    """What the voices have to do when somebody asks for the page."""

    def __init__(self, loads: Loads) -> None:
        self.loads = loads

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """The numbers of this moment."""
        queue = GaugeMetricFamily(
            "onbook_queue", "Lines that wait for a place beside others.", labels=["voice"]
        )
        rows = GaugeMetricFamily(
            "onbook_rows", "Lines that are read or written side by side.", labels=["voice"]
        )
        characters = CounterMetricFamily(
            "onbook_characters",
            "Characters of lines that were read, and of lines that were written.",
            labels=["voice", "work"],
        )
        for voice, load in self.loads().items():
            queue.add_metric([voice], load.waiting)
            rows.add_metric([voice], load.rows)
            characters.add_metric([voice, "reading"], load.read)
            characters.add_metric([voice, "writing"], load.written)
        yield from (queue, rows, characters)


def traced(tell: Callable[[str, float], None]) -> aiohttp.TraceConfig:
    """Tells of each request of a client what came of it, and after how many seconds.

    That is the kind of status, such as ``2xx``; ``429`` by itself; or ``lost`` where no answer came
    while it was waited for.
    """

    async def begin(_session: object, request: SimpleNamespace, _about: object) -> None:
        request.began = time.perf_counter()

    async def end(
        _session: object, request: SimpleNamespace, about: aiohttp.TraceRequestEndParams
    ) -> None:
        status = about.response.status
        kind = str(TOO_MANY) if status == TOO_MANY else f"{status // 100}xx"
        tell(kind, time.perf_counter() - request.began)

    async def lose(_session: object, request: SimpleNamespace, _about: object) -> None:
        tell("lost", time.perf_counter() - request.began)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(begin)
    trace.on_request_end.append(end)
    trace.on_request_exception.append(lose)
    return trace
