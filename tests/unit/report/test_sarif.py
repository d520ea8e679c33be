"""results.sarif: rules, levels, places and suppressions as SARIF 2.1.0 has them."""

from __future__ import annotations

import json
from typing import Any

from report_builders import finding, gate, one

from pynomaly_itest.report.sarif import SarifReport
from pynomaly_itest.results import RunResult
from pynomaly_itest.verdicts import Verdict

_KINDS = {"pass", "open", "informational", "notApplicable", "review", "fail"}


def _log(run: RunResult) -> dict[str, Any]:
    """The one run of the log, after the rules of the standard that touch what is written."""
    log = json.loads(SarifReport().render(run))
    assert log["version"] == "2.1.0"
    assert set(log) == {"$schema", "version", "runs"}
    (single,) = log["runs"]
    rules = [rule["id"] for rule in single["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules))
    for result in single["results"]:
        assert result["ruleId"] in rules
        assert result["kind"] in _KINDS
        assert (result["level"] == "none") is (result["kind"] != "fail")
        assert result["message"]["text"]
        for location in result["locations"]:
            region = location.get("physicalLocation", {}).get("region")
            assert region is None or region["startLine"] >= 1
    for rule in single["tool"]["driver"]["rules"]:
        tags = rule.get("properties", {}).get("tags", [])
        assert len(tags) == len(set(tags))
    parsed: dict[str, Any] = single
    return parsed


def test_the_sample_run(run: RunResult) -> None:
    log = _log(run)
    by_rule = {result["ruleId"]: result for result in log["results"]}
    assert by_rule["SES-01"]["level"] == "error"
    assert by_rule["SES-01"]["partialFingerprints"] == {"pynomalyItest/v1": "ses-01-9f2c"}
    assert by_rule["CFG-01"]["level"] == "note"
    assert by_rule["JWT-01"]["kind"] == "pass"
    assert by_rule["RES-01"]["kind"] == "notApplicable"
    assert by_rule["CFG-02"]["suppressions"][0]["justification"].startswith("ops")
    assert log["invocations"][0]["exitCode"] == 1


def test_a_gate_points_at_its_line() -> None:
    broken = gate("a", Verdict.FAILED, where="profiles/my profile.yaml:31:17", observed=61, limit=50, op="<=")
    (result,) = _log(one(Verdict.FAILED, broken))["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "profiles/my%20profile.yaml"}, "region": {"startLine": 31}}
    assert "observed 61, limit <= 50" in result["message"]["text"]


def test_inconclusive_findings_want_review_not_silence() -> None:
    (result,) = _log(one(Verdict.INCONCLUSIVE, finding("a", Verdict.INCONCLUSIVE)))["results"]
    assert (result["kind"], result["level"]) == ("review", "none")


def test_severities_rank_on_the_pages_scale() -> None:
    rules = _log(one(Verdict.FAILED, finding("a", Verdict.FAILED, "critical")))["tool"]["driver"]["rules"]
    assert float(rules[0]["properties"]["security-severity"]) > 9.0
