"""What the templates are given."""

from __future__ import annotations

import pytest
from report_builders import FINISHED, ended, gate, one, started

from pynomaly_itest.events import MetricRecorded, StepFinished
from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.page.view import view, when
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict


@pytest.mark.parametrize(
    ("started_at", "text"),
    [
        ("2026-03-14T09:26:53+00:00", "14 March 2026, 09:26:53 UTC"),
        ("2026-03-14T09:26:53.623+01:00", "14 March 2026, 09:26:53 +0100"),
        ("2026-03-14T09:26:53", "14 March 2026, 09:26:53"),
        ("yesterday", "yesterday"),
    ],
)
def test_when(started_at: str, text: str) -> None:
    assert when(started_at) == text


def test_of_a_pass_the_closest_gates_are_told_once_each() -> None:
    gates = [
        gate("a", expression="wide", observed=1, limit=100, op="<="),
        gate("a", expression="close", observed=99, limit=100, op="<="),
        gate("a", expression="close", observed=98, limit=100, op="<="),
        gate("a", expression="zero", observed=0, limit=0, op="=="),
    ]
    page = view(describe(one(Verdict.PASSED, *gates)))
    assert [c.gate.gate.expression for c in page.closest] == ["close", "wide"]
    assert page.closest[0].gate.observed == "99"
    assert view(describe(one(Verdict.FAILED, *gates))).closest == []


def _step(started_s: float, duration_s: float) -> StepFinished:
    return StepFinished(
        at_s=1.5,
        scenario="a",
        index=0,
        phase="steps",
        kind="load",
        verdict=Verdict.PASSED,
        started_s=started_s,
        duration_s=duration_s,
    )


def test_steps_lie_where_their_time_was() -> None:
    page = view(describe(one(Verdict.PASSED, _step(1.0, 0.25), _step(1.25, 0.75))))
    bars = [(step.bar.x, step.bar.width) for step in page.scenarios[0].steps]
    assert bars == [(0.0, 25.0), (25.0, 75.0)]


def test_a_step_beyond_its_scenario_stays_on_the_bar() -> None:
    page = view(describe(one(Verdict.PASSED, _step(0.5, 9.0), _step(1.5, 0.0))))
    for step in page.scenarios[0].steps:
        assert 0 <= step.bar.x <= 100
        assert 0 < step.bar.width <= 100


def _many(verdict: Verdict) -> RunResult:
    names = [f"s{i}" for i in range(10)]
    metrics = [
        MetricRecorded(at_s=1, scenario=name, name="latency_ms", unit="ms", n=50, values=tuple(range(50)))
        for name in names
    ]
    events = [event for name in names for event in ended(name, verdict)]
    return fold([started(*names), *events, *metrics, FINISHED])


def test_plots_of_passes_give_way_and_those_of_failures_do_not() -> None:
    passed = view(describe(_many(Verdict.PASSED)), most_plots=10)
    assert passed.plots_left_out
    assert [len(s.metrics[0].panels) for s in passed.scenarios] == [1] * 10
    failed = view(describe(_many(Verdict.FAILED)), most_plots=0)
    assert [len(s.metrics[0].panels) for s in failed.scenarios] == [2] * 10


def test_a_metric_that_nothing_judges_and_that_is_no_time_is_told_in_a_line() -> None:
    dull = MetricRecorded(at_s=1, scenario="a", name="n_samples", unit="1", n=3, values=(7.0, 7.0, 7.0))
    judged = dull.model_copy(update={"name": "ratio", "values": (0.1, 0.2, 0.3)})
    run = one(Verdict.PASSED, dull, judged, gate("a", expression="ratio.mean <= 1"))
    (scenario,) = view(describe(run)).scenarios
    assert [m.metric.name for m in scenario.metrics] == ["ratio"]
    assert [(f.name, f.value) for f in scenario.further_metrics[0].facts] == [("n", "3"), ("always", "7")]
