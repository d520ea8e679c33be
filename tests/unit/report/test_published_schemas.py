"""The formats of others against the schemas that their makers publish: tests/schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from lxml import etree
from report_builders import ABORTED, FINISHED, INTERRUPTED, ended, started
from report_samples import sample_run

from pynomaly_itest.events import BaselineCompared
from pynomaly_itest.registry import REPORTS
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict

SCHEMAS = Path(__file__).parents[2] / "schemas"


def _held_against_a_baseline() -> RunResult:
    compared = BaselineCompared(
        at_s=2.5,
        scenario="a",
        baseline_name="main",
        metric="latency_ms.p95",
        expression="latency_ms.p95 <= 50",
        unit="ms",
        baseline=20.0,
        observed=24.0,
        change=0.2,
        interval=(0.15, None),
        method="measured again",
        verdict=Verdict.FAILED,
        reason="slower",
    )
    return fold([started("a"), *ended("a", Verdict.PASSED), compared, FINISHED])


RUNS: dict[str, RunResult] = {
    "baseline": _held_against_a_baseline(),
    "sample": sample_run(),
    "interrupted": fold([started("a", started_at="no time"), INTERRUPTED]),
    "aborted": fold([started("a"), ABORTED]),
    "empty": fold([started(), FINISHED]),
}


def _mistakes(schema: dict[str, Any], document: Any) -> list[str]:
    validator = jsonschema.validators.validator_for(schema)(schema, format_checker=jsonschema.FormatChecker())
    return [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(document)]


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(("name", "file"), [("sarif", "sarif-2.1.0.json"), ("ctrf", "ctrf.json")])
def test_json_is_valid(name: str, file: str, run: str) -> None:
    schema = json.loads((SCHEMAS / file).read_text())
    document = json.loads(REPORTS[name]().render(RUNS[run]))
    assert _mistakes(schema, document) == []
    assert _mistakes(schema, {**document, "runs": 1, "results": 1}) != []


@pytest.mark.parametrize("run", RUNS)
def test_junit_is_valid(run: str) -> None:
    schema = etree.XMLSchema(etree.parse(str(SCHEMAS / "junit-10.xsd")))
    root = etree.fromstring(REPORTS["junit"]().render(RUNS[run]))
    assert schema.validate(root), list(schema.error_log)
    del root[0].attrib["errors"]
    assert not schema.validate(root)
