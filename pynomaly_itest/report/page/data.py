"""The data that the page shows, embedded in it as JSON: for its own script, and for whoever wants the numbers."""

from __future__ import annotations

from typing import Any

from pynomaly_itest.report.document import MetricDocument, ScenarioDocument
from pynomaly_itest.report.page.metrics import BRIEF_QUANTILES, MetricView
from pynomaly_itest.report.page.view import PageView, ScenarioView

# Texts that the page holds already, and what it does not show: in its data they would only make it heavy.
_LEFT_OUT: Any = {
    "scenarios": {
        "__all__": {
            "steps": {"__all__": {"exchange", "index", "source_line", "values", "where"}},
            "gates": {"__all__": {"source_line", "where"}},
            "curves": True,
            "diagnostics": True,
            "reproduce": True,
            "requires": True,
        }
    },
    "findings": {"__all__": {"exchange"}},
}


def embedded_json(page: PageView) -> str:
    """The page's document as JSON that can't end the script element it stands in: no `<`, `>` or `&` is left.

    Like run.json, but without what is null, what the page shows as text only or not at all, and the data of
    plots that it leaves out.
    """
    scenarios = [_scenario(view) for view in page.scenarios]
    run = page.run.model_copy(update={"scenarios": scenarios})
    text = run.model_dump_json(exclude=_LEFT_OUT, exclude_none=True)
    return text.translate({ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


def _scenario(view: ScenarioView) -> ScenarioDocument:
    drawn = view.scenario.resources if view.resources else None
    return view.scenario.model_copy(update={"metrics": _metrics(view), "resources": drawn})


def _metrics(scenario: ScenarioView) -> list[MetricDocument]:
    """In their own order, for the page's script finds a metric by its place."""
    drawn = {id(view.metric): _drawn(view) for view in scenario.metrics}
    return [drawn.get(id(metric)) or _named(metric) for metric in scenario.scenario.metrics]


def _drawn(view: MetricView) -> MetricDocument:
    plots = {panel.hover.rsplit(" ", 1)[-1] for panel in view.panels}
    return view.metric.model_copy(update=dict.fromkeys({"histogram", "over_time"} - plots))


def _named(metric: MetricDocument) -> MetricDocument:
    """With the quantiles that are shown of it."""
    shown = {name: metric.quantiles[name] for name in BRIEF_QUANTILES if name in metric.quantiles}
    return metric.model_copy(update={"histogram": None, "over_time": None, "quantiles": shown})
