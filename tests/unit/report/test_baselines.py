"""A run held against a baseline: every format tells of it, and what is worse needs attention."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from report_builders import FINISHED, ended, gate, started
from report_samples import HOSTILE

from pynomaly_itest.events import BaselineCompared, BaselineUsed
from pynomaly_itest.registry import REPORTS
from pynomaly_itest.report.attention import concerns
from pynomaly_itest.report.baselines import change_text
from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.document import ComparisonDocument, schema
from pynomaly_itest.report.page.bullet import bullet
from pynomaly_itest.report.page.view import view
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict

EXPRESSION = "detect.latency_ms.p95 <= 50"


def compared(verdict: Verdict, **more: Any) -> BaselineCompared:
    fields: dict[str, Any] = {
        "at_s": 2.0,
        "scenario": "a",
        "baseline_name": "main",
        "metric": "detect.latency_ms.p95",
        "expression": EXPRESSION,
        "unit": "ms",
        "baseline": 20.0,
        "observed": 24.0,
        "change": 0.2,
        "interval": (0.15, 0.25),
        "confidence": 0.95,
        "ignore": 0.02,
        "forbid": 0.05,
        "method": "measured again, 9 process pairs",
        "verdict": verdict,
        "reason": "at least 15 % slower",
        **more,
    }
    return BaselineCompared(**fields)


def held(*comparisons: BaselineCompared) -> RunResult:
    begin, end = ended("a", Verdict.PASSED)
    used = BaselineUsed(
        at_s=2.0, name="main", run_id="r-0", saved_at="2026-03-01", version="0.1.0", build="git 1a2b3c4d5e6f"
    )
    judged = gate("a", expression=EXPRESSION, observed=24.0, limit=50, op="<=", unit="ms")
    return fold([started("a"), begin, judged, end, *comparisons, used, FINISHED])


def test_what_is_worse_than_the_baseline_needs_attention() -> None:
    run = describe(held(compared(Verdict.FAILED)))
    (concern,) = concerns(run)
    assert run.verdict is Verdict.FAILED
    assert concern.headline == "detect.latency_ms.p95 against baseline main"
    assert "detect.latency_ms.p95 against baseline main" in run.why


def test_what_is_only_shown_needs_none() -> None:
    run = describe(held(compared(Verdict.SKIPPED), compared(Verdict.PASSED, change=0.0)))
    assert run.verdict is Verdict.PASSED
    assert concerns(run) == []


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.INCONCLUSIVE, Verdict.SKIPPED, Verdict.PASSED])
@pytest.mark.parametrize("form", sorted(set(REPORTS) - {"openmetrics", "codequality", "sarif"}))
def test_every_format_renders_it(form: str, verdict: Verdict) -> None:
    text = REPORTS[form]().render(held(compared(verdict, reason=HOSTILE, method=HOSTILE))).decode()
    assert "\x1b" not in text
    if verdict in (Verdict.FAILED, Verdict.INCONCLUSIVE):
        assert "latency" in text
        assert "20 ms" in text or form in ("json", "csv", "tap")


def test_run_json_is_valid_and_holds_it() -> None:
    run = json.loads(REPORTS["json"]().render(held(compared(Verdict.FAILED, interval=(0.15, None)))))
    jsonschema.Draft202012Validator(schema()).validate(run)
    assert run["baseline"]["build"] == "git 1a2b3c4d5e6f"
    assert run["scenarios"][0]["comparisons"][0]["interval"] == [0.15, None]


def test_the_summary_has_a_table() -> None:
    text = REPORTS["markdown"]().render(held(compared(Verdict.FAILED), compared(Verdict.SKIPPED))).decode()
    assert "### Against baseline main (git 1a2b3c4d5e6f)" in text
    row = next(line for line in text.splitlines() if line.startswith("| ❌"))
    assert "20 ms | 24 ms | 20 % worse (15 % worse to 25 % worse at 95 % confidence)" in row
    assert "⏭️ not judged" in text


def test_the_bullet_has_the_baselines_tick() -> None:
    (scenario,) = view(describe(held(compared(Verdict.PASSED)))).scenarios
    chart = scenario.gates[0].bullet
    assert chart is not None
    assert chart.baseline is not None
    assert chart.baseline < chart.observed < chart.limit
    assert scenario.gates[0].baseline.startswith("baseline main 20 ms: 20 % worse")
    assert bullet(scenario.gates[0].gate).baseline is None  # type: ignore[union-attr]


def test_the_page_shows_it() -> None:
    html = REPORTS["html"]().render(held(compared(Verdict.FAILED))).decode()
    for part in (
        "Held against",
        "Against baseline main",
        'class="baseline"',
        "20 % worse",
        "git 1a2b3c4d5e6f",
    ):
        assert part in html


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"change": 0.2}, "20 % worse"),
        ({"change": -0.031}, "3.1 % better"),
        ({"change": 0.0}, "the same"),
        ({"change": None}, "–"),
        ({"change": 1.5, "scale": "absolute"}, "1.5 ms worse"),
        (
            {"change": 0.2, "interval": (-0.01, 0.3)},
            "20 % worse (1 % better to 30 % worse at 95 % confidence)",
        ),
        ({"change": 0.2, "interval": (0.1, None)}, "20 % worse (at least 10 % worse at 95 % confidence)"),
        ({"change": 0.2, "interval": (None, 0.3)}, "20 % worse (at most 30 % worse at 95 % confidence)"),
        ({"change": 0.2, "interval": (None, None)}, "20 % worse"),
    ],
)
def test_a_change_in_words(fields: dict[str, Any], said: str) -> None:
    event = compared(Verdict.PASSED, **{"interval": None, **fields})
    (document,) = describe(held(event)).scenarios[0].comparisons
    assert isinstance(document, ComparisonDocument)
    assert change_text(document) == said
