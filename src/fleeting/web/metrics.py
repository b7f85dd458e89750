"""Counts what the server does, for Prometheus; labels are routes and states, never names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from fleeting.web.store.records import CANCELLED, DONE, FAILED, RUNNING, WAITING

if TYPE_CHECKING:
    from prometheus_client.core import Metric

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60)
STATES = (WAITING, RUNNING, DONE, FAILED, CANCELLED)


class _Jobs(Collector):
    """How many jobs are in each state, asked of the store when it is wanted."""

    def __init__(self, counts: Callable[[], Mapping[str, int]], workers: Callable[[], int]) -> None:
        self._counts, self._workers = counts, workers

    def collect(self) -> Iterator[Metric]:
        """The numbers now."""
        family = GaugeMetricFamily("fleeting_jobs", "Jobs by state.", labels=["state"])
        counts = self._counts()
        for state in STATES:
            family.add_metric([state], counts.get(state, 0))
        yield family
        alive = GaugeMetricFamily("fleeting_workers", "Worker processes that are alive.")
        alive.add_metric([], self._workers())
        yield alive


class Metrics:
    """The numbers of one server."""

    def __init__(self, counts: Callable[[], Mapping[str, int]], workers: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "fleeting_requests", "Requests.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "fleeting_request_seconds",
            "How long requests took.",
            ["route"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self.uploaded = Counter("fleeting_uploaded_bytes", "Bytes of uploads.", registry=self._registry)
        self.live = Gauge("fleeting_live_sockets", "Live sockets that are open.", registry=self._registry)
        self.dropped = Counter(
            "fleeting_live_dropped", "Live frames that were dropped.", registry=self._registry
        )
        self._registry.register(_Jobs(counts, workers))

    def asked(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All numbers, in the text format of Prometheus."""
        return generate_latest(self._registry)
