"""What was not looked at shows: in the scenario, in the last line, in every report; and can be required."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pynomaly_itest.checks import why_not
from pynomaly_itest.cli.summary import _not_made, _verdict_line
from pynomaly_itest.errors import ExitCode
from pynomaly_itest.events import (
    FindingRecorded,
    PlannedCheck,
    PlannedScenario,
    RunFinished,
    RunStarted,
    ScenarioFinished,
    TargetInfo,
)
from pynomaly_itest.registry import REPORTS
from pynomaly_itest.report.describe import describe
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.steps.probe import ProbeStep
from pynomaly_itest.verdicts import Verdict

P, F, S, I, E = Verdict.PASSED, Verdict.FAILED, Verdict.SKIPPED, Verdict.INCONCLUSIVE, Verdict.ERROR  # noqa: E741


def run(
    findings: Sequence[tuple[str, Verdict]],
    planned: Sequence[tuple[str, str]] = (("A-1", "critical"), ("A-2", "high"), ("A-3", "low")),
    require: str | None = None,
    verdict: Verdict = P,
    **more: Any,
) -> RunResult:
    severity = dict(planned)
    checks = tuple(PlannedCheck(id=id_, title=f"title {id_}", severity=each) for id_, each in planned)
    return fold(
        [
            RunStarted(
                at_s=0,
                run_id="r",
                profile="p",
                started_at="2026-03-01T10:15:00+00:00",
                tool_version="0",
                target=TargetInfo(kind="url", url="http://127.0.0.1:1"),
                seed=1,
                require_checks=require,
                plan=(PlannedScenario(id="tenants", checks=checks, gates=more.get("gates", ())),),
            ),
            *(
                FindingRecorded(
                    at_s=1,
                    scenario="tenants",
                    id=id_,
                    title=f"title {id_}",
                    verdict=each,
                    reason=None if each is P else f"reason of {each}",
                    severity=severity[id_],
                    fingerprint="f",
                    hint="give an account" if each is S else None,
                )
                for id_, each in findings
            ),
            ScenarioFinished(
                at_s=2,
                scenario="tenants",
                verdict=verdict,
                reason=more.get("reason"),
                started_s=0,
                duration_s=2,
            ),
            RunFinished(at_s=3, duration_s=3),
        ]
    )


def test_where_all_checks_were_made_nothing_is_added() -> None:
    result = run([("A-1", P), ("A-2", P), ("A-3", F)])
    assert (result.verdict, result.scenarios[0].reason) == (P, None)
    assert "checks made" not in _verdict_line(result, ExitCode.PASSED)
    assert describe(result).checks.made == 3


@pytest.mark.parametrize("undecided", [S, I, E])
def test_a_scenario_whose_checks_were_in_part_not_made_says_so(undecided: Verdict) -> None:
    result = run([("A-1", undecided), ("A-2", undecided), ("A-3", P)])
    assert (result.verdict, result.exit_code) == (P, ExitCode.PASSED)
    told = "1 of 3 checks made; not made: 1 critical, 1 high"
    assert result.scenarios[0].reason == told
    assert told in _verdict_line(result, ExitCode.PASSED)
    assert f"  A-1, A-2: reason of {undecided}" in "\n".join(_not_made(result))


def test_every_report_says_what_was_not_made_and_why() -> None:
    result = run([("A-1", S), ("A-2", P), ("A-3", P)])
    told = "2 of 3 checks made; not made: 1 critical"
    assert why_not(result.checks) == ["A-1: reason of skipped (to make them: give an account)"]
    for name in ("json", "html", "junit", "markdown", "tap"):
        assert told in REPORTS[name]().render(result).decode(), name
    (left,) = describe(result).checks.not_made
    assert (left.id, left.severity, left.reason) == ("A-1", "critical", "reason of skipped")
    assert left.hint == "give an account"


@pytest.mark.parametrize(
    ("require", "undecided", "verdict"),
    [
        ("critical", "A-1", I),
        ("critical", "A-2", P),
        ("high", "A-2", I),
        ("high", "A-3", P),
        ("low", "A-3", I),
        (None, "A-1", P),
    ],
)
def test_a_required_check_that_was_not_made_leaves_the_run_inconclusive(
    require: str | None, undecided: str, verdict: Verdict
) -> None:
    result = run([(id_, S if id_ == undecided else P) for id_ in ("A-1", "A-2", "A-3")], require=require)
    assert result.verdict is verdict
    assert result.exit_code == (ExitCode.INCONCLUSIVE if verdict is I else ExitCode.PASSED)
    assert verdict is P or f"{undecided}: reason of skipped" in str(result.scenarios[0].reason)


def test_checks_of_a_scenario_that_was_skipped_were_not_made_either() -> None:
    result = run([], verdict=S, reason="no redis", require="high")
    assert result.verdict is I
    assert len([each for each in result.checks if not each.is_made]) == 3
    assert "no redis" in str(result.scenarios[0].reason)


def test_a_failure_stays_a_failure() -> None:
    result = run([("A-1", S), ("A-2", F)], verdict=F, reason="A-2", require="low")
    assert (result.verdict, result.scenarios[0].reason) == (F, "A-2")
    assert "1 of 3 checks made" in _verdict_line(result, ExitCode.FAILED)


def test_a_scenario_is_no_pass_whose_only_decided_check_found_something() -> None:
    result = run([("A-1", S), ("A-2", S), ("A-3", F)])
    assert result.scenarios[0].verdict is S
    assert "not held against the run: 1 of 3 checks made" in str(result.scenarios[0].reason)
    waived = run([("A-1", F), ("A-2", F), ("A-3", F)])
    assert waived.scenarios[0].verdict is P  # all was looked at, and somebody answers for it


def test_a_probe_step_plans_its_probes() -> None:
    planned = ProbeStep.planned_checks({"select": ["JWT"], "exclude": ["JWT-02"]})
    assert {each.id for each in planned} == {f"JWT-0{number}" for number in (1, 3, 4, 5, 6, 7, 8, 9)}
    assert all(each.title and each.severity for each in planned)
    assert ProbeStep.planned_checks({"select": "${{ vars.x }}"}) == ()
