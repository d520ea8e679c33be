"""ctrf.json: the Common Test Report Format, which many dashboards and CI actions read.

CTRF has no word for error and inconclusive that its readers would not pass over ("other" counts as no failure),
so both are `failed` there, with our own word as `rawStatus`.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from datetime import datetime
from typing import Any

from pynomaly_itest.registry import REPORTS
from pynomaly_itest.report.attention import Concern, by_scenario
from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.document import RunDocument, ScenarioDocument
from pynomaly_itest.report.plain import concern_lines
from pynomaly_itest.results import RunResult
from pynomaly_itest.verdicts import Verdict

_STATUS = {Verdict.PASSED: "passed", Verdict.SKIPPED: "skipped"}


@REPORTS.register("ctrf")
class CtrfReport:
    summary = "Common Test Report Format, for dashboards"
    filename = "ctrf.json"
    media = "application/json"

    def render(self, run: RunResult) -> bytes:
        return json.dumps(_report(describe(run)), indent=1, ensure_ascii=False).encode() + b"\n"


def _report(run: RunDocument) -> dict[str, Any]:
    start = _milliseconds(run.started_at)
    found = by_scenario(run)
    tests = [_test(scenario, found.get(scenario.id, []), start) for scenario in run.scenarios]
    if not run.complete:
        tests.append({"name": "the run itself", "status": "failed", "duration": 0, "message": run.why})
    counts = Counter(test["status"] for test in tests)
    return {
        "reportFormat": "CTRF",
        "specVersion": "0.0.0",
        "reportId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"pynomaly-itest:{run.run_id}")),
        "results": {
            "tool": {"name": "pynomaly-itest", "version": run.tool_version},
            "summary": {
                "tests": len(tests),
                **{name: counts[name] for name in ("passed", "failed", "skipped", "pending", "other")},
                "start": start,
                "stop": start + round(run.duration_s * 1000),
            },
            "tests": tests,
            "environment": _environment(run),
        },
    }


def _test(scenario: ScenarioDocument, found: list[Concern], start: int) -> dict[str, Any]:
    begun = start + round((scenario.started_s or 0.0) * 1000)
    took = round(scenario.duration_s * 1000)
    test: dict[str, Any] = {
        "name": scenario.id,
        "status": _STATUS.get(scenario.verdict, "failed"),
        "duration": took,
        "start": begun,
        "stop": begun + took,
        "rawStatus": scenario.verdict.value,
        "tags": scenario.tags,
    }
    if scenario.verdict is not Verdict.PASSED:
        test["message"] = scenario.reason or f"the scenario is {scenario.verdict.value}"
        test["trace"] = "\n\n".join("\n".join(concern_lines(concern)) for concern in found)
    return test


def _environment(run: RunDocument) -> dict[str, Any]:
    known = {
        "appName": run.target.url,
        "appVersion": run.target.version or "",
        "commit": run.environment.get("commit", ""),
        "testEnvironment": run.target.kind,
    }
    return {
        **{name: value for name, value in known.items() if value},
        "extra": {"verdict": run.verdict.value, "exit_code": run.exit_code, "profile": run.profile},
    }


def _milliseconds(started_at: str) -> int:
    """Since 1970 in UTC; zero where the start is no ISO 8601 time."""
    try:
        return round(datetime.fromisoformat(started_at).timestamp() * 1000)
    except ValueError:
        return 0
