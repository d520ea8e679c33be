"""Plots of metrics and of the target's resources: which there are, and what stands on them."""

from __future__ import annotations

from typing import Any

from report_builders import FINISHED, ended, gate, one, started

from pynomaly_itest.events import MetricRecorded, TargetSampled
from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.document import MetricDocument
from pynomaly_itest.report.page import distribution, resources
from pynomaly_itest.report.page.axis import Axis
from pynomaly_itest.report.page.panel import LEFT, RIGHT, Curve, Panel, Point, curve
from pynomaly_itest.report.summarise import summarise
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict


def _metric(count: int = 200, **more: Any) -> MetricDocument:
    values = tuple(1.0 + (i * 37 % 200) for i in range(count))
    return summarise(
        MetricRecorded(
            at_s=0, scenario="a", name="detect.latency_ms", unit="ms", n=count, values=values, **more
        )
    )


def _panels(metric: MetricDocument, *gates: Any) -> list[Panel]:
    judged = describe(one(Verdict.PASSED, *gates)).scenarios[0].gates
    return distribution.panels(metric, judged, "0 0")


def test_three_plots_where_values_have_times() -> None:
    timed = _panels(_metric(times_s=tuple(i / 10 for i in range(200))))
    assert [panel.title for panel in timed] == ["Distribution", "Quantiles", "Over time"]
    assert [panel.title for panel in _panels(_metric())] == ["Distribution", "Quantiles"]


def test_too_few_or_equal_values_have_no_shape() -> None:
    assert _panels(_metric(4)) == []
    flat = MetricRecorded(at_s=0, scenario="a", name="m", unit="ms", n=9, values=(2.0,) * 9)
    assert _panels(summarise(flat)) == []


def test_the_limit_of_a_gate_on_the_metric_is_drawn_and_no_other() -> None:
    on_it = gate("a", expression="detect.latency_ms.p95 <= b", observed=1, limit=150, op="<=", unit="ms")
    count = gate("a", expression="detect.latency_ms.n >= 100", observed=200, limit=100, op=">=")
    other = gate("a", expression="train.latency_ms.p95 <= b", observed=1, limit=99, op="<=", unit="ms")
    (plot, *_) = _panels(_metric(), on_it, count, other)
    assert [mark.style for mark in plot.marks].count("limit") == 1


def test_those_who_do_not_see_it_are_told() -> None:
    assert _panels(_metric())[0].summary == (
        "Histogram of detect.latency_ms: 200 values, p50 100 ms, p95 190 ms, p99 198 ms, largest 200 ms"
    )


def test_paths_are_relative_and_skip_gaps() -> None:
    axis = Axis(0, 10, 0, 100)
    assert curve(axis, axis, [0, 5, 10], [0, None, 5]).path() == "M0 0l100 50"
    assert Curve([Point(10, 50), Point(12, 40), Point(20, 45)]).path() == "M10 50l2-10 8 5"
    assert Curve([Point(1, 1)]).path() == ""
    assert Curve([Point(1, 1)]).area() == ""


def _sampled(cpu: float | None) -> RunResult:
    samples = [TargetSampled(at_s=i / 10, rss_mb=100 + i, cpu_percent=cpu) for i in range(30)]
    limit = gate("a", expression="target.rss_mb.max <= b", observed=129, limit=512, op="<=", unit="mb")
    names = ("a", "b")
    return fold([started(*names), *ended("a", Verdict.FAILED), limit, *samples, FINISHED])


def test_memory_and_processor_with_the_scenarios_behind_them() -> None:
    memory, processor = resources.panels(describe(_sampled(50.0)))
    assert [band.style for band in memory.bands] == ["failed"]
    (allowed,) = [line.path for line in memory.lines if line.style == "allowed"]
    x = Axis(0.0, 3.0, LEFT, RIGHT)  # the scenario that has the limit ran from 1 s to 2 s
    assert allowed.startswith(f"M{x.at(1.0):.1f} ")
    assert allowed.endswith(f"H{x.at(2.0):.1f}")
    assert "while they applied" in memory.note
    assert "at most 129 MiB" in memory.summary
    assert "50 %" in processor.summary


def test_a_target_of_unknown_processor_time_has_one_plot_and_an_unsampled_one_none() -> None:
    assert len(resources.panels(describe(_sampled(None)))) == 1
    assert resources.panels(describe(one(Verdict.PASSED))) == []
