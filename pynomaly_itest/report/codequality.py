"""gl-code-quality-report.json: what needs attention, for the merge-request widget of GitLab (Code Climate's shape)."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pynomaly_itest.registry import REPORTS
from pynomaly_itest.report.attention import Concern, concerns
from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.document import RunDocument
from pynomaly_itest.report.plain import concern_lines
from pynomaly_itest.results import RunResult
from pynomaly_itest.verdicts import Verdict

_PLACE = re.compile(r"(?P<file>.+?):(?P<line>[1-9]\d*)(?::\d+)?")
_OF_FINDINGS = {"critical": "blocker", "high": "critical", "medium": "major", "low": "minor", "info": "info"}
_OF_VERDICTS = {Verdict.FAILED: "critical", Verdict.ERROR: "major", Verdict.INCONCLUSIVE: "minor"}
_LONGEST = 2_000


@REPORTS.register("codequality")
class CodeQualityReport:
    summary = "what needs attention, for GitLab's code-quality widget"
    filename = "gl-code-quality-report.json"
    media = "application/json"

    def render(self, run: RunResult) -> bytes:
        return json.dumps(list(_issues(describe(run))), indent=1, ensure_ascii=False).encode() + b"\n"


def _issues(run: RunDocument) -> Iterator[dict[str, Any]]:
    seen: Counter[str] = Counter()
    for concern in concerns(run):
        identity = _identity(run, concern)
        seen[identity] += 1
        place = _PLACE.fullmatch(concern.where)
        yield {
            "description": "\n".join(concern_lines(concern))[:_LONGEST],
            "check_name": _check(concern),
            "fingerprint": hashlib.sha256(f"{identity}\0{seen[identity]}".encode()).hexdigest(),
            "severity": _severity(concern),
            "location": {
                "path": place["file"] if place else (run.profile_files or [run.profile])[0],
                "lines": {"begin": int(place["line"]) if place else 1},
            },
        }


def _identity(run: RunDocument, concern: Concern) -> str:
    """The same from run to run, whatever was observed, so that GitLab can tell what is new and what was mended."""
    ids = ",".join(scenario.id for scenario in concern.scenarios)
    what = concern.finding.fingerprint if concern.finding else concern.headline
    return "\0".join((run.profile, ids, _check(concern), what))


def _check(concern: Concern) -> str:
    if concern.finding is not None:
        return concern.finding.id
    if concern.gate is not None:
        return "gate"
    if concern.step is not None:
        return concern.step.kind
    if concern.comparison is not None:
        return "baseline"
    return "scenario" if concern.scenarios else "run"


def _severity(concern: Concern) -> str:
    if concern.finding is not None and concern.verdict is Verdict.FAILED:
        return _OF_FINDINGS.get(concern.finding.severity, "critical")
    return _OF_VERDICTS[concern.verdict]
