"""A comparison in words and figures, the same on the screen, in Markdown and in HTML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pynomaly_itest.comparison.record import ComparisonRecord, MetricRecord

COLUMNS = ("metric", "A", "B", "B is worse by", "between", "verdict")


@dataclass(frozen=True)
class Row:
    """A metric as a line of the table."""

    name: str
    a: str
    b: str
    worse_by: str
    between: str
    verdict: str


def row(metric: MetricRecord) -> Row:
    """The line of a metric; what there is not is a dash."""
    return Row(
        metric.name,
        _figure(metric.a, metric.unit),
        _figure(metric.b, metric.unit),
        change(metric.worse_by, metric),
        between(metric),
        metric.verdict.value,
    )


def between(metric: MetricRecord) -> str:
    """The interval of the change."""
    if metric.low is None and metric.high is None:
        return "-"
    if metric.low is None:
        return f"at most {change(metric.high, metric)}"
    if metric.high is None:
        return f"at least {change(metric.low, metric)}"
    return f"{change(metric.low, metric)} … {change(metric.high, metric)}"


def change(value: float | None, metric: MetricRecord) -> str:
    """A change for the worse: "+2.1 %", or in the metric's unit where that is its scale."""
    if value is None:
        return "-"
    if metric.scale == "absolute":
        return f"{value:+.4f}"
    return f"{value * 100:+.1f} %"


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    shown = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{shown} {unit}" if unit != "1" else f"{value:.4g}"


def verdict_line(record: ComparisonRecord) -> str:
    """The last line: what is concluded, and why."""
    return f"{record.verdict.value.upper()}  {record.reason} (exit {record.exit_code})"


def sentences(record: ComparisonRecord) -> Iterator[str]:
    """What has to be said beside the table."""
    for metric in record.metrics:
        if metric.verdict.value not in ("passed", "skipped"):
            yield f"{metric.name}: {metric.reason}"
    seen = [f"{each.name} {each.smallest_seen * 100:.1f} %" for each in record.metrics if each.smallest_seen]
    if seen:
        yield f"The smallest worsening that could have been told here: {', '.join(seen)}."
    if record.kind in ("processes", "noise") and record.pairs:
        per_pair = f", {record.pair_s:.1f} s each" if record.pair_s else ""
        yield f"{record.pairs} fresh process pairs{per_pair}, {record.duration_s:.0f} s in all."
    yield from record.notes
