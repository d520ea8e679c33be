"""metrics.prom is read back by the parser of the format's own library."""

from __future__ import annotations

from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families
from report_builders import gate, one

from pynomaly_itest.report.openmetrics import OpenMetricsReport
from pynomaly_itest.results import RunResult
from pynomaly_itest.verdicts import Verdict


def _families(run: RunResult) -> dict[str, Any]:
    text = OpenMetricsReport().render(run).decode()
    assert text.endswith("# EOF\n")
    return {family.name: family for family in text_string_to_metric_families(text)}


def test_the_sample_run(run: RunResult) -> None:
    families = _families(run)
    assert families["pynomaly_itest_exit_code"].samples[0].value == 1.0
    states = {s.labels["pynomaly_itest_verdict"]: s.value for s in families["pynomaly_itest_verdict"].samples}
    assert states == {"passed": 0, "failed": 1, "inconclusive": 0, "error": 0, "skipped": 0}
    assert len(families["pynomaly_itest_scenario_duration_seconds"].samples) == 24
    assert len(families["pynomaly_itest_gate_passed"].samples) == sum(len(s.gates) for s in run.scenarios)
    assert families["pynomaly_itest_metric_quantile"].samples[0].labels["metric"] == "detect.latency_ms"


def test_the_same_expression_twice_is_no_clash_and_no_data_no_value() -> None:
    run = one(Verdict.ERROR, gate("a", observed=1, limit=2), gate("a", Verdict.ERROR, observed=None, limit=2))
    families = _families(run)
    assert [s.value for s in families["pynomaly_itest_gate_passed"].samples] == [1.0, 0.0]
    assert [s.labels["place"] for s in families["pynomaly_itest_gate_observed"].samples] == ["1"]
