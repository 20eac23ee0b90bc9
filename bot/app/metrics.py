"""Count the events of one bot for Prometheus, in a registry of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
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
"""The content type of `Metrics.render`."""

ACKNOWLEDGE_BUCKETS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
FINISH_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0)
REQUEST_BUCKETS = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0)
SHORT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""The upper bounds of the histograms' buckets, in seconds."""

Loads = Callable[[], Mapping[str, EngineLoad]]
"""Return the load of each model, from any thread."""


class Metrics(Meter):
    """Count the events of one bot. No label identifies a person, a place or a text."""

    def __init__(self, loads: Loads) -> None:
        self.registry = registry = CollectorRegistry()
        self.http_trace = make_trace(self._record_request)
        counter, gauge = partial(Counter, registry=registry), partial(Gauge, registry=registry)
        histogram = partial(Histogram, registry=registry)
        self._received = counter("onbook_interactions", "Interactions received.", ["act"])
        self._in_progress = gauge("onbook_interactions_in_progress", "Interactions in progress.")
        self._to_acknowledge = histogram(
            "onbook_acknowledge_seconds",
            "Seconds from an interaction to the first response.",
            ["act"],
            buckets=ACKNOWLEDGE_BUCKETS,
        )
        self._to_finish = histogram(
            "onbook_finish_seconds",
            "Seconds from an interaction to its end.",
            ["act", "outcome"],
            buckets=FINISH_BUCKETS,
        )
        self._transactions = histogram(
            "onbook_transaction_seconds",
            "Seconds of database transactions, waiting included.",
            ["purpose"],
            buckets=SHORT_BUCKETS,
        )
        self._transactions_in_progress = gauge(
            "onbook_transactions_in_progress", "Database transactions waiting or open."
        )
        self._requests = histogram(
            "onbook_request_seconds",
            "Seconds from a request to Discord to its response.",
            ["status"],
            buckets=REQUEST_BUCKETS,
        )
        self._gateway = counter(
            "onbook_gateway_events", "Gateway connections: made, resumed and lost.", ["event"]
        )
        self._delay = histogram(
            "onbook_loop_delay_seconds",
            "Seconds by which the event loop was late.",
            buckets=SHORT_BUCKETS,
        )
        registry.register(_Loads(loads))
        ProcessCollector(registry=registry)

    def render(self) -> bytes:
        """Return the metrics as `CONTENT_TYPE`, from any thread, within a tenth of a second."""
        return generate_latest(self.registry)

    def record_received(self, action: str) -> None:
        """Count a request."""
        self._received.labels(action).inc()
        self._in_progress.inc()

    def record_acknowledged(self, action: str, seconds: float) -> None:
        """Measure the time to a first answer."""
        self._to_acknowledge.labels(action).observe(seconds)

    def record_finished(self, action: str, outcome: Outcome, seconds: float) -> None:
        """Measure the time to the end of a request."""
        self._to_finish.labels(action, outcome.value).observe(seconds)
        self._in_progress.dec()

    @contextmanager
    def measure_transaction(self, purpose: str) -> Iterator[None]:
        """Measure a transaction."""
        with (
            self._transactions_in_progress.track_inprogress(),
            self._transactions.labels(purpose).time(),
        ):
            yield

    def record_gateway_event(self, event: str) -> None:
        """Count an event of the gateway."""
        self._gateway.labels(event).inc()

    def record_loop_delay(self, seconds: float) -> None:
        """Measure a delay of the event loop."""
        self._delay.observe(seconds)

    def _record_request(self, status: str, seconds: float) -> None:
        self._requests.labels(status).observe(seconds)


class _Loads(Collector):
    """Collect the loads of the models whenever the metrics are rendered."""

    def __init__(self, loads: Loads) -> None:
        self.loads = loads

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """Yield the current values."""
        queue = GaugeMetricFamily(
            "onbook_queue", "Requests waiting for a row of the batch.", labels=["voice"]
        )
        rows = GaugeMetricFamily("onbook_rows", "Rows of the batch in use.", labels=["voice"])
        characters = CounterMetricFamily(
            "onbook_characters", "Characters read and written.", labels=["voice", "work"]
        )
        for model, load in self.loads().items():
            queue.add_metric([model], load.waiting)
            rows.add_metric([model], load.rows)
            characters.add_metric([model, "reading"], load.read)
            characters.add_metric([model, "writing"], load.written)
        yield from (queue, rows, characters)


def make_trace(record: Callable[[str, float], None]) -> aiohttp.TraceConfig:
    """Return a trace that reports the status of each HTTP request of a client, and its seconds.

    A status is a class such as ``2xx``, ``429`` by itself, or ``lost`` without an answer.
    """

    async def begin(_session: object, request: SimpleNamespace, _about: object) -> None:
        request.began = time.perf_counter()

    async def end(
        _session: object, request: SimpleNamespace, about: aiohttp.TraceRequestEndParams
    ) -> None:
        status = about.response.status
        kind = str(status) if status == HTTPStatus.TOO_MANY_REQUESTS else f"{status // 100}xx"
        record(kind, time.perf_counter() - request.began)

    async def lose(_session: object, request: SimpleNamespace, _about: object) -> None:
        record("lost", time.perf_counter() - request.began)

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(begin)
    trace.on_request_end.append(end)
    trace.on_request_exception.append(lose)
    return trace
