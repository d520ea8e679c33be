"""What is not a pass is never missing from what needs attention, and the worst comes first."""

from __future__ import annotations

import pytest
from report_builders import FINISHED, INTERRUPTED, ended, finding, gate, one, started

from pynomaly_itest.events import StepFinished
from pynomaly_itest.report.attention import concerns, noted
from pynomaly_itest.report.describe import describe
from pynomaly_itest.report.plain import concern_lines
from pynomaly_itest.results import RunResult, fold
from pynomaly_itest.verdicts import Verdict

_NOT_A_PASS = (Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE)


@pytest.mark.parametrize("verdict", _NOT_A_PASS)
def test_a_scenario_without_a_culprit_is_its_own_concern(verdict: Verdict) -> None:
    found = concerns(describe(one(verdict, gate("a"), reason="why not")))
    assert [(c.verdict, c.headline, c.reason) for c in found] == [(verdict, "a", "why not")]


@pytest.mark.parametrize("verdict", [Verdict.PASSED, Verdict.SKIPPED])
def test_passes_and_skips_need_none(verdict: Verdict) -> None:
    assert concerns(describe(one(verdict, gate("a")))) == []


def test_every_scenario_that_is_not_a_pass_is_among_them(run: RunResult) -> None:
    document = describe(run)
    told = {scenario.id for concern in concerns(document) for scenario in concern.scenarios}
    assert told == {s.id for s in document.scenarios if s.verdict in _NOT_A_PASS}


def test_failed_before_error_before_inconclusive(run: RunResult) -> None:
    order = [_NOT_A_PASS.index(concern.verdict) for concern in concerns(describe(run))]
    assert order == sorted(order)


def test_the_most_broken_gate_comes_first() -> None:
    gates = [
        gate("a", Verdict.FAILED, expression="little", observed=51, limit=50, op="<="),
        gate("a", Verdict.FAILED, expression="no-limit", observed=None, limit=50, op="<="),
        gate("a", Verdict.FAILED, expression="much", observed=99, limit=50, op="<="),
        gate("a", Verdict.FAILED, expression="zero", observed=0.1, limit=0, op="=="),
    ]
    found = concerns(describe(one(Verdict.FAILED, *gates)))
    assert [c.headline for c in found] == ["zero", "much", "little", "no-limit"]


def test_a_waived_or_mild_finding_is_noted_but_no_concern() -> None:
    run = one(
        Verdict.PASSED,
        finding("a", Verdict.FAILED, "critical", waived_by="ops"),
        finding("a", Verdict.FAILED, "low"),
        finding("a", Verdict.PASSED, "critical"),
    )
    document = describe(run)
    assert concerns(document) == []
    assert [f.severity for f in noted(document)] == ["critical", "low"]


def test_a_failed_scenario_whose_findings_are_all_waived_still_shows() -> None:
    found = concerns(
        describe(one(Verdict.FAILED, finding("a", Verdict.FAILED, waived_by="ops"), reason="other"))
    )
    assert [c.reason for c in found] == ["other"]


@pytest.mark.parametrize("severity", ["critical", "high", "unheard-of"])
def test_severe_and_unknown_severities_count(severity: str) -> None:
    assert len(concerns(describe(one(Verdict.FAILED, finding("a", Verdict.FAILED, severity))))) == 1


def test_scenarios_that_never_started_are_told_together() -> None:
    names = [f"s{i}" for i in range(50)]
    found = concerns(describe(fold([started(*names), *ended("s0", Verdict.PASSED), INTERRUPTED])))
    assert [c.headline for c in found] == ["The run was interrupted", "49 scenarios"]
    assert len(found[1].scenarios) == 49


def test_a_finished_run_that_passed_needs_nothing() -> None:
    assert concerns(describe(fold([started("a"), *ended("a", Verdict.PASSED), FINISHED]))) == []


@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.INCONCLUSIVE])
def test_a_check_that_told_nothing_is_a_concern_however_mild(verdict: Verdict) -> None:
    found = concerns(describe(one(verdict, finding("a", verdict, "low"))))
    assert [(c.verdict, c.finding is not None) for c in found] == [(verdict, True)]


def step(reason: str) -> StepFinished:
    return StepFinished(
        at_s=1.4, scenario="a", index=0, phase="steps", kind="request", verdict=Verdict.FAILED, reason=reason,
        started_s=1.0, duration_s=0.4, where="mine.yaml:39", source_line="- request: {path: /x}",
    )  # fmt: skip


def test_an_expectation_of_a_step_is_told_once_with_the_step() -> None:
    why = "404 == 200 does not hold"
    missed = gate(
        "a", Verdict.FAILED, expression="status == 200", observed=404, limit=200, op="==", reason=why
    )
    run = describe(one(Verdict.FAILED, step(f"status == 200: {why}"), missed))
    (concern,) = concerns(run)
    assert concern.gate is not None
    assert concern.within is not None
    assert "  step request: request: {path: /x}" in concern_lines(concern)
    assert "First of all: step request: status == 200, observed 404" in run.why

    other = describe(one(Verdict.FAILED, step("something else went wrong"), missed))
    assert [concern.within for concern in concerns(other)] == [None, None]
