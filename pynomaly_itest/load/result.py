"""What a load run found out, ready to be judged: metrics by name, outcomes, seconds, endpoints, and itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pynomaly_itest.measure.estimate import Absence, Estimate
from pynomaly_itest.measure.samples import Samples

Metric = Samples | Estimate | Absence


@dataclass(frozen=True)
class Second:
    """One second of the load. Requests are entered where they were due; answers where they came."""

    second: int
    due: int
    answered: int
    succeeded: int
    good: int
    """Successes within the objective: all of them, where there is none."""
    failed: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Created:
    """Something that a request created: the endpoint's name, and the id that its answer gave ("" for none)."""

    endpoint: str
    id: str


@dataclass(frozen=True)
class EndpointResult:
    """One kind of request on its own."""

    name: str
    latency_ms: Samples
    outcomes: Mapping[str, int]
    requests: int
    failures: int
    error_ratio: Estimate


@dataclass(frozen=True)
class Calibration:
    """What this generator costs on this machine, against a server that does nothing."""

    cost_us: float
    """CPU per request of one worker, closed model, 16 connections."""
    lag_p99_ms: float
    """How late arrivals were sent at 500 a second."""


@dataclass(frozen=True)
class GeneratorHealth:
    """Whether the generator could do what it was asked: if not, what it measured is itself."""

    kept_up: bool
    reasons: tuple[str, ...]
    """Each says what was too much, and what to change."""
    cpu_share: float
    """Of the busiest worker, 0 to 1 of a core."""
    cost_us: float
    """CPU of all workers per request."""
    lag_p99_ms: float
    retried: int
    workers: int
    is_late_only: bool = False
    """It did not keep up, and all that is wrong is that some requests were sent late."""
    is_usable: bool = True
    """All was sent, and every request has its end: late as it was, something can be said."""
    is_open: bool = True
    """Latencies count from when requests were due, so lateness can only add to them. With virtual users, who wait for
    their answers, it takes pressure off the target too."""
    calibration: Calibration | None = None
    starved: int = 0


@dataclass(frozen=True)
class Progress:
    """How it stands, while it runs."""

    elapsed_s: float
    remaining_s: float
    requests: int
    rate: float
    """Answers a second, over the last two seconds."""
    p50_ms: float
    p95_ms: float
    failures: int


@dataclass(frozen=True)
class LoadResult:
    """The measured part of a load run; the warm-up is only counted.

    metrics: latency_ms (from when each request was due; successes, timeouts and dropped arrivals), service_ms
    (from when it was sent; successes), first_byte_ms, error_latency_ms, server_ms, lag_ms (Samples); rate,
    goodput, goodput_ratio, error_ratio, dropped, requests, failures, shed, shed_with_retry_after, hung, unanswered,
    drain_seconds (Estimates); where answers are verified also verified, wrong, swapped, wrong_ratio.
    outcomes: how many ended how, by label. interrupted: stopped before its time, what was measured is kept.
    """

    metrics: Mapping[str, Metric]
    outcomes: Mapping[str, int]
    endpoints: tuple[EndpointResult, ...]
    seconds: tuple[Second, ...]
    health: GeneratorHealth
    requests: int
    failures: int
    duration_s: float
    """Measured time, without warm-up and without waiting for the last answers."""
    wait_s: float
    """How long the last answers took after that."""
    warm_up_requests: int
    warm_up_failures: int
    interrupted: bool
    examples: tuple[Mapping[str, Any], ...]
    """The first answers that were not a success: endpoint, outcome, status, beginning of a checked body."""
    broke_s: float | None = None
    """When the objective broke for which the load ended itself, seconds from its beginning; None: it did not."""
    broke_why: str | None = None
    created: tuple[Created, ...] = ()
    unlagged_ms: Samples | None = None
    """The latencies without the generator's own lateness: from when each request was taken up; None where unknown."""


METRICS: Mapping[str, str] = {
    "latency_ms": "ms",
    "service_ms": "ms",
    "first_byte_ms": "ms",
    "error_latency_ms": "ms",
    "server_ms": "ms",
    "lag_ms": "ms",
    "rate": "1/s",
    "goodput": "1/s",
    "goodput_ratio": "1",
    "error_ratio": "1",
    "dropped": "1",
    "requests": "1",
    "failures": "1",
    "shed": "1",
    "shed_with_retry_after": "1",
    "refused": "1",
    "reset": "1",
    "hung": "1",
    "unanswered": "1",
    "drain_seconds": "s",
}
"""Every metric of a load and its unit: for checks before anything runs."""
