"""GitLab's code-quality file: the fields its widget needs, and fingerprints that stay from run to run."""

from __future__ import annotations

import json
from typing import Any

from report_builders import finding, gate, one

from pynomaly_itest.report.codequality import CodeQualityReport
from pynomaly_itest.results import RunResult
from pynomaly_itest.verdicts import Verdict


def _issues(run: RunResult) -> list[dict[str, Any]]:
    """Checked against what GitLab's documentation asks for."""
    issues: list[dict[str, Any]] = json.loads(CodeQualityReport().render(run))
    for issue in issues:
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["description"]
        assert issue["check_name"]
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert issue["location"]["lines"]["begin"] >= 1
        assert not issue["location"]["path"].startswith("./")
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    return issues


def test_the_sample_run(run: RunResult) -> None:
    by_check = {issue["check_name"]: issue for issue in _issues(run)}
    assert by_check["SES-01"]["severity"] == "blocker"
    assert by_check["gate"]["location"]["path"] == "profiles/performance.yaml"


def test_a_pass_has_no_issue() -> None:
    assert _issues(one(Verdict.PASSED, gate("a"))) == []


def test_the_fingerprint_does_not_hang_on_what_was_observed() -> None:
    prints = {
        _issues(one(Verdict.FAILED, gate("a", Verdict.FAILED, observed=seen, limit=50, op="<=")))[0][
            "fingerprint"
        ]
        for seen in (61, 75)
    }
    assert len(prints) == 1
    twice = [gate("a", Verdict.FAILED), gate("a", Verdict.FAILED)]
    assert len(_issues(one(Verdict.FAILED, *twice))) == 2


def test_a_finding_that_could_not_be_judged_is_there() -> None:
    (issue,) = _issues(one(Verdict.INCONCLUSIVE, finding("a", Verdict.INCONCLUSIVE, "critical")))
    assert (issue["check_name"], issue["severity"]) == ("JWT-01", "minor")
