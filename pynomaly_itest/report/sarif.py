"""results.sarif: SARIF 2.1.0 for code-scanning pages: findings, and every other thing that needs attention."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from pynomaly_itest.registry import REPORTS
from pynomaly_itest.report.attention import Concern, concerns
from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.document import FindingDocument, RunDocument
from pynomaly_itest.report.plain import concern_lines
from pynomaly_itest.results import RunResult
from pynomaly_itest.verdicts import Verdict

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
# The scale on which code-scanning pages rank: critical is over 9.0, high 7.0, medium 4.0.
_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.5", "info": "0.1"}
_PLACE = re.compile(r"(?P<file>.+?):(?P<line>[1-9]\d*)(?::\d+)?")
# Code-scanning pages ask of every rule what it means and what to do.
_PARTS = {
    "gate": (
        "A gate of the profile does not hold",
        "What was observed breaks the gate's limit, or is too little to tell.",
        "The message has the observed value, the interval and the limit. Mend the target, or correct the limit.",
    ),
    "step": (
        "A step of a scenario did not do what it should",
        "The target answered otherwise than the step expects, or the step could not be carried out.",
        "The report has the request and the reply; the message has the line of the profile.",
    ),
    "scenario": (
        "A scenario could not be judged a pass",
        "No data is never a pass: a scenario that did not come to its end counts as an error.",
        "See the reason in the message, then run the scenario again.",
    ),
    "baseline": (
        "A figure is worse than the baseline's, or can't be told from it",
        "The change is beyond what the profile forbids, or its interval reaches there.",
        "The message has both figures and the change. Mend the target, or save a new baseline.",
    ),
    "run": (
        "The run did not come to its own end",
        "It was interrupted, killed or given up, and what had not run by then is not known.",
        "See the reason in the message, then run it again or resume it.",
    ),
}


@REPORTS.register("sarif")
class SarifReport:
    summary = "SARIF 2.1.0, for code-scanning pages"
    filename = "results.sarif"
    media = "application/sarif+json"

    def render(self, run: RunResult) -> bytes:
        document = describe(run)
        log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(document)]}
        return json.dumps(log, indent=1, ensure_ascii=False).encode() + b"\n"


def _run(run: RunDocument) -> dict[str, Any]:
    return {
        "tool": {
            "driver": {"name": "pynomaly-itest", "version": run.tool_version, "rules": list(_rules(run))}
        },
        "invocations": [
            {"executionSuccessful": run.complete, "exitCode": run.exit_code, "exitCodeDescription": run.why}
        ],
        "automationDetails": {"id": f"pynomaly-itest/{run.profile}/{run.run_id}"},
        "results": [*_findings(run), *_others(run)],
        "properties": {"verdict": run.verdict.value, "target": run.target.url},
    }


def _rules(run: RunDocument) -> Iterator[dict[str, Any]]:
    seen: dict[str, FindingDocument] = {}
    for finding in run.findings:
        seen.setdefault(finding.id, finding)
    for finding in seen.values():
        yield {
            "id": finding.id,
            "shortDescription": {"text": finding.title or finding.id},
            "fullDescription": {"text": finding.why or finding.title or finding.id},
            "help": {"text": finding.mend or finding.title or finding.id},
            "properties": {
                "tags": list(dict.fromkeys(["security", *finding.references])),
                "security-severity": _SCORES.get(finding.severity, _SCORES["high"]),
            },
        }
    for name, (short, full, mend) in _PARTS.items():
        yield {
            "id": name,
            "shortDescription": {"text": short},
            "fullDescription": {"text": full},
            "help": {"text": mend},
        }


def _findings(run: RunDocument) -> Iterator[dict[str, Any]]:
    places = {scenario.id: scenario.where for scenario in run.scenarios}
    for finding in run.findings:
        result = {
            "ruleId": finding.id,
            **_standing(finding),
            "message": {"text": _finding_text(finding)},
            "locations": [_location(places.get(finding.scenario, ""), finding.where or finding.scenario)],
            "partialFingerprints": {"pynomalyItest/v1": finding.fingerprint},
        }
        if finding.waived_by is not None:
            result["suppressions"] = [{"kind": "external", "justification": finding.waived_by}]
        yield result


def _standing(finding: FindingDocument) -> dict[str, str]:
    """SARIF gives a level to failures only."""
    match finding.verdict:
        case Verdict.FAILED:
            return {"kind": "fail", "level": _LEVELS.get(finding.severity, "error")}
        case Verdict.PASSED:
            return {"kind": "pass", "level": "none"}
        case Verdict.SKIPPED:
            return {"kind": "notApplicable", "level": "none"}
        case _:
            return {"kind": "review", "level": "none"}


def _finding_text(finding: FindingDocument) -> str:
    facts = {"expected": finding.expected, "observed": finding.observed, "why": finding.reason}
    return "\n".join(
        [finding.title or finding.id, *(f"{name}: {text}" for name, text in facts.items() if text)]
    )


def _others(run: RunDocument) -> Iterator[dict[str, Any]]:
    for concern in concerns(run):
        if concern.finding is None:
            yield {
                "ruleId": _part(concern),
                "kind": "fail",
                "level": "warning" if concern.verdict is Verdict.INCONCLUSIVE else "error",
                "message": {"text": "\n".join(concern_lines(concern))},
                "locations": [
                    _location(concern.where, concern.scenario.id if concern.scenario else run.profile)
                ],
            }


def _part(concern: Concern) -> str:
    if concern.gate is not None:
        return "gate"
    if concern.step is not None:
        return "step"
    if concern.comparison is not None:
        return "baseline"
    return "scenario" if concern.scenarios else "run"


def _location(where: str, name: str) -> dict[str, Any]:
    """The line of the profile, where it is known, and what part of the target or run it is about."""
    location: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": name}]}
    match = _PLACE.fullmatch(where)
    if match:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": quote(match["file"])},
            "region": {"startLine": int(match["line"])},
        }
    return location
