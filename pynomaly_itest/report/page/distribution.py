"""A metric's three plots: how its values are spread, its quantiles up into the tail, and how it went over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from pynomaly_itest.report.document import GateDocument, HistogramDocument, MetricDocument, OverTimeDocument
from pynomaly_itest.report.gates import measured_by
from pynomaly_itest.report.numbers import quantity, unit_name
from pynomaly_itest.report.page.axis import LARGEST, Axis, Tick, spanning
from pynomaly_itest.report.page.panel import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    Line,
    Mark,
    Panel,
    curve,
    scale_of,
)
from pynomaly_itest.report.summarise import spans_decades
from pynomaly_itest.report.untrusted import finite

_NAMED = ("p50", "p95", "p99")
_FEWEST_VALUES = 5


def limits_on(metric: MetricDocument, gates: Sequence[GateDocument]) -> list[float]:
    """The limits that gates set to a statistic of this metric."""
    found = []
    for gate in gates:
        limit = finite(gate.limit)
        if limit is not None and measured_by(gate).startswith(f"{metric.name}.") and _same_unit(gate, metric):
            found.append(limit)
    return sorted(set(found))


def _same_unit(gate: GateDocument, metric: MetricDocument) -> bool:
    """A count or a slope of a metric has another unit: its limit has no place on the metric's axis."""
    statistic = measured_by(gate).removeprefix(f"{metric.name}.").split(" ", 1)[0]
    return statistic not in {"n", "slope", "sum"} and gate.unit in {None, metric.unit}


def panels(metric: MetricDocument, gates: Sequence[GateDocument], hover: str, most: int = 3) -> list[Panel]:
    """At most `most` plots of a metric; none where there are too few values to show a shape."""
    if metric.histogram is None or metric.kept < _FEWEST_VALUES or metric.min == metric.max:
        return []
    limits = limits_on(metric, gates)
    if max(abs(value) for value in (*metric.histogram.edges, *limits)) > LARGEST:
        return []
    shown = [_histogram(metric, metric.histogram, limits, hover)]
    if len(metric.quantiles) > 2:
        shown.append(_quantiles(metric, limits, hover))
    if metric.over_time is not None and len(metric.over_time.at_s) > 2:
        shown.append(_over_time(metric, metric.over_time, limits, hover))
    return shown[:most]


def in_words(metric: MetricDocument) -> str:
    """The metric as a sentence."""
    parts = [
        f"{name} {quantity(metric.quantiles[name], metric.unit)}"
        for name in _NAMED
        if name in metric.quantiles
    ]
    largest = f"largest {quantity(metric.max, metric.unit)}"
    return f"{metric.name}: {metric.n:,} values, {', '.join([*parts, largest])}"


def _value_axis(metric: MetricDocument, limits: Sequence[float], start: float, end: float) -> Axis:
    low, high = metric.min or 0.0, metric.max or 0.0
    log = spans_decades(low, high)
    near = [limit for limit in limits if not log or limit > 0]
    if log:
        return spanning([low, high, *near], start, end, log=True)
    room = 0.04 * (high - low)
    everything = [low - room, high + room, *near]
    return Axis(min(everything), max(everything), start, end)


def _histogram(
    metric: MetricDocument, histogram: HistogramDocument, limits: Sequence[float], hover: str
) -> Panel:
    x = _value_axis(metric, limits, LEFT, RIGHT)
    y = spanning([*map(float, histogram.counts)], BOTTOM, TOP)
    bars = "".join(
        f"M{round(x.at(low))} {BOTTOM:g}V{round(y.at(count))}H{round(x.at(high))}V{BOTTOM:g}"
        for (low, high), count in zip(pairwise(histogram.edges), histogram.counts, strict=True)
        if count
    )
    named = [name for name in ("p50", "p95") if name in metric.quantiles]
    marks = [Mark("quantile", x.at(metric.quantiles[name]), name, upright=True) for name in named]
    return Panel(
        title="Distribution",
        summary=f"Histogram of {in_words(metric)}",
        x_ticks=x.ticks(),
        y_ticks=y.ticks(4),
        x_label=_axis_label(metric, x),
        lines=[Line("bars", bars)],
        marks=[*marks, *_limit_marks(limits, x, upright=True)],
        hover=f"{hover} histogram",
        scale=scale_of(x),
    )


def _axis_label(metric: MetricDocument, axis: Axis) -> str:
    return f"{unit_name(metric.unit) or 'ratio'}{' on a log scale' if axis.log else ''}"


def _limit_marks(limits: Sequence[float], axis: Axis, *, upright: bool) -> list[Mark]:
    return [
        Mark("limit", axis.at(limit), "limit", upright=upright, label_after=not upright)
        for limit in limits
        if axis.low <= limit <= axis.high
    ]


def _tail(share: float) -> float:
    """Places the p-th quantile so that each further nine takes the same room: 0, 0.9, 0.99, 0.999 …"""
    return -math.log10(1 - share)


def _quantiles(metric: MetricDocument, limits: Sequence[float], hover: str) -> Panel:
    known = {name: float(name[1:]) / 100 for name in metric.quantiles if _is_quantile(name)}
    x = Axis(0.0, _tail(max(known.values())) * 1.04, LEFT, RIGHT)
    y = _value_axis(metric, limits, BOTTOM, TOP)
    line = curve(x, y, map(_tail, known.values()), [metric.quantiles[name] for name in known])
    wanted = [name for name in ("p50", "p90", "p99", "p99.9", "p99.99") if name in known]
    return Panel(
        title="Quantiles",
        summary=f"Quantile curve of {metric.name}",
        x_ticks=[Tick(x.at(_tail(known[name])), name) for name in wanted],
        y_ticks=y.ticks(),
        x_label=f"quantile; {_axis_label(metric, y)}",
        lines=[Line("curve", line.path()), Line("dots", line.dots())],
        marks=_limit_marks(limits, y, upright=False),
        hover=f"{hover} quantiles",
        scale=scale_of(x),
    )


def _is_quantile(name: str) -> bool:
    return name.startswith("p") and name[1:].replace(".", "", 1).isdigit() and float(name[1:]) < 100


def _over_time(
    metric: MetricDocument, slices: OverTimeDocument, limits: Sequence[float], hover: str
) -> Panel:
    x = Axis(slices.at_s[0], slices.at_s[-1], LEFT, RIGHT)
    y = _value_axis(metric, limits, BOTTOM, TOP)
    return Panel(
        title="Over time",
        note="line p50, dashes p95, dots largest",
        summary=f"Median, p95 and largest {metric.name} over time",
        x_ticks=x.ticks(),
        y_ticks=y.ticks(),
        x_label=f"seconds; {_axis_label(metric, y)}",
        lines=[
            Line("highest", curve(x, y, slices.at_s, slices.max).path()),
            Line("high", curve(x, y, slices.at_s, slices.p95).path()),
            Line("curve", curve(x, y, slices.at_s, slices.p50).path()),
        ],
        marks=_limit_marks(limits, y, upright=False),
        hover=f"{hover} over_time",
        scale=scale_of(x),
    )
