"""results.csv: a row for each scenario, gate, finding and metric, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from pynomaly_itest.registry import REPORTS
from pynomaly_itest.report.baselines import change_text
from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.document import ComparisonDocument, GateDocument, MetricDocument, RunDocument
from pynomaly_itest.report.gates import measured_by
from pynomaly_itest.report.untrusted import one_line
from pynomaly_itest.results import RunResult

COLUMNS = (
    "run_id",
    "profile",
    "scenario",
    "kind",
    "name",
    "verdict",
    "measured",
    "observed",
    "op",
    "limit",
    "unit",
    "margin",
    "margin_percent",
    "interval_low",
    "interval_high",
    "confidence",
    "n",
    "p50",
    "p95",
    "p99",
    "severity",
    "duration_s",
    "reason",
    "where",
)
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@REPORTS.register("csv")
class CsvReport:
    summary = "a row for each scenario, gate, finding and metric"
    filename = "results.csv"
    media = "text/csv"

    def render(self, run: RunResult) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\r\n")
        writer.writeheader()
        for row in _rows(describe(run)):
            writer.writerow({name: neutral(value) for name, value in row.items()})
        return text.getvalue().encode()


def neutral(cell: object) -> object:
    """The cell as a spreadsheet may show it: numbers as they are, texts never as formulas."""
    if cell is None:
        return ""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return cell
    text = one_line(str(cell), 2000)
    return f"'{text}" if text.startswith(_STARTS_A_FORMULA) else text


def _rows(run: RunDocument) -> Iterator[dict[str, Any]]:
    for scenario in run.scenarios:
        head = {"run_id": run.run_id, "profile": run.profile, "scenario": scenario.id}
        yield {
            **head,
            "kind": "scenario",
            "name": scenario.title,
            "verdict": scenario.verdict.value,
            "duration_s": scenario.duration_s,
            "reason": scenario.reason,
            "where": scenario.where,
        }
        for gate in scenario.gates:
            yield {**head, **_gate_row(gate)}
        for metric in scenario.metrics:
            yield {**head, **_metric_row(metric)}
        for compared in scenario.comparisons:
            yield {**head, **_comparison_row(compared)}
    for finding in run.findings:
        yield {
            "run_id": run.run_id,
            "profile": run.profile,
            "scenario": finding.scenario,
            "kind": "finding",
            "name": f"{finding.id} {finding.title}",
            "verdict": finding.verdict.value,
            "severity": finding.severity,
            "reason": (finding.waived_by and f"waived by {finding.waived_by}") or finding.reason,
            "where": finding.where,
        }


def _gate_row(gate: GateDocument) -> dict[str, Any]:
    low, high = gate.interval or (None, None)
    return {
        "kind": "gate",
        "name": gate.expression,
        "verdict": gate.verdict.value,
        "measured": measured_by(gate),
        "observed": gate.observed,
        "op": gate.op,
        "limit": gate.limit,
        "unit": gate.unit,
        "margin": gate.margin,
        "margin_percent": gate.margin_percent,
        "interval_low": low,
        "interval_high": high,
        "confidence": gate.confidence,
        "n": gate.n,
        "reason": gate.reason,
        "where": gate.where,
    }


def _comparison_row(compared: ComparisonDocument) -> dict[str, Any]:
    """`limit` is the baseline's figure; what became of it is in `reason`."""
    return {
        "kind": "baseline",
        "name": compared.metric,
        "verdict": compared.verdict.value,
        "observed": compared.observed,
        "limit": compared.baseline,
        "unit": compared.unit,
        "confidence": compared.confidence,
        "reason": f"{change_text(compared)}; {compared.method}: {compared.reason}",
    }


def _metric_row(metric: MetricDocument) -> dict[str, Any]:
    quantiles = {name: metric.quantiles.get(name) for name in ("p50", "p95", "p99")}
    return {
        "kind": "metric",
        "name": metric.name,
        "observed": metric.mean,
        "unit": metric.unit,
        "n": metric.n,
        **quantiles,
    }
