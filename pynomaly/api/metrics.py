"""What /metrics shows, in Prometheus' text format; one registry an application, so tests can have several."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

_LATENCY_BUCKETS_S = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
)  # fmt: skip


class Metrics:
    """Counters that the routes touch, and gauges that are asked when somebody looks."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.latency = Histogram(
            "pynomaly_http_request_duration_seconds",
            "Time from the request's first byte to the end of its answer.",
            ("method", "route", "status"),
            buckets=_LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "pynomaly_http_requests_in_flight", "Requests being answered.", registry=self.registry
        )
        self.cache_hits = self._counter("pynomaly_cache_hits", "Detections answered from the cache.")
        self.cache_misses = self._counter("pynomaly_cache_misses", "Detections that had to be computed.")
        self.rows_scored = self._counter("pynomaly_rows_scored", "Rows that were given a score.")
        self.shed = Counter(
            "pynomaly_http_requests_shed",
            "Requests refused because too many stand in line, by the line.",
            ("line",),
            registry=self.registry,
        )
        self._children: dict[tuple[str, str, int], Histogram] = {}

    def _counter(self, name: str, what: str) -> Counter:
        return Counter(name, what, registry=self.registry)

    def watch(self, name: str, what: str, read: Callable[[], float]) -> None:
        """A gauge whose value is read when somebody looks."""
        Gauge(name, what, registry=self.registry).set_function(read)

    def observe(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Count one answered request; route is the template, so that ids don't multiply the series."""
        key = (method, route, status)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self.latency.labels(method, route, str(status))
        child.observe(duration_s)

    def rendered(self) -> bytes:
        """The text that a scraper gets."""
        return generate_latest(self.registry)
