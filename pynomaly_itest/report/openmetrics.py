"""metrics.prom: verdicts, gates and quantiles as OpenMetrics, for a node exporter's text folder or a gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pynomaly_itest.registry import REPORTS
from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.document import RunDocument
from pynomaly_itest.report.untrusted import finite
from pynomaly_itest.results import RunResult
from pynomaly_itest.verdicts import Verdict

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_PREFIX = "pynomaly_itest"
_QUANTILES = {"p50", "p95", "p99"}


@REPORTS.register("openmetrics")
class OpenMetricsReport:
    summary = "verdicts, gates and quantiles for Prometheus"
    filename = "metrics.prom"
    media = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    def render(self, run: RunResult) -> bytes:
        from prometheus_client import CollectorRegistry
        from prometheus_client.openmetrics.exposition import generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families(describe(run)))
        return bytes(generate_latest(registry))  # type: ignore[no-untyped-call]  # the library has no types here


class _Families:
    """The run as metric families, in the shape that the client library collects."""

    def __init__(self, run: RunDocument) -> None:
        self._run = run

    def collect(self) -> Iterator[Metric]:
        yield from self._of_run()
        yield from self._of_scenarios()
        yield from self._of_gates()
        yield self._quantiles()

    def _of_run(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, StateSetMetricFamily

        run = self._run
        yield InfoMetricFamily(
            f"{_PREFIX}_run",
            "What was run",
            {
                "run_id": run.run_id,
                "profile": run.profile,
                "target": run.target.url,
                "target_version": run.target.version or "",
                "commit": run.environment.get("commit", ""),
            },
        )
        yield StateSetMetricFamily(f"{_PREFIX}_verdict", "The run's verdict", _states(run.verdict))
        yield GaugeMetricFamily(f"{_PREFIX}_exit_code", "The run's exit code", float(run.exit_code))
        yield GaugeMetricFamily(f"{_PREFIX}_duration_seconds", "How long the run took", run.duration_s)

    def _of_scenarios(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily, StateSetMetricFamily

        verdicts = StateSetMetricFamily(
            f"{_PREFIX}_scenario_verdict", "A scenario's verdict", labels=["scenario"]
        )
        took = GaugeMetricFamily(
            f"{_PREFIX}_scenario_duration_seconds", "How long a scenario took", labels=["scenario"]
        )
        for scenario in self._run.scenarios:
            verdicts.add_metric([scenario.id], _states(scenario.verdict))
            took.add_metric([scenario.id], scenario.duration_s)
        yield from (verdicts, took)

    def _of_gates(self) -> Iterator[Metric]:
        """`place`: the gate's place in its scenario, for an expression may stand there twice."""
        from prometheus_client.core import GaugeMetricFamily

        labels = ["scenario", "place", "gate", "unit"]
        passed = GaugeMetricFamily(f"{_PREFIX}_gate_passed", "1 where the gate passed, else 0", labels=labels)
        observed = GaugeMetricFamily(f"{_PREFIX}_gate_observed", "What the gate judged", labels=labels)
        limit = GaugeMetricFamily(f"{_PREFIX}_gate_limit", "The gate's limit", labels=labels)
        for scenario in self._run.scenarios:
            for place, gate in enumerate(scenario.gates, start=1):
                values = [scenario.id, str(place), gate.expression, gate.unit or ""]
                passed.add_metric(values, float(gate.verdict is Verdict.PASSED))
                for family, value in ((observed, finite(gate.observed)), (limit, finite(gate.limit))):
                    if value is not None:
                        family.add_metric(values, value)
        yield from (passed, observed, limit)

    def _quantiles(self) -> Metric:
        from prometheus_client.core import GaugeMetricFamily

        labels = ["scenario", "place", "metric", "unit", "quantile"]
        family = GaugeMetricFamily(f"{_PREFIX}_metric_quantile", "A quantile of a metric", labels=labels)
        for scenario in self._run.scenarios:
            for place, metric in enumerate(scenario.metrics, start=1):
                for name in sorted(_QUANTILES & metric.quantiles.keys()):
                    labelled = [scenario.id, str(place), metric.name, metric.unit, name]
                    family.add_metric(labelled, metric.quantiles[name])
        return family


def _states(verdict: Verdict) -> dict[str, bool]:
    return {each.value: each is verdict for each in Verdict}
