"""What a load gives to gates and reports: metrics by name, and how far they can be relied on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pynomaly_itest.errors import NotEnoughEvidence
from pynomaly_itest.load.outcomes import Outcome
from pynomaly_itest.registry import STEPS
from pynomaly_itest.shapes import ANYTHING, Record, Scalar, Series, Shape
from pynomaly_itest.steps.base import Values
from pynomaly_itest.steps.load_requests import Creating

if TYPE_CHECKING:
    from pynomaly_itest.load import Executor, LoadResult, Progress
    from pynomaly_itest.measure import Absence, Estimate

_SEEN_LATE_S = 1.5
"""An objective is judged over the last second, twice a second."""

_SERIES = {
    "latency_ms": "from when each request was due to the end of its answer",
    "service_ms": "from when each was sent",
    "first_byte_ms": "from when each was sent to the first byte",
    "error_latency_ms": "of answers that were no success",
    "server_ms": "what the target says of itself in Server-Timing",
    "lag_ms": "how late the generator itself was",
}
_FIGURES = {
    "rate": ("requests/s", "answers a second"),
    "goodput": ("requests/s", "right answers within the objective a second"),
    "goodput_ratio": ("1", "right answers within the objective, of all requests"),
    "error_ratio": ("1", "requests that were no success"),
    "dropped": ("1", "arrivals that found no connection in time"),
    "requests": ("1", "all that were due"),
    "failures": ("1", "requests that were no success"),
    "shed": ("1", "answered 429 or 503"),
    "shed_with_retry_after": ("1", "of those, the share that says when to come back"),
    "refused": ("1", "no connection could be made, or no secure one"),
    "reset": ("1", "sent, and cut off: the connection ended before the answer did"),
    "hung": ("1", "sent, and not answered within the timeout"),
    "unanswered": ("1", "sent, and never answered: hung, or cut off"),
    "drain_seconds": ("s", "from the last request that was due to the last answer"),
}
_VERIFIED = {
    "verified": ("1", "answers that were compared with what they must be"),
    "wrong": ("1", "answers that were not right, swapped ones among them"),
    "swapped": ("1", "answers that were right for another body"),
    "wrong_ratio": ("1", "wrong answers of those compared"),
}
_GROWTHS = {
    "memory_growth_bytes_per_request": ("bytes", "the target's private memory"),
    "descriptor_growth_per_1000_requests": ("1", "the target's open descriptors"),
    "thread_growth_per_1000_requests": ("1", "the target's threads"),
}
_WORK = {
    "work_accepted": ("1", "things the target said it made, or took on"),
    "work_unfinished": ("1", "of those, how many did not end well"),
}
_BREAKING = {
    "broke_at": Scalar("number", "requests/s", "the arrival rate at which the load ended itself"),
    "aborted": Scalar("boolean", doc="whether it did"),
    "abort_reason": Scalar("string", doc="which objective was broken, and by how much"),
}
_EXAMPLES_OF: Mapping[str, tuple[str, ...]] = {
    "error_ratio": (),
    "failures": (),
    "swapped": ("swapped",),
    "wrong": ("swapped", "wrong_answer", "bad_body"),
}
"""Which outcomes are examples of a figure; of all failures, any."""
_WITHOUT_ANSWER = (Outcome.REFUSED, Outcome.RESET, Outcome.TIMED_OUT, Outcome.DROPPED, Outcome.BAD_BODY)
_EXCERPT = 160
_STRAIGHT = frozenset({"requests", "lag_ms", "verified", "wrong", "swapped", "wrong_ratio", "drain_seconds"})
"""Figures that stand even where the generator was late."""
_COUNTS = frozenset(
    {
        "error_ratio",
        "dropped",
        "failures",
        "shed",
        "shed_with_retry_after",
        "refused",
        "reset",
        "hung",
        "unanswered",
    }
)
"""So do these, unless this machine had no sockets left: an error is an error."""
_TOO_LOW = frozenset({"rate", "goodput", "goodput_ratio"})


def shape_of(config: Mapping[str, Any]) -> Shape:
    """The names that a load of this config gives; without any config, all that there are."""
    figures = {**_FIGURES}
    figures |= _VERIFIED if _is_asked(config, "verify") else {}
    figures |= _GROWTHS if _watches(config) else {}
    figures |= _WORK if not config or _creates(config) else {}
    fields: dict[str, Shape] = {name: Series("ms", doc) for name, doc in _SERIES.items()}
    fields |= {name: Scalar("number", unit, doc) for name, (unit, doc) in figures.items()}
    if _is_asked(config, "verify"):
        fields["references"] = ANYTHING
    if _is_asked(config, "abort_on"):
        fields |= _BREAKING
    return Record({**fields, "generator": Record(open=True)})


def _is_asked(config: Mapping[str, Any], name: str) -> bool:
    return not config or config.get(name) not in (None, False)


def _watches(config: Mapping[str, Any]) -> bool:
    return not config or bool(config.get("leaks", config.get("shape") == "soak"))


def _creates(config: Mapping[str, Any]) -> bool:
    mix = [part.get("request") for part in config.get("mix") or [] if isinstance(part, Mapping)]
    requests = [request for request in (config.get("request"), *mix) if isinstance(request, Mapping)]
    return any(map(creates, requests))


def creates(request: Mapping[str, Any]) -> bool:
    """Whether a request that stands in a load leaves something behind, as its step kind says by being `Creating`."""
    return any(kind in STEPS and issubclass(STEPS[kind], Creating) for kind in request)


def values_of(result: LoadResult, beside: Values) -> Values:
    """The metrics by name, and what was found out `beside` the requests, which no late generator taints.

    Where the generator was late but sent everything, they carry their doubt. Of arrivals, latencies are too high if
    anything, so a limit that is kept stays kept; of virtual users, who were fewer for it, nothing is said of latency.
    What was answered was answered, and errors are errors. Raises NotEnoughEvidence, with what there is, where a
    generator ended, or did not send all.
    """
    health = result.health
    values: Values = {
        **_exemplified(result),
        "generator": _generator(result),
        "outcomes": dict(result.outcomes),
    }
    if health.kept_up:
        return {**values, **beside}
    why = _not_kept_up(result)
    if health.is_usable:
        doubted = {name: _doubted(name, value, why, result) for name, value in values.items()}
        return {**doubted, **beside}
    from pynomaly_itest.measure import Absence

    straight = _STRAIGHT | _COUNTS | {"generator", "outcomes"}
    doubtful = {name: value if name in straight else Absence(why) for name, value in values.items()}
    raise NotEnoughEvidence(why, {**doubtful, **beside})


def breaking_rate(executor: Executor, result: LoadResult, confidence: float) -> Estimate | Absence:
    """The arrival rate at which a load ended itself: between that of a moment before and that when it was seen.

    Where it never did, the rate is at least the highest that there was.
    """
    from pynomaly_itest.load.executors import OpenExecutor
    from pynomaly_itest.load.pacers import rate_at
    from pynomaly_itest.measure import Absence, Doubt, Estimate

    if not isinstance(executor, OpenExecutor):
        return Absence("virtual users have no arrival rate at which they could break something")
    if result.broke_s is None:
        top = max(rate_at(executor, at * executor.planned_s / 100) for at in range(101))
        return Estimate(
            top, "requests/s", result.requests, top, None, confidence, "never broke", note="it never broke"
        )
    around = [rate_at(executor, max(0.0, result.broke_s - before)) for before in (_SEEN_LATE_S, 0.0)]
    return Estimate(
        around[1],
        "requests/s",
        result.requests,
        min(around),
        max(around),
        confidence,
        "first broken second",
        doubt=None if result.health.kept_up else Doubt(_not_kept_up(result), "low"),
    )


def _exemplified(result: LoadResult) -> Values:
    """The metrics; those that count what went wrong with the first answer that did."""
    from pynomaly_itest.measure import Estimate

    values: Values = dict(result.metrics)
    for name, labels in _EXAMPLES_OF.items():
        found = values.get(name)
        example = next((e for e in result.examples if not labels or e["outcome"] in labels), None)
        if isinstance(found, Estimate) and found.value and example is not None:
            values[name] = replace(found, note=_in_words(example))
    failed = values.get("error_ratio")
    if isinstance(failed, Estimate) and failed.value and (reasons := _reasons(result)):
        values["error_ratio"] = replace(failed, note="; ".join(filter(None, (reasons, failed.note))))
    return values


def _reasons(result: LoadResult) -> str:
    """What went wrong how often, where more can be said of it than a status."""
    known = ((outcome.label, result.outcomes.get(outcome.label, 0)) for outcome in _WITHOUT_ANSWER)
    return ", ".join(f"{count:,} {label.replace('_', ' ')}" for label, count in known if count)


def _in_words(example: Mapping[str, Any]) -> str:
    status = f" with status {example['status']}" if example["status"] else ""
    body = example["body"][:_EXCERPT] + ("…" if len(example["body"]) > _EXCERPT else "")
    return f"the first is {example['outcome']}{status} from {example['endpoint']!r}" + (
        f", saying {body}" if body else ""
    )


def _not_kept_up(result: LoadResult) -> str:
    return f"the load generator could not keep up: {'; '.join(result.health.reasons)}"


def _doubted(name: str, value: Any, why: str, result: LoadResult) -> Any:
    """The metric with its doubt; a latency with what it would be without the generator's lateness, if that is all."""
    from pynomaly_itest.measure import Doubt, Estimate, Samples

    if not isinstance(value, Samples | Estimate) or name in _STRAIGHT:
        return value
    if name in _COUNTS and not result.health.starved:
        return value
    without = result.unlagged_ms if name == "latency_ms" and result.health.is_late_only else None
    latency_side: Literal["high", "either"] = "high" if result.health.is_open else "either"
    return replace(value, doubt=Doubt(why, "low" if name in _TOO_LOW else latency_side, without))


def _generator(result: LoadResult) -> dict[str, Any]:
    health = result.health
    return {
        "cpu_share": health.cpu_share,
        "cost_us": health.cost_us,
        "lag_p99_ms": health.lag_p99_ms,
        "kept_up": health.kept_up,
        "calibrated_cost_us": health.calibration.cost_us if health.calibration else None,
    }


def progress_text(progress: Progress) -> str:
    """How a load goes, in a line."""
    failures = f", {progress.failures} failed" if progress.failures else ""
    quantiles = f"p50 {progress.p50_ms:.1f} ms, p95 {progress.p95_ms:.1f} ms"
    return f"{progress.rate:.0f}/s, {quantiles}{failures}, {progress.remaining_s:.0f} s left"
