"""The metrics that two sides can be compared by, under the names that `--metric`, `--ignore` and `--forbid` use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pynomaly_itest.comparison.pairing import Pair
from pynomaly_itest.comparison.processor import waiting_share
from pynomaly_itest.comparison.workload import Question
from pynomaly_itest.errors import UsageError
from pynomaly_itest.measure import PairedMetric, Tolerance
from pynomaly_itest.measure.pairs import paired_log_ratios, quantile_log_ratios
from pynomaly_itest.measure.statistics import quantile_of
from pynomaly_itest.profile.expression import parse_quantity
from pynomaly_itest.registry import did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.floating[Any]]

DEFAULT_METRICS = ("cpu", "p50", "p95", "memory")
DEFAULT_TOLERANCES = {"p95": Tolerance(0.05, 0.15), "p99": Tolerance(0.10, 0.30)}
"""Where 2 % and 5 % would take more pairs than a pipeline has time for."""

PROCESS_METRICS = ("cpu", "memory", "peak_memory", "start")
_KNOWN = ("p50", "p90", "p95", "p99", "throughput", *PROCESS_METRICS)
_UNITS = {"throughput": "answers/s", "memory": "MB", "peak_memory": "MB", "start": "s"}
_NUMBER = re.compile(r"\d+(\.\d+)?%?")


@dataclass(frozen=True)
class Metric:
    """One metric of one question, or of the processes. `kind` is what the user called it."""

    name: str
    kind: str
    question: str | None = None

    @property
    def unit(self) -> str:
        return _UNITS.get(self.kind, "ms")

    @property
    def worse(self) -> Literal["higher", "lower"]:
        return "lower" if self.kind == "throughput" else "higher"


@dataclass(frozen=True)
class Wanted:
    """Which kinds of metrics, and what change of each does not matter or must not pass.

    only: of the questions' metrics these, as (scenario, save, kind); None: all.
    """

    kinds: tuple[str, ...] = DEFAULT_METRICS
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict)
    only: frozenset[tuple[str, str, str]] | None = None

    def of(self, questions: Sequence[Question], *, processes: bool) -> list[Metric]:
        """The metrics by name; with one question its name goes unsaid. `processes`: they are ours to look into."""
        found = []
        for kind in self.kinds:
            if kind == "throughput" or (kind in PROCESS_METRICS and processes):
                found.append(Metric(kind, kind))
            elif kind not in PROCESS_METRICS:
                found += [
                    Metric(kind if len(questions) == 1 else f"{each.name} {kind}", kind, each.name)
                    for each in questions
                    if self.only is None or (each.scenario, each.save, kind) in self.only
                ]
        return found

    def tolerance(self, metric: Metric) -> Tolerance:
        return self.tolerances.get(metric.kind, usual_tolerance(metric.kind))


def wanted(metrics: str | None, ignore: Iterable[str], forbid: Iterable[str]) -> Wanted:
    """What `--metric p50,p95 --ignore p50=2% --forbid p50=5%` say; a share without a name is for all metrics.

    Raises UsageError for an unknown metric, no percentage, or ignore not below forbid.
    """
    kinds = tuple(dict.fromkeys(name.strip() for name in (metrics or "").split(",") if name.strip()))
    for kind in kinds:
        _refuse_unknown("--metric", kind)
    kinds = kinds or DEFAULT_METRICS
    ignored, forbidden = _shares("--ignore", ignore, kinds), _shares("--forbid", forbid, kinds)
    tolerances = {}
    for kind in kinds:
        usual = usual_tolerance(kind)
        least = ignored.get(kind, min(usual.ignore, forbidden.get(kind, usual.forbid) / 2.5))
        most = forbidden.get(kind, max(usual.forbid, least * 2.5))
        try:
            tolerances[kind] = Tolerance(least, most)
        except ValueError as problem:
            raise UsageError(
                f"{kind}: --ignore {least * 100:g}% is not below --forbid {most * 100:g}%",
                hint="smaller changes than 'ignore' don't matter; as large ones as 'forbid' must not pass",
            ) from problem
    return Wanted(kinds, tolerances)


def usual_tolerance(kind: str) -> Tolerance:
    """What is ignored and forbidden of a kind of metric where the user says nothing."""
    return DEFAULT_TOLERANCES.get(kind, Tolerance())


def _shares(flag: str, words: Iterable[str], kinds: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for word in words:
        name, equals, share = word.rpartition("=")
        if not _NUMBER.fullmatch(share.strip()):
            raise UsageError(f"{flag} {word}: write METRIC=2%, or 2% for all")
        if equals:
            _refuse_unknown(flag, name)
        value = parse_quantity(share.strip(), "%") / 100 if share.strip().endswith("%") else float(share)
        found.update(dict.fromkeys([name] if equals else kinds, value))
    return found


def _refuse_unknown(flag: str, name: str) -> None:
    if name not in _KNOWN and quantile_of(name) is None:
        raise UsageError(
            f"{flag}: no metric {name!r}", hint=did_you_mean(name, _KNOWN) or f"one of {', '.join(_KNOWN)}"
        )


def paired(metric: Metric, pairs: Sequence[Pair], tolerance: Tolerance) -> PairedMetric:
    """The metric's log ratios, a cluster for each pair.

    Waiting for a processor is part of a call's time, alike on both sides. It is none of processor time and memory,
    and a side that works all the time (throughput) waits in proportion to its work, which changes no ratio.
    """
    clusters = [ratios for pair in pairs if (ratios := _log_ratios(metric, pair)) is not None]
    return PairedMetric(metric.name, clusters, tolerance, metric.worse, _waiting_share(metric, pairs))


def _waiting_share(metric: Metric, pairs: Sequence[Pair]) -> float:
    """The mean over pairs, of the calls that decide the metric."""
    if metric.question is None:
        return 0.0
    p = quantile_of(metric.kind)
    assert p is not None  # noqa: S101 - every other kind has no question
    shares = [
        waiting_share(pair.waiting[metric.question], p) for pair in pairs if metric.question in pair.waiting
    ]
    return sum(shares) / len(shares) if shares else 0.0


def _log_ratios(metric: Metric, pair: Pair) -> FloatArray | None:
    import numpy as np

    if metric.question is None:
        found = _of_sides(metric, pair)
        if found is None or not (np.asarray(found) > 0).all():
            return None
        base, candidate = np.log(found)
        return np.atleast_1d(candidate - base)
    calls = pair.latency_ms.get(metric.question)
    if calls is None or calls.shape[1] == 0:
        return None
    p = quantile_of(metric.kind)
    assert p is not None  # noqa: S101 - every other kind has no question
    base, candidate = calls
    return paired_log_ratios(base, candidate) if p == 0.5 else quantile_log_ratios(base, candidate, p)


def _of_sides(metric: Metric, pair: Pair) -> Any:
    """Base and candidate: (2,) or (2, k); None where the pair has none of it."""
    if metric.kind == "throughput":
        rates = pair.rates.get("")
        return rates if rates is not None and rates.size else None
    return pair.figures.get(metric.kind)


def absolute(metric: Metric, pairs: Sequence[Pair]) -> tuple[float, float]:
    """The figures themselves, (base, candidate) in the metric's unit: the median over pairs; NaN without any."""
    import numpy as np

    found = list(_absolutes(metric, pairs))
    if not found:
        return float("nan"), float("nan")
    base, candidate = np.median(np.array(found), axis=0)
    return float(base), float(candidate)


def _absolutes(metric: Metric, pairs: Sequence[Pair]) -> Iterator[tuple[float, float]]:
    import numpy as np

    for pair in pairs:
        if metric.question is None:
            found = _of_sides(metric, pair)
            if found is not None:
                yield tuple(float(np.median(side)) for side in found)  # type: ignore[misc]
        elif metric.question in pair.latency_ms:
            calls = pair.latency_ms[metric.question]
            p = quantile_of(metric.kind) or 0.5
            if calls.shape[1]:
                yield float(np.quantile(calls[0], p)), float(np.quantile(calls[1], p))
