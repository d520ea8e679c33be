"""The target's memory and processor over the whole run, with the scenarios' spans behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pynomaly_itest.report.document import ResourcesDocument, RunDocument, ScenarioDocument
from pynomaly_itest.report.gates import measured_by
from pynomaly_itest.report.numbers import quantity
from pynomaly_itest.report.page.axis import Axis, spanning
from pynomaly_itest.report.page.metrics import PLOTS_OF_A_METRIC
from pynomaly_itest.report.page.panel import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    Band,
    Line,
    Panel,
    curve,
    scale_of,
)
from pynomaly_itest.report.untrusted import finite
from pynomaly_itest.verdicts import Verdict

_FEWEST_SAMPLES = 3
_FEWEST_OF_A_SCENARIO = 6


def panels(run: RunDocument) -> list[Panel]:
    """Memory and, where it is known, processor time; none where the target was not sampled."""
    resources = run.resources
    if resources is None or len(resources.at_s) < _FEWEST_SAMPLES:
        return []
    x = Axis(0.0, max(run.duration_s, resources.at_s[-1]), LEFT, RIGHT)
    bands = _bands(run, x)
    shown = [_memory(resources, _limits_over_time(run), x, bands)]
    if sum(value is not None for value in resources.cpu_percent) >= _FEWEST_SAMPLES:
        shown.append(_processor(resources, x, bands))
    return shown


def panels_of(number: int, scenario: ScenarioDocument, plots: int) -> list[Panel]:
    """The target while one scenario ran, where a reader may want it; `number` is the scenario's, from 1, and `plots`
    how many plots a metric of it may have."""
    seen = scenario.resources
    if seen is None or len(seen.at_s) < _FEWEST_OF_A_SCENARIO:
        return []
    judged = any(measured_by(gate).startswith("target.") for gate in scenario.gates)
    if plots == 0 or (plots < PLOTS_OF_A_METRIC and not judged):
        return []
    x = Axis(seen.at_s[0], max(seen.at_s[-1], seen.at_s[0] + 0.001), LEFT, RIGHT)
    span = _Span(x.low, x.high)
    shown = [_memory(seen, [_Limit(limit, span) for limit in _limits(scenario)], x, [], f" {number - 1}")]
    if sum(value is not None for value in seen.cpu_percent) >= _FEWEST_OF_A_SCENARIO:
        shown.append(_processor(seen, x, [], f" {number - 1}"))
    return shown


def _bands(run: RunDocument, x: Axis) -> list[Band]:
    bands = []
    for number, scenario in enumerate(run.scenarios, start=1):
        if scenario.started_s is None:
            continue
        left, right = x.at(scenario.started_s), x.at(scenario.started_s + scenario.duration_s)
        style = scenario.verdict.value if scenario.verdict in _TELLING else ("even", "odd")[number % 2]
        bands.append(Band(left, max(0.5, round(right - left, 1)), style))
    return bands


_TELLING = {Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE}


@dataclass(frozen=True)
class _Span:
    """Seconds of the run."""

    begins_s: float
    ends_s: float


@dataclass(frozen=True)
class _Limit:
    """What the target's memory was allowed, and when."""

    mb: float
    span: _Span


def _limits(scenario: ScenarioDocument) -> list[float]:
    """The limits that a scenario's gates set to the target's memory."""
    return sorted(
        {
            limit
            for gate in scenario.gates
            if measured_by(gate).startswith("target.rss_mb.") and gate.unit in {None, "mb"}
            if (limit := finite(gate.limit)) is not None
        }
    )


def _limits_over_time(run: RunDocument) -> list[_Limit]:
    """Each scenario's over its own time: it says nothing of the others', which may even have had another target."""
    return [
        _Limit(limit, _Span(scenario.started_s, scenario.started_s + scenario.duration_s))
        for scenario in run.scenarios
        if scenario.started_s is not None
        for limit in _limits(scenario)
    ]


def _memory(
    resources: ResourcesDocument, limits: Sequence[_Limit], x: Axis, bands: Sequence[Band], place: str = ""
) -> Panel:
    """`place`: which scenario's samples the page's script shall read, nothing for the run's."""
    y = spanning([*resources.rss_mb, *(limit.mb for limit in limits)], BOTTOM, TOP)
    line = curve(x, y, resources.at_s, resources.rss_mb)
    allowed = "".join(
        f"M{x.at(limit.span.begins_s):.1f} {y.at(limit.mb):.1f}H{x.at(limit.span.ends_s):.1f}"
        for limit in limits
    )
    return Panel(
        title="Resident memory, MiB",
        summary=f"Resident memory of the target over time, at most {quantity(max(resources.rss_mb), 'mb')}",
        x_ticks=x.ticks(6),
        y_ticks=y.ticks(),
        x_label="seconds of the run",
        lines=[Line("area", line.area()), Line("curve", line.path()), Line("allowed", allowed)],
        note="Red: the limits, while they applied." if limits else "",
        bands=bands,
        hover=f"resources rss_mb{place}",
        scale=scale_of(x),
    )


def _processor(resources: ResourcesDocument, x: Axis, bands: Sequence[Band], place: str = "") -> Panel:
    seen = [value for value in resources.cpu_percent if value is not None]
    y = spanning([*seen, 100.0], BOTTOM, TOP)
    line = curve(x, y, resources.at_s, resources.cpu_percent)
    return Panel(
        title="Processor, % of one core",
        summary=f"Processor time of the target over time, at most {quantity(max(seen), '%')} of one core",
        x_ticks=x.ticks(6),
        y_ticks=y.ticks(),
        x_label="seconds of the run",
        lines=[Line("area", line.area()), Line("curve", line.path())],
        bands=bands,
        hover=f"resources cpu_percent{place}",
        scale=scale_of(x),
    )
