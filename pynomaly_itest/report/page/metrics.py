"""Which metrics of a scenario a reader wants to see drawn, and which only in a line of figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pynomaly_itest.report.document import MetricDocument, ScenarioDocument
from pynomaly_itest.report.numbers import quantity
from pynomaly_itest.report.page import distribution
from pynomaly_itest.report.page.panel import Panel

TABLED_QUANTILES = ("p50", "p90", "p95", "p99", "p99.9")
BRIEF_QUANTILES = ("p50", "p95")
PLOTS_OF_A_METRIC = 3
_TIMES = {"us", "ms", "s"}


@dataclass(frozen=True)
class Fact:
    """A name and what is known under it."""

    name: str
    value: str


@dataclass(frozen=True)
class MetricView:
    """`panels` may be fewer than `metric` has data for, on a page of many scenarios."""

    metric: MetricDocument
    facts: Sequence[Fact]
    panels: Sequence[Panel]


def is_central(metric: MetricDocument, scenario: ScenarioDocument) -> bool:
    """Whether a reader looks for it: a gate judges it, or it is a time that varies."""
    if any(f"{metric.name}." in gate.expression for gate in scenario.gates):
        return True
    return metric.unit in _TIMES and metric.min != metric.max


def plots_each(scenarios: Iterable[ScenarioDocument], most: int) -> int:
    """How many plots a central metric of these scenarios may have, if there shall be at most `most` of those."""
    central = sum(is_central(metric, scenario) for scenario in scenarios for metric in scenario.metrics)
    return min(PLOTS_OF_A_METRIC, most // max(1, central))


def central_metrics(number: int, scenario: ScenarioDocument, plots: int) -> list[MetricView]:
    """The metrics that are shown with plots, those that gates judge first; `number` is the scenario's, from 1, and
    `plots` how many a metric may have."""
    views = [
        MetricView(
            metric, facts(metric), distribution.panels(metric, scenario.gates, f"{number - 1} {place}", plots)
        )
        for place, metric in enumerate(scenario.metrics)
        if is_central(metric, scenario)
    ]
    judged = [gate.expression for gate in scenario.gates]
    return sorted(views, key=lambda view: not any(f"{view.metric.name}." in text for text in judged))


def further_metrics(scenario: ScenarioDocument) -> list[MetricView]:
    """The metrics that are told in a line each."""
    return [
        MetricView(m, facts(m, BRIEF_QUANTILES), ()) for m in scenario.metrics if not is_central(m, scenario)
    ]


def facts(metric: MetricDocument, quantiles: Sequence[str] = TABLED_QUANTILES) -> list[Fact]:
    """A metric in figures; one that never changed in two."""
    if metric.min is not None and metric.min == metric.max:
        return [Fact("n", f"{metric.n:,}"), Fact("always", quantity(metric.min, metric.unit))]
    named = [(name, metric.quantiles[name]) for name in quantiles if name in metric.quantiles]
    return [
        Fact("n", f"{metric.n:,}"),
        Fact("min", quantity(metric.min, metric.unit)),
        *(Fact(name, quantity(value, metric.unit)) for name, value in named),
        Fact("max", quantity(metric.max, metric.unit)),
        Fact("mean", quantity(metric.mean, metric.unit)),
    ]
