"""From the ledger to the result: pure arithmetic over what the workers reported."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from pynomaly_itest.load.executors import ConstantVus, PerVuIterations, PoissonArrivals, SharedIterations
from pynomaly_itest.load.figures import answer_figures, count_of, overload_figures
from pynomaly_itest.load.frames import End, Example
from pynomaly_itest.load.health import Symptoms, judged_health
from pynomaly_itest.load.ledger import BINS_PER_S, Batch, Ledger, quantile_of_counts
from pynomaly_itest.load.outcomes import Outcome
from pynomaly_itest.load.plan import LoadPlan
from pynomaly_itest.load.result import (
    Calibration,
    Created,
    EndpointResult,
    GeneratorHealth,
    LoadResult,
    Metric,
    Second,
)
from pynomaly_itest.measure.correlation import inflation
from pynomaly_itest.measure.estimate import Estimate
from pynomaly_itest.measure.means import rate_of_windows, reaching
from pynomaly_itest.measure.proportions import proportion
from pynomaly_itest.measure.quantiles import observed_quantile
from pynomaly_itest.measure.samples import Samples
from pynomaly_itest.measure.steady import TOLERANCE, steadiness

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_FEWEST_WINDOWS = 9


@dataclass(frozen=True)
class Course:
    """How the run went, beside its requests."""

    ends: Sequence[End]
    complaints: Sequence[str]
    """One for each worker that ended early."""
    stopped_s: float | None
    """When it was interrupted, seconds from the beginning."""
    calibration: Calibration | None
    confidence: float
    broke_s: float | None = None
    """When the objective broke for which the load ended itself, seconds from the beginning."""
    broke_why: str | None = None
    part: LoadPlan | None = None
    """The last part of the load, where it has several."""
    goes_on: bool = False
    """Whether this is a look at a load that goes on."""


def summarise(plan: LoadPlan, ledger: Ledger, course: Course) -> LoadResult:
    """The result of a run."""
    duration_s = _duration_s(plan, ledger, course.stopped_s)
    wait_s = max(0.0, ledger.last_done_s - plan.warm_up_s - duration_s)
    raw = ledger.raw()
    outcomes: Counter[Outcome] = Counter()
    for counted in ledger.outcomes:
        outcomes.update(counted)
    series = _series(plan, ledger, raw)
    server_ms = [spent for end in course.ends for spent in end.server_times_ms]
    metrics: dict[str, Metric] = {**series, "server_ms": Samples.of("server_ms", server_ms, "ms")}
    metrics |= _rates(plan, ledger, duration_s, wait_s, course.confidence)
    metrics |= _counts(ledger, outcomes, raw, course.confidence)
    metrics |= overload_figures(ledger, outcomes, raw, wait_s, course.confidence)
    if any(endpoint.answers for endpoint in plan.endpoints):
        metrics |= answer_figures(plan, outcomes, course.ends, course.confidence)
    return LoadResult(
        metrics=metrics,
        outcomes=_labelled(outcomes),
        endpoints=_endpoints(plan, ledger, raw, course.confidence),
        seconds=_seconds(ledger),
        health=_health(plan, ledger, course, series),
        requests=ledger.requests,
        failures=ledger.failures,
        duration_s=duration_s,
        wait_s=wait_s,
        warm_up_requests=ledger.warm_up_requests,
        warm_up_failures=ledger.warm_up_failures,
        interrupted=course.stopped_s is not None,
        examples=tuple(_told(plan, example) for end in course.ends for example in end.examples),
        unlagged_ms=_unlagged(raw) if raw is not None and plan.executor.is_open else None,
        broke_s=course.broke_s,
        broke_why=course.broke_why,
        created=tuple(
            Created(plan.endpoints[number].name, found)
            for end in course.ends
            for number, found in end.created
        ),
    )


def _series(plan: LoadPlan, ledger: Ledger, raw: Batch | None) -> dict[str, Samples]:
    """Latencies and lateness by name: of each request where they were kept, of counts in bins where not."""
    series = _raw_series(raw, plan) if raw is not None else _folded_series(ledger)
    if ledger.heartbeat_lags_ms:
        series["lag_ms"] = _heartbeat_lags(ledger)
    return series


def _health(plan: LoadPlan, ledger: Ledger, course: Course, series: Mapping[str, Samples]) -> GeneratorHealth:
    symptoms = Symptoms(
        latency_p50_ms=observed_quantile(series["latency_ms"], 0.5),
        lag_p50_ms=observed_quantile(series["lag_ms"], 0.5),
        lag_p99_ms=observed_quantile(series["lag_ms"], 0.99),
    )
    sent = None if course.goes_on else course.part or plan
    return judged_health(plan, ledger, course.ends, course.complaints, symptoms, course.calibration, sent)


def _told(plan: LoadPlan, example: Example) -> dict[str, Any]:
    """An example with its endpoint's name instead of its number."""
    return {**msgspec.structs.asdict(example), "endpoint": plan.endpoints[example.endpoint].name}


def _duration_s(plan: LoadPlan, ledger: Ledger, stopped_s: float | None) -> float:
    """Measured time: what was planned, what it took where requests were counted, or until the interruption."""
    end_s = plan.planned_s
    if isinstance(plan.executor, SharedIterations | PerVuIterations):
        end_s = min(end_s, ledger.last_done_s)
    if stopped_s is not None:
        end_s = min(end_s, stopped_s)
    return max(0.0, end_s - plan.warm_up_s)


def _raw_series(raw: Batch, plan: LoadPlan) -> dict[str, Samples]:
    counted, ok = raw.waited_for, raw.succeeded
    errors = raw.failed & ~counted
    since_s = raw.due_s - plan.warm_up_s

    def series(name: str, values: npt.NDArray[np.float64], which: npt.NDArray[np.bool_]) -> Samples:
        return Samples.of(name, values[which], "ms", times_s=since_s[which])

    return {
        "latency_ms": series("latency_ms", raw.latency_ms, counted),
        "service_ms": series("service_ms", raw.service_ms, ok),
        "first_byte_ms": series("first_byte_ms", raw.first_byte_ms, ok),
        "error_latency_ms": series("error_latency_ms", raw.latency_ms, errors),
        "lag_ms": series("lag_ms", raw.lag_ms, raw.lag_ms >= 0),
    }


def _unlagged(raw: Batch) -> Samples:
    counted = raw.waited_for
    own = raw.latency_ms[counted] - raw.lag_ms[counted].clip(min=0.0)
    return Samples.of("latency_ms", own, "ms", times_s=raw.due_s[counted])


def _folded_series(ledger: Ledger) -> dict[str, Samples]:
    return {name: Samples.folded(name, held.held, "ms") for name, held in (ledger.folded or {}).items()}


def _heartbeat_lags(ledger: Ledger) -> Samples:
    import numpy as np

    return Samples.of("lag_ms", np.concatenate(ledger.heartbeat_lags_ms), "ms")


def _counts(
    ledger: Ledger, outcomes: Counter[Outcome], raw: Batch | None, confidence: float
) -> dict[str, Metric]:
    judged = ledger.requests - outcomes[Outcome.UNFINISHED]
    failed = None if raw is None else raw.failed
    return {
        "error_ratio": _failing_share(ledger.failures, judged, failed, confidence),
        "dropped": count_of(outcomes[Outcome.DROPPED], judged),
        "requests": count_of(judged, judged),
        "failures": count_of(ledger.failures, judged),
    }


def _failing_share(
    failures: int, judged: int, failed: npt.NDArray[np.bool_] | None, confidence: float
) -> Estimate:
    """Failures come together, so they count as fewer than they are. failed: (n,) in order, where that is known."""
    effective: float | None = None
    if failed is not None and 0 < failures < judged:
        effective = judged / inflation(failed.astype(float), confidence=confidence)
    return proportion(failures, judged, confidence=confidence, n_effective=effective)


def _rates(
    plan: LoadPlan, ledger: Ledger, duration_s: float, wait_s: float, confidence: float
) -> dict[str, Metric]:
    """Answers a second while the load was on; successes (within the objective, where there is one) a second over
    that and the wait for the last (vegeta).
    """
    rate = _rate(plan, ledger.answered_bins, duration_s, confidence)
    good = sum(ledger.good_bins.values())
    goodput = _rate(plan, ledger.good_bins, duration_s, confidence)
    if duration_s > 0 and goodput.n:
        value = good / (duration_s + wait_s)
        shift = value - goodput.value
        low = None if goodput.low is None else goodput.low + min(0.0, shift)
        high = None if goodput.high is None else max(value, goodput.high)
        goodput = Estimate(
            value, "1/s", good, low, high, confidence, goodput.method, at_least=0.0, note=goodput.note
        )
    return {"rate": rate, "goodput": goodput}


def _rate(plan: LoadPlan, bins: Counter[int], duration_s: float, confidence: float) -> Estimate:
    import numpy as np

    first = round(plan.warm_up_s * BINS_PER_S)
    whole = math.floor(duration_s * BINS_PER_S + 1e-9)
    counts = np.array([bins[first + number] for number in range(whole)], dtype=np.float64)
    counted = isinstance(plan.executor, SharedIterations | PerVuIterations)
    within = sum(bins.values()) if counted else int(counts.sum())
    if not plan.executor.is_level:
        return _unsteady(within, duration_s, "the load is a ramp: it has no steady state to judge a rate in")
    if whole < _FEWEST_WINDOWS:
        return _unsteady(within, duration_s, f"{duration_s:.3g} s are too short to see a steady state")
    per_window = max(1, min(BINS_PER_S, whole // 10))
    windows = counts[: whole // per_window * per_window].reshape(-1, per_window).sum(axis=1)
    levels = [float(part.mean()) * BINS_PER_S for part in np.array_split(counts, _FEWEST_WINDOWS)]
    found = steadiness(levels, tolerance=_tolerance(plan, within))
    measured_s = duration_s if counted else whole / BINS_PER_S
    window_s = per_window / BINS_PER_S
    whole_run = rate_of_windows(windows, window_s, n=within, duration_s=measured_s, confidence=confidence)
    if found.steady:  # what has settled lower is not judged by its beginning
        return reaching(whole_run, [found.level])
    return reaching(whole_run, levels, f"not in a steady state: {found.reason}")


def _unsteady(n: int, duration_s: float, note: str) -> Estimate:
    return Estimate(n / duration_s if duration_s > 0 else float("nan"), "1/s", n, note=note, at_least=0.0)


def _tolerance(plan: LoadPlan, n: int) -> float:
    """Random arrivals differ by chance: by up to four standard deviations among three windows.

    Virtual users who wait for their answers may all be answered at once: a window has one such burst more or less.
    """
    if isinstance(plan.executor, PoissonArrivals) and n:
        return max(TOLERANCE, 4 / math.sqrt(n / _FEWEST_WINDOWS))
    if isinstance(plan.executor, ConstantVus) and n:
        return max(TOLERANCE, plan.executor.vus / (n / _FEWEST_WINDOWS))
    return TOLERANCE


def _endpoints(
    plan: LoadPlan, ledger: Ledger, raw: Batch | None, confidence: float
) -> tuple[EndpointResult, ...]:
    results = []
    for number, endpoint in enumerate(plan.endpoints):
        if raw is None:
            latency, failed = Samples.folded("latency_ms", ledger.by_endpoint[number].held, "ms"), None
        else:
            here = raw.waited_for & (raw.endpoint == number)
            times_s = raw.due_s[here] - plan.warm_up_s
            latency = Samples.of("latency_ms", raw.latency_ms[here], "ms", times_s=times_s)
            failed = raw.failed[raw.endpoint == number]
        outcomes = ledger.outcomes[number]
        requests, failures = outcomes.total(), ledger.failed_by_endpoint[number]
        judged = requests - outcomes[Outcome.UNFINISHED]
        ratio = _failing_share(failures, judged, failed, confidence)
        results.append(EndpointResult(endpoint.name, latency, _labelled(outcomes), requests, failures, ratio))
    return tuple(results)


def _labelled(outcomes: Counter[Outcome]) -> dict[str, int]:
    return {outcome.label: outcomes[outcome] for outcome in Outcome if outcomes[outcome]}


def _seconds(ledger: Ledger) -> tuple[Second, ...]:
    """From the end of the warm-up on, numbered from the load's beginning."""
    first = math.floor(ledger.warm_up_s)
    seconds = []
    for second in range(first, math.floor(ledger.last_done_s) + 1 if ledger.requests else first):
        latencies = ledger.seconds.of(second)
        p50, p95, p99 = (quantile_of_counts(latencies, p) for p in (0.5, 0.95, 0.99))
        due, answered, succeeded, good, failed = (
            sum(bins[second * BINS_PER_S + part] for part in range(BINS_PER_S))
            for bins in (
                ledger.due_bins,
                ledger.answered_bins,
                ledger.succeeded_bins,
                ledger.good_bins,
                ledger.failed_bins,
            )
        )
        seconds.append(Second(second, due, answered, succeeded, good, failed, p50, p95, p99))
    return tuple(seconds)
