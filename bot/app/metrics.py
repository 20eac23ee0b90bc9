"""Count the events of one bot for Prometheus, in a registry of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from http import HTTPStatus
from types import SimpleNamespace
from typing import TypeVar

import aiohttp
import prometheus_client
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from ..inference.engine import EngineLoad
from ..telemetry import METRICS, REQUEST_SECONDS, Counter, Gauge, Histogram, Meter, Metric

M = TypeVar("M", bound=Metric)
C = TypeVar("C")

Loads = Callable[[], Mapping[str, EngineLoad]]
"""Return the load of each model, from any thread."""


class Metrics(Meter, Collector):
    """Measure the events of one bot."""

    def __init__(self, loads: Loads) -> None:
        self.registry = CollectorRegistry()
        self.http_trace = make_trace(self)
        self._counters = self._make(Counter, prometheus_client.Counter)
        self._gauges = self._make(Gauge, prometheus_client.Gauge)
        self._histograms = self._make(Histogram, prometheus_client.Histogram)
        self._loads = loads
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def _make(self, kind: type[M], make: Callable[..., C]) -> dict[M, C]:
        made = dict[M, C]()
        for metric in METRICS:
            if isinstance(metric, kind):
                more = {"buckets": metric.buckets} if isinstance(metric, Histogram) else {}
                about = (metric.name, metric.meaning, metric.labels)
                made[metric] = make(*about, registry=self.registry, **more)
        return made

    def render(self) -> bytes:
        """Return the page of the metrics, from any thread, within a tenth of a second."""
        return generate_latest(self.registry)

    def count(self, counter: Counter, *labels: str) -> None:
        counted = self._counters[counter]
        (counted.labels(*labels) if labels else counted).inc()

    def observe(self, histogram: Histogram, seconds: float, *labels: str) -> None:
        observed = self._histograms[histogram]
        (observed.labels(*labels) if labels else observed).observe(seconds)

    def track(self, gauge: Gauge) -> AbstractContextManager[None]:
        return self._gauges[gauge].track_inprogress()

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """Yield the loads of the models, which are read whenever the metrics are rendered."""
        queue = GaugeMetricFamily(
            "onbook_queue", "lines and candidates that are waiting, by `voice`", labels=["voice"]
        )
        rows = GaugeMetricFamily(
            "onbook_rows", "lines and candidates in the batch, by `voice`", labels=["voice"]
        )
        characters = CounterMetricFamily(
            "onbook_characters",
            "characters of finished lines and discarded candidates, by `voice` and `work`: "
            "`reading` or `writing`",
            labels=["voice", "work"],
        )
        for model, load in self._loads().items():
            queue.add_metric([model], load.waiting)
            rows.add_metric([model], load.rows)
            characters.add_metric([model, "reading"], load.read)
            characters.add_metric([model, "writing"], load.written)
        yield from (queue, rows, characters)


def make_trace(meter: Meter) -> aiohttp.TraceConfig:
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
        meter.observe(REQUEST_SECONDS, time.perf_counter() - request.began, kind)

    async def lose(_session: object, request: SimpleNamespace, _about: object) -> None:
        meter.observe(REQUEST_SECONDS, time.perf_counter() - request.began, "lost")

    trace = aiohttp.TraceConfig()
    trace.on_request_start.append(begin)
    trace.on_request_end.append(end)
    trace.on_request_exception.append(lose)
    return trace
