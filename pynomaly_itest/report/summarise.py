"""Many observed numbers brought down to what a reader can see: quantiles, a histogram, slices of time.

Pure arithmetic on the values that the log kept; nothing here decides a verdict.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

from pynomaly_itest.events import MetricRecorded, TargetSampled
from pynomaly_itest.report.document import (
    HistogramDocument,
    MetricDocument,
    OverTimeDocument,
    ResourcesDocument,
)
from pynomaly_itest.report.untrusted import clean

SHOWN_QUANTILES = ("p5", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "p99.9", "p99.99")
MOST_BINS = 24
MOST_SLICES = 24
MOST_SAMPLES = 300
MOST_SAMPLES_OF_A_SCENARIO = 60
_FEWEST_TAIL_VALUES = 1
_LOG_FROM_RATIO = 4.0
_LEAST_ON_A_LOG_AXIS = 1e-150


def quantile(ordered: Sequence[float], q: float) -> float:
    """The q-quantile (0 to 1) of ascending values: the smallest one that at least q of them do not exceed."""
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)]


def spans_decades(low: float, high: float) -> bool:
    """Whether values from `low` to `high` are better seen on a logarithmic axis."""
    return low > _LEAST_ON_A_LOG_AXIS and high / low >= _LOG_FROM_RATIO


def summarise(metric: MetricRecorded) -> MetricDocument:
    """The metric without its raw values; quantiles in the log (made from all n) are kept."""
    timed = len(metric.times_s) == len(metric.values)
    ordered = sorted(value for value in metric.values if math.isfinite(value))
    return MetricDocument(
        name=clean(metric.name),
        unit=clean(metric.unit),
        n=metric.n,
        kept=len(ordered),
        min=_short(ordered[0]) if ordered else None,
        max=_short(ordered[-1]) if ordered else None,
        mean=_short(_mean(ordered)) if ordered else None,
        quantiles=_quantiles(ordered, metric),
        histogram=histogram(ordered),
        over_time=_over_time(metric.times_s, metric.values) if timed else None,
    )


def _mean(values: Sequence[float]) -> float:
    """Scaled by the largest, for the sum of values near a float's limits is beyond them."""
    scale = max(map(abs, values)) or 1.0
    return scale * (math.fsum(value / scale for value in values) / len(values))


def _quantiles(ordered: Sequence[float], metric: MetricRecorded) -> dict[str, float]:
    """Only quantiles with a value beyond them: 20 values have no p99 worth the name."""
    shown = {}
    for name in SHOWN_QUANTILES:
        q = float(name[1:]) / 100
        if ordered and len(ordered) * (1 - q) >= _FEWEST_TAIL_VALUES - 1e-9:
            shown[name] = _short(quantile(ordered, q))
    logged = {clean(name): value for name, value in metric.quantiles.items() if math.isfinite(value)}
    return dict(sorted({**shown, **logged}.items(), key=lambda item: _rank(item[0])))


def _rank(name: str) -> float:
    try:
        return float(name.lstrip("p"))
    except ValueError:
        return math.inf


def histogram(ordered: Sequence[float]) -> HistogramDocument | None:
    """At most 24 bins over ascending finite values, of equal width on the axis on which they are shown."""
    if not ordered:
        return None
    low, high = ordered[0], ordered[-1]
    if low == high or not math.isfinite(high - low):
        return HistogramDocument(edges=[low, high], counts=[len(ordered)])
    bins = min(MOST_BINS, max(4, math.ceil(math.sqrt(len(ordered)))))
    if spans_decades(low, high):
        step = (math.log(high) - math.log(low)) / bins  # of the logarithms: the ratio may be no float
        edges = [low, *(math.exp(math.log(low) + step * i) for i in range(1, bins)), high]
    else:
        edges = [low + (high - low) / bins * i for i in range(bins)] + [high]
    counts = [0] * bins
    for value in ordered:
        counts[min(bins, max(1, bisect_right(edges, value))) - 1] += 1
    return HistogramDocument(edges=[_short(edge) for edge in edges], counts=counts)


def _over_time(times_s: Sequence[float], values: Sequence[float]) -> OverTimeDocument | None:
    """At most 24 slices of equal length; slices in which nothing was observed are left out."""
    pairs = [(t, v) for t, v in zip(times_s, values, strict=True) if math.isfinite(t) and math.isfinite(v)]
    if len(pairs) < 2:
        return None
    start, end = min(pairs)[0], max(pairs)[0]
    count = min(MOST_SLICES, len(pairs))
    width = (end - start) / count
    if width <= 0:
        return None
    slices: list[list[float]] = [[] for _ in range(count)]
    for at, value in pairs:
        slices[min(count - 1, int((at - start) / width))].append(value)
    seen = [(round(start + width * i, 3), sorted(part)) for i, part in enumerate(slices) if part]
    return OverTimeDocument(
        at_s=[at for at, _ in seen],
        n=[len(part) for _, part in seen],
        p50=[_short(quantile(part, 0.5)) for _, part in seen],
        p95=[_short(quantile(part, 0.95)) for _, part in seen],
        max=[_short(part[-1]) for _, part in seen],
    )


def thin(samples: Sequence[TargetSampled], most: int = MOST_SAMPLES) -> ResourcesDocument | None:
    """The target's samples brought down to `most`, keeping of each group the highest memory and CPU."""
    usable = [sample for sample in samples if math.isfinite(sample.rss_mb)]
    if not usable:
        return None
    size = math.ceil(len(usable) / most)
    groups = [usable[i : i + size] for i in range(0, len(usable), size)]
    return ResourcesDocument(
        n=len(samples),
        at_s=[round(group[0].at_s, 3) for group in groups],
        rss_mb=[round(max(sample.rss_mb for sample in group), 2) for group in groups],
        cpu_percent=[_highest_cpu(group) for group in groups],
    )


def _highest_cpu(group: Sequence[TargetSampled]) -> float | None:
    seen = [s.cpu_percent for s in group if s.cpu_percent is not None and math.isfinite(s.cpu_percent)]
    return round(max(seen), 1) if seen else None


def _short(value: float) -> float:
    """Six significant digits: more than any plot shows, a third of the bytes."""
    short = float(f"{value:.6g}")
    return short if math.isfinite(short) else value
