"""Metrics: count for Prometheus what happens in one bot, in a registry of its own."""

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

from ..inference.engine import EngineLoad
from ..telemetry import Meter, Outcome

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""The content type of `Metrics.page`."""

TO_ACKNOWLEDGE = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
TO_FINISH = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0)
OF_REQUESTS = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0)
OF_MOMENTS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""The upper bounds of the histograms' buckets, in seconds."""

TOO_MANY = 429
"""The status of a request beyond Discord's rate limits."""

Loads = Callable[[], Mapping[str, EngineLoad]]
"""Returns the load of each voice, in any thread."""


class Metrics(Meter):
    """Counts what happens in a bot. No label tells who did something, where, or what they said."""

    def __init__(self, loads: Loads) -> None:
        self.registry = registry = CollectorRegistry()
        self.http_trace = traced(self._requested)
        self._heard = Counter(
            "onbook_interactions", "Interactions received.", ["act"], registry=registry
        )
        self._in_hand = Gauge(
            "onbook_interactions_in_hand",
            "Interactions being answered.",
            registry=registry,
        )
        self._to_acknowledge = Histogram(
            "onbook_acknowledge_seconds",
            "Seconds from an interaction to its first answer.",
            ["act"],
            buckets=TO_ACKNOWLEDGE,
            registry=registry,
        )
        self._to_finish = Histogram(
            "onbook_finish_seconds",
            "Seconds from an interaction to its end.",
            ["act", "outcome"],
            buckets=TO_FINISH,
            registry=registry,
        )
        self._transactions = Histogram(
            "onbook_transaction_seconds",
            "Seconds of database transactions, waiting included.",
            ["purpose"],
            buckets=OF_MOMENTS,
            registry=registry,
        )
        self._transactions_in_hand = Gauge(
            "onbook_transactions_in_hand",
            "Database transactions waiting or open.",
            registry=registry,
        )
        self._requests = Histogram(
            "onbook_request_seconds",
            "Seconds from a request to Discord to its response.",
            ["status"],
            buckets=OF_REQUESTS,
            registry=registry,
        )
        self._gateway = Counter(
            "onbook_gateway_events",
            "Gateway connections: new, resumed and lost.",
            ["event"],
            registry=registry,
        )
        self._delay = Histogram(
            "onbook_loop_delay_seconds",
            "Seconds by which the event loop was late.",
            buckets=OF_MOMENTS,
            registry=registry,
        )
        registry.register(_Loads(loads))
        ProcessCollector(registry=registry)

    def page(self) -> bytes:
        """Return the metrics as `CONTENT_TYPE`; any thread may, for up to a tenth of a second."""
        return generate_latest(self.registry)

    def heard(self, act: str) -> None:
        """Count a request."""
        self._heard.labels(act).inc()
        self._in_hand.inc()

    def acknowledged(self, act: str, seconds: float) -> None:
        """Measure the time to a first answer."""
        self._to_acknowledge.labels(act).observe(seconds)

    def finished(self, act: str, outcome: Outcome, seconds: float) -> None:
        """Measure the time to the end of a request."""
        self._to_finish.labels(act, outcome.value).observe(seconds)
        self._in_hand.dec()

    @contextmanager
    def transaction(self, purpose: str) -> Iterator[None]:
        """Measure a transaction."""
        with (
            self._transactions_in_hand.track_inprogress(),
            self._transactions.labels(purpose).time(),
        ):
            yield

    def gateway(self, event: str) -> None:
        """Count an event of the gateway."""
        self._gateway.labels(event).inc()

    def late(self, seconds: float) -> None:
        """Measure a delay of the event loop."""
        self._delay.observe(seconds)

    def _requested(self, status: str, seconds: float) -> None:
        self._requests.labels(status).observe(seconds)


class _Loads(Collector):
    """Collects the loads of the voices when the page is made."""

    def __init__(self, loads: Loads) -> None:
        self.loads = loads

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """Yield the numbers of this moment."""
        queue = GaugeMetricFamily(
            "onbook_queue", "Lines waiting for a row of the batch.", labels=["voice"]
        )
        rows = GaugeMetricFamily(
            "onbook_rows", "Lines being read or written in the batch.", labels=["voice"]
        )
        characters = CounterMetricFamily(
            "onbook_characters",
            "Characters read and written.",
            labels=["voice", "work"],
        )
        for voice, load in self.loads().items():
            queue.add_metric([voice], load.waiting)
            rows.add_metric([voice], load.rows)
            characters.add_metric([voice, "reading"], load.read)
            characters.add_metric([voice, "writing"], load.written)
        yield from (queue, rows, characters)


def traced(tell: Callable[[str, float], None]) -> aiohttp.TraceConfig:
    """Return a trace that reports each HTTP request of a client.

    Args:
        tell: The function that receives each status and its seconds. A status is a class such as
            ``2xx``, ``429`` by itself, or ``lost`` without an answer.
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
