"""ctrf.json holds what the format's schema asks for."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import jsonschema
from report_builders import one

from pynomaly_itest.report.ctrf import CtrfReport
from pynomaly_itest.results import RunResult
from pynomaly_itest.verdicts import Verdict

_COUNTS = ("tests", "passed", "failed", "skipped", "pending", "other", "start", "stop")
_TEXT, _WHOLE = {"type": "string"}, {"type": "integer"}

# The format's published rules, as far as they touch what is written here.
_RULES = {
    "type": "object",
    "required": ["results", "reportFormat", "specVersion"],
    "properties": {
        "reportFormat": {"const": "CTRF"},
        "specVersion": {"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"},
        "reportId": _TEXT,
        "results": {
            "type": "object",
            "required": ["tool", "summary", "tests"],
            "additionalProperties": False,
            "properties": {
                "tool": {
                    "required": ["name"],
                    "additionalProperties": False,
                    "properties": {"name": _TEXT, "version": _TEXT},
                },
                "summary": {
                    "required": list(_COUNTS),
                    "additionalProperties": False,
                    "properties": dict.fromkeys(_COUNTS, _WHOLE),
                },
                "tests": {
                    "type": "array",
                    "items": {
                        "required": ["name", "status", "duration"],
                        "additionalProperties": False,
                        "properties": {
                            "name": {"type": "string", "minLength": 1},
                            "status": {"enum": ["passed", "failed", "skipped", "pending", "other"]},
                            "duration": _WHOLE,
                            "start": _WHOLE,
                            "stop": _WHOLE,
                            "message": _TEXT,
                            "trace": _TEXT,
                            "rawStatus": _TEXT,
                            "tags": {"type": "array", "items": _TEXT},
                        },
                    },
                },
                "environment": {"type": "object"},
            },
        },
    },
}


def _report(run: RunResult) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(CtrfReport().render(run))
    jsonschema.Draft7Validator(_RULES).validate(report)
    return report


def test_the_sample_run(run: RunResult) -> None:
    report = _report(run)
    summary = report["results"]["summary"]
    assert (summary["tests"], summary["passed"], summary["failed"], summary["skipped"]) == (24, 17, 6, 1)
    assert summary["start"] == 1773480413000
    assert summary["stop"] - summary["start"] == round(run.duration_s * 1000)
    UUID(report["reportId"])


def test_our_own_word_is_kept() -> None:
    test = _report(one(Verdict.INCONCLUSIVE, reason="too few"))["results"]["tests"][0]
    assert (test["status"], test["rawStatus"], test["message"]) == ("failed", "inconclusive", "too few")


def test_a_start_that_is_no_time_is_zero() -> None:
    assert _report(one(Verdict.PASSED, started_at="soon"))["results"]["summary"]["start"] == 0
